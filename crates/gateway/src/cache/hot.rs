//! Which answers are asked for most, learned from traffic.
//!
//! Workers look at one request in a few, and hand what they saw over several times a second; counting happens in one place,
//! in bounded memory, by Space-Saving. Which requests are looked at is chance: looking at every sixteenth would
//! only ever see one of two URLs that are asked for in turn.
//!
//! Clients wait for workers, so workers never wait for the counts: who finds them taken hands over next time.

use std::{
    cell::{Cell, RefCell},
    cmp::Reverse,
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError},
    time::Duration,
};

use banyan_resilience::{
    Dice,
    cache::hottest::{Hot, Hottest, Settings},
};
use tokio::time::Instant;

use super::entry::Label;

/// One request in so many is looked at, on average.
const SAMPLE: u64 = 16;
/// What a worker may have seen before it hands it over; more than it can see in between costs samples and nothing else.
const MAX_SAMPLES: usize = 4_096;
/// Counters for each URL that is wanted: the more, the truer the lower ranks.
const COUNTERS_EACH: usize = 4;
/// Counters at least, for whoever only looks, and at most.
const COUNTERS: std::ops::RangeInclusive<usize> = 4_096..=400_000;
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
#[derive(Debug)]
pub(crate) struct Samples {
    dice: Dice,
    /// Requests until one is looked at, that one included.
    left: Cell<u64>,
    seen: RefCell<Vec<Arc<Label>>>,
}

impl Default for Samples {
    fn default() -> Self {
        Self::drawn_with(Dice::unpredictable())
    }
}

impl Samples {
    /// Nothing seen yet; `dice` say which requests are looked at.
    pub(crate) fn drawn_with(dice: Dice) -> Self {
        let left = Cell::new(gap(&dice));
        Self { dice, left, seen: RefCell::default() }
    }

    /// Notes a request, if it is one that is looked at.
    pub(crate) fn note(&self, label: &Arc<Label>) {
        let left = self.left.get().saturating_sub(1);
        if left > 0 {
            return self.left.set(left);
        }
        self.left.set(gap(&self.dice));
        let mut seen = self.seen.borrow_mut();
        if seen.len() < MAX_SAMPLES {
            seen.push(label.clone());
        }
    }

    /// Hands over what was seen, unless somebody else is at the counts; then it keeps it for the next time.
    pub(crate) fn hand_over(&self, heat: &Heat, now: Instant) {
        let mut seen = self.seen.borrow_mut();
        if !seen.is_empty() && heat.try_add(&seen, now) {
            seen.clear();
        }
    }
}

/// 1 to twice the average less 1, each equally likely: no rhythm of requests falls in with it.
fn gap(dice: &Dice) -> u64 {
    1 + dice.number() % (2 * SAMPLE - 1)
}

/// What is asked for most.
#[derive(Debug)]
pub(crate) struct Heat(Mutex<Counts>);

#[derive(Debug)]
struct Counts {
    counters: usize,
    hottest: Hottest<Arc<Label>>,
}

impl Heat {
    /// Nothing is known yet; fit for telling the first so many apart.
    pub(crate) fn new(most: usize) -> Self {
        Self(Mutex::new(Counts::new(counters(most))))
    }

    /// From now on it is to tell the first so many apart. What is known stays.
    pub(crate) fn fit(&self, most: usize, now: Instant) {
        let (mut counts, counters) = (self.lock(), counters(most));
        if counts.counters != counters {
            let mut fitting = Counts::new(counters);
            for hot in counts.hottest.top(counters) {
                fitting.hottest.observe_many(&hot.key, hot.count, now);
            }
            *counts = fitting;
        }
    }

    /// False when somebody else is at it.
    fn try_add(&self, seen: &[Arc<Label>], now: Instant) -> bool {
        let mut counts = match self.0.try_lock() {
            Ok(counts) => counts,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        seen.iter().for_each(|label| counts.hottest.observe_many(label, SAMPLE, now));
        true
    }

    /// The most asked for, the first one first.
    pub(crate) fn top(&self, most: usize) -> Vec<HotUrl> {
        // Both sides of a unit are one URL.
        let top = self.lock().hottest.top(most.saturating_mul(2));
        merged(top, most)
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn new(counters: usize) -> Self {
        let settings = Settings::new(counters, HALF_LIFE).unwrap_or_default();
        Self { counters, hottest: Hottest::new(settings) }
    }
}

/// Counters enough for the first so many.
fn counters(most: usize) -> usize {
    most.saturating_mul(COUNTERS_EACH).clamp(*COUNTERS.start(), *COUNTERS.end())
}

/// By URL, whoever answers it.
fn merged(hot: Vec<Hot<Arc<Label>>>, most: usize) -> Vec<HotUrl> {
    let mut counts: HashMap<CacheUrl, u64> = HashMap::new();
    for Hot { key: label, count, .. } in hot {
        let url = CacheUrl {
            host: label.host.to_str().unwrap_or_default().to_owned(),
            target: label.target.to_string(),
            secure: label.secure,
        };
        let known = counts.entry(url).or_default();
        *known = known.saturating_add(count);
    }
    let mut top: Vec<_> = counts.into_iter().map(|(url, count)| HotUrl { url, count }).collect();
    // Among equals by name, so that the list only changes when something has.
    top.sort_unstable_by(|a, b| {
        let rank = |hot: &HotUrl| Reverse(hot.count);
        rank(a).cmp(&rank(b)).then_with(|| (&a.url.host, &a.url.target).cmp(&(&b.url.host, &b.url.target)))
    });
    top.truncate(most);
    top
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn label(target: &str, upstream: &str) -> Arc<Label> {
        Arc::new(Label {
            host: HeaderValue::from_static("a.example"),
            target: target.into(),
            upstream: upstream.into(),
            secure: false,
        })
    }

    fn seen(requests: &[(&str, &str, usize)]) -> Vec<Arc<Label>> {
        let of = |request: &(&str, &str, usize)| vec![label(request.0, request.1); request.2];
        requests.iter().flat_map(of).collect()
    }

    fn top(heat: &Heat, most: usize) -> Vec<(String, u64)> {
        heat.top(most).into_iter().map(|hot| (hot.url.target, hot.count / SAMPLE)).collect()
    }

    #[test]
    fn the_hottest_come_first_and_sides_count_together() {
        let heat = Heat::new(0);
        let requests = [("/a", "old", 40), ("/b", "old", 30), ("/b", "new", 30), ("/c", "old", 5)];
        assert!(heat.try_add(&seen(&requests), Instant::now()));
        assert_eq!(top(&heat, 2), [("/b".to_owned(), 60), ("/a".to_owned(), 40)]);
    }

    #[test]
    fn a_worker_never_holds_more_than_its_share() {
        let (samples, label) = (Samples::drawn_with(Dice::seeded(1)), label("/", "o"));
        (0..200_000).for_each(|_| samples.note(&label));
        assert_eq!(samples.seen.borrow().len(), MAX_SAMPLES);
    }

    #[test]
    fn a_worker_does_not_wait_for_the_counts_and_loses_nothing() {
        let (heat, samples, now) = (Heat::new(0), Samples::drawn_with(Dice::seeded(1)), Instant::now());
        (0..2 * SAMPLE).for_each(|_| samples.note(&label("/a", "o")));
        let taken = heat.lock();
        samples.hand_over(&heat, now);
        drop(taken);
        assert!(heat.top(1).is_empty());
        samples.hand_over(&heat, now);
        assert_eq!(heat.top(1)[0].url.target, "/a");
        assert!(samples.seen.borrow().is_empty());
    }

    #[test]
    fn what_is_known_stays_when_more_or_fewer_are_wanted() {
        let (heat, now) = (Heat::new(100_000), Instant::now());
        assert_eq!(heat.lock().counters, 400_000);
        assert!(heat.try_add(&seen(&[("/a", "o", 3), ("/b", "o", 2)]), now));
        for (most, counters) in [(10, 4_096), (20_000, 80_000), (usize::MAX, 400_000)] {
            heat.fit(most, now);
            assert_eq!(heat.lock().counters, counters);
            assert_eq!(top(&heat, 9), [("/a".to_owned(), 3), ("/b".to_owned(), 2)]);
        }
    }

    proptest! {
        /// Whatever the rhythm: of so many URLs that are asked for in turn, each is seen as often as its share.
        #[test]
        fn no_rhythm_hides_a_url(urls in 1..40_u64, seed: u64) {
            let samples = Samples::drawn_with(Dice::seeded(seed));
            let labels: Vec<_> = (0..urls).map(|url| label(&format!("/{url}"), "o")).collect();
            (0..1_000 * SAMPLE / urls).flat_map(|_| &labels).for_each(|label| samples.note(label));
            let share = 1_000.0 / urls as f64;
            for label in &labels {
                let count = samples.seen.borrow().iter().filter(|seen| Arc::ptr_eq(seen, label)).count();
                // Six times the deviation of a fair draw.
                prop_assert!((count as f64 - share).abs() < 6.0 * share.sqrt() + 2.0, "{count} of {share}");
            }
        }
    }
}
