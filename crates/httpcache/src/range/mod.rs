//! Parts of a kept answer (RFC 9110 section 14), worked out on its length alone.
//!
//! A `Range` that cannot be read, or asks for more than a friendly client would, is no error: it is ignored and the whole
//! answer is given, which RFC 9110 section 14.2 always allows. Ranges that overlap are how a small request makes a large
//! answer, so several ranges are served only when together they are no longer than the whole.

mod multipart;

pub use multipart::{Multipart, Part};

use std::ops;

use http::{HeaderMap, HeaderValue, header};
use smallvec::SmallVec;

use crate::{conditional::strongly_equal, date, freshness::sent_at, list::split};

/// How many ranges one request may ask for. With more it gets the whole answer.
pub const MOST_RANGES: usize = 16;

/// What a request for a range is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selected {
    /// The whole answer, status 200.
    Whole,
    /// These bytes, status 206; [`one_head`] makes its fields.
    One(ops::Range<u64>),
    /// These bytes one after the other, status 206; [`Multipart`] makes its fields and what stands between them.
    Several(SmallVec<[ops::Range<u64>; 4]>),
    /// Nothing, status 416 with [`unsatisfied`] as `Content-Range`.
    Nothing,
}

/// What a GET with these `Range` and `If-Range` fields is given of a kept 200 whose body has `length` bytes.
#[must_use]
pub fn select(
    range: Option<&HeaderValue>,
    if_range: Option<&HeaderValue>,
    stored: &HeaderMap,
    length: u64,
) -> Selected {
    let Some(range) = range else { return Selected::Whole };
    if if_range.is_some_and(|condition| !is_same_version(condition, stored)) {
        return Selected::Whole;
    }
    let Some(specs) = specs(range.as_bytes()) else { return Selected::Whole };
    let ranges: SmallVec<[_; 4]> = specs.iter().filter_map(|spec| spec.within(length)).collect();
    match ranges.as_slice() {
        [] => Selected::Nothing,
        [one] => Selected::One(one.clone()),
        several if overlap(several) => Selected::Whole,
        _ => Selected::Several(ranges),
    }
}

/// The fields of a 206 with one range: those that are kept, with the length of the part and its place in the whole.
#[must_use]
pub fn one_head(stored: &HeaderMap, range: &ops::Range<u64>, length: u64) -> HeaderMap {
    let mut head = stored.clone();
    head.insert(header::CONTENT_LENGTH, HeaderValue::from(range.end.saturating_sub(range.start)));
    head.insert(header::CONTENT_RANGE, content_range(range, length));
    head
}

/// `Content-Range` of a 416 (RFC 9110 section 15.5.17).
#[must_use]
pub fn unsatisfied(length: u64) -> HeaderValue {
    value(&format!("bytes */{length}"))
}

fn content_range(range: &ops::Range<u64>, length: u64) -> HeaderValue {
    value(&format!("bytes {}-{}/{length}", range.start, range.end.saturating_sub(1)))
}

/// A field value made of digits and letters, which every field may have.
fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

/// One range as it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spec {
    /// From a byte to another, both included.
    Between(u64, u64),
    /// From a byte to the end.
    From(u64),
    /// So many bytes at the end.
    Last(u64),
}

impl Spec {
    /// What there is of it, or `None` when there is nothing.
    fn within(self, length: u64) -> Option<ops::Range<u64>> {
        let range = match self {
            Self::Between(first, last) => first..last.saturating_add(1).min(length),
            Self::From(first) => first..length,
            Self::Last(count) => length.saturating_sub(count)..length,
        };
        (range.start < range.end).then_some(range)
    }
}

/// The ranges of `bytes=...`, or `None` when it is another unit, malformed or too much.
fn specs(range: &[u8]) -> Option<SmallVec<[Spec; 4]>> {
    let (unit, ranges) = range.split_at_checked(range.iter().position(|&byte| byte == b'=')?)?;
    if !unit.eq_ignore_ascii_case(b"bytes") {
        return None;
    }
    let specs =
        split(&ranges[1..]).take(MOST_RANGES + 1).map(spec).collect::<Option<SmallVec<[Spec; 4]>>>()?;
    (1..=MOST_RANGES).contains(&specs.len()).then_some(specs)
}

fn spec(text: &[u8]) -> Option<Spec> {
    let text = std::str::from_utf8(text).ok()?;
    match text.split_once('-')? {
        ("", last) => Some(Spec::Last(position(last)?)),
        (first, "") => Some(Spec::From(position(first)?)),
        (first, last) => {
            let (first, last) = (position(first)?, position(last)?);
            (first <= last).then_some(Spec::Between(first, last))
        }
    }
}

/// Digits; more than fit stand for the largest position there is.
fn position(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

fn overlap(ranges: &[ops::Range<u64>]) -> bool {
    let mut sorted: SmallVec<[_; MOST_RANGES]> =
        ranges.iter().map(|range| (range.start, range.end)).collect();
    sorted.sort_unstable();
    sorted.windows(2).any(|pair| matches!(pair, [(_, end), (start, _)] if start < end))
}

/// Whether `If-Range` names the version that is kept (RFC 9110 section 13.1.5): a strong tag, or a date that is known to be
/// exact because the answer was sent at least a second after its last change (section 8.8.2.2).
fn is_same_version(condition: &HeaderValue, stored: &HeaderMap) -> bool {
    if stored.get(header::ETAG).is_some_and(|tag| strongly_equal(condition, tag)) {
        return true;
    }
    let modified_at = stored.get(header::LAST_MODIFIED).and_then(date::parse);
    let (Some(modified_at), Some(sent_at)) = (modified_at, sent_at(stored)) else { return false };
    date::parse(condition) == Some(modified_at)
        && sent_at.duration_since(modified_at).is_ok_and(|since| since.as_secs() >= 1)
}

#[cfg(test)]
mod tests;
