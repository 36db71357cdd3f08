//! The requests that showed it.

use serde::{Deserialize, Serialize};

use crate::{Metric, Millis, Source};

/// Most exhibits that are kept: enough to see a pattern.
const MOST: usize = 32;
/// Longest text of one, in bytes.
const LONGEST: usize = 160;

/// A request that failed on the candidate. Only what helps to find it again: nothing of its contents.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Exhibit {
    /// When, by that node's clock.
    pub at: Millis,
    /// In what it failed.
    pub metric: Metric,
    /// Its route.
    pub route: String,
    /// How it was seen.
    pub source: Source,
    /// What happened: a status, `timeout`, `reset`, or the paths that differ.
    pub what: String,
    /// Microseconds until the answer's head, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_us: Option<u64>,
    /// Its trace id.
    pub trace: String,
}

/// The newest of them, from the newest on.
///
/// Of two lists that are merged the newest of both are kept, so it does not matter who is merged with whom first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Exhibits(Vec<Exhibit>);

impl Exhibits {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn note(&mut self, mut exhibit: Exhibit) {
        for text in [&mut exhibit.route, &mut exhibit.what, &mut exhibit.trace] {
            text.truncate(text.floor_char_boundary(LONGEST));
        }
        if let Err(place) = self.0.binary_search_by(|kept| exhibit.cmp(kept)) {
            self.0.insert(place, exhibit);
            self.0.truncate(MOST);
        }
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.0.extend(other.0);
        self.0.sort_unstable_by(|a, b| b.cmp(a));
        self.0.dedup();
        self.0.truncate(MOST);
    }

    pub(crate) fn of(&self, metric: Metric) -> Vec<Exhibit> {
        self.0.iter().filter(|exhibit| exhibit.metric == metric).cloned().collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exhibit(at: u64, what: &str) -> Exhibit {
        Exhibit {
            at: Millis(at),
            metric: Metric::Errors,
            route: "GET /articles/{id}".to_owned(),
            source: Source::Live,
            what: what.to_owned(),
            latency_us: None,
            trace: format!("{at:032x}"),
        }
    }

    #[test]
    fn the_newest_are_kept_and_long_texts_are_cut() {
        let mut exhibits = Exhibits::new();
        (0..100).for_each(|at| exhibits.note(exhibit(at, &"ö".repeat(1_000))));
        let kept = exhibits.of(Metric::Errors);
        assert_eq!(kept.len(), MOST);
        assert_eq!((kept[0].at, kept[31].at), (Millis(99), Millis(68)));
        assert!(kept.iter().all(|exhibit| exhibit.what.len() <= LONGEST));
        assert_eq!(exhibits.of(Metric::Latency), []);
    }

    #[test]
    fn merged_lists_keep_the_newest_of_both_once() {
        let (mut a, mut b) = (Exhibits::new(), Exhibits::new());
        (0..40).for_each(|at| a.note(exhibit(at * 2, "500")));
        (0..40).for_each(|at| b.note(exhibit(at * 2 + u64::from(at < 20), "500")));
        let (mut ab, mut ba) = (a.clone(), b.clone());
        ab.merge(b);
        ba.merge(a);
        assert_eq!(ab, ba);
        assert_eq!(ab.0.len(), MOST);
        assert_eq!(ab.0[0].at, Millis(78));
    }
}
