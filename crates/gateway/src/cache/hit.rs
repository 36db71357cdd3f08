//! An answer made of what is kept.

use std::{collections::VecDeque, sync::Arc, time::SystemTime};

use banyan_httpcache::{
    CacheStatus, Condition, Conditions, not_modified_head,
    range::{self, Multipart, Selected},
};
use bytes::{BufMut as _, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use http_body::Frame;
use tokio::time::Instant;

use super::entry::Entry;
use crate::wire::{
    answer::{Answer, Reply},
    body::{ResBody, Source},
};

/// Says what a cache did (RFC 9211).
pub(crate) const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
/// How we call ourselves in it.
pub(crate) const NAME: &str = "banyan";

/// A kept answer on its way: its head lies ready, and only what differs from one use to the next is written.
#[derive(Clone, Debug)]
pub(crate) struct Hit {
    pub(crate) entry: Arc<Entry>,
    /// Seconds.
    age: u64,
    /// How it was come by, when it did not just lie there.
    status: Option<HeaderValue>,
}

impl Hit {
    /// A kept answer as it lies there.
    pub(crate) fn new(entry: Arc<Entry>, now: Instant) -> Self {
        let age = entry.age(now).as_secs();
        Self { entry, age, status: None }
    }

    /// Whether it just lay there.
    pub(crate) fn is_plain(&self) -> bool {
        self.status.is_none()
    }

    /// Bytes of its body.
    pub(crate) fn length(&self) -> u64 {
        self.entry.body.len() as u64
    }

    /// Writes the head for HTTP/1.1, without the empty line behind it.
    pub(crate) fn encode(&self, out: &mut BytesMut) {
        out.reserve(self.entry.head.len() + 256);
        out.put_slice(&self.entry.head);
        out.put_slice(b"age: ");
        out.put_slice(itoa::Buffer::new().format(self.age).as_bytes());
        out.put_slice(b"\r\ncache-status: ");
        match &self.status {
            Some(status) => out.put_slice(status.as_bytes()),
            None => {
                out.put_slice(b"banyan; hit; ttl=");
                out.put_slice(itoa::Buffer::new().format(self.ttl()).as_bytes());
            }
        }
        out.put_slice(b"\r\n");
    }

    /// Adds the fields to a map, for HTTP/2.
    pub(crate) fn put_fields(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.entry.headers {
            headers.append(name, value.clone());
        }
        self.put_own_fields(headers);
    }

    fn put_own_fields(&self, headers: &mut HeaderMap) {
        headers.insert(header::AGE, self.age.into());
        headers.append(
            CACHE_STATUS,
            self.status.clone().unwrap_or_else(|| {
                CacheStatus { hit: true, ttl: Some(self.ttl()), ..CacheStatus::default() }.member(NAME)
            }),
        );
    }

    fn ttl(&self) -> i64 {
        self.entry.lifetimes.ttl(std::time::Duration::from_secs(self.age))
    }
}

/// The answer to a request that asks for nothing special.
pub(crate) fn plain(entry: Arc<Entry>, now: Instant, status: Option<HeaderValue>) -> Reply {
    let age = entry.age(now).as_secs();
    let code = entry.status;
    let mut response = Answer::new(ResBody::new(Source::Stored(Hit { entry, age, status })));
    *response.status_mut() = code;
    response
}

/// A request as far as it says how much of an answer it wants.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) method: &'a Method,
    pub(crate) conditions: &'a Conditions,
    /// When the answer came, by the wall clock.
    pub(crate) answered_at: SystemTime,
    /// For the boundary between parts.
    pub(crate) random: u128,
}

/// The answer to a request that may have conditions, or want a part only.
pub(crate) fn fitting(
    entry: Arc<Entry>,
    now: Instant,
    status: Option<HeaderValue>,
    wanted: &Wanted<'_>,
) -> Reply {
    if entry.status != StatusCode::OK || wanted.conditions.is_empty() {
        return plain(entry, now, status);
    }
    if wanted.conditions.evaluate(&entry.headers, wanted.answered_at) == Condition::NotModified {
        let head = not_modified_head(&entry.headers);
        return partial(entry, now, status, StatusCode::NOT_MODIFIED, head, ResBody::empty());
    }
    if wanted.method != Method::GET {
        return plain(entry, now, status);
    }
    let length = entry.body.len() as u64;
    let conditions = wanted.conditions;
    match range::select(conditions.range.as_ref(), conditions.if_range.as_ref(), &entry.headers, length) {
        Selected::Whole => plain(entry, now, status),
        Selected::One(part) => {
            let head = range::one_head(&entry.headers, &part, length);
            let body = ResBody::held(slice(&entry.body, &part));
            partial(entry, now, status, StatusCode::PARTIAL_CONTENT, head, body)
        }
        Selected::Several(parts) => {
            let parts = Multipart::new(&entry.headers, &parts, length, wanted.random);
            let head = parts.head(&entry.headers);
            let mut frames = VecDeque::new();
            for part in &parts.parts {
                frames.push_back(Frame::data(part.head.clone()));
                frames.push_back(Frame::data(slice(&entry.body, &part.slice)));
            }
            frames.push_back(Frame::data(parts.end));
            let body = ResBody::ahead(frames, None);
            partial(entry, now, status, StatusCode::PARTIAL_CONTENT, head, body)
        }
        Selected::Nothing => {
            let mut head = HeaderMap::new();
            head.insert(header::CONTENT_RANGE, range::unsatisfied(length));
            head.insert(header::CONTENT_LENGTH, 0.into());
            partial(entry, now, status, StatusCode::RANGE_NOT_SATISFIABLE, head, ResBody::empty())
        }
    }
}

fn partial(
    entry: Arc<Entry>,
    now: Instant,
    status: Option<HeaderValue>,
    code: StatusCode,
    head: HeaderMap,
    body: ResBody,
) -> Reply {
    let age = entry.age(now).as_secs();
    let mut response = Answer::new(body);
    *response.status_mut() = code;
    *response.headers_mut() = head;
    Hit { entry, age, status }.put_own_fields(response.headers_mut());
    response
}

/// A part of a body. Ranges were cut to its length.
fn slice(body: &Bytes, part: &std::ops::Range<u64>) -> Bytes {
    let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(body.len());
    body.slice(place(part.start)..place(part.end))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http_body_util::BodyExt as _;

    use super::*;
    use crate::cache::entry::tests::draft;

    fn entry(now: Instant) -> Arc<Entry> {
        let mut draft = draft(Duration::from_secs(60), now);
        draft.body = Bytes::from_static(b"0123456789");
        Entry::new(draft)
    }

    async fn asked(fields: &[(&'static str, &str)]) -> (u16, HeaderMap, String) {
        let now = Instant::now();
        let headers: HeaderMap = fields
            .iter()
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()))
            .collect();
        let conditions = Conditions::of(&headers);
        let wanted = Wanted {
            method: &Method::GET,
            conditions: &conditions,
            answered_at: SystemTime::UNIX_EPOCH,
            random: 7,
        };
        let reply = fitting(entry(now), now + Duration::from_secs(9), None, &wanted);
        let (parts, body) = reply.into_http().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (parts.status.as_u16(), parts.headers, String::from_utf8_lossy(&body).into_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn a_plain_one_is_written_from_what_lies_ready() {
        let now = Instant::now();
        let mut reply = plain(entry(now), now + Duration::from_secs(9), None);
        assert!(reply.headers().is_empty());
        let mut out = BytesMut::new();
        let Source::Stored(hit) = reply.body_mut().source() else { panic!("not stored") };
        hit.encode(&mut out);
        let text = String::from_utf8_lossy(&out).into_owned();
        assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
        assert!(text.ends_with("age: 9\r\ncache-status: banyan; hit; ttl=51\r\n"), "{text}");
        let mut map = HeaderMap::new();
        hit.put_fields(&mut map);
        assert_eq!(map["cache-status"], "banyan; hit; ttl=51");
        assert_eq!((&map["age"], &map["content-length"]), (&9.into(), &10.into()));
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_it_already_is_told_so() {
        let (status, headers, body) = asked(&[("if-none-match", "\"0\", W/\"1\"")]).await;
        assert_eq!((status, body.as_str()), (304, ""));
        assert_eq!((&headers["etag"], &headers["age"]), (&"\"1\"".parse().unwrap(), &9.into()));
        assert_eq!(asked(&[("if-none-match", "\"2\"")]).await.0, 200);
    }

    #[tokio::test(start_paused = true)]
    async fn parts_are_cut_out() {
        let (status, headers, body) = asked(&[("range", "bytes=2-4")]).await;
        assert_eq!((status, body.as_str()), (206, "234"));
        assert_eq!(headers["content-range"], "bytes 2-4/10");
        let (status, headers, body) = asked(&[("range", "bytes=0-0,8-")]).await;
        assert_eq!(status, 206);
        assert!(headers["content-type"].to_str().unwrap().starts_with("multipart/byteranges; boundary="));
        assert_eq!(headers["content-length"], body.len().to_string());
        assert!(body.contains("content-range: bytes 8-9/10\r\n\r\n89\r\n--"), "{body}");
        let (status, headers, body) = asked(&[("range", "bytes=10-")]).await;
        assert_eq!((status, body.as_str()), (416, ""));
        assert_eq!(headers["content-range"], "bytes */10");
        assert_eq!(asked(&[("range", "bytes=2-4"), ("if-range", "\"other\"")]).await.0, 200);
    }
}
