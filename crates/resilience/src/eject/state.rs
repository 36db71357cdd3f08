//! The state of one endpoint, and what moves it.

use std::time::Duration;

use tokio::time::Instant;

use super::{Rate, Settings};

/// The state of one endpoint. A new one is in, and nothing is known against it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ejection {
    /// In a row.
    failures: u32,
    /// How often it was put out, less what was forgotten.
    ejections: u32,
    /// Out until then; and from then on probation, until its first success.
    until: Option<Instant>,
    /// Since when it has not failed, or since when the last ejection was forgotten.
    calm_since: Option<Instant>,
    recent: Recent,
}

/// Calls of the present half of the rate's window, and of the half before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Recent {
    /// When the present half began.
    since: Option<Instant>,
    present: Counts,
    before: Counts,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    good: u32,
    calls: u32,
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing that others need to know.
    None,
    /// The endpoint was put out.
    Ejected {
        /// For how long.
        time: Duration,
        /// By which rule.
        why: Why,
    },
}

/// Which rule put an endpoint out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Why {
    /// It failed too often in a row.
    Errors,
    /// It failed on probation.
    Probation,
    /// Too small a share of its calls succeeded.
    Rate,
}

/// Whether one more of `hosts` endpoints may be put out, when `out` of them take no calls already (ejected, or down for
/// another reason): never more than half of them, and at least one stays.
#[must_use]
pub const fn may_eject(hosts: usize, out: usize) -> bool {
    // Half of one, rounded down, is none: the one that stays follows from the half.
    out < hosts / 2
}

impl Why {
    /// One word for labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Errors => "errors",
            Self::Probation => "probation",
            Self::Rate => "rate",
        }
    }
}

impl Ejection {
    /// Whether the endpoint is out now.
    #[must_use]
    pub fn is_out(&self, now: Instant) -> bool {
        self.until.is_some_and(|until| now < until)
    }

    /// When it comes back, while it is out.
    #[must_use]
    pub fn out_until(&self, now: Instant) -> Option<Instant> {
        self.until.filter(|until| now < *until)
    }

    /// How often it was put out, less one for each `base` that it has kept well since.
    #[must_use]
    pub const fn ejections(&self) -> u32 {
        self.ejections
    }

    /// A call succeeded.
    #[must_use]
    pub fn succeeded(self, settings: &Settings, now: Instant) -> Self {
        if self.is_out(now) {
            return self;
        }
        let was_on_probation = self.until.is_some();
        let recent = if was_on_probation { Recent::default() } else { self.recent };
        let recent = recent.counted(true, settings.rate(), now);
        Self { failures: 0, until: None, recent, ..self }.calmed(settings, now)
    }

    /// A call failed. `may_eject` says whether enough other endpoints would remain, see [`may_eject`].
    #[must_use]
    pub fn failed(self, settings: &Settings, may_eject: bool, now: Instant) -> (Self, Effect) {
        if self.is_out(now) {
            return (self, Effect::None);
        }
        let failures = self.failures.saturating_add(1);
        let recent = self.recent.counted(false, settings.rate(), now);
        let failed = Self { failures, recent, calm_since: None, ..self };
        match failed.broken_rule(settings).filter(|_| may_eject) {
            None => (failed, Effect::None),
            Some(why) => failed.ejected(settings, why, now),
        }
    }

    fn broken_rule(&self, settings: &Settings) -> Option<Why> {
        if self.until.is_some() {
            return Some(Why::Probation);
        }
        if self.failures >= settings.errors() {
            return Some(Why::Errors);
        }
        let Counts { good, calls } = self.recent.both();
        settings.rate().filter(|rate| rate.is_broken(good, calls)).map(|_| Why::Rate)
    }

    fn ejected(self, settings: &Settings, why: Why, now: Instant) -> (Self, Effect) {
        let time = settings.time_out(self.ejections);
        let state = Self {
            failures: 0,
            ejections: self.ejections.saturating_add(1),
            // A day at most, so there is such an instant; without one it would stay in.
            until: now.checked_add(time),
            calm_since: None,
            recent: Recent::default(),
        };
        (state, Effect::Ejected { time, why })
    }

    /// Forgets one ejection for each `base` without failure. One success after each return is not enough: an endpoint that
    /// flaps would never be out for longer than the first time.
    fn calmed(self, settings: &Settings, now: Instant) -> Self {
        let since = self.calm_since.unwrap_or(now);
        let calm = now.saturating_duration_since(since).as_nanos();
        let forgotten = u32::try_from(calm / settings.base().as_nanos().max(1)).unwrap_or(u32::MAX);
        match forgotten {
            0 => Self { calm_since: Some(since), ..self },
            _ => Self { calm_since: Some(now), ejections: self.ejections.saturating_sub(forgotten), ..self },
        }
    }
}

impl Recent {
    /// With one more call, and without what has left the window.
    fn counted(self, is_good: bool, rate: Option<Rate>, now: Instant) -> Self {
        let Some(rate) = rate else { return self };
        let mut recent = self.slid(rate.within(), now);
        recent.present.calls = recent.present.calls.saturating_add(1);
        recent.present.good = recent.present.good.saturating_add(u32::from(is_good));
        recent
    }

    fn slid(self, window: Duration, now: Instant) -> Self {
        let since = self.since.unwrap_or(now);
        let age = now.saturating_duration_since(since);
        let fresh = Self { since: Some(now), ..Self::default() };
        if age >= window {
            fresh
        } else if age >= window / 2 {
            Self { since: since.checked_add(window / 2), before: self.present, present: Counts::default() }
        } else {
            Self { since: Some(since), ..self }
        }
    }

    const fn both(&self) -> Counts {
        Counts {
            good: self.present.good.saturating_add(self.before.good),
            calls: self.present.calls.saturating_add(self.before.calls),
        }
    }
}
