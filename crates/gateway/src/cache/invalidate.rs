//! What a write makes untrue (RFC 9111 section 4.4, RFC 9875 section 3, and what the route says).

use banyan_config::plan::Route;
use banyan_httpcache::{Target, invalidated, is_unsafe, tags};
use http::{HeaderValue, Method, Uri};
use smallvec::SmallVec;

use super::{
    key::{tag_of_group, tag_of_url},
    purges::Tag,
    rules::filled,
};
use crate::{router::normalize, wire::answer::Reply, worker::Local};

/// A request that may have changed something.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Written<'a> {
    pub(crate) method: &'a Method,
    pub(crate) target: &'a Uri,
    pub(crate) host: &'a HeaderValue,
    pub(crate) secure: bool,
}

/// Invalidates what a request has made untrue, before anybody is told that it was done: who wrote finds what they wrote.
pub(crate) async fn after(local: &Local, route: &Route, written: &Written<'_>, answer: &Reply) {
    let Some(cache) = &local.compiled.cache else { return };
    if !is_unsafe(written.method) && route.invalidates.is_empty() {
        return;
    }
    if !(answer.status().is_success() || answer.status().is_redirection()) {
        return;
    }
    let groups = tags::invalidated_groups(written.method, answer.headers());
    if groups.is_err() {
        // They are too many to be told one by one, and what they name is of this origin.
        let host = written.host.as_bytes();
        cache.purge(|entry| entry.label.host.as_bytes().eq_ignore_ascii_case(host));
    }
    let tags = untrue(route, written, answer, &groups.unwrap_or_default());
    if tags.is_empty() {
        return;
    }
    cache.purges.invalidate(tags.iter().copied());
    if let Some(level) = &local.level {
        // As long as one call to it may take, so that another node does not give what was just changed.
        let numbers: SmallVec<[u64; 8]> = tags.iter().map(|tag| tag.0).collect();
        let delivery = level.invalidate(&numbers).await;
        tracing::trace!(?delivery, "told the second level of the cache");
    }
}

fn untrue(route: &Route, written: &Written<'_>, answer: &Reply, groups: &[String]) -> SmallVec<[Tag; 8]> {
    let host = written.host.to_str().unwrap_or_default();
    let target = Target {
        scheme: if written.secure { "https" } else { "http" },
        authority: host,
        path_and_query: written.target.path_and_query().map_or("/", http::uri::PathAndQuery::as_str),
    };
    let mut untrue = SmallVec::new();
    for path in invalidated(written.method, target, answer.status(), answer.headers()) {
        let (path, query) = path.split_once('?').map_or((&*path, None), |(path, query)| (path, Some(query)));
        let path = normalize(path);
        // Where the key takes no part of the query, the answer is to the path alone.
        untrue.push(tag_of_url(host, &path, None));
        if query.is_some() {
            untrue.push(tag_of_url(host, &path, query));
        }
    }
    untrue.extend(groups.iter().map(|group| tag_of_group(host, group)));
    untrue.extend(filled(&route.invalidates, &route.pattern, &normalize(written.target.path())));
    untrue
}
