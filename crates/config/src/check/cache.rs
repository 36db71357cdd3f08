//! Where answers are kept.

use std::time::Duration;

use super::{rules::ordered, text::redis::Prefix};
use crate::{
    language::size_text,
    plan::{Cache, Redis, RedisUrl, Route, RouteCache, Warm},
    read::{Fields, Switch},
    report::Read,
    source::Span,
};

/// What the top of the file says about keeping answers, whether all of it could be read or not.
#[derive(Clone, Copy)]
pub(super) enum Caching {
    /// Nothing: routes that say it themselves keep answers.
    Unsaid,
    /// None are kept; it stands here.
    Off(Span),
    /// Every route that may keeps answers.
    On,
}

pub(super) fn read(root: &Fields<'_>) -> (Caching, Read<Option<Cache>>) {
    match root.switch("cache") {
        Ok(Switch::On(fields)) => (Caching::On, cache(fields).map(Some)),
        Ok(Switch::Off) => (root.place("cache").map_or(Caching::Unsaid, Caching::Off), Ok(None)),
        Ok(Switch::Absent) => (Caching::Unsaid, Ok(None)),
        Err(reported) => (Caching::Unsaid, Err(reported)),
    }
}

/// What is not said at the top, if there is a route that keeps answers.
pub(super) fn for_routes(routes: &[Route]) -> Option<Cache> {
    routes.iter().any(|route| route.cache != RouteCache::Off).then(Cache::default)
}

fn cache(fields: &Fields<'_>) -> Read<Cache> {
    let memory = fields.get::<u64>("memory");
    let max_object = memory.and_then(|memory| max_object(fields, memory));
    let redis = fields.maybe_object("redis").and_then(|fields| fields.map(redis).transpose());
    let warm = fields.switch("warm").and_then(|switch| switch.read(warm));
    Ok(Cache {
        memory: memory?,
        max_object: max_object?,
        redis: redis?,
        wait: fields.get::<Duration>("wait")?,
        warm: warm?.on(),
    })
}

/// One that took more would throw out too many others when it comes.
fn max_object(fields: &Fields<'_>, memory: u64) -> Read<u64> {
    let Some(max_object) = fields.maybe::<u64>("max_object")? else {
        return Ok(Cache::usual_max_object(memory));
    };
    if max_object.value <= memory / 4 {
        return Ok(max_object.value);
    }
    let (object, memory) = (size_text(max_object.value), size_text(memory));
    let message =
        format!("'max_object' ({object}) is more than a quarter of 'memory' ({memory}): a few would fill it");
    let hint = "lower 'max_object' or raise 'memory'".to_owned();
    Err(fields.problems().add(max_object.span, message, Some(hint)))
}

fn redis(fields: &Fields<'_>) -> Read<Redis> {
    let url = fields.text::<RedisUrl>("url");
    let (deadline, lease) = ordered(fields, "deadline", "lease");
    let prefix = fields.text::<Prefix>("prefix");
    Ok(Redis { url: url?.value, deadline: deadline?, lease: lease?, prefix: prefix?.value.0 })
}

fn warm(fields: &Fields<'_>) -> Read<Warm> {
    Ok(Warm {
        top: fields.get("top")?,
        every: fields.get("every")?,
        rate: fields.get("rate")?,
        ready_within: fields.get("ready_within")?,
    })
}
