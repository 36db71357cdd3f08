//! A kept answer.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use banyan_http1::{encode_field, encode_status_line};
use banyan_httpcache::{Lifetimes, Variant};
use banyan_resilience::cache::early;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Version, header};
use smallvec::SmallVec;
use tokio::time::Instant;

use super::purges::{Moment, Standing, Tag};

/// What an entry takes besides its bytes: the value itself, its counters, and a map of fields.
const OVERHEAD: u64 = 640;
/// What a field takes in the map besides its text.
const FIELD: u64 = 96;

/// Whether an answer is what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It is.
    Complete,
    /// Parts of it are missing.
    Degraded,
    /// There is nothing of that name.
    Negative,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Complete, Self::Degraded, Self::Negative];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Degraded => "degraded",
            Self::Negative => "negative",
        }
    }
}

/// What was asked for, for people and for those who fetch it again.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Label {
    pub(crate) host: HeaderValue,
    /// Path and query as the client sent them.
    pub(crate) target: Box<str>,
    /// Whom the answer is from: the side, in units.
    pub(crate) upstream: Arc<str>,
    /// Whether it was asked for over TLS.
    pub(crate) secure: bool,
}

/// A kept answer. Immutable but for what is known of its standing.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) status: StatusCode,
    /// The end-to-end fields. Their values lie in `head`.
    pub(crate) headers: HeaderMap,
    /// Status line and fields as they are sent over HTTP/1.1, without the empty line behind them.
    pub(crate) head: Bytes,
    pub(crate) body: Bytes,
    pub(crate) lifetimes: Lifetimes,
    /// When it came, or was last said to hold.
    pub(crate) stored: Instant,
    /// Until when it is fresh by its own rules; a moment in the past for what always has to be validated.
    pub(crate) fresh_until: Instant,
    /// From when on a request may find that it is time to fetch it anew.
    pub(crate) early_from: Instant,
    /// How long it took to get.
    pub(crate) recompute: Duration,
    pub(crate) kind: Kind,
    /// A part that is missing, for one that is degraded.
    pub(crate) missing: Option<Arc<str>>,
    /// Whether it was given to somebody unknown and does not say that it is for everybody.
    pub(crate) anonymous: bool,
    pub(crate) tags: SmallVec<[Tag; 4]>,
    pub(crate) standing: Standing,
    /// What the request had for the fields that the answer varies by.
    pub(crate) variant: Variant,
    pub(crate) label: Arc<Label>,
    /// It lies in the cache no more: replaced, pushed out or purged.
    gone: AtomicBool,
    /// Bytes it takes.
    pub(crate) weight: u64,
}

/// An answer that is about to be kept.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) lifetimes: Lifetimes,
    pub(crate) stored: Instant,
    pub(crate) recompute: Duration,
    pub(crate) kind: Kind,
    pub(crate) missing: Option<Arc<str>>,
    pub(crate) anonymous: bool,
    pub(crate) tags: SmallVec<[Tag; 4]>,
    pub(crate) begun: Moment,
    pub(crate) variant: Variant,
    pub(crate) label: Arc<Label>,
    /// XFetch's beta.
    pub(crate) beta: f64,
}

impl Entry {
    /// Keeps an answer: its fields lie in one piece of memory of their own, so that nothing else is held for their sake.
    pub(crate) fn new(draft: Draft) -> Arc<Self> {
        let Draft { status, mut headers, body, lifetimes, stored, .. } = draft;
        headers.remove(header::TRANSFER_ENCODING);
        if status != StatusCode::NO_CONTENT {
            headers.insert(header::CONTENT_LENGTH, body.len().into());
        }
        let (head, headers) = compact(status, &headers);
        let left = lifetimes.fresh_for.saturating_sub(lifetimes.initial_age);
        let left = if lifetimes.always_revalidate { Duration::ZERO } else { left };
        let fresh_until = stored + left;
        let gap = early::lead(draft.recompute, draft.beta);
        let text = head.len() as u64 + body.len() as u64 + draft.label.target.len() as u64;
        let fields = headers.len() as u64 * FIELD;
        Arc::new(Self {
            status,
            headers,
            head,
            body,
            lifetimes,
            stored,
            fresh_until,
            early_from: fresh_until.checked_sub(gap).unwrap_or(stored),
            recompute: draft.recompute,
            kind: draft.kind,
            missing: draft.missing,
            anonymous: draft.anonymous,
            tags: draft.tags,
            standing: Standing::since(draft.begun),
            gone: AtomicBool::new(false),
            weight: OVERHEAD + fields + text + draft.variant.as_bytes().len() as u64,
            variant: draft.variant,
            label: draft.label,
        })
    }

    /// How old it is.
    pub(crate) fn age(&self, now: Instant) -> Duration {
        self.lifetimes.age(now.saturating_duration_since(self.stored))
    }

    /// Whether it is fresh by its own rules.
    pub(crate) fn is_fresh(&self, now: Instant) -> bool {
        now < self.fresh_until
    }

    /// Notes that it lies in the cache no more.
    pub(crate) fn is_out(&self) {
        self.gone.store(true, Relaxed);
    }

    /// Whether it lies in the cache no more.
    pub(crate) fn is_gone(&self) -> bool {
        self.gone.load(Relaxed)
    }

    /// Whether it says what it could be validated by.
    pub(crate) fn has_validator(&self) -> bool {
        self.headers.contains_key(header::ETAG) || self.headers.contains_key(header::LAST_MODIFIED)
    }
}

/// The head as it is sent, and its fields as parts of it.
fn compact(status: StatusCode, headers: &HeaderMap) -> (Bytes, HeaderMap) {
    let mut line = BytesMut::new();
    encode_status_line(&mut line, Version::HTTP_11, status);
    let mut places: Vec<(HeaderName, usize, usize)> = Vec::with_capacity(headers.len());
    for (name, value) in headers {
        let from = line.len() + name.as_str().len() + 2;
        encode_field(&mut line, name, value);
        places.push((name.clone(), from, from + value.len()));
    }
    let head = Bytes::from(Vec::from(&line[..]).into_boxed_slice());
    let mut compact = HeaderMap::with_capacity(places.len());
    for (name, from, to) in places {
        if let Ok(value) = HeaderValue::from_maybe_shared(head.slice(from..to)) {
            compact.append(name, value);
        }
    }
    (head, compact)
}

#[cfg(test)]
pub(crate) mod tests {
    use banyan_httpcache::Basis;

    use super::*;

    /// An answer that is fresh for `fresh_for`.
    pub(crate) fn draft(fresh_for: Duration, now: Instant) -> Draft {
        Draft {
            status: StatusCode::OK,
            headers: [("etag", "\"1\""), ("x-a", "1"), ("x-a", "2"), ("transfer-encoding", "chunked")]
                .into_iter()
                .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
                .collect(),
            body: Bytes::from_static(b"body"),
            lifetimes: Lifetimes {
                fresh_for,
                basis: Basis::MaxAge,
                initial_age: Duration::ZERO,
                stale_while_revalidate: Duration::ZERO,
                stale_if_error: Duration::ZERO,
                always_revalidate: false,
                client_may_take_stale: true,
            },
            stored: now,
            recompute: Duration::from_millis(100),
            kind: Kind::Complete,
            missing: None,
            anonymous: true,
            tags: SmallVec::new(),
            begun: Moment::default(),
            variant: Variant::default(),
            label: Arc::new(Label {
                host: HeaderValue::from_static("example.com"),
                target: "/a".into(),
                upstream: "u".into(),
                secure: false,
            }),
            beta: 1.0,
        }
    }

    #[test]
    fn the_head_is_sent_as_it_lies_and_its_fields_are_parts_of_it() {
        let entry = Entry::new(draft(Duration::from_secs(1), Instant::now()));
        let expected = "HTTP/1.1 200 OK\r\netag: \"1\"\r\nx-a: 1\r\nx-a: 2\r\ncontent-length: 4\r\n";
        assert_eq!(entry.head, expected);
        let values: Vec<_> = entry.headers.get_all("x-a").iter().collect();
        assert_eq!(values, ["1", "2"]);
        assert!(entry.weight > (expected.len() + 4) as u64);
    }

    #[test]
    fn it_is_fresh_for_as_long_as_it_says_less_its_age_on_arrival() {
        let now = Instant::now();
        let mut late = draft(Duration::from_secs(10), now);
        late.lifetimes.initial_age = Duration::from_secs(4);
        let entry = Entry::new(late);
        assert!(entry.is_fresh(now + Duration::from_secs(5)));
        assert!(!entry.is_fresh(now + Duration::from_secs(6)));
        assert_eq!(entry.age(now + Duration::from_secs(5)).as_secs(), 9);
        let mut never = draft(Duration::from_secs(10), now);
        never.lifetimes.always_revalidate = true;
        assert!(!Entry::new(never).is_fresh(now));
    }
}
