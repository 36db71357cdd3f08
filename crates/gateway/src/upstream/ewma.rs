//! Peak EWMA: what asking a host costs, quick to believe bad news and slow to forget them (after Finagle and linkerd).
//!
//! The estimate jumps to a round-trip time that is worse and decays towards one that is better. Load is that estimate
//! times the calls under way, so a host that becomes slow is avoided before its calls have failed.

use std::time::Duration;

use tokio::time::Instant;

/// Time constant of forgetting.
const DECAY: Duration = Duration::from_secs(10);
/// What a new host is presumed to cost, so that it is neither flooded nor shunned.
const DEFAULT_ROUND_TRIP: Duration = Duration::from_millis(30);
/// What a failure counts as: quick errors must not make a host look fast.
const FAILURE_PENALTY: Duration = Duration::from_secs(5);

/// The estimate for one host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PeakEwma {
    seconds: f64,
    at: Instant,
}

impl PeakEwma {
    pub(crate) fn new(now: Instant) -> Self {
        Self { seconds: DEFAULT_ROUND_TRIP.as_secs_f64(), at: now }
    }

    /// Takes in a measured round trip.
    pub(crate) fn observe(&mut self, round_trip: Duration, now: Instant) {
        let seconds = round_trip.as_secs_f64();
        if seconds > self.seconds {
            self.seconds = seconds;
        } else {
            let kept = self.kept(now);
            self.seconds = seconds + (self.seconds - seconds) * kept;
        }
        self.at = now;
    }

    /// Takes in a failure.
    pub(crate) fn fail(&mut self, now: Instant) {
        self.observe(FAILURE_PENALTY, now);
    }

    /// What one more call would cost with `in_flight` under way. A host that nobody asks becomes cheaper with time: else bad
    /// news of long ago would keep it from ever being asked, and from ever being known to be well again.
    pub(crate) fn load(&self, in_flight: u32, now: Instant) -> f64 {
        self.seconds * self.kept(now) * (f64::from(in_flight) + 1.0)
    }

    /// The share of the estimate that time has left.
    fn kept(&self, now: Instant) -> f64 {
        let age = now.saturating_duration_since(self.at).as_secs_f64();
        (-age / DECAY.as_secs_f64()).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(start: Instant, millis: u64) -> Instant {
        start + Duration::from_millis(millis)
    }

    #[test]
    fn bad_news_at_once_good_news_slowly() {
        let start = Instant::now();
        let mut ewma = PeakEwma::new(start);
        ewma.observe(Duration::from_secs(1), after(start, 10));
        assert!((ewma.load(0, after(start, 10)) - 1.0).abs() < 1e-9);
        ewma.observe(Duration::from_millis(10), after(start, 20));
        assert!(ewma.load(0, after(start, 20)) > 0.99);
        ewma.observe(Duration::from_millis(10), after(start, 30_020));
        assert!(ewma.load(0, after(start, 30_020)) < 0.1);
    }

    #[test]
    fn load_grows_with_calls_under_way_and_a_new_host_is_no_bargain() {
        let start = Instant::now();
        let now = after(start, 60_000);
        let (mut known, new) = (PeakEwma::new(start), PeakEwma::new(now));
        known.observe(Duration::from_millis(2), now);
        assert!(known.load(0, now) < new.load(0, now));
        assert!(known.load(20, now) > new.load(0, now), "a busy known host gives way to the new one");
    }

    #[test]
    fn a_host_that_failed_is_asked_again_in_the_end() {
        let start = Instant::now();
        let (mut well, mut failed) = (PeakEwma::new(start), PeakEwma::new(start));
        failed.fail(start);
        let asked = (1..600).map(|second| after(start, second * 1000)).find(|&now| {
            well.observe(Duration::from_millis(5), now);
            failed.load(0, now) < well.load(0, now)
        });
        let waited = asked.map(|now| now.duration_since(start)).expect("it is asked again");
        assert!((Duration::from_secs(30)..Duration::from_secs(120)).contains(&waited), "{waited:?}");
    }
}
