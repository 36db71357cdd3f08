//! The level that nodes share, from the side of a fetch. Whatever goes wrong there, the upstream is asked as if there were
//! no such level.

use std::{sync::Arc, time::Duration};

use banyan_httpcache::{Names, Variant};
use banyan_l2::{Handle, Lookup, Token, Waited};
use bytes::Bytes;
use http::header;
use smallvec::SmallVec;
use tokio::time::Instant;

use super::{
    ask::{Fetch, wall_clock},
    codec::{self, Answer, Decoded},
    entry::{Draft, Entry},
    flights::Leader,
    key::shared_name,
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
    /// By what answers differ, as it stands there already.
    known: Option<Known>,
}

/// By what answers differ, as it lies under the plain name, and for how long it does.
#[derive(Clone)]
struct Known {
    names: Names,
    until: Instant,
}

/// Where an answer is looked for: under the plain name, or under that of a variant.
struct Place {
    name: banyan_l2::Key,
    variant: Variant,
    known: Option<Known>,
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
    let variant = Variant::default();
    let mut place = Place { name: shared_name(parts, &variant), variant, known: None };
    loop {
        let found = match obtain(handle, &place, fetch).await {
            Ok(found) => found,
            Err(lease) => return Second::Fetch(lease),
        };
        match codec::decode(found.value, wall_clock(fetch)) {
            Some(Decoded::Answer(answer)) => {
                let tags = found.tags.into_iter().map(Tag).collect();
                let entry = entry(fetch, leader, *answer, place.variant.clone(), tags);
                if entry.anonymous && fetch.fields.sent().contains_key(header::AUTHORIZATION) {
                    // It was given to somebody unknown; who says who they are may get something else.
                    return Second::Fetch(None);
                }
                if !entry.is_fresh(Instant::now() + WORTH) {
                    return Second::Fetch(lease_of(handle, &place).await);
                }
                let varies = place.known.map(|known| Varies { names: known.names });
                fetch.want.cache.keep(fetch.want.key, &entry, varies, leader.begun, Instant::now());
                leader.forget();
                return Second::Found(entry);
            }
            // Under the name of a variant lies an answer and nothing else.
            Some(Decoded::Varies(names)) if place.known.is_none() => {
                let Some(own) = names.variant(fetch.fields.sent()) else { return Second::Fetch(None) };
                let known = Known { names, until: Instant::now() + found.remaining };
                place = Place { name: shared_name(parts, &own), variant: own, known: Some(known) };
            }
            Some(Decoded::Varies(_)) | None => return Second::Fetch(None),
        }
    }
}

/// What lies there, perhaps only after somebody else has put it there; else the right to put something there, if it can
/// be had.
async fn obtain(handle: &Handle, place: &Place, fetch: &Fetch) -> Result<banyan_l2::Found, Option<Lease>> {
    match handle.get(&place.name).await {
        Lookup::Found(found) => return Ok(found),
        Lookup::Unavailable(_) => return Err(None),
        Lookup::Absent(_) => {}
    }
    match handle.lease(&place.name).await {
        banyan_l2::Lease::Won(token) => Err(Some(place.lease(token))),
        banyan_l2::Lease::Unavailable(_) => Err(None),
        banyan_l2::Lease::Held => match handle.wait_for(&place.name, fetch.want.cache.config.wait).await {
            Waited::Found(found) => Ok(found),
            Waited::GiveUp(_) => Err(lease_of(handle, place).await),
        },
    }
}

async fn lease_of(handle: &Handle, place: &Place) -> Option<Lease> {
    token_of(handle, &place.name).await.map(|token| place.lease(token))
}

async fn token_of(handle: &Handle, name: &banyan_l2::Key) -> Option<Token> {
    match handle.lease(name).await {
        banyan_l2::Lease::Won(token) => Some(token),
        banyan_l2::Lease::Held | banyan_l2::Lease::Unavailable(_) => None,
    }
}

impl Place {
    fn lease(&self, token: Token) -> Lease {
        Lease { token, name: self.name, known: self.known.clone() }
    }
}

impl Lease {
    /// Whether others find what varies by `names` for that long, without being told again.
    fn is_known(&self, names: &Names, life: Duration) -> bool {
        let lasts = |known: &&Known| known.until.saturating_duration_since(Instant::now()) >= life;
        self.known.as_ref().filter(lasts).is_some_and(|known| known.names == *names)
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
    let life = left.min(LONGEST_LIFE);
    let value = codec::encode(entry, wall_clock(fetch));
    // Under the plain name stands the answer, or by what answers differ; then each is under a name of its own.
    let fills = if names.is_empty() {
        [Some((plain, value, life)), None]
    } else {
        // Twice as long as one answer, so that not every variant has to say it anew.
        let twice = life.saturating_mul(2).min(LONGEST_LIFE);
        let said = (!own.is_known(&names, life)).then(|| (plain, codec::encode_names(&names), twice));
        [Some((particular, value, life)), said]
    };
    let mut others = Vec::new();
    let mut ours = None;
    for (name, value, life) in fills.into_iter().flatten() {
        if name == own.name {
            ours = Some((value, life));
        } else if let Some(token) = token_of(handle, &name).await {
            // All of it is as old as the question. With a moment of its own, what was invalidated during the fetch would
            // pass for new, and the other, with the earlier moment, would be refused for the sake of this one.
            others.push((token.as_of(&own.token), value, life));
        }
    }
    for (token, value, life) in others {
        put(token, value, life, &tags).await;
    }
    match ours {
        Some((value, life)) => put(own.token, value, life, &tags).await,
        None => own.token.release().await,
    }
}

async fn put(token: Token, value: Bytes, life: Duration, tags: &[u64]) {
    let fill = token.fill(value, life, tags).await;
    tracing::trace!(?fill, "an answer for the second level of the cache");
}
