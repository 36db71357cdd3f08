//! The cache for whoever looks after it: how full it is, what is in it, and throwing things away.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    entry::{Entry, Kind},
    key::{tag_of_name, tag_of_url},
    purges::Tag,
    shared::Cache,
};
use crate::router::normalize;

/// Most answers that are listed at once.
const MAX_LISTED: usize = 100;

/// How the cache is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheReport {
    /// Bytes that kept answers may take.
    pub memory: u64,
    /// Bytes that they take.
    pub used: u64,
    /// Things kept: answers, and lists of the fields by which answers differ.
    pub items: usize,
    /// Answers that had to go for others, so far.
    pub evictions: u64,
    /// Answers kept so far, by kind: `complete`, `degraded`, `negative`.
    pub stored: Vec<(&'static str, u64)>,
    /// Fetches under way.
    pub fetches: usize,
    /// Bytes of answers on their way that these hold.
    pub held: usize,
    /// Invalidated tags that are remembered until the next sweep.
    pub invalidated: usize,
    /// The level that nodes share, when there is one.
    pub second: Option<SecondReport>,
}

/// How the level is that nodes share. All are counts since the start, but for `queued`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecondReport {
    /// Whatever was counted, by name.
    pub counts: Vec<(&'static str, u64)>,
    /// Invalidations that it does not know of yet.
    pub queued: usize,
}

/// A kept answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CachedAnswer {
    /// Scheme, host, path and query, as it was asked for.
    pub url: String,
    /// Whom it is from: the side, in units.
    pub upstream: Arc<str>,
    /// Status.
    pub status: u16,
    /// `complete`, `degraded`, `negative`.
    pub kind: &'static str,
    /// The part that is missing from a degraded one.
    pub missing: Option<Arc<str>>,
    /// How old it is.
    pub age: Duration,
    /// Seconds of freshness left, negative when it is stale.
    pub ttl: i64,
    /// How long it took to get.
    pub took: Duration,
    /// Bytes it takes.
    pub weight: u64,
    /// Bytes of its body.
    pub body: usize,
    /// Request fields that select it.
    pub vary: Vec<String>,
    /// Its fields, those that say nothing but what it is: of the others only the names.
    pub headers: Vec<(String, Option<String>)>,
}

/// What is to be thrown away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purge {
    /// All answers to one URL, whatever they vary by and whoever they are from.
    Url {
        /// Host, with its port if it has one.
        host: String,
        /// Path and query.
        target: String,
    },
    /// All that carry a tag: of the config, or of `Surrogate-Key`.
    Tag(String),
    /// All whose host, path and query fit a pattern, in which `*` stands for any text.
    Pattern(String),
    /// Everything.
    All,
}

impl Cache {
    /// How it is.
    pub(crate) fn report(&self) -> CacheReport {
        CacheReport {
            memory: self.config.memory,
            used: self.store.weight(),
            items: self.store.len(),
            evictions: self.store.evictions(),
            stored: Kind::ALL.map(|kind| (kind.as_str(), self.stored(kind))).to_vec(),
            fetches: self.flights.len(),
            held: self.flights.held(),
            invalidated: self.purges.len(),
            second: self
                .level
                .as_ref()
                .map(|level| SecondReport { counts: level.counts(), queued: level.queued() }),
        }
    }

    /// The answers to a URL: all variants, from all sides. Walks through all entries.
    pub(crate) fn inspect(&self, host: &str, target: &str, now: Instant) -> Vec<CachedAnswer> {
        let is_meant = |entry: &Entry| {
            let label = &entry.label;
            *label.target == *target && label.host.as_bytes().eq_ignore_ascii_case(host.as_bytes())
        };
        let found = self.store.find(MAX_LISTED, is_meant);
        found
            .iter()
            .filter(|entry| self.purges.stands(&entry.standing, &entry.tags))
            .map(|entry| answer(entry, now))
            .collect()
    }

    /// Throws away what is meant, and says how many answers went from memory.
    pub(crate) fn throw_away(&self, purge: &Purge) -> usize {
        match purge {
            Purge::All => self.purge_all(),
            Purge::Tag(tag) => self.drop_tagged(&[tag_of_name(tag)]),
            Purge::Url { host, target } => {
                let (path, query) =
                    target.split_once('?').map_or((&**target, None), |(path, query)| (path, Some(query)));
                let path = normalize(path);
                let mut tags = vec![tag_of_url(host, &path, query)];
                if query.is_some() {
                    // Where the key takes no part of the query.
                    tags.push(tag_of_url(host, &path, None));
                }
                self.drop_tagged(&tags)
            }
            Purge::Pattern(pattern) => {
                let pattern = pattern.to_ascii_lowercase();
                self.purge(|entry| {
                    let host = entry.label.host.to_str().unwrap_or_default();
                    fits(&pattern, &format!("{host}{}", entry.label.target).to_ascii_lowercase())
                })
            }
        }
    }

    fn drop_tagged(&self, tags: &[Tag]) -> usize {
        self.invalidate(tags);
        self.store.retain(|entry| !entry.tags.iter().any(|tag| tags.contains(tag)))
    }
}

fn answer(entry: &Entry, now: Instant) -> CachedAnswer {
    let (label, age) = (&entry.label, entry.age(now));
    let scheme = if label.secure { "https" } else { "http" };
    let names = banyan_httpcache::Names::of(&entry.headers).unwrap_or_default();
    CachedAnswer {
        url: format!("{scheme}://{}{}", label.host.to_str().unwrap_or_default(), label.target),
        upstream: label.upstream.clone(),
        status: entry.status.as_u16(),
        kind: entry.kind.as_str(),
        missing: entry.missing.clone(),
        age,
        ttl: entry.lifetimes.ttl(age),
        took: entry.recompute,
        weight: entry.weight,
        body: entry.body.len(),
        vary: names.iter().map(ToString::to_string).collect(),
        headers: entry.headers.iter().map(|(name, value)| shown(name, value)).collect(),
    }
}

/// Fields whose values say how an answer is kept, and nothing about anybody.
fn shown(name: &http::HeaderName, value: &http::HeaderValue) -> (String, Option<String>) {
    let is_plain = matches!(
        name.as_str(),
        "age"
            | "cache-control"
            | "cache-groups"
            | "cdn-cache-control"
            | "content-encoding"
            | "content-language"
            | "content-length"
            | "content-type"
            | "date"
            | "etag"
            | "expires"
            | "last-modified"
            | "vary"
    );
    (name.to_string(), value.to_str().ok().filter(|_| is_plain).map(ToOwned::to_owned))
}

/// Whether a text fits a pattern in which `*` stands for any text.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let (middle, last) = rest.rsplit_once('*').map_or(("", rest), |(middle, last)| (middle, last));
    for part in middle.split('*').filter(|part| !part.is_empty()) {
        // The first place is as good as any: what follows can only have more room behind it.
        let Some(at) = text.find(part) else { return false };
        text = &text[at + part.len()..];
    }
    text.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, text, expected) in [
            ("a.example/*", "a.example/x?y=1", true),
            ("*", "", true),
            ("*/users/*", "a.example/users/7", true),
            ("*/users/*/posts", "a.example/users/7/posts", true),
            ("*/users/*/posts", "a.example/users/7/post", false),
            ("a*a", "a", false),
            ("a*b*c", "a-b-b-c", true),
            ("a.example/x", "a.example/x", true),
            ("a.example/x", "a.example/x?", false),
        ] {
            assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
        }
    }
}
