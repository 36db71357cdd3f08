//! How a unit goes up by itself.

use std::{path::Path, time::Duration};

use banyan_flags::Percent;
use banyan_rollout::{Authority, Field, Gates, Metric, Plan, RollBack, Settings};

use super::{alert, text::rise::Rise};
use crate::{
    plan::{Alert, Rollout},
    read::Fields,
    report::{Read, Reported},
    source::{Span, Spanned},
};

/// What a rollout has to know of its unit.
#[derive(Clone, Copy)]
pub(super) struct Facts<'a> {
    /// How messages call it.
    pub(super) what: &'a str,
    /// Where its data is, if that could be read.
    pub(super) authority: Read<Authority>,
    /// Whether a route of it writes.
    pub(super) writes: bool,
    /// Whether its sides are compared; what could not be read counts as a yes.
    pub(super) compares: bool,
    /// Who is told unless the rollout says otherwise.
    pub(super) alerts: &'a Read<Vec<Alert>>,
    /// Where relative paths start.
    pub(super) base: &'a Path,
}

pub(super) fn read(fields: &Fields<'_>, facts: Facts<'_>) -> Read<Rollout> {
    // What could not be read has its default for as long as the rest is checked, so that one fault hides no other.
    let mut settings = Settings { writes: facts.writes, ..Settings::default() };
    let (stages, mut whole) = fields.placed_list::<Percent>("stages");
    if whole.is_ok() {
        settings.stages = stages.iter().map(|stage| stage.value).collect();
    }
    let (gates, roll_back) = (fields.object("advance_when"), fields.object("roll_back"));
    for part in [
        fields.get::<Duration>("hold").map(|hold| settings.hold = hold),
        facts.authority.map(|authority| settings.authority = authority),
        gates.and_then(|fields| self::gates(fields, facts, &mut settings.gates)),
        roll_back.and_then(|fields| self::roll_back(fields, facts, &mut settings.roll_back)),
    ] {
        whole = whole.and(part);
    }
    let alerts = if fields.is_absent("alert") {
        facts.alerts.clone()
    } else {
        alert::all(fields, "alert", facts.base)
    };
    let places = Places { rollout: fields, gates: gates?, roll_back: roll_back?, stages: &stages };
    let plan = places.checked(settings)?;
    whole?;
    if let Err(danger) = plan.rollback_is_safe() {
        let message = format!("a rollback of {} would be refused: {}", facts.what, danger.why);
        let hint = "say where the data is with 'authority', such as { sync: shared }; as it is, a rollout that goes wrong is \
                    held for a person";
        fields.problems().warn(fields.span(), message, Some(hint.to_owned()));
    }
    Ok(Rollout { plan, alerts: alerts? })
}

fn gates(fields: &Fields<'_>, facts: Facts<'_>, gates: &mut Gates) -> Read<()> {
    let mismatches = fields.maybe::<Percent>("mismatches").and_then(|share| match share {
        Some(share) if !facts.compares => Err(not_compared(share.span, facts, fields)),
        Some(share) => Ok(Some(share.value.ratio())),
        None => Ok(Gates::default().mismatches.filter(|_| facts.compares)),
    });
    let parts = [
        fields.get("requests").map(|requests| gates.requests = requests),
        fields.get::<Percent>("excess_errors").map(|excess| gates.excess_errors = excess.ratio()),
        fields.text::<Rise>("latency_p99").map(|rise| gates.latency_p99 = rise.value.ratio()),
        mismatches.map(|share| gates.mismatches = share),
        fields.text::<Rise>("degraded").map(|rise| gates.degraded = rise.value.ratio()),
    ];
    parts.into_iter().fold(Ok(()), Read::and)
}

fn roll_back(fields: &Fields<'_>, facts: Facts<'_>, roll_back: &mut RollBack) -> Read<()> {
    let parts = [
        fields.get("alpha").map(|alpha| roll_back.alpha = alpha),
        fields.get("subjects").map(|subjects| roll_back.subjects = subjects),
        metrics(fields, facts).map(|metrics| roll_back.metrics = metrics),
    ];
    parts.into_iter().fold(Ok(()), Read::and)
}

fn metrics(fields: &Fields<'_>, facts: Facts<'_>) -> Read<Vec<Metric>> {
    if fields.is_absent("metrics") {
        let measured = |metric: &Metric| *metric != Metric::Mismatches || facts.compares;
        return Ok(Metric::ALL.into_iter().filter(measured).collect());
    }
    let (words, mut whole) = fields.placed_list::<&'static str>("metrics");
    let mut metrics = Vec::with_capacity(words.len());
    for Spanned { value: word, span } in words {
        match word.parse::<Metric>() {
            Ok(Metric::Mismatches) if !facts.compares => whole = Err(not_compared(span, facts, fields)),
            Ok(metric) if metrics.contains(&metric) => {
                let hint = Some("remove it: once is enough".to_owned());
                whole = Err(fields.problems().add(span, format!("the metric {word} stands twice"), hint));
            }
            Ok(metric) => metrics.push(metric),
            Err(error) => whole = Err(fields.problems().add(span, error.to_string(), None)),
        }
    }
    whole.map(|()| metrics)
}

fn not_compared(span: Span, facts: Facts<'_>, fields: &Fields<'_>) -> Reported {
    let message =
        format!("mismatches are found by comparing the sides, and {} has no shadow that does", facts.what);
    let hint = "write 'shadow: { sample: 10% }' in the unit, or remove it".to_owned();
    fields.problems().add(span, message, Some(hint))
}

/// Where the parts of a rollout stand.
struct Places<'a, 'p> {
    rollout: &'a Fields<'p>,
    gates: &'a Fields<'p>,
    roll_back: &'a Fields<'p>,
    stages: &'a [Spanned<Percent>],
}

impl Places<'_, '_> {
    /// The plan, or everything that is wrong with it where it stands.
    fn checked(&self, settings: Settings) -> Read<Plan> {
        let problems = self.rollout.problems();
        let mut whole = Ok(());
        for error in Plan::check(&settings) {
            let message = format!("{}: {}", error.field, error.what);
            whole = Err(problems.add(self.of(error.field), message, Some(error.hint)));
        }
        whole?;
        Plan::new(settings).map_err(|error| problems.add(self.rollout.span(), error.what, Some(error.hint)))
    }

    fn of(&self, field: Field) -> Span {
        let place = match field {
            Field::Stages => self.rollout.place("stages"),
            Field::Stage(index) => self.stages.get(index).map(|stage| stage.span),
            Field::Hold => self.rollout.place("hold"),
            Field::Requests => self.gates.place("requests"),
            Field::ExcessErrors => self.gates.place("excess_errors"),
            Field::LatencyP99 => self.gates.place("latency_p99"),
            Field::Mismatches => self.gates.place("mismatches"),
            Field::Degraded => self.gates.place("degraded"),
            Field::Alpha => self.roll_back.place("alpha"),
            Field::Subjects => self.roll_back.place("subjects"),
            Field::Metrics => self.roll_back.place("metrics"),
        };
        place.unwrap_or(self.rollout.span())
    }
}
