//! Where rollouts stand, as far as this node has heard.

use std::{
    collections::BTreeMap,
    sync::{PoisonError, RwLock},
    time::SystemTime,
};

use banyan_rollout::{State, machine::Phase};
use banyan_state::RolloutRecord;

/// Where each rollout stands. As in the store; kept here so that reading needs no disk.
#[derive(Default)]
pub(crate) struct Rollouts {
    by_unit: RwLock<BTreeMap<String, Known>>,
}

/// Where one rollout stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Known {
    /// Version of the record; 0 before the first step.
    pub(crate) version: u64,
    pub(crate) state: State,
    /// Why the state cannot be read: another version of the program wrote it. It is left alone then.
    pub(crate) unreadable: Option<String>,
    /// When the last step was made, by whom, and why; `None` before the first.
    pub(crate) last: Option<Last>,
}

/// The last step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Last {
    pub(crate) at: SystemTime,
    pub(crate) by: String,
    pub(crate) why: String,
}

impl Rollouts {
    /// Where the rollout of a unit stands.
    pub(crate) fn get(&self, unit: &str) -> Known {
        self.by_unit.read().unwrap_or_else(PoisonError::into_inner).get(unit).cloned().unwrap_or_default()
    }

    /// Takes over what the store has.
    pub(crate) fn adopt(&self, records: Vec<RolloutRecord>) {
        let mut by_unit = self.by_unit.write().unwrap_or_else(PoisonError::into_inner);
        for record in records {
            let known = by_unit.get(&record.unit).filter(|known| known.version == record.version);
            if known.is_none() {
                by_unit.insert(record.unit.clone(), Known::from(record));
            }
        }
    }
}

impl From<RolloutRecord> for Known {
    fn from(record: RolloutRecord) -> Self {
        let (state, unreadable) = match serde_json::from_str(&record.state) {
            Ok(state) => (state, None),
            Err(error) => {
                tracing::error!(unit = record.unit, %error, "the state of a rollout cannot be read; it is left as it is");
                (State::default(), Some(error.to_string()))
            }
        };
        let last = Last { at: record.at, by: record.by, why: record.why };
        Self { version: record.version, state, unreadable, last: Some(last) }
    }
}

impl Known {
    /// A number that differs whenever a person would decide otherwise: with each stage, pause and start, and not with each
    /// second that a stage is held, as the version of the record does.
    pub(crate) fn tag(&self) -> u64 {
        if self.version == 0 {
            return 0;
        }
        let phase = match &self.state.phase {
            Phase::Idle => 0,
            Phase::Running(_) => 1,
            Phase::Paused(_) => 2,
            Phase::RolledBack(_) => 3,
            Phase::Complete { .. } => 4,
            Phase::Aborted { .. } => 5,
        };
        let numbers = [self.state.epoch % 1_000_000, (self.state.lap % 1_000).into(), phase];
        let [epoch, lap, phase] = numbers;
        epoch * 100_000 + lap * 100 + phase * 10 + u64::from(self.state.blocked.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(version: u64, state: &str) -> RolloutRecord {
        RolloutRecord {
            unit: "articles".to_owned(),
            state: state.to_owned(),
            version,
            at: SystemTime::UNIX_EPOCH,
            by: "ada".to_owned(),
            why: String::new(),
        }
    }

    #[test]
    fn what_another_version_wrote_is_neither_read_nor_forgotten() {
        let rollouts = Rollouts::default();
        assert_eq!(rollouts.get("articles"), Known::default());
        rollouts.adopt(vec![record(3, "{\"version\":9}")]);
        let known = rollouts.get("articles");
        assert_eq!((known.version, known.unreadable.is_some()), (3, true));
    }

    #[test]
    fn the_tag_moves_with_what_matters() {
        let mut state = State::default();
        (state.epoch, state.lap) = (7, 2);
        let known = |version, state: &State| Known { version, state: state.clone(), ..Known::default() };
        assert_eq!(known(0, &State::default()).tag(), 0);
        assert_eq!(known(5, &state).tag(), known(6, &state).tag());
        let mut next = state.clone();
        next.lap = 3;
        assert_ne!(known(5, &state).tag(), known(5, &next).tag());
    }
}
