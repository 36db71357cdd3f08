//! What all handles of a level have in common.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use banyan_resilience::{
    Dice,
    breaker::{Breaker, Settings as BreakerSettings, SettingsError as BreakerError},
};
use tokio::sync::Notify;

use crate::{
    counters::Counters, line::OPEN_WITHIN, names::Names, pending::Pending, script::Scripts,
    settings::Settings,
};

/// So many calls in a row must fail until Redis is left alone.
const FAILURES: u32 = 5;
/// For so long, and then one call tries it again.
const AWAY: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) names: Names,
    pub(crate) scripts: Scripts,
    pub(crate) breaker: Breaker,
    pub(crate) dice: Dice,
    /// Who it is that says what is invalidated, so that it knows its own words when they come back.
    pub(crate) origin: u64,
    pub(crate) counters: Counters,
    pending: Mutex<Pending>,
    /// Something is queued for whoever delivers.
    pub(crate) queued: Notify,
}

impl Shared {
    pub(crate) fn new(settings: Settings) -> Self {
        let dice = Dice::unpredictable();
        Self {
            names: Names::new(&settings.prefix),
            scripts: Scripts::new(),
            breaker: Breaker::new(breaker(&settings).unwrap_or_default()),
            origin: dice.number(),
            dice,
            counters: Counters::default(),
            pending: Mutex::default(),
            queued: Notify::new(),
            settings,
        }
    }

    /// A lock nobody panics under: what it guards is whole at every moment.
    pub(crate) fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Fails on no settings there can be: the constants are in their ranges, and so is a deadline of at most 5 s.
fn breaker(settings: &Settings) -> Result<BreakerSettings, BreakerError> {
    BreakerSettings::default()
        .with_consecutive(FAILURES)?
        .with_open(AWAY, AWAY)?
        .with_probes(1, 1)?
        .with_probe_timeout(settings.deadline + OPEN_WITHIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_breaker_is_as_intended_for_all_deadlines() {
        for deadline in [Duration::from_millis(1), Duration::from_secs(5)] {
            let settings = Settings::new("redis://127.0.0.1", "t").unwrap().with_deadline(deadline).unwrap();
            assert_eq!(breaker(&settings).map(|breaker| breaker.open_for()), Ok(AWAY));
        }
    }
}
