//! Passive ejection: an endpoint that fails live requests in a row is left alone for a while (after Envoy's outlier detection).
//!
//! | state | event | becomes |
//! |---|---|---|
//! | in, fewer than `errors` in a row | failure | in, one more |
//! | in, `errors` in a row | failure | out for `base * 2^(ejections)`, at most `max` |
//! | out, time not over | any | out (late results change nothing) |
//! | out, time over | picked | in, one failure away from being ejected again |
//! | in | success | in, count cleared; one ejection forgotten per `base` without failure |

use std::time::Duration;

use banyan_config::plan::Eject;
use tokio::time::Instant;

/// The state of one endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ejection {
    failures: u32,
    ejections: u32,
    until: Option<Instant>,
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    None,
    /// The endpoint was put out for this long.
    Ejected(Duration),
}

impl Ejection {
    /// Whether the endpoint is out now.
    pub(crate) fn is_out(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    /// When it comes back, while it is out.
    pub(crate) fn out_until(&self, now: Instant) -> Option<Instant> {
        self.until.filter(|until| now < *until)
    }

    pub(crate) fn succeeded(self, now: Instant) -> Self {
        if self.is_out(now) {
            return self;
        }
        Self { failures: 0, ejections: self.ejections.saturating_sub(1), until: None }
    }

    /// `may_eject` says whether enough other endpoints would remain.
    pub(crate) fn failed(self, policy: &Eject, may_eject: bool, now: Instant) -> (Self, Effect) {
        if self.is_out(now) {
            return (self, Effect::None);
        }
        let on_probation = self.until.is_some();
        let failures = self.failures.saturating_add(1);
        if (failures < policy.errors && !on_probation) || !may_eject {
            return (Self { failures, ..self }, Effect::None);
        }
        let time = policy.base.saturating_mul(1 << self.ejections.min(16)).min(policy.max);
        (Self { failures: 0, ejections: self.ejections + 1, until: Some(now + time) }, Effect::Ejected(time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Eject = Eject { errors: 5, base: Duration::from_secs(30), max: Duration::from_secs(300) };

    fn fail(mut state: Ejection, times: u32, now: Instant) -> (Ejection, Effect) {
        let mut effect = Effect::None;
        for _ in 0..times {
            (state, effect) = state.failed(&POLICY, true, now);
        }
        (state, effect)
    }

    #[test]
    fn out_after_five_in_a_row_and_longer_each_time() {
        let now = Instant::now();
        let (state, effect) = fail(Ejection::default(), 4, now);
        assert_eq!(effect, Effect::None);
        let (state, effect) = state.failed(&POLICY, true, now);
        assert_eq!(effect, Effect::Ejected(Duration::from_secs(30)));
        assert!(state.is_out(now + Duration::from_secs(29)) && !state.is_out(now + Duration::from_secs(30)));
        // On probation one failure is enough, and the next time is twice as long.
        let (state, effect) = state.failed(&POLICY, true, now + Duration::from_secs(31));
        assert_eq!(effect, Effect::Ejected(Duration::from_secs(60)));
        let mut state = state;
        let mut at = now + Duration::from_secs(31);
        for _ in 0..10 {
            at += Duration::from_secs(301);
            let (next, effect) = state.failed(&POLICY, true, at);
            assert!(matches!(effect, Effect::Ejected(time) if time <= POLICY.max));
            state = next;
        }
    }

    #[test]
    fn a_success_between_failures_clears_the_count() {
        let now = Instant::now();
        let (state, _) = fail(Ejection::default(), 4, now);
        let (_, effect) = fail(state.succeeded(now), 4, now);
        assert_eq!(effect, Effect::None);
    }

    #[test]
    fn late_results_while_out_change_nothing() {
        let now = Instant::now();
        let (state, _) = fail(Ejection::default(), 5, now);
        assert_eq!(state.succeeded(now), state);
        assert_eq!(state.failed(&POLICY, true, now), (state, Effect::None));
    }

    #[test]
    fn never_without_others_that_remain() {
        let now = Instant::now();
        let mut state = Ejection::default();
        for _ in 0..50 {
            let (next, effect) = state.failed(&POLICY, false, now);
            assert_eq!(effect, Effect::None);
            state = next;
        }
        assert!(!state.is_out(now));
    }
}
