//! The level that nodes share, from the side of a fetch. Whatever goes wrong there, the upstream is asked as if there were
//! no such level.

use std::{sync::Arc, time::Duration};

use banyan_httpcache::{Names, Variant};
use banyan_l2::{Handle, Lookup, Token, Waited};
use http::header;
use smallvec::SmallVec;
use tokio::time::Instant;

use super::{
    codec::{self, Answer, Decoded},
    entry::{Draft, Entry},
    flights::Leader,
    key::shared_name,
    lead::{Fetch, wall_clock},
    level::LONGEST_LIFE,
    purges::Tag,
    store::Varies,
};

/// How long before its end an answer of another node is of no use: it would be stale on arrival.
const WORTH: Duration = Duration::from_millis(50);

/// The right to put something there, and under which name.
pub(crate) struct Lease {
    token: Token,
    name: banyan_l2::Key,
}

/// What asking the level gave.
pub(crate) enum Second {
    /// An answer that is fresh. It is in memory too by now.
    Found(Arc<Entry>),
    /// The upstream has to be asked.
    Fetch(Option<Lease>),
}

/// Looks for an answer there, or waits for the node that fetches it already.
pub(crate) async fn find(fetch: &Fetch, leader: &Leader) -> Second {
    let Some(handle) = fetch.local.level.as_ref() else { return Second::Fetch(None) };
    // Who wants it validated, or has an older one, would not be served by what another node has kept.
    let asked = &fetch.want.asked;
    if asked.no_cache || asked.max_age.is_some() || asked.min_fresh.is_some() {
        return Second::Fetch(None);
    }
    let parts = &fetch.want.parts;
    let (mut name, mut variant, mut varies) =
        (shared_name(parts, &Variant::default()), Variant::default(), None);
    let mut found = handle.get(&name).await;
    if let Lookup::Found(value) = &found
        && let Some(Decoded::Varies(names)) = codec::decode(value.value.clone(), wall_clock(fetch))
    {
        let Some(own) = names.variant(fetch.fields.sent()) else { return Second::Fetch(None) };
        name = shared_name(parts, &own);
        (variant, varies) = (own, Some(names));
        found = handle.get(&name).await;
    }
    let value = match found {
        Lookup::Found(found) => Some(found),
        Lookup::Unavailable(_) => return Second::Fetch(None),
        Lookup::Absent(_) => None,
    };
    let value = match value {
        Some(value) => value,
        None => match wait(handle, &name, fetch).await {
            Ok(found) => found,
            Err(lease) => return Second::Fetch(lease),
        },
    };
    match codec::decode(value.value, wall_clock(fetch)) {
        Some(Decoded::Answer(answer)) => {
            let tags = value.tags.into_iter().map(Tag).collect();
            let entry = entry(fetch, leader, *answer, variant, tags);
            if entry.anonymous && fetch.fields.sent().contains_key(header::AUTHORIZATION) {
                // It was given to somebody unknown; who says who they are may get something else.
                return Second::Fetch(None);
            }
            if !entry.is_fresh(Instant::now() + WORTH) {
                return Second::Fetch(lease_of(handle, &name).await);
            }
            let varies = varies.map(|names| Varies { names });
            fetch.want.cache.keep(fetch.want.key, &entry, varies, leader.begun, Instant::now());
            leader.forget();
            Second::Found(entry)
        }
        _ => Second::Fetch(None),
    }
}

/// Takes the lease, or waits until somebody else has put the answer there.
async fn wait(
    handle: &Handle,
    name: &banyan_l2::Key,
    fetch: &Fetch,
) -> Result<banyan_l2::Found, Option<Lease>> {
    match handle.lease(name).await {
        banyan_l2::Lease::Won(token) => Err(Some(Lease { token, name: *name })),
        banyan_l2::Lease::Unavailable(_) => Err(None),
        banyan_l2::Lease::Held => match handle.wait_for(name, fetch.want.cache.config.wait).await {
            Waited::Found(found) => Ok(found),
            Waited::GiveUp(_) => Err(lease_of(handle, name).await),
        },
    }
}

async fn lease_of(handle: &Handle, name: &banyan_l2::Key) -> Option<Lease> {
    match handle.lease(name).await {
        banyan_l2::Lease::Won(token) => Some(Lease { token, name: *name }),
        banyan_l2::Lease::Held | banyan_l2::Lease::Unavailable(_) => None,
    }
}

fn entry(
    fetch: &Fetch,
    leader: &Leader,
    answer: Answer,
    variant: Variant,
    tags: SmallVec<[Tag; 4]>,
) -> Arc<Entry> {
    let compiled = &fetch.local.compiled;
    Entry::new(Draft {
        status: answer.status,
        headers: answer.headers,
        body: answer.body,
        lifetimes: answer.lifetimes,
        stored: Instant::now(),
        recompute: answer.recompute,
        kind: answer.kind,
        missing: answer.missing,
        anonymous: answer.anonymous,
        tags,
        begun: leader.begun,
        variant,
        label: fetch.want.label.clone(),
        beta: compiled.cached[fetch.want.route].as_ref().map_or(0.0, |route| route.early),
    })
}

/// Puts an answer there for the other nodes.
pub(crate) async fn fill(fetch: &Fetch, entry: &Entry, lease: Option<Lease>) {
    let (Some(handle), Some(own)) = (fetch.local.level.as_ref(), lease) else { return };
    let left = entry.fresh_until.saturating_duration_since(Instant::now());
    if left <= WORTH {
        return own.token.release().await;
    }
    let parts = &fetch.want.parts;
    let names = Names::of(&entry.headers).unwrap_or_default();
    let tags: Vec<u64> = entry.tags.iter().map(|tag| tag.0).collect();
    let (plain, particular) = (shared_name(parts, &Variant::default()), shared_name(parts, &entry.variant));
    let value = codec::encode(entry, wall_clock(fetch));
    let life = left.min(LONGEST_LIFE);
    // Under the plain name stands the answer, or by what answers differ; then each is under a name of its own.
    let fills = if names.is_empty() {
        [Some((plain, value)), None]
    } else {
        [Some((particular, value)), Some((plain, codec::encode_names(&names)))]
    };
    let mut own = Some(own);
    for (name, value) in fills.into_iter().flatten() {
        let held = match own.take_if(|own| own.name == name) {
            Some(own) => Some(own),
            None => lease_of(handle, &name).await,
        };
        if let Some(held) = held {
            let fill = held.token.fill(value, life, &tags).await;
            tracing::trace!(?fill, "an answer for the second level of the cache");
        }
    }
    if let Some(own) = own {
        own.token.release().await;
    }
}
