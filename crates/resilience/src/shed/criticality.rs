//! How much a request matters.

use std::{fmt, str::FromStr};

/// How much a request matters. The order is that of shedding, last to first: `Critical < Low`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Criticality {
    /// Without it the business stands still: signing in, paying.
    Critical,
    /// What users came for.
    High,
    /// Everything else.
    #[default]
    Normal,
    /// Nobody waits for it: prefetching, statistics.
    Low,
}

/// A word that names no criticality.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownCriticality(String);

impl Criticality {
    /// All of them, the one shed last first.
    pub const ALL: [Self; 4] = [Self::Critical, Self::High, Self::Normal, Self::Low];

    /// One word, the one that [`from_str`](FromStr::from_str) reads.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Normal => "normal",
            Self::Low => "low",
        }
    }

    pub(super) const fn index(self) -> usize {
        match self {
            Self::Critical => 0,
            Self::High => 1,
            Self::Normal => 2,
            Self::Low => 3,
        }
    }
}

impl fmt::Display for Criticality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Criticality {
    type Err = UnknownCriticality;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|criticality| criticality.as_str().eq_ignore_ascii_case(word))
            .ok_or_else(|| UnknownCriticality(word.to_owned()))
    }
}

impl fmt::Display for UnknownCriticality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is no criticality: use critical, high, normal or low", self.0)
    }
}

impl std::error::Error for UnknownCriticality {}
