//! The database of the night, as arithmetic.
//!
//! What makes the night is one curve. Up to 49 queries at once each takes 40 ms; beyond that they slow one another down
//! faster than they become more. At the knee the database does 1,228 queries a second, and with 333 at once it does 83,
//! of which each takes 4 s. Queries *share* it: at any moment each gets on at the speed that belongs to the number in
//! flight at that moment. All queries are the same work, so they finish in the order in which they came, and sharing
//! costs no more than a queue.
//!
//! A query whose caller has gone away goes on, as in a database that nobody told. That is what makes giving up and
//! asking again so expensive.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

use super::story::Size;

/// Queries in flight at which a database of the whole size does most.
const KNEE: f64 = 49.1;
/// Queries up to which they do not notice one another.
const UNNOTICED: f64 = 49.0;
/// Seconds that a query takes then.
const ALONE: f64 = 0.040;
/// How steeply it thrashes: 333 in flight take 4 s.
const THRASH: f64 = 0.411;

/// Seconds that a query takes while `in_flight` of them, itself included, share a database of this size.
pub(super) fn service_time(in_flight: u32, size: Size) -> f64 {
    let whole = f64::from(in_flight) * f64::from(size.divisor());
    if whole <= UNNOTICED {
        return ALONE;
    }
    let load = whole / KNEE;
    ALONE * load * (1.0 + THRASH * (load - 1.0).powi(2))
}

/// Running queries, each with what its caller wants to have back.
#[derive(Debug)]
pub(super) struct Database<Q> {
    size: Size,
    slowness: u32,
    /// Queries with the progress at which each is done, in order.
    running: VecDeque<(f64, Q)>,
    /// Work done on a query that ran all the time; 1 is a whole query.
    progress: f64,
    /// The instant that `progress` belongs to.
    at: Instant,
}

impl<Q> Database<Q> {
    /// An idle one.
    pub(super) const fn new(size: Size, now: Instant) -> Self {
        Self { size, slowness: 1, running: VecDeque::new(), progress: 0.0, at: now }
    }

    /// Lets time pass until `now` and hands over what was done meanwhile. The moments are exact even when nobody
    /// looked: each query that ends leaves the others faster from its own end on.
    pub(super) fn advance(&mut self, now: Instant, done: &mut Vec<Q>) {
        while let Some(needed) = self.to_next_end() {
            let passed = now.saturating_duration_since(self.at);
            if needed > passed {
                self.progress += passed.as_secs_f64() / self.query_takes();
                break;
            }
            self.at += needed;
            if let Some((end, query)) = self.running.pop_front() {
                self.progress = end;
                done.push(query);
            }
        }
        self.at = self.at.max(now);
    }

    /// A query arrives; [`Self::advance`] to the same moment first.
    pub(super) fn begin(&mut self, query: Q) {
        if self.running.is_empty() {
            // Small numbers stay exact, however long it runs.
            self.progress = 0.0;
        }
        self.running.push_back((self.progress + 1.0, query));
    }

    /// From now on every query takes `times` as long; [`Self::advance`] first.
    pub(super) fn slow_down(&mut self, times: u32) {
        self.slowness = times.max(1);
    }

    /// When the next query ends unless something changes; `None` when none runs.
    pub(super) fn next_end(&self) -> Option<Instant> {
        Some(self.at + self.to_next_end()?)
    }

    /// Queries running, those whose callers have left included.
    pub(super) fn in_flight(&self) -> u32 {
        u32::try_from(self.running.len()).unwrap_or(u32::MAX)
    }

    fn to_next_end(&self) -> Option<Duration> {
        let (end, _) = self.running.front()?;
        Some(Duration::from_secs_f64((end - self.progress).max(0.0) * self.query_takes()))
    }

    fn query_takes(&self) -> f64 {
        service_time(self.in_flight(), self.size) * f64::from(self.slowness)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_curve_is_that_of_the_night() {
        assert!((service_time(1, Size::Whole) - 0.040).abs() < 1e-12);
        assert!((service_time(49, Size::Whole) - 0.040).abs() < 1e-12);
        assert!((service_time(333, Size::Whole) - 4.0).abs() < 0.005);
    }

    #[test]
    fn most_is_done_at_the_knee_and_a_quarter_of_it_by_a_quarter() {
        for (size, knee, capacity) in [(Size::Whole, 49, 1_228.0), (Size::Quarter, 12, 307.0)] {
            let rate = |n: u32| f64::from(n) / service_time(n, size);
            let best = (1..1_000).max_by(|a, b| rate(*a).total_cmp(&rate(*b))).unwrap();
            assert!(best.abs_diff(knee) <= 1, "{best}");
            assert!((rate(best) / capacity - 1.0).abs() < 0.03, "{}", rate(best));
        }
    }

    /// Keeps `n` queries running for ten seconds, and says how many ended.
    fn closed_loop(n: u32, size: Size, slowness: u32) -> usize {
        let start = Instant::now();
        let mut database = Database::new(size, start);
        database.slow_down(slowness);
        (0..n).for_each(|_| database.begin(()));
        let (mut ended, mut done) = (0, Vec::new());
        for milli in 1..=10_000 {
            database.advance(start + Duration::from_millis(milli), &mut done);
            ended += done.len();
            done.drain(..).for_each(|()| database.begin(()));
        }
        ended
    }

    #[test]
    fn a_pool_that_is_too_big_does_a_fifteenth_of_what_could_be_had() {
        for (size, pool, knee) in [(Size::Whole, 333, 49), (Size::Quarter, 83, 12)] {
            let (much, well) = (closed_loop(pool, size, 1), closed_loop(knee, size, 1));
            assert!(much * 13 < well && much * 20 > well, "{much} {well}");
            let slow = closed_loop(knee, size, 3);
            assert!(slow.abs_diff(well / 3) * 50 < well, "{slow} {well}");
        }
    }

    #[test]
    fn a_clock_that_steps_back_changes_nothing() {
        let start = Instant::now() + Duration::from_secs(60);
        let (mut database, mut done) = (Database::new(Size::Whole, start), Vec::new());
        database.begin(());
        database.advance(start - Duration::from_secs(1), &mut done);
        assert!(done.is_empty());
        database.advance(start + Duration::from_millis(41), &mut done);
        assert_eq!((done.len(), database.next_end()), (1, None));
    }

    proptest! {
        /// Looking often or seldom finds the same queries done.
        #[test]
        fn ends_do_not_depend_on_who_looks(n in 1u32..150, looks in prop::collection::vec(1u64..200, 1..40)) {
            let start = Instant::now();
            let new = || {
                let mut database = Database::new(Size::Quarter, start);
                (0..n).for_each(|query| database.begin(query));
                database
            };
            let (mut often, mut seldom) = (new(), new());
            let (mut a, mut b, mut at) = (Vec::new(), Vec::new(), 0);
            for pause in looks {
                at += pause;
                often.advance(start + Duration::from_millis(at), &mut a);
            }
            seldom.advance(start + Duration::from_millis(at), &mut b);
            // Queries that end in the very nanosecond of a look may fall on either side of it.
            prop_assert!(a.len().abs_diff(b.len()) <= 1, "{} {}", a.len(), b.len());
            prop_assert!(a.is_sorted() && b.is_sorted());
        }

        /// Whoever looks at the next end finds it there.
        #[test]
        fn the_next_end_is_when_the_next_query_ends(n in 1u32..150, slowness in 1u32..4) {
            let start = Instant::now();
            let mut database = Database::new(Size::Quarter, start);
            database.slow_down(slowness);
            (0..n).for_each(|query| database.begin(query));
            let (end, mut done) = (database.next_end().unwrap(), Vec::new());
            database.advance(end - Duration::from_micros(1), &mut done);
            prop_assert!(done.is_empty());
            database.advance(end + Duration::from_micros(1), &mut done);
            prop_assert_eq!(done[0], 0);
        }
    }
}
