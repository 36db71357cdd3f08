//! The routes of a unit by name, in the order that the data plane numbers them.

use banyan_config::plan::{Plan, Route, Target, Unit, UnitId};
use http::Method;

/// The names of a unit's routes, in the order of the plan: the first one is `RouteIndex(0)` of the unit's judge.
pub(crate) fn names(plan: &Plan, unit: &Unit) -> Vec<String> {
    let Some(id) = plan.units.iter().position(|other| other.name == unit.name).map(UnitId) else {
        return Vec::new();
    };
    plan.routes.iter().filter(|route| route.target == Target::Unit(id)).map(name).collect()
}

/// `GET /articles/{id}`. That GET takes HEAD along goes without saying.
fn name(route: &Route) -> String {
    let gets = route.methods.contains(&Method::GET);
    let said = route.methods.iter().filter(|method| !gets || **method != Method::HEAD);
    let methods: Vec<_> = said.map(Method::as_str).collect();
    let methods = if methods.is_empty() { "*".to_owned() } else { methods.join(",") };
    format!("{methods} {}", route.pattern)
}
