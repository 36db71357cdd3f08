//! Faults made on purpose, in the words of the config.

use std::{collections::BTreeMap, fmt, time::Duration};

use banyan_config::plan::{Chaos, ChaosFailure, ChaosWhen, Environment, Override, Plan};
use banyan_flags::Percent;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    ChaosTarget, SwitchedChaos,
    span::{self, seconds},
    switches::Hand,
};

/// Faults made on purpose, as the config's `chaos` says them. At least one of the shares is given.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChaosView {
    /// Share of requests that fail before the upstream is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "10%")]
    fail: Option<String>,
    /// How they fail: `status` (the usual) or `reset`.
    #[serde(skip_serializing_if = "Option::is_none")]
    fail_with: Option<&'static str>,
    /// The status they fail with; 503 unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 400, maximum = 599)]
    status: Option<u16>,
    /// Share of requests that are slowed; only with `by`.
    #[serde(skip_serializing_if = "Option::is_none")]
    slow: Option<String>,
    /// By how much; of two durations, by something between them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2s..5s")]
    by: Option<String>,
    /// Share of answers whose connection is reset within the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    reset: Option<String>,
    /// Share of answers whose body ends early and seems complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    truncate: Option<String>,
    /// Share of answers with changed bytes in the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    corrupt: Option<String>,
    /// Which requests it is about; all of them unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    when: Option<WhenView>,
}

/// Which requests faults are made for: those for which all of this holds.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WhenView {
    /// Share of subjects, always the same ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    subjects: Option<String>,
    /// Header fields that must be present with exactly these values.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, String>,
}

/// All faults, those of the config and those switched at run time.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FaultsView {
    /// `production`, `staging` or `development`. In production there are none and none can be switched.
    #[schema(example = "staging")]
    environment: &'static str,
    /// What the config says.
    configured: Vec<ConfiguredView>,
    /// What was switched at run time and holds instead. A route's faults come before those of its upstream.
    switched: Vec<SwitchedView>,
}

/// Faults of the config.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct ConfiguredView {
    /// `upstream` or `route`.
    target: &'static str,
    /// Name of the upstream, or path template of the route.
    name: String,
    /// Which; null: none on this route, whatever its upstream has.
    #[schema(value_type = Option<ChaosView>)]
    chaos: serde_json::Value,
    /// The same in words, without the values of header fields.
    #[schema(example = "fail 10% with 503")]
    says: String,
}

/// Faults switched at run time.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SwitchedView {
    /// `upstream` or `route`.
    target: &'static str,
    /// Name of the upstream, or path template of the route.
    #[schema(example = "/users/{id}")]
    name: String,
    /// Which; null: none, whatever the config says.
    chaos: Option<ChaosView>,
    /// The same in words, without the values of header fields.
    #[schema(example = "fail 10% with 503")]
    says: String,
    /// Seconds after which the config holds again.
    left: f64,
    /// Who switched it. Not `by`, which is a delay here.
    who: Option<String>,
    /// Why, in their words.
    why: Option<String>,
}

/// Whether something was ended.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ClearedView {
    /// `upstream` or `route`.
    pub(crate) target: &'static str,
    /// Name of the upstream, or path template of the route.
    pub(crate) name: String,
    /// False when nothing was switched.
    pub(crate) ended: bool,
}

impl FaultsView {
    pub(crate) fn new(plan: &Plan, mut switched: Vec<(SwitchedChaos, Option<Hand>)>) -> Self {
        // What was switched before a reload made this production is not in force here.
        switched.retain(|_| plan.environment.allows_chaos());
        Self {
            environment: environment(plan.environment),
            configured: configured(plan),
            switched: switched.into_iter().map(SwitchedView::from).collect(),
        }
    }
}

fn configured(plan: &Plan) -> Vec<ConfiguredView> {
    let upstreams = plan.upstreams.iter().filter_map(|upstream| {
        upstream.chaos.as_ref().map(|chaos| ("upstream", upstream.name.to_string(), Some(chaos)))
    });
    let routes = plan.routes.iter().filter_map(|route| match &route.policy.chaos {
        Override::Inherit => None,
        Override::Off => Some(("route", route.pattern.to_string(), None)),
        Override::Use(chaos) => Some(("route", route.pattern.to_string(), Some(chaos))),
    });
    let mut all = Vec::new();
    for (target, name, chaos) in upstreams.chain(routes) {
        let says = in_words(chaos);
        // Views are plain maps of texts, which cannot fail to be JSON.
        let chaos = serde_json::to_value(chaos.map(ChaosView::from)).unwrap_or_default();
        let view = ConfiguredView { target, name, chaos, says };
        // Routes with one template and the same faults, for several methods, are one to whoever reads this.
        if !all.contains(&view) {
            all.push(view);
        }
    }
    all
}

const fn environment(environment: Environment) -> &'static str {
    match environment {
        Environment::Production => "production",
        Environment::Staging => "staging",
        Environment::Development => "development",
    }
}

/// Faults in words.
pub(crate) fn in_words(chaos: Option<&Chaos>) -> String {
    chaos.map_or_else(|| "no faults".to_owned(), |chaos| ChaosView::from(chaos).to_string())
}

/// A target's kind and name.
pub(crate) fn parts(target: &ChaosTarget) -> (&'static str, String) {
    match target {
        ChaosTarget::Upstream(name) => ("upstream", name.to_string()),
        ChaosTarget::Route(template) => ("route", template.to_string()),
    }
}

impl From<(SwitchedChaos, Option<Hand>)> for SwitchedView {
    fn from((switched, hand): (SwitchedChaos, Option<Hand>)) -> Self {
        let (target, name) = parts(&switched.target);
        let (who, why) = hand.map(|hand| (hand.by, hand.why)).unzip();
        let chaos = switched.chaos.as_ref().map(ChaosView::from);
        let says = in_words(switched.chaos.as_ref());
        Self { target, name, chaos, says, left: seconds(switched.left), who, why }
    }
}

impl From<&Chaos> for ChaosView {
    fn from(chaos: &Chaos) -> Self {
        let share = |share: Percent| (share != Percent::ZERO).then(|| share.to_string());
        let (fail, slow) = (share(chaos.fail), share(chaos.slow));
        let status = match chaos.fail_with {
            ChaosFailure::Status(status) => Some(status),
            ChaosFailure::Reset => None,
        };
        Self {
            fail_with: (fail.is_some() && status.is_none()).then_some("reset"),
            status: status.filter(|_| fail.is_some()),
            fail,
            by: slow.is_some().then(|| delay(*chaos.by.start(), *chaos.by.end())),
            slow,
            reset: share(chaos.reset),
            truncate: share(chaos.truncate),
            corrupt: share(chaos.corrupt),
            when: WhenView::of(&chaos.when),
        }
    }
}

fn delay(from: Duration, to: Duration) -> String {
    if from == to { span::text(from) } else { format!("{}..{}", span::text(from), span::text(to)) }
}

impl WhenView {
    /// `None` when it is about every request.
    fn of(when: &ChaosWhen) -> Option<Self> {
        let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let headers: BTreeMap<_, _> =
            when.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
        let subjects = when.subjects.map(|share| share.to_string());
        (subjects.is_some() || !headers.is_empty()).then_some(Self { subjects, headers })
    }
}

/// `fail 10% with 503, slow 20% by 2s..5s, only with x-probe`. Without the values of fields, which may be secrets.
impl fmt::Display for ChaosView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let with = self.status.map_or_else(|| "reset".to_owned(), |status| status.to_string());
        let by = self.by.as_deref().unwrap_or_default();
        let faults = [
            self.fail.as_ref().map(|share| format!("fail {share} with {with}")),
            self.slow.as_ref().map(|share| format!("slow {share} by {by}")),
            self.reset.as_ref().map(|share| format!("reset {share}")),
            self.truncate.as_ref().map(|share| format!("truncate {share}")),
            self.corrupt.as_ref().map(|share| format!("corrupt {share}")),
        ];
        f.write_str(&faults.into_iter().flatten().collect::<Vec<_>>().join(", "))?;
        let Some(when) = &self.when else { return Ok(()) };
        if let Some(share) = &when.subjects {
            write!(f, ", only for {share} of subjects")?;
        }
        if !when.headers.is_empty() {
            let names = when.headers.keys().map(String::as_str).collect::<Vec<_>>();
            write!(f, ", only with {}", names.join(", "))?;
        }
        Ok(())
    }
}
