//! Routes against each other.
//!
//! At run time the most specific route wins: exact host before wildcard host before any host; then segment by segment
//! a literal before `{param}` before `{rest...}`, going back when method or headers do not fit; then more header
//! conditions before fewer; then a named method before `*`. Two routes get in each other's way only when nothing of
//! this tells them apart: same host, same template but for the names of parameters, same header conditions, and a
//! method in common. A general route below a specific one is always reachable, since no finite set of specific
//! templates, hosts, headers or methods covers a general one.

use std::collections::HashMap;

use http::{HeaderName, HeaderValue, Method};

use super::route::Draft;
use crate::{
    pattern::{Pattern, Segment},
    plan::{HostMatch, Route},
    read::Fields,
    report::{Problems, Read},
    source::Span,
};

/// What must differ for two routes to have the same method.
type Place = (Option<HostMatch>, Vec<Segment>, Vec<(HeaderName, HeaderValue)>);

/// The routes in the order of the file, if they are all good and there is at least one.
///
/// `all` says whether every route could be read.
pub(super) fn resolve(mut drafts: Vec<Draft>, all: Read<()>, root: &Fields<'_>) -> Read<Vec<Route>> {
    let problems = root.problems();
    drafts.sort_by_key(|draft| draft.place);
    for members in groups(&drafts) {
        yield_head(&mut drafts, &members);
        collide(&drafts, &members, problems);
    }
    all?;
    if drafts.is_empty() {
        let hint = "add 'routes: [ { match: \"* /{rest...}\", to: UPSTREAM } ]'".to_owned();
        let message = "the config has no route, so every request would be answered 404";
        return Err(problems.add(root.span(), message, Some(hint)));
    }
    drafts.into_iter().map(Draft::into_route).collect()
}

/// Indexes of routes that only their methods tell apart, in the order of the file; at least two each.
fn groups(drafts: &[Draft]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut by_place: HashMap<Place, usize> = HashMap::new();
    for (index, draft) in drafts.iter().enumerate() {
        let group = *by_place.entry(place(draft)).or_insert(groups.len());
        match groups.get_mut(group) {
            Some(members) => members.push(index),
            None => groups.push(vec![index]),
        }
    }
    groups.retain(|members| members.len() > 1);
    groups
}

fn place(draft: &Draft) -> Place {
    (draft.host.clone(), normalized(&draft.pattern), draft.headers.clone())
}

/// The template without the names of its parameters.
fn normalized(pattern: &Pattern) -> Vec<Segment> {
    let strip = |segment: &Segment| match segment {
        Segment::Literal(text) => Segment::Literal(text.clone()),
        Segment::Param(_) => Segment::Param(String::new()),
        Segment::Rest(_) => Segment::Rest(String::new()),
    };
    pattern.segments().iter().map(strip).collect()
}

/// GET answers HEAD only where no other route of the group names HEAD itself.
fn yield_head(drafts: &mut [Draft], members: &[usize]) {
    let named = |draft: &Draft| !draft.implied_head && draft.methods.contains(&Method::HEAD);
    if members.iter().any(|index| named(&drafts[*index])) {
        for index in members {
            let draft = &mut drafts[*index];
            if draft.implied_head {
                draft.methods.retain(|method| *method != Method::HEAD);
            }
        }
    }
}

/// Reports each route with a method that an earlier one of the group has.
fn collide(drafts: &[Draft], members: &[usize], problems: &Problems) {
    // `None` stands for `*`, which is a choice of its own: a named method wins over it.
    let mut taken: HashMap<Option<&Method>, Span> = HashMap::new();
    for draft in members.iter().map(|index| &drafts[*index]) {
        let methods = methods(draft);
        let lost = methods.iter().filter(|method| taken.contains_key(*method)).copied().collect::<Vec<_>>();
        if let Some(first) = lost.first().and_then(|method| taken.get(method)) {
            let same = members.iter().map(|index| &drafts[*index]).find(|other| other.place == *first);
            let same = same.is_some_and(|other| self::methods(other) == methods);
            report(draft, &lost, methods.len(), same, *first, problems);
        }
        for method in methods {
            taken.entry(method).or_insert(draft.place);
        }
    }
}

/// The methods a route was given, sorted; that HEAD comes with GET goes without saying.
fn methods(draft: &Draft) -> Vec<Option<&Method>> {
    if draft.methods.is_empty() {
        return vec![None];
    }
    let said = |method: &&Method| !draft.implied_head || **method != Method::HEAD;
    let mut methods = draft.methods.iter().filter(said).map(Some).collect::<Vec<_>>();
    methods.sort_unstable_by_key(|method| method.map(Method::as_str));
    methods
}

fn report(
    draft: &Draft,
    lost: &[Option<&Method>],
    methods: usize,
    same: bool,
    first: Span,
    problems: &Problems,
) {
    let names = lost.iter().map(|method| method.map_or("*", Method::as_str)).collect::<Vec<_>>().join("|");
    let pattern = &draft.pattern;
    let (message, hint) = if same {
        (format!("duplicate route: {names} {pattern} is routed on line {}", first.line), "remove one of them")
    } else if lost.len() == methods {
        (
            format!("unreachable route: {names} {pattern} is answered by the route on line {}", first.line),
            "remove it, or tell them apart by host, headers or path",
        )
    } else {
        (
            format!("conflicting routes: {names} {pattern} is also routed on line {}", first.line),
            "take the method away from one of them",
        )
    };
    problems.add_related(draft.place, message, Some(hint.to_owned()), (first, "first routed here"));
}
