//! A kept answer as bytes, for the level that nodes share. Nothing that comes from there is trusted to be well formed.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use banyan_httpcache::{Basis, Lifetimes, Names};
use bytes::{Buf as _, BufMut as _, Bytes};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use super::entry::{Entry, Kind};

/// First byte of an answer, and of a list of the fields by which answers differ. Another layout gets other marks.
const ANSWER: u8 = 0x11;
const VARIES: u8 = 0x12;
/// Most fields of a head.
const MAX_FIELDS: usize = 512;

const ALWAYS_REVALIDATE: u8 = 1;
const CLIENT_MAY_TAKE_STALE: u8 = 2;
const ANONYMOUS: u8 = 4;

/// What was found under a name.
#[derive(Debug)]
pub(crate) enum Decoded {
    Answer(Box<Answer>),
    Varies(Names),
}

/// An answer that another node has kept.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Its age on arrival is its age now.
    pub(crate) lifetimes: Lifetimes,
    pub(crate) recompute: Duration,
    pub(crate) kind: Kind,
    pub(crate) missing: Option<Arc<str>>,
    pub(crate) anonymous: bool,
}

/// Encodes an answer; `stored_at` is when it came, by the wall clock.
pub(crate) fn encode(entry: &Entry, stored_at: SystemTime) -> Bytes {
    let mut out = Vec::with_capacity(entry.head.len() + entry.body.len() + 128);
    let lifetimes = &entry.lifetimes;
    let since = stored_at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let flags = [
        (lifetimes.always_revalidate, ALWAYS_REVALIDATE),
        (lifetimes.client_may_take_stale, CLIENT_MAY_TAKE_STALE),
        (entry.anonymous, ANONYMOUS),
    ];
    out.put_u8(ANSWER);
    out.put_u16(entry.status.as_u16());
    out.put_u8(flags.iter().filter(|(set, _)| *set).map(|(_, bit)| bit).sum());
    out.put_u8(entry.kind as u8);
    out.put_u64(millis(since));
    for time in [
        lifetimes.fresh_for,
        lifetimes.initial_age,
        lifetimes.stale_while_revalidate,
        lifetimes.stale_if_error,
        entry.recompute,
    ] {
        out.put_u64(millis(time));
    }
    text(&mut out, entry.missing.as_deref().unwrap_or_default().as_bytes());
    out.put_u16(u16::try_from(entry.headers.len()).unwrap_or(u16::MAX));
    for (name, value) in entry.headers.iter().take(usize::from(u16::MAX)) {
        text(&mut out, name.as_str().as_bytes());
        text(&mut out, value.as_bytes());
    }
    out.put_slice(&entry.body);
    out.into()
}

/// Encodes the fields by which answers differ.
pub(crate) fn encode_names(names: &Names) -> Bytes {
    let mut out = vec![VARIES];
    for (at, name) in names.iter().enumerate() {
        if at > 0 {
            out.put_slice(b", ");
        }
        out.put_slice(name.as_str().as_bytes());
    }
    out.into()
}

/// What the bytes say, or `None` when they say nothing that makes sense. `now` is the wall clock.
pub(crate) fn decode(mut bytes: Bytes, now: SystemTime) -> Option<Decoded> {
    match bytes.try_get_u8().ok()? {
        ANSWER => answer(bytes, now).map(Box::new).map(Decoded::Answer),
        VARIES => {
            let mut headers = HeaderMap::new();
            headers.insert(header::VARY, HeaderValue::from_maybe_shared(bytes).ok()?);
            Names::of(&headers).ok().map(Decoded::Varies)
        }
        _ => None,
    }
}

fn answer(mut bytes: Bytes, now: SystemTime) -> Option<Answer> {
    let status = StatusCode::from_u16(bytes.try_get_u16().ok()?).ok()?;
    let flags = bytes.try_get_u8().ok()?;
    let kind = bytes.try_get_u8().ok()?;
    let kind = Kind::ALL.into_iter().find(|known| *known as u8 == kind)?;
    let since = Duration::from_millis(bytes.try_get_u64().ok()?);
    let stored_at = SystemTime::UNIX_EPOCH.checked_add(since)?;
    let mut time = || Some(Duration::from_millis(bytes.try_get_u64().ok()?));
    let (fresh_for, initial_age) = (time()?, time()?);
    let (stale_while_revalidate, stale_if_error, recompute) = (time()?, time()?, time()?);
    let missing = String::from_utf8(taken(&mut bytes)?.into()).ok()?;
    let count = usize::from(bytes.try_get_u16().ok()?);
    if count > MAX_FIELDS {
        return None;
    }
    let mut headers = HeaderMap::with_capacity(count);
    for _ in 0..count {
        let name = HeaderName::from_bytes(&taken(&mut bytes)?).ok()?;
        headers.append(name, HeaderValue::from_maybe_shared(taken(&mut bytes)?).ok()?);
    }
    // A clock that is behind makes it no younger than it was.
    let resident = now.duration_since(stored_at).unwrap_or_default();
    Some(Answer {
        status,
        headers,
        body: bytes,
        lifetimes: Lifetimes {
            fresh_for,
            basis: Basis::MaxAge,
            initial_age: initial_age.saturating_add(resident),
            stale_while_revalidate,
            stale_if_error,
            always_revalidate: flags & ALWAYS_REVALIDATE != 0,
            client_may_take_stale: flags & CLIENT_MAY_TAKE_STALE != 0,
        },
        recompute,
        kind,
        missing: (!missing.is_empty()).then(|| missing.into()),
        anonymous: flags & ANONYMOUS != 0,
    })
}

fn text(out: &mut Vec<u8>, text: &[u8]) {
    out.put_u32(u32::try_from(text.len()).unwrap_or(u32::MAX));
    out.put_slice(text);
}

fn taken(bytes: &mut Bytes) -> Option<Bytes> {
    let length = usize::try_from(bytes.try_get_u32().ok()?).ok()?;
    (length <= bytes.len()).then(|| bytes.split_to(length))
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::time::Instant;

    use super::*;
    use crate::cache::entry::tests::draft;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn what_one_node_has_kept_another_finds_as_old_as_it_is() {
        let mut one = draft(Duration::from_secs(60), Instant::now());
        one.lifetimes.initial_age = Duration::from_secs(5);
        one.missing = Some("/reviews".into());
        one.kind = Kind::Degraded;
        let entry = Entry::new(one);
        let Some(Decoded::Answer(found)) = decode(encode(&entry, at(1000)), at(1010)) else { panic!("lost") };
        assert_eq!((found.status, &found.headers, &found.body), (entry.status, &entry.headers, &entry.body));
        assert_eq!(found.lifetimes.initial_age, Duration::from_secs(15));
        assert_eq!((found.kind, found.missing.as_deref()), (Kind::Degraded, Some("/reviews")));
        let Some(Decoded::Answer(found)) = decode(encode(&entry, at(1000)), at(10)) else { panic!("lost") };
        assert_eq!(found.lifetimes.initial_age, Duration::from_secs(5), "a clock that is behind");
    }

    #[test]
    fn names_come_back() {
        let mut headers = HeaderMap::new();
        headers.insert(header::VARY, HeaderValue::from_static("accept-language, accept"));
        let names = Names::of(&headers).unwrap();
        let Some(Decoded::Varies(found)) = decode(encode_names(&names), at(0)) else { panic!("lost") };
        assert_eq!(found, names);
    }

    proptest! {
        #[test]
        fn garbage_does_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200), mark in 0..3_u8) {
            let mut all = vec![[ANSWER, VARIES, 0][usize::from(mark)]];
            all.extend(bytes);
            let _decoded = decode(all.into(), at(1000));
        }

        #[test]
        fn a_truncated_answer_is_none_or_has_a_shorter_body(cut in 0..200_usize) {
            let whole = encode(&Entry::new(draft(Duration::from_secs(60), Instant::now())), at(1000));
            let cut = cut.min(whole.len());
            if let Some(Decoded::Answer(found)) = decode(whole.slice(..cut), at(1000)) {
                prop_assert!(found.body.len() <= 4 && b"body".starts_with(&found.body));
            }
        }
    }
}
