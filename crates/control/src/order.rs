//! What somebody wants done to a unit, and whether it may be done. Pure.

use banyan_config::plan::Unit;
use banyan_flags::Percent;
use banyan_state::{Change, Record, StoreError};

/// What is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// This share.
    Set(Percent),
    /// No change of the share until released, except back to 0 %.
    Hold,
    /// Changes are possible again.
    Release,
    /// Everybody back to legacy, held or not.
    Back,
    /// The config decides again.
    Reset,
}

/// Who wants what, of which unit, and why.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) unit: String,
    pub(crate) action: Action,
    pub(crate) by: String,
    pub(crate) why: String,
    /// Versions it may be done on; `None`: any.
    pub(crate) versions: Option<Vec<u64>>,
}

/// What is then done to the store and to the live share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// The record says this afterwards.
    Set { percent: Percent, held: bool },
    /// There is no record afterwards.
    Forget,
    /// It is so already.
    Nothing,
}

/// Why an order was not carried out. Except for `Unanswered`, nothing has changed then.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The config has no such unit.
    UnknownUnit { name: String, known: Vec<String> },
    /// The unit is held.
    Held(Record),
    /// The unit is at another version than the order was given on.
    Stale { found: u64 },
    /// The store did not do it.
    Store(StoreError),
    /// An earlier change still waits for the store, so this one was not tried.
    Waiting,
    /// The store was asked and has not answered: the change may still be made.
    Unanswered,
}

impl Action {
    /// Its name in the audit log.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Set(_) => "set",
            Self::Hold => "hold",
            Self::Release => "release",
            Self::Back => "back",
            Self::Reset => "reset",
        }
    }
}

impl Order {
    /// What the order does to a unit that stands at `current`, if it may.
    pub(crate) fn decide(&self, unit: &Unit, current: Option<&Record>) -> Result<Effect, Refusal> {
        let found = version(current);
        if self.versions.as_ref().is_some_and(|versions| !versions.contains(&found)) {
            return Err(Refusal::Stale { found });
        }
        let held = current.filter(|record| record.held);
        let percent = current.map_or(unit.percent, |record| record.percent);
        match (self.action, held) {
            (Action::Set(_) | Action::Reset, Some(record)) => Err(Refusal::Held(record.clone())),
            (Action::Hold, Some(_)) | (Action::Release, None) => Ok(Effect::Nothing),
            (Action::Reset, None) if current.is_none() => Ok(Effect::Nothing),
            (Action::Reset, None) => Ok(Effect::Forget),
            (Action::Set(percent), None) => Ok(Effect::Set { percent, held: false }),
            (Action::Hold, None) => Ok(Effect::Set { percent, held: true }),
            (Action::Release, Some(_)) => Ok(Effect::Set { percent, held: false }),
            (Action::Back, held) => Ok(Effect::Set { percent: Percent::ZERO, held: held.is_some() }),
        }
    }

    /// The change the store is asked for.
    pub(crate) fn change(
        &self,
        percent: Percent,
        held: bool,
        current: Option<&Record>,
        at: std::time::SystemTime,
    ) -> Change {
        Change {
            unit: self.unit.clone(),
            percent,
            held,
            expected_version: version(current),
            at,
            by: self.by.clone(),
            why: self.why.clone(),
        }
    }
}

/// The version a unit is at; 0 while the config decides.
pub(crate) fn version(current: Option<&Record>) -> u64 {
    current.map_or(0, |record| record.version)
}
