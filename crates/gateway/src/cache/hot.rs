//! Which answers are asked for most, learned from traffic.
//!
//! Workers look at one request in a few, and hand what they saw over several times a second; counting happens in one place,
//! in bounded memory, by Space-Saving.

use std::{
    cell::{Cell, RefCell},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use banyan_resilience::cache::hottest::{Hottest, Settings};
use tokio::time::Instant;

use super::entry::Label;

/// One request in so many is looked at.
const SAMPLE: u32 = 16;
/// What a worker may have seen before it hands it over; more than it can see in between costs samples and nothing else.
const MAX_SAMPLES: usize = 4_096;
/// Counters: some four times as many as the most that are ever warmed by default.
const COUNTERS: usize = 4_096;
/// How soon heat fades: what was asked for yesterday does not outrank this morning.
const HALF_LIFE: Duration = Duration::from_secs(60 * 60);

/// A URL whose answers are kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CacheUrl {
    /// Host, with its port if it has one.
    pub host: String,
    /// Path and query.
    pub target: String,
    /// Whether it is asked for over TLS.
    pub secure: bool,
}

/// A URL that is asked for much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HotUrl {
    /// Which.
    pub url: CacheUrl,
    /// How often it was asked for, about; older requests count for less.
    pub count: u64,
}

/// What a worker has seen since it last handed it over.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    turn: Cell<u32>,
    seen: RefCell<Vec<Arc<Label>>>,
}

impl Samples {
    /// Notes a request, if it is one that is looked at.
    pub(crate) fn note(&self, label: &Arc<Label>) {
        let turn = self.turn.get().wrapping_add(1);
        self.turn.set(turn);
        if turn.is_multiple_of(SAMPLE) {
            let mut seen = self.seen.borrow_mut();
            if seen.len() < MAX_SAMPLES {
                seen.push(label.clone());
            }
        }
    }

    /// Hands over what was seen.
    pub(crate) fn hand_over(&self, heat: &Heat, now: Instant) {
        let mut seen = self.seen.borrow_mut();
        if !seen.is_empty() {
            heat.add(&seen, now);
            seen.clear();
        }
    }
}

/// What is asked for most.
#[derive(Debug)]
pub(crate) struct Heat(Mutex<Hottest<Arc<Label>>>);

impl Default for Heat {
    fn default() -> Self {
        let settings = Settings::new(COUNTERS, HALF_LIFE).unwrap_or_default();
        Self(Mutex::new(Hottest::new(settings)))
    }
}

impl Heat {
    fn add(&self, seen: &[Arc<Label>], now: Instant) {
        let mut hottest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.iter().for_each(|label| hottest.observe_many(label, u64::from(SAMPLE), now));
    }

    /// The most asked for, the first one first.
    pub(crate) fn top(&self, most: usize) -> Vec<HotUrl> {
        let mut top: Vec<HotUrl> = Vec::new();
        // Both sides of a unit are one URL.
        for hot in self.0.lock().unwrap_or_else(PoisonError::into_inner).top(2 * most) {
            let label = &hot.key;
            let url = CacheUrl {
                host: label.host.to_str().unwrap_or_default().to_owned(),
                target: label.target.to_string(),
                secure: label.secure,
            };
            match top.iter().position(|known| known.url == url) {
                Some(at) => top[at].count = top[at].count.saturating_add(hot.count),
                None if top.len() < most => top.push(HotUrl { url, count: hot.count }),
                None => {}
            }
        }
        top
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn label(target: &str, upstream: &str) -> Arc<Label> {
        Arc::new(Label {
            host: HeaderValue::from_static("a.example"),
            target: target.into(),
            upstream: upstream.into(),
            secure: false,
        })
    }

    #[test]
    fn the_hottest_come_first_and_sides_count_together() {
        let (heat, samples, now) = (Heat::default(), Samples::default(), Instant::now());
        let requests = [("/a", "old", 40), ("/b", "old", 30), ("/b", "new", 30), ("/c", "old", 5)];
        for (target, upstream, count) in requests {
            let label = label(target, upstream);
            (0..count * SAMPLE).for_each(|_| samples.note(&label));
        }
        samples.hand_over(&heat, now);
        let found: Vec<_> =
            heat.top(2).into_iter().map(|hot| (hot.url.target, hot.count / u64::from(SAMPLE))).collect();
        assert_eq!(found.len(), 2);
        assert!(
            found.contains(&("/a".to_owned(), 40)) && found.contains(&("/b".to_owned(), 60)),
            "{found:?}"
        );
    }

    #[test]
    fn a_worker_never_holds_more_than_its_share() {
        let (samples, label) = (Samples::default(), label("/", "o"));
        (0..200_000).for_each(|_| samples.note(&label));
        assert_eq!(samples.seen.borrow().len(), MAX_SAMPLES);
    }
}
