//! Why nobody's order to a rollout was followed, and how that is said.

use std::time::SystemTime;

use banyan_rollout::machine::{Blocked, Refused};
use banyan_state::StoreError;
use http::StatusCode;

use crate::{order::Refusal, problem::Problem, view::rfc3339};

/// Why an order was not carried out. Except as [`Refusal`] says, nothing has changed then.
#[derive(Debug)]
pub(crate) enum NotDone {
    /// As with units: unknown, held, stale, the store.
    Unit(Refusal),
    /// The unit has no `rollout` in the config.
    NoRollout { unit: String },
    /// The machine says no.
    Refused(Refused),
    /// Nothing goes up while the store cannot be reached.
    CutOff { since: Option<SystemTime> },
    /// Another version of the program wrote the state.
    Unreadable { unit: String, why: String },
}

impl From<Refusal> for NotDone {
    fn from(refusal: Refusal) -> Self {
        Self::Unit(refusal)
    }
}

impl From<StoreError> for NotDone {
    fn from(error: StoreError) -> Self {
        Self::Unit(Refusal::Store(error))
    }
}

impl From<Refused> for NotDone {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl NotDone {
    /// Whether somebody else was faster, so that a look at what they did and another try make sense.
    pub(crate) const fn is_conflict(&self) -> bool {
        matches!(self, Self::Unit(Refusal::Store(StoreError::Conflict { .. })))
    }
}

impl From<NotDone> for Problem {
    fn from(not_done: NotDone) -> Self {
        let conflict = |name: &str, title: &'static str, detail: String| {
            Self::new(StatusCode::CONFLICT, name, title, detail)
        };
        match not_done {
            NotDone::Unit(refusal) => refusal.into(),
            NotDone::NoRollout { unit } => Self::new(
                StatusCode::NOT_FOUND,
                "no-rollout",
                "No rollout",
                format!(
                    "the unit '{unit}' has no 'rollout' in the config: write 'rollout: {{}}' below it for one with the \
                     usual stages, and reload"
                ),
            ),
            NotDone::Refused(refused) => from_refused(&refused),
            NotDone::CutOff { since } => {
                let since = since.map_or_else(String::new, |since| format!(" since {}", rfc3339(since)));
                let detail = format!(
                    "this node is cut off from the state store{since}: nothing goes up until it is there again; requests \
                     are served as before"
                );
                Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "store-unavailable",
                    "Cut off from the state store",
                    detail,
                )
            }
            NotDone::Unreadable { unit, why } => conflict(
                "unreadable-rollout",
                "Written by another version",
                format!(
                    "where the rollout of '{unit}' stands was written by another version of the program ({why}): let that \
                     version go on, or run it on all nodes"
                ),
            ),
        }
    }
}

fn from_refused(refused: &Refused) -> Problem {
    let detail = refused.to_string();
    let conflict =
        |name: &str, title: &'static str| Problem::new(StatusCode::CONFLICT, name, title, detail.clone());
    match refused {
        Refused::NotNow { phase, .. } => {
            conflict("rollout-not-now", "Not in this phase").with("phase", phase.name())
        }
        Refused::Worse(metric) => {
            conflict("replacement-worse", "The replacement is worse").with("metric", metric.name())
        }
        Refused::Unsafe(unsafe_) => {
            let alternatives: Vec<_> =
                unsafe_.alternatives.iter().map(|alternative| alternative.advice()).collect();
            conflict("rollback-unsafe", "A rollback would lose what people wrote")
                .with("why", unsafe_.why.clone())
                .with("alternatives", alternatives)
        }
        Refused::Blocked(Blocked::NodesDisagree(what)) => {
            conflict("nodes-differ", "The nodes do not run the same").with("differences", what.clone())
        }
        Refused::Blocked(Blocked::StoreCutOff) => NotDone::CutOff { since: None }.into(),
        Refused::NothingLeft { .. } => conflict("nothing-to-roll-out", "Nothing to roll out"),
    }
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse as _;
    use banyan_rollout::{Alternative, Metric, Unsafe, machine::PhaseName};

    use super::*;

    #[test]
    fn every_refusal_has_its_status() {
        let why = Unsafe { why: "lost".to_owned(), alternatives: Alternative::ALL };
        let refused = [
            (Refused::NotNow { phase: PhaseName::Idle, event: "pause", hint: "start it" }, 409),
            (Refused::Worse(Metric::Errors), 409),
            (Refused::Unsafe(why), 409),
            (Refused::Blocked(Blocked::NodesDisagree("b".to_owned())), 409),
            (Refused::Blocked(Blocked::StoreCutOff), 503),
        ];
        for (refused, status) in refused {
            let said = refused.to_string();
            assert_eq!(Problem::from(NotDone::Refused(refused)).into_response().status(), status, "{said}");
        }
        let none = NotDone::NoRollout { unit: "a".to_owned() };
        assert_eq!(Problem::from(none).into_response().status(), 404);
    }
}
