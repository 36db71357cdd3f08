//! Several parts in one body: `multipart/byteranges` (RFC 9110 section 14.6).

use std::ops;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use smallvec::SmallVec;

use super::{content_range, value};

/// One part: what stands before it, and which bytes of the whole it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The line of the boundary and the part's own fields.
    pub head: Bytes,
    /// The bytes of the whole.
    pub slice: ops::Range<u64>,
}

/// A body of several parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Multipart {
    /// The parts in the order that they were asked for.
    pub parts: SmallVec<[Part; 4]>,
    /// What ends the body.
    pub end: Bytes,
    /// The bytes of the whole body.
    pub length: u64,
    boundary: u128,
}

impl Multipart {
    /// Puts parts of a whole of `length` bytes together. `boundary` is random, so that no body contains it and nobody
    /// can prepare one that does.
    #[must_use]
    pub fn new(stored: &HeaderMap, slices: &[ops::Range<u64>], length: u64, boundary: u128) -> Self {
        let content_type = stored.get(header::CONTENT_TYPE);
        let part = |slice: &ops::Range<u64>| Part {
            head: part_head(boundary, content_type, &content_range(slice, length)),
            slice: slice.clone(),
        };
        let parts: SmallVec<[Part; 4]> = slices.iter().map(part).collect();
        let end = Bytes::from(format!("\r\n--{boundary:032x}--\r\n"));
        let sum = |sum: u64, part: &Part| {
            sum.saturating_add(part.slice.end.saturating_sub(part.slice.start))
                .saturating_add(size(&part.head))
        };
        Self { length: parts.iter().fold(size(&end), sum), parts, end, boundary }
    }

    /// The fields of the 206.
    #[must_use]
    pub fn head(&self, stored: &HeaderMap) -> HeaderMap {
        let mut head = stored.clone();
        head.remove(header::CONTENT_RANGE);
        head.insert(header::CONTENT_LENGTH, HeaderValue::from(self.length));
        head.insert(
            header::CONTENT_TYPE,
            value(&format!("multipart/byteranges; boundary={:032x}", self.boundary)),
        );
        head
    }
}

fn part_head(boundary: u128, content_type: Option<&HeaderValue>, content_range: &HeaderValue) -> Bytes {
    let mut head = format!("\r\n--{boundary:032x}\r\n").into_bytes();
    if let Some(content_type) = content_type {
        head.extend_from_slice(b"content-type: ");
        head.extend_from_slice(content_type.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"content-range: ");
    head.extend_from_slice(content_range.as_bytes());
    head.extend_from_slice(b"\r\n\r\n");
    head.into()
}

fn size(bytes: &Bytes) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
