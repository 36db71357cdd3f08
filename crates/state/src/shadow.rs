//! What comparing the two sides of a unit has found, bounded in memory.

use std::collections::BTreeMap;

/// Differing paths that are remembered per unit; the rest is counted under [`OTHER_PATHS`].
pub const MAX_PATHS: usize = 256;
/// Samples kept per path; the oldest goes first.
pub const MAX_SAMPLES: usize = 3;
/// Where paths beyond [`MAX_PATHS`] are counted.
pub const OTHER_PATHS: &str = "(other)";

/// Counts and samples since the process started.
#[derive(Clone, Debug, Default)]
pub struct ShadowReport {
    /// Pairs without a difference.
    pub matched: u64,
    /// Pairs with at least one difference.
    pub mismatched: u64,
    /// Copies that were not compared, by reason.
    pub dropped: BTreeMap<DropReason, u64>,
    /// What differs, by path.
    pub paths: BTreeMap<String, PathReport>,
}

/// Why a copy was not compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DropReason {
    /// The queue was full.
    QueueFull,
    /// A body was larger than the limit, or a request's body did not say how large it is: a stream is never held up.
    BodyTooLarge,
    /// The shadow side did not answer in time.
    Timeout,
    /// The shadow side could not be reached, or broke off.
    Failed,
    /// The live answer did not end well, so there is nothing to compare with.
    LiveIncomplete,
}

/// One differing path.
#[derive(Clone, Debug, Default)]
pub struct PathReport {
    /// How often it differed.
    pub count: u64,
    /// The latest differences.
    pub samples: std::collections::VecDeque<Sample>,
}

/// One difference, redacted before it came here unless the unit says otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Method and route template.
    pub route: String,
    /// Trace id of the live request, to find it in the logs.
    pub trace_id: String,
    /// What the answering side said at the path.
    pub control: String,
    /// What the other side said.
    pub candidate: String,
}

impl DropReason {
    /// Every reason, for metrics that show zeros too.
    pub const ALL: [Self; 5] =
        [Self::QueueFull, Self::BodyTooLarge, Self::Timeout, Self::Failed, Self::LiveIncomplete];

    /// Label value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::BodyTooLarge => "body_too_large",
            Self::Timeout => "timeout",
            Self::Failed => "failed",
            Self::LiveIncomplete => "live_incomplete",
        }
    }
}

impl ShadowReport {
    /// Counts a pair without a difference.
    pub fn record_match(&mut self) {
        self.matched += 1;
    }

    /// Counts a pair with differences, given as path and sample.
    pub fn record_mismatch(&mut self, differences: impl IntoIterator<Item = (String, Sample)>) {
        self.mismatched += 1;
        for (path, sample) in differences {
            let known = self.paths.contains_key(&path) || self.paths.len() < MAX_PATHS;
            let path = if known { path } else { OTHER_PATHS.to_owned() };
            let report = self.paths.entry(path).or_default();
            report.count += 1;
            if report.samples.len() == MAX_SAMPLES {
                report.samples.pop_front();
            }
            report.samples.push_back(sample);
        }
    }

    /// Counts a copy that was not compared.
    pub fn record_drop(&mut self, reason: DropReason) {
        *self.dropped.entry(reason).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(control: &str) -> Sample {
        Sample {
            route: "GET /articles/{id}".to_owned(),
            trace_id: "0af7651916cd43dd8448eb211c80319c".to_owned(),
            control: control.to_owned(),
            candidate: "absent".to_owned(),
        }
    }

    #[test]
    fn the_latest_samples_of_a_path_are_kept() {
        let mut report = ShadowReport::default();
        for number in 0..10 {
            report.record_mismatch([("/title".to_owned(), sample(&number.to_string()))]);
        }
        let title = &report.paths["/title"];
        let kept: Vec<_> = title.samples.iter().map(|sample| sample.control.as_str()).collect();
        assert_eq!((report.mismatched, title.count, kept), (10, 10, vec!["7", "8", "9"]));
    }

    #[test]
    fn paths_beyond_the_bound_are_counted_together() {
        let mut report = ShadowReport::default();
        for number in 0..MAX_PATHS + 50 {
            report.record_mismatch([(format!("/{number}"), sample(""))]);
        }
        report.record_mismatch([("/0".to_owned(), sample(""))]);
        assert_eq!(report.paths.len(), MAX_PATHS + 1);
        assert_eq!((report.paths[OTHER_PATHS].count, report.paths["/0"].count), (50, 2));
        assert_eq!(report.paths[OTHER_PATHS].samples.len(), MAX_SAMPLES);
    }

    #[test]
    fn a_pair_counts_once_however_much_it_differs() {
        let mut report = ShadowReport::default();
        report.record_match();
        report.record_mismatch([("/a".to_owned(), sample("")), ("/b".to_owned(), sample(""))]);
        report.record_drop(DropReason::Timeout);
        report.record_drop(DropReason::Timeout);
        assert_eq!((report.matched, report.mismatched, report.dropped[&DropReason::Timeout]), (1, 1, 2));
    }
}
