//! Faults made on purpose: look, switch for a while, let the config hold again.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
};
use banyan_config::plan::{Chaos, Plan, Target};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::{Outcome, Shared};
use crate::{
    ChaosRefused, ChaosTarget,
    extract::{Body, Reason},
    problem::Problem,
    refusal::{in_production, unknown},
    span::lasts,
    view::{ChaosView, ClearedView, FaultsView, SwitchedView, parts},
};

/// Faults to switch: what the config's `chaos` says, or `off`.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct Faults {
    /// No faults, whatever the config says.
    #[serde(default)]
    off: bool,
    /// For how long, 1s to 24h; 10m unless given. Then the config holds again.
    #[schema(example = "10m")]
    r#for: Option<String>,
    /// Who; `admin` unless given. At most 1,000 characters. Not `by`, which is a delay here.
    #[schema(max_length = 1000)]
    who: Option<String>,
    /// Why, for the audit log. At most 1,000 characters.
    #[schema(max_length = 1000)]
    why: Option<String>,
    /// Everything else is left to the tables of the config, so that one rule holds for both.
    #[serde(flatten)]
    #[schema(value_type = ChaosView)]
    chaos: Map<String, Value>,
}

/// Which routes.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Template {
    /// Their path template, as the config has it.
    #[param(example = "/users/{id}")]
    path: String,
    /// Who; `admin` unless given. Only to end something; at most 1,000 characters.
    by: Option<String>,
    /// Why, for the audit log. Only to end something; at most 1,000 characters.
    why: Option<String>,
}

type Queried<T> = Result<Query<T>, QueryRejection>;

/// All faults, those of the config and those switched at run time.
#[utoipa::path(
    get, path = "/v1/chaos", operation_id = "list_chaos", security(("token" = [])),
    responses((status = 200, body = FaultsView), (status = 401, body = Problem))
)]
pub(super) async fn list(State(shared): State<Shared>) -> Json<FaultsView> {
    Json(FaultsView::new(&shared.standing.plan(), shared.switches.chaos()))
}

/// Makes faults for the calls to an upstream, for a while. Refused in production. Not stored: a restart ends it.
#[utoipa::path(
    put, path = "/v1/chaos/upstreams/{name}", operation_id = "set_upstream_chaos", security(("token" = [])),
    params(("name" = String, Path)), request_body = Faults,
    responses(
        (status = 200, body = SwitchedView), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem)
    )
)]
pub(super) async fn set_upstream(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    Body(faults): Body<Faults>,
) -> Outcome<Json<SwitchedView>> {
    set(&shared, ChaosTarget::Upstream(name.into()), faults)
}

/// Makes faults for the calls of routes, for a while; they come before those of the upstream. Refused in production. Not
/// stored: a restart ends it.
#[utoipa::path(
    put, path = "/v1/chaos/routes", operation_id = "set_route_chaos", security(("token" = [])),
    params(Template), request_body = Faults,
    responses(
        (status = 200, body = SwitchedView), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem)
    )
)]
pub(super) async fn set_route(
    State(shared): State<Shared>,
    template: Queried<Template>,
    Body(faults): Body<Faults>,
) -> Outcome<Json<SwitchedView>> {
    set(&shared, ChaosTarget::Route(queried(template)?.path.into()), faults)
}

/// Lets the config hold again for an upstream.
#[utoipa::path(
    delete, path = "/v1/chaos/upstreams/{name}", operation_id = "clear_upstream_chaos",
    security(("token" = [])), params(("name" = String, Path), Reason),
    responses(
        (status = 200, body = ClearedView), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem)
    )
)]
pub(super) async fn clear_upstream(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    reason: Queried<Reason>,
) -> Outcome<Json<ClearedView>> {
    clear(&shared, ChaosTarget::Upstream(name.into()), queried(reason)?)
}

/// Lets the config hold again for routes.
#[utoipa::path(
    delete, path = "/v1/chaos/routes", operation_id = "clear_route_chaos", security(("token" = [])),
    params(Template),
    responses(
        (status = 200, body = ClearedView), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem)
    )
)]
pub(super) async fn clear_route(
    State(shared): State<Shared>,
    template: Queried<Template>,
) -> Outcome<Json<ClearedView>> {
    let Template { path, by, why } = queried(template)?;
    clear(&shared, ChaosTarget::Route(path.into()), Reason::new(by, why))
}

fn queried<T>(query: Queried<T>) -> Outcome<T> {
    query.map(|Query(query)| query).map_err(|error| Problem::invalid(error.body_text()))
}

fn set(shared: &Shared, target: ChaosTarget, faults: Faults) -> Outcome<Json<SwitchedView>> {
    let plan = shared.standing.plan();
    // Before the body: whoever is in production should hear that, and not first mend what they wrote.
    may_have(&plan, &target)?;
    let hand = Reason::new(faults.who, faults.why).hand()?;
    let lasts = lasts(faults.r#for.as_deref())?;
    let chaos = read(faults.off, &faults.chaos)?;
    has_subjects(&plan, &target, chaos.as_ref())?;
    shared
        .switches
        .set_chaos(&target, chaos, lasts, hand)
        .map_err(|refused| problem(&plan, &target, refused))?;
    let mut switched = shared.switches.chaos().into_iter();
    // Somebody else may have ended it by now.
    let found = switched.find(|(switched, _)| switched.target == target).ok_or_else(|| {
        let detail = format!("the faults of {target} were ended again in the meantime");
        Problem::new(http::StatusCode::CONFLICT, "ended", "Ended in the meantime", detail)
    })?;
    Ok(Json(SwitchedView::from(found)))
}

fn clear(shared: &Shared, target: ChaosTarget, reason: Reason) -> Outcome<Json<ClearedView>> {
    let hand = reason.hand()?;
    let ended = shared.switches.clear_chaos(&target, &hand);
    let ended = ended.map_err(|refused| problem(&shared.standing.plan(), &target, refused))?;
    let (target, name) = parts(&target);
    Ok(Json(ClearedView { target, name, ended }))
}

/// `None` when faults are to be off.
fn read(off: bool, chaos: &Map<String, Value>) -> Outcome<Option<Chaos>> {
    if off {
        return match chaos.keys().next() {
            None => Ok(None),
            Some(key) => {
                Err(Problem::invalid(format!("with 'off' there are no faults: remove it, or remove '{key}'")))
            }
        };
    }
    // JSON is YAML, so the config's own reader takes it.
    let text = Value::Object(chaos.clone()).to_string();
    banyan_config::parse_chaos(&text).map(Some).map_err(|report| {
        let said = |problem: &banyan_config::Problem| match &problem.hint {
            Some(hint) => format!("{} ({hint})", problem.message),
            None => problem.message.clone(),
        };
        Problem::invalid(report.problems().iter().map(said).collect::<Vec<_>>().join("; "))
    })
}

fn may_have(plan: &Plan, target: &ChaosTarget) -> Outcome<()> {
    if !plan.environment.allows_chaos() {
        return Err(problem(plan, target, ChaosRefused::Production));
    }
    let known = match target {
        ChaosTarget::Upstream(name) => plan.upstreams.iter().any(|upstream| upstream.name == *name),
        ChaosTarget::Route(template) => templates(plan).contains(template),
    };
    if known { Ok(()) } else { Err(problem(plan, target, ChaosRefused::Unknown)) }
}

/// As in the config: a share of subjects says something only where requests have one.
fn has_subjects(plan: &Plan, target: &ChaosTarget, chaos: Option<&Chaos>) -> Outcome<()> {
    let ChaosTarget::Route(template) = target else { return Ok(()) };
    let mut routes = plan.routes.iter().filter(|route| *route.pattern.to_string() == **template);
    let by_subject = chaos.is_some_and(|chaos| chaos.when.subjects.is_some());
    if !by_subject || routes.any(|route| matches!(route.target, Target::Unit(_))) {
        return Ok(());
    }
    let detail = "a route outside units knows no subject, so nobody would be in this share of them: use \
                  'headers', or write the share with the fault, such as 'fail: 5%'";
    Err(Problem::invalid(detail))
}

fn problem(plan: &Plan, target: &ChaosTarget, refused: ChaosRefused) -> Problem {
    match (refused, target) {
        (ChaosRefused::Production, _) => in_production(),
        (ChaosRefused::Unknown, ChaosTarget::Upstream(name)) => {
            unknown("upstream", name, plan.upstreams.iter().map(|upstream| &*upstream.name))
        }
        (ChaosRefused::Unknown, ChaosTarget::Route(template)) => {
            unknown("route", template, templates(plan).iter().map(|template| &**template))
        }
    }
}

/// The path templates of all routes, each once, in the order of the config.
fn templates(plan: &Plan) -> Vec<Arc<str>> {
    let mut all: Vec<Arc<str>> = Vec::new();
    for route in &plan.routes {
        let template = route.pattern.to_string();
        if !all.iter().any(|known| **known == *template) {
            all.push(template.into());
        }
    }
    all
}
