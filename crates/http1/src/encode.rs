//! Heads, chunks and trailers as bytes.

use bytes::{BufMut, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};

/// Ends the data of a chunk.
pub const CHUNK_END: &[u8] = b"\r\n";
/// The last chunk of a body without trailers.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// Ends a head, behind its fields.
pub const HEAD_END: &[u8] = b"\r\n";

/// Room made for a request's fields before they are counted: enough for most, and growing is only slower.
const USUAL_FIELDS: usize = 768;

/// Writes `METHOD target HTTP/1.1`. Fields, those of framing among them, and [`HEAD_END`] follow.
pub fn encode_request_line(out: &mut BytesMut, method: &Method, target: &str) {
    out.reserve(method.as_str().len() + target.len() + 16 + USUAL_FIELDS);
    out.put_slice(method.as_str().as_bytes());
    out.put_u8(b' ');
    out.put_slice(target.as_bytes());
    out.put_slice(b" HTTP/1.1\r\n");
}

/// Writes the status line. Fields, those of framing among them, and [`HEAD_END`] follow.
pub fn encode_status_line(out: &mut BytesMut, version: Version, status: StatusCode) {
    if (version, status) == (Version::HTTP_11, StatusCode::OK) {
        return out.put_slice(b"HTTP/1.1 200 OK\r\n");
    }
    out.put_slice(if version == Version::HTTP_10 { b"HTTP/1.0 " } else { b"HTTP/1.1 " });
    out.put_slice(status.as_str().as_bytes());
    out.put_u8(b' ');
    out.put_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    out.put_slice(b"\r\n");
}

/// Writes fields, a line each.
pub fn encode_fields(out: &mut BytesMut, headers: &HeaderMap) {
    out.reserve(estimate(headers));
    headers.iter().for_each(|(name, value)| encode_field(out, name, value));
}

/// Writes one field line.
pub fn encode_field(out: &mut BytesMut, name: &HeaderName, value: &HeaderValue) {
    out.put_slice(name.as_str().as_bytes());
    out.put_slice(b": ");
    out.put_slice(value.as_bytes());
    out.put_slice(b"\r\n");
}

/// Writes the line in front of a chunk of `length` bytes, at least one: a chunk of none would end the body.
pub fn encode_chunk_head(out: &mut BytesMut, length: usize) {
    debug_assert!(length > 0, "an empty chunk ends a body");
    let mut digits = [0u8; 16];
    let mut at = digits.len();
    let mut rest = length;
    loop {
        at -= 1;
        digits[at] = b"0123456789abcdef"[rest % 16];
        rest /= 16;
        if rest == 0 {
            break;
        }
    }
    out.put_slice(&digits[at..]);
    out.put_slice(b"\r\n");
}

/// Writes the last chunk and a trailer section.
pub fn encode_trailers(out: &mut BytesMut, trailers: &HeaderMap) {
    out.put_slice(b"0\r\n");
    encode_fields(out, trailers);
    out.put_slice(HEAD_END);
}

fn estimate(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum::<usize>() + 2
}
