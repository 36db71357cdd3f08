//! Active health: what checking an endpoint says about it.
//!
//! | state | event | becomes |
//! |---|---|---|
//! | up | `unhealthy_after` failures in a row | not ready (it answered, but badly) or down (it did not answer) |
//! | not ready / down | `healthy_after` successes in a row | up |
//! | not ready | a failure without answer | down; and the other way round |
//!
//! Not ready is not down: when nobody is up, an endpoint that answers is still asked, since a wrong check path must not
//! take a live business off the air.

use banyan_config::plan::Health;

/// Whether an endpoint should be asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum State {
    /// Fit, or not checked yet.
    #[default]
    Up,
    /// Answers its check, with an error.
    NotReady,
    /// Does not answer its check.
    Down,
}

/// What one check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// 2xx or 3xx.
    Well,
    /// Another status.
    Unwell(u16),
    /// No answer.
    Silent,
}

/// A state and how long it has been contradicted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Checked {
    pub(crate) state: State,
    contradictions: u32,
}

impl Checked {
    pub(crate) fn step(self, finding: Finding, policy: &Health) -> Self {
        let found = match finding {
            Finding::Well => State::Up,
            Finding::Unwell(_) => State::NotReady,
            Finding::Silent => State::Down,
        };
        match (self.state, found) {
            (State::Up, State::Up) => Self { state: State::Up, contradictions: 0 },
            (State::Up, _) => self.contradict(found, policy.unhealthy_after),
            (_, State::Up) => self.contradict(State::Up, policy.healthy_after),
            (_, _) => Self { state: found, contradictions: 0 },
        }
    }

    fn contradict(self, found: State, threshold: u32) -> Self {
        let contradictions = self.contradictions + 1;
        if contradictions >= threshold {
            Self { state: found, contradictions: 0 }
        } else {
            Self { contradictions, ..self }
        }
    }
}

impl State {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::NotReady => "not-ready",
            Self::Down => "down",
        }
    }

    pub(crate) const fn from_u8(value: u8) -> Self {
        match value {
            1 => Self::NotReady,
            2 => Self::Down,
            _ => Self::Up,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn policy() -> Health {
        Health {
            path: "/ready".into(),
            every: Duration::from_secs(10),
            timeout: Duration::from_secs(2),
            unhealthy_after: 3,
            healthy_after: 2,
        }
    }

    fn run(findings: &[Finding]) -> State {
        findings.iter().fold(Checked::default(), |checked, &finding| checked.step(finding, &policy())).state
    }

    #[test]
    fn takes_three_failures_to_go_and_two_successes_to_come_back() {
        use Finding::{Silent, Unwell, Well};
        assert_eq!(run(&[Silent, Silent]), State::Up);
        assert_eq!(run(&[Silent, Silent, Well, Silent, Silent]), State::Up, "flapping does not add up");
        assert_eq!(run(&[Silent, Silent, Silent]), State::Down);
        assert_eq!(run(&[Unwell(404), Unwell(404), Unwell(404)]), State::NotReady);
        assert_eq!(run(&[Unwell(503), Unwell(503), Unwell(503), Silent]), State::Down);
        assert_eq!(run(&[Silent, Silent, Silent, Well]), State::Down);
        assert_eq!(run(&[Silent, Silent, Silent, Well, Well]), State::Up);
    }
}
