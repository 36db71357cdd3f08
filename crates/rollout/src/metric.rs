//! What is judged, on which side, and how it was seen.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A way in which an answer can be worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Metric {
    /// A 5xx, a timeout or a broken connection.
    Errors,
    /// Slower than 99 % of the control's own answers on that route of late.
    Latency,
    /// Another answer than the control's, where the control asked again gives the same one.
    Mismatches,
    /// A substitute, or an answer with a part missing or stale.
    Degraded,
}

impl Metric {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 4] = [Self::Errors, Self::Latency, Self::Mismatches, Self::Degraded];

    /// Its name in the config, the API and on screen.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Errors => "errors",
            Self::Latency => "latency",
            Self::Mismatches => "mismatches",
            Self::Degraded => "degraded",
        }
    }

    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// There is no such metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a metric is one of errors, latency, mismatches, degraded")]
pub struct UnknownMetric;

impl FromStr for Metric {
    type Err = UnknownMetric;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|metric| metric.name() == text).ok_or(UnknownMetric)
    }
}

/// Which role a system plays: in a rollout, the replacement is the candidate and legacy the control.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// On trial.
    Candidate,
    /// What it is measured by.
    Control,
}

/// Where an event was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// An answer that went to a client: each side answers its share of the requests.
    Live,
    /// The same request asked of both sides, so that each had the same chance to fail.
    Pair,
}

impl Source {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Live, Self::Pair];

    /// Its name in the API and on screen.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Pair => "pair",
        }
    }
}

/// One of something for each side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sides<T> {
    /// The candidate's.
    pub candidate: T,
    /// The control's.
    pub control: T,
}

impl<T> Sides<T> {
    /// That side's.
    #[must_use]
    pub const fn of(&self, side: Side) -> &T {
        match side {
            Side::Candidate => &self.candidate,
            Side::Control => &self.control,
        }
    }

    pub(crate) const fn of_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::Candidate => &mut self.candidate,
            Side::Control => &mut self.control,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        for metric in Metric::ALL {
            assert_eq!(metric.name().parse(), Ok(metric));
            assert_eq!(Metric::ALL[metric.index()], metric);
        }
        assert_eq!("Errors".parse::<Metric>(), Err(UnknownMetric));
    }
}
