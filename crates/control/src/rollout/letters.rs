//! Alerts about steps.

use banyan_config::plan;
use banyan_rollout::{
    Millis, State,
    machine::{AlertKind, Phase, Why},
};
use banyan_state::Alert;
use serde_json::{Value, json};

use super::words;
use crate::{
    alerts::{Letter, Occasion, Target},
    view::WorseView,
};

/// What there is to tell about one step.
pub(super) struct Told<'t> {
    pub(super) unit: &'t str,
    pub(super) node: &'t str,
    /// The version that the step makes: each version is told of once.
    pub(super) version: u64,
    pub(super) before: &'t State,
    pub(super) after: &'t State,
    pub(super) why: &'t str,
    pub(super) at: Millis,
}

impl Told<'_> {
    /// One alert for each of those who are told.
    pub(super) fn alerts(&self, kind: AlertKind, targets: &[plan::Alert]) -> Vec<Alert> {
        let letter = self.letter(kind).to_text();
        let key = format!("{}/{}/{}", self.unit, self.version, kind.name());
        let alert =
            |target: Target| Alert { key: key.clone(), target: target.to_text(), body: letter.clone() };
        targets.iter().flat_map(Target::all).map(alert).collect()
    }

    fn letter(&self, kind: AlertKind) -> Letter {
        let Self { unit, node, before, after, why, at, .. } = self;
        let text = format!("{unit}: {}: {why}{}", words::what(before, after), advice(unit, kind));
        let percent = |state: &State| state.percent().map(|percent| percent.to_string());
        let details = json!({
            "kind": kind.name(), "from": percent(before), "to": percent(after), "why": why,
            "worse": worse(before, after),
        });
        Letter {
            unit: (*unit).to_owned(),
            occasion: occasion(kind),
            at: at.0,
            node: (*node).to_owned(),
            text,
            details,
        }
    }
}

fn worse(before: &State, after: &State) -> Value {
    let (evidence, at) = match &after.phase {
        Phase::RolledBack(rolled_back) => (&rolled_back.evidence, rolled_back.at),
        Phase::Paused(paused) => match &paused.why {
            Why::Unsafe { evidence, .. } => (evidence, paused.since),
            _ => return Value::Null,
        },
        _ => return Value::Null,
    };
    json!(WorseView::new(evidence, at.since(before.began)))
}

const fn occasion(kind: AlertKind) -> Occasion {
    match kind {
        AlertKind::RolledBack => Occasion::RolledBack,
        AlertKind::RollbackUnsafe => Occasion::RollbackRefused,
        AlertKind::Completed => Occasion::Complete,
        AlertKind::PercentSet | AlertKind::NodesDisagree | AlertKind::StoreCutOff => Occasion::Paused,
    }
}

/// What to do, where there is something.
fn advice(unit: &str, kind: AlertKind) -> String {
    match kind {
        AlertKind::RolledBack => {
            format!(". It stays at 0% until somebody starts it again: banyan rollout start {unit}")
        }
        AlertKind::RollbackUnsafe => format!(
            ". It stays where it is: hold it and mend the replacement, or lose what was written: banyan rollout abort \
             {unit} --force"
        ),
        AlertKind::PercentSet => {
            format!(". It stays there until somebody resumes it: banyan rollout resume {unit}")
        }
        AlertKind::NodesDisagree => ". It goes on by itself once they agree: banyan nodes".to_owned(),
        AlertKind::Completed | AlertKind::StoreCutOff => String::new(),
    }
}
