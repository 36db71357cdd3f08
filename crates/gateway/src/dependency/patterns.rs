//! The state of one upstream's patterns, shared by all workers.

use std::{fmt, sync::Arc, time::Duration};

use banyan_config::plan::{self, BreakerMode, ConcurrencyLimit, HedgeAfter, Upstream};
use banyan_resilience::{
    Caller, Cause, Event, Observer,
    breaker::{self, Breaker, Forced, Ticket},
    budget::{self, RetryBudget},
    hedge::{self, Hedge},
    limit::{self, Limit},
    shed::{self, Criticality, Shed, Shedder},
    throttle::{self, Throttle},
};
use tokio::time::Instant;

use super::observer::{Ear, Ears};

/// Over what time retries are counted against requests.
const BUDGET_WINDOW: Duration = Duration::from_secs(10);

/// The patterns of an upstream, and who is told what they do.
pub(crate) struct Patterns {
    pub(crate) caller: Caller,
    pub(crate) breaker: Option<Arc<Breaker>>,
    pub(crate) throttle: Option<Arc<Throttle>>,
    pub(crate) limit: Option<Arc<Limit>>,
    pub(crate) hedge: Option<Arc<Hedge>>,
    pub(crate) budget: Option<Arc<RetryBudget>>,
    /// Who is refused first when calls wait; with it the settings it was made from.
    shedder: Option<(plan::Shed, Arc<Shedder>)>,
    ear: Arc<Ear>,
}

/// What cannot be, in words.
pub(crate) type Reason = String;

impl Patterns {
    /// Fresh patterns; or those of before, as far as what the config says of them is the same.
    pub(crate) fn new(
        config: &Upstream,
        shed: Option<plan::Shed>,
        before: Option<(&Upstream, &Self)>,
        ears: &Ears<'_>,
    ) -> Result<Self, Reason> {
        let ear = Arc::new(Ear::new(config.name.clone(), ears));
        let old = |same: fn(&Upstream, &Upstream) -> bool| {
            before.filter(|(old, _)| same(old, config)).map(|(_, patterns)| patterns)
        };
        Ok(Self {
            caller: Caller::new().observed_by(ear.clone()),
            breaker: match old(|old, new| old.breaker == new.breaker) {
                Some(old) => old.breaker.clone(),
                None => config.breaker.as_ref().map(breaker).transpose()?,
            },
            throttle: match old(|old, new| old.throttle == new.throttle) {
                Some(old) => old.throttle.clone(),
                None => config.throttle.as_ref().map(throttle).transpose()?,
            },
            limit: match old(|old, new| old.concurrency == new.concurrency) {
                Some(old) => old.limit.clone(),
                None => config.concurrency.as_ref().map(limit).transpose()?,
            },
            hedge: match old(|old, new| old.hedge == new.hedge) {
                Some(old) => old.hedge.clone(),
                None => config.hedge.as_ref().map(hedge).transpose()?,
            },
            budget: match old(|old, new| old.retry == new.retry) {
                Some(old) => old.budget.clone(),
                None => config.retry.as_ref().map(budget).transpose()?,
            },
            shedder: match (shed, before.and_then(|(_, old)| old.shedder.clone())) {
                (Some(shed), Some((same, shedder))) if same == shed => Some((same, shedder)),
                (shed, _) => shed.map(|shed| Ok::<_, Reason>((shed, shedder(&shed)?))).transpose()?,
            },
            ear,
        })
    }

    /// How it sheds.
    pub(crate) fn sheds(&self) -> Option<plan::Shed> {
        self.shedder.as_ref().map(|(settings, _)| *settings)
    }

    /// Whether a request of this criticality is taken on, or refused since others matter more.
    pub(crate) fn admit(&self, criticality: plan::Criticality, user: u64, now: Instant) -> Result<(), Shed> {
        let Some((_, shedder)) = &self.shedder else { return Ok(()) };
        shedder.admit(of_plan(criticality), user, now).inspect_err(|shed| self.ear.shed(shed.criticality))
    }

    /// Takes in how long an admitted request has waited for its place; `None` when it got none.
    pub(crate) fn waited(&self, wait: Option<Duration>, now: Instant) {
        match (&self.shedder, wait) {
            (None, _) => {}
            (Some((_, shedder)), Some(wait)) => shedder.observe_wait(wait, now),
            (Some((_, shedder)), None) => shedder.observe_refusal(now),
        }
    }

    /// Holds the breaker in a state for a while, or lets it judge by itself again. `None` if there is no breaker.
    pub(crate) fn force(&self, forced: Option<(Forced, Duration)>, now: Instant) -> Option<()> {
        let breaker = self.breaker.as_ref()?;
        let change = match forced {
            Some((forced, lasts)) => breaker.force(forced, now + lasts, now),
            None => breaker.release(now),
        };
        if let Some(change) = change {
            self.ear.observe("", &Event::Breaker(&change));
        }
        Some(())
    }

    /// An answer that began well broke off.
    pub(crate) fn note_late_failure(&self, ticket: Ticket, cause: Cause, now: Instant) {
        let Some(breaker) = &self.breaker else { return };
        if let Some(change) = breaker.note_late_failure(ticket, cause, now, self.caller.dice()) {
            self.ear.observe("", &Event::Breaker(&change));
        }
    }
}

impl fmt::Debug for Patterns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Patterns").finish_non_exhaustive()
    }
}

fn said(pattern: &'static str) -> impl Fn(&dyn fmt::Display) -> Reason {
    move |error| format!("{pattern}: {error}")
}

fn breaker(config: &plan::Breaker) -> Result<Arc<Breaker>, Reason> {
    let settings = || {
        let mut settings = breaker::Settings::default();
        settings = match config.mode {
            BreakerMode::Consecutive { failures } => settings.with_consecutive(failures)?,
            BreakerMode::Ratio { failures, of_at_least, within, slow } => {
                let ratio = settings.with_ratio(failures.ratio(), of_at_least, within)?;
                match slow {
                    Some(slow) => ratio.with_slow(slow.over, slow.share.ratio())?,
                    None => ratio,
                }
            }
        };
        settings
            .with_open(config.open_for, config.open_at_most)?
            .with_probes(config.probes, config.close_after)?
            .with_probe_timeout(config.probe_timeout)
    };
    let settings: Result<_, breaker::SettingsError> = settings();
    settings.map(Breaker::new).map(Arc::new).map_err(|error| said("breaker")(&error))
}

fn throttle(config: &plan::Throttle) -> Result<Arc<Throttle>, Reason> {
    let settings = throttle::Settings::new(config.k.ratio(), config.within, config.cap.ratio());
    settings.map(Throttle::new).map(Arc::new).map_err(|error| said("throttle")(&error))
}

/// A budget of a tenth of a minute, as the guide of the field has it: long enough for a burst, short enough to forget one.
pub(super) fn budget(config: &plan::Retry) -> Result<Arc<RetryBudget>, Reason> {
    let settings = budget::Settings::new(config.budget.basis_points(), config.per_second, BUDGET_WINDOW);
    settings.map(RetryBudget::new).map(Arc::new).map_err(|error| said("retry.budget")(&error))
}

pub(super) fn hedge(config: &plan::Hedge) -> Result<Arc<Hedge>, Reason> {
    let after = match config.after {
        HedgeAfter::Quantile(quantile) => hedge::After::Quantile(quantile.ratio()),
        HedgeAfter::Fixed(delay) => hedge::After::Fixed(delay),
    };
    let settings = hedge::Settings::new(after, config.extra.basis_points());
    settings.map(Hedge::new).map(Arc::new).map_err(|error| said("hedge")(&error))
}

fn shedder(config: &plan::Shed) -> Result<Arc<Shedder>, Reason> {
    let settings = shed::Settings::default()
        .with_wait(config.wait)
        .and_then(|settings| settings.with_window(config.over, config.within));
    settings.map(Shedder::new).map(Arc::new).map_err(|error| said("shed")(&error))
}

const fn of_plan(criticality: plan::Criticality) -> Criticality {
    match criticality {
        plan::Criticality::Critical => Criticality::Critical,
        plan::Criticality::High => Criticality::High,
        plan::Criticality::Normal => Criticality::Normal,
        plan::Criticality::Low => Criticality::Low,
    }
}

fn limit(config: &plan::Concurrency) -> Result<Arc<Limit>, Reason> {
    let settings = match config.limit {
        ConcurrencyLimit::Fixed { limit } => limit::Settings::fixed(limit),
        ConcurrencyLimit::Adaptive { start, min, max } => limit::Settings::adaptive(start, min, max),
    };
    let settings = settings.and_then(|settings| settings.queue(config.queue));
    settings.map(Limit::new).map_err(|error| said("concurrency")(&error))
}
