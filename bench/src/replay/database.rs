//! The database of the incident, as arithmetic.
//!
//! What makes the incident an incident is one curve: up to 49 queries at once each takes 40 ms, and beyond that the
//! queries slow one another down faster than they become more. The curve's peak, 1,228 queries a second, is all the
//! capacity there is; with 333 queries at once the same database does 83 a second and each takes 4 s.
//!
//! Queries share the database: at any moment each makes progress at the speed that belongs to the number in flight at
//! that moment. The alternative, a time fixed when a query arrives, would let a burst of queries that arrive at an idle
//! database finish as if they were alone, and would make those that arrived in a jam pay for it after the jam has
//! cleared; the throughput would not be the curve's. All queries are the same work, so those that share finish in
//! the order in which they came, and sharing costs no more than a queue.
//!
//! A query whose caller has gone away goes on, as it does in a database that nobody told. That is what makes giving up
//! early and asking again so expensive.

use std::{collections::VecDeque, time::Instant};

/// Queries in flight beyond which more of them no longer means more throughput.
pub(crate) const KNEE: f64 = 49.1;
/// Time of a query below the knee, in seconds.
const ALONE: f64 = 0.040;
/// How steeply it thrashes: chosen so that 333 in flight take 4 s.
const THRASH: f64 = 0.411;

/// How the database is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    /// As the curve says.
    Well,
    /// Every query takes this many times as long, at any number in flight.
    Slow(u32),
    /// Its connections are reset, new ones are refused, and running queries are lost.
    Dead,
}

/// Seconds that a query takes while `in_flight` queries share the database, itself included.
pub(crate) fn service_time(in_flight: usize) -> f64 {
    let load = in_flight as f64 / KNEE;
    if in_flight <= 49 { ALONE } else { ALONE * load * (1.0 + THRASH * (load - 1.0).powi(2)) }
}

/// Most queries per second that can be had.
pub(crate) fn capacity(health: Health) -> f64 {
    match health {
        Health::Well => KNEE / ALONE,
        Health::Slow(times) => KNEE / ALONE / f64::from(times),
        Health::Dead => 0.0,
    }
}

/// Running queries, each with what its caller wants to have back.
pub(crate) struct Database<Q> {
    /// Queries with the progress at which each is done, in order.
    running: VecDeque<(f64, Q)>,
    /// Work done per query that ran all the time; 1 is a query.
    progress: f64,
    /// The instant that `progress` belongs to.
    at: Instant,
    slowness: f64,
}

impl<Q> Database<Q> {
    /// An idle database.
    pub(crate) fn new(now: Instant) -> Self {
        Self { running: VecDeque::new(), progress: 0.0, at: now, slowness: 1.0 }
    }

    /// Lets time pass, and hands over the queries that finished meanwhile. The moments at which they finished are exact
    /// even when nobody looked: each leaves the others faster from its own end on.
    pub(crate) fn advance(&mut self, now: Instant, done: &mut Vec<Q>) {
        while let Some((end, _)) = self.running.front() {
            let passed = now.saturating_duration_since(self.at).as_secs_f64();
            let whole = service_time(self.running.len()) * self.slowness;
            let needed = (end - self.progress).max(0.0) * whole;
            if needed > passed {
                self.progress += passed / whole;
                break;
            }
            self.at += std::time::Duration::from_secs_f64(needed);
            if let Some((end, query)) = self.running.pop_front() {
                self.progress = end;
                done.push(query);
            }
        }
        self.at = self.at.max(now);
    }

    /// A query arrives; call [`Self::advance`] for the same moment first.
    pub(crate) fn begin(&mut self, query: Q) {
        self.running.push_back((self.progress + 1.0, query));
    }

    /// From now on every query takes `times` as long; call [`Self::advance`] first.
    pub(crate) fn slow_down(&mut self, times: u32) {
        self.slowness = f64::from(times);
    }

    /// All running queries are lost.
    pub(crate) fn forget_all(&mut self) {
        self.running.clear();
    }

    /// Queries running, those whose callers have left included.
    pub(crate) fn in_flight(&self) -> usize {
        self.running.len()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_curve_is_the_one_of_the_story() {
        assert!((service_time(1) - 0.040).abs() < 1e-12 && (service_time(49) - 0.040).abs() < 1e-12);
        assert!((service_time(333) - 4.0).abs() < 0.005, "{}", service_time(333));
        assert!((capacity(Health::Well) - 1227.5).abs() < 1.0);
        assert!((capacity(Health::Slow(3)) - 409.2).abs() < 1.0);
    }

    #[test]
    fn the_most_throughput_is_at_the_knee() {
        let rate = |n: usize| n as f64 / service_time(n);
        let best = (1..1000).max_by(|a, b| rate(*a).total_cmp(&rate(*b))).unwrap();
        assert!((48..=50).contains(&best), "{best}");
        assert!((1..1000).all(|n| rate(n) <= capacity(Health::Well)));
        // Above this many, the surge brings more than is done: the jam feeds itself.
        assert_eq!((50..1000).find(|n| rate(*n) < 70_000.0 / 60.0), Some(67));
    }

    /// Runs `n` queries that are replaced as they finish, and says how many finished in ten seconds.
    fn closed_loop(n: usize, slowness: u32, look_every: Duration) -> usize {
        let start = Instant::now();
        let mut database = Database::new(start);
        database.slow_down(slowness);
        (0..n).for_each(|_| database.begin(()));
        let (mut finished, mut done) = (0, Vec::new());
        let mut now = start;
        while now < start + Duration::from_secs(10) {
            now += look_every;
            database.advance(now, &mut done);
            finished += done.len();
            done.drain(..).for_each(|()| database.begin(()));
        }
        finished
    }

    #[test]
    fn a_pool_of_333_does_83_a_second_and_one_at_the_knee_1225() {
        let (pool, knee) =
            (closed_loop(333, 1, Duration::from_millis(1)), closed_loop(49, 1, Duration::from_millis(1)));
        assert!((500..=840).contains(&pool), "{pool}");
        assert!((12_150..=12_275).contains(&knee), "{knee}");
        let slow = closed_loop(49, 3, Duration::from_millis(1));
        assert!((4_000..=4_100).contains(&slow), "{slow}");
    }

    #[test]
    fn ends_are_exact_however_seldom_one_looks() {
        let start = Instant::now();
        let mut often = Database::new(start);
        let mut seldom = Database::new(start);
        (0..200).for_each(|n| (often.begin(n), seldom.begin(n)).0);
        let (mut a, mut b) = (Vec::new(), Vec::new());
        for step in 1..=2000 {
            often.advance(start + Duration::from_millis(step), &mut a);
        }
        seldom.advance(start + Duration::from_millis(2000), &mut b);
        assert_eq!((a.len(), often.in_flight()), (b.len(), seldom.in_flight()));
        assert!(a.is_sorted() && !a.is_empty());
    }

    #[test]
    fn a_clock_that_steps_back_changes_nothing() {
        let start = Instant::now() + Duration::from_secs(60);
        let mut database = Database::new(start);
        database.begin(());
        let mut done = Vec::new();
        database.advance(start - Duration::from_secs(1), &mut done);
        assert!(done.is_empty());
        database.advance(start + Duration::from_millis(41), &mut done);
        assert_eq!(done.len(), 1);
    }
}
