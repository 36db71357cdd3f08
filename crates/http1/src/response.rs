//! Heads of answers.

use std::mem::MaybeUninit;

use bytes::{Bytes, BytesMut};
use http::{Method, StatusCode, Version};

use crate::{
    BadResponse, FieldLines, Framing, HeadLimits, HeadScanner, Known,
    fields::{Lines, Places},
    head::has_whole_line_ends,
    request::parse_length,
};

/// Field slots on the stack; see the request's.
const STACK_SLOTS: usize = 64;

/// The parsed head of an answer.
#[derive(Debug)]
pub struct ResponseHead {
    /// Status.
    pub status: StatusCode,
    /// HTTP/1.0 or HTTP/1.1.
    pub version: Version,
    /// The fields as sent, but for a `Connection` that says nothing more than `keep_alive` does.
    pub fields: FieldLines,
    /// What `Content-Length` says, if it is there.
    pub length: Option<u64>,
    /// Where the body ends, given the request's method.
    pub framing: Framing,
    /// Whether the connection can carry another request afterwards.
    pub keep_alive: bool,
}

/// Takes the head of an answer to a `method` request off the front of `buffer`.
///
/// # Errors
/// Everything in [`BadResponse`]; the connection is of no further use then.
pub fn parse_response(
    buffer: &mut BytesMut,
    scanner: &mut HeadScanner,
    method: &Method,
    limits: &HeadLimits,
) -> Result<Option<ResponseHead>, BadResponse> {
    if buffer.is_empty() {
        return Ok(None);
    }
    if scanner.is_fresh()
        && let Some((end, read)) = read_at_once(buffer, limits)
    {
        return read.finish(buffer.split_to(end).freeze(), method).map(Some);
    }
    let end = scanner.find_end(buffer).map_err(|_| BadResponse::Malformed)?;
    let Some(end) = end else {
        return if buffer.len() > limits.bytes { Err(BadResponse::HeadTooLarge) } else { Ok(None) };
    };
    if end > limits.bytes {
        return Err(BadResponse::HeadTooLarge);
    }
    *scanner = HeadScanner::default();
    let head = buffer.split_to(end).freeze();
    let mut slots = [const { MaybeUninit::uninit() }; STACK_SLOTS];
    let mut parsed = httparse::Response::new(&mut []);
    let config = httparse::ParserConfig::default();
    match config.parse_response_with_uninit_headers(&mut parsed, &head, &mut slots) {
        Ok(httparse::Status::Complete(_)) => read(&head, &parsed, limits)?.finish(head, method).map(Some),
        Err(httparse::Error::TooManyHeaders) if limits.headers > STACK_SLOTS => {
            let mut slots = vec![httparse::EMPTY_HEADER; limits.headers];
            let mut parsed = httparse::Response::new(&mut slots);
            match parsed.parse(&head) {
                Ok(httparse::Status::Complete(_)) => {
                    read(&head, &parsed, limits)?.finish(head, method).map(Some)
                }
                Err(httparse::Error::TooManyHeaders) => Err(BadResponse::HeadTooLarge),
                _ => Err(BadResponse::Malformed),
            }
        }
        Err(httparse::Error::TooManyHeaders) => Err(BadResponse::HeadTooLarge),
        _ => Err(BadResponse::Malformed),
    }
}

/// A head that has come in one piece and is well-formed, and how long it is; see the request's.
fn read_at_once(buffer: &[u8], limits: &HeadLimits) -> Option<(usize, Read)> {
    let mut slots = [const { MaybeUninit::uninit() }; STACK_SLOTS];
    let mut parsed = httparse::Response::new(&mut []);
    let config = httparse::ParserConfig::default();
    let result = config.parse_response_with_uninit_headers(&mut parsed, buffer, &mut slots);
    let Ok(httparse::Status::Complete(end)) = result else { return None };
    let head = &buffer[..end];
    let is_first = head.starts_with(b"HTTP/");
    if end > limits.bytes || !is_first || !has_whole_line_ends(head, parsed.headers) {
        return None;
    }
    Some((end, read(head, &parsed, limits).ok()?))
}

/// What was read of a head that still lies in a buffer.
struct Read {
    status: StatusCode,
    version: Version,
    fields: Places,
    facts: Facts,
}

fn read(head: &[u8], parsed: &httparse::Response<'_, '_>, limits: &HeadLimits) -> Result<Read, BadResponse> {
    if parsed.headers.len() > limits.headers {
        return Err(BadResponse::HeadTooLarge);
    }
    let status = StatusCode::from_u16(parsed.code.unwrap_or_default()).map_err(|_| BadResponse::Malformed)?;
    let version = if parsed.version == Some(1) { Version::HTTP_11 } else { Version::HTTP_10 };
    let mut fields = Lines::new(head, parsed.headers.len());
    let mut facts = Facts::default();
    for field in parsed.headers.iter() {
        let known = Known::of(field.name.as_bytes());
        facts.note(known, field.value)?;
        if known != Known::Connection || !is_only_about_keeping(field.value) {
            fields.push(known, field.name.as_bytes(), field.value).ok_or(BadResponse::Malformed)?;
        }
    }
    Ok(Read { status, version, fields: fields.places(), facts })
}

impl Read {
    /// With the head, which must be the one that it was read of.
    fn finish(self, head: Bytes, method: &Method) -> Result<ResponseHead, BadResponse> {
        let Self { status, version, fields, mut facts } = self;
        let mut fields = fields.of(head);
        let framing = facts.framing(status, version, method)?;
        facts.clean(status, &mut fields);
        let keep_alive = !facts.close
            && framing != Framing::UntilClose
            && (version == Version::HTTP_11 || facts.keep_alive)
            && status != StatusCode::SWITCHING_PROTOCOLS;
        let length = fields.get(Known::ContentLength).and(facts.length);
        Ok(ResponseHead { status, version, length, fields, framing, keep_alive })
    }
}

/// Whether a `Connection` names no other field, as nearly every one.
fn is_only_about_keeping(value: &[u8]) -> bool {
    value == b"keep-alive"
        || value.eq_ignore_ascii_case(b"keep-alive")
        || value.eq_ignore_ascii_case(b"close")
}

#[derive(Default)]
struct Facts {
    length: Option<u64>,
    /// Content-Length fields.
    lengths: usize,
    chunked: bool,
    close: bool,
    keep_alive: bool,
}

impl Facts {
    fn note(&mut self, known: Known, value: &[u8]) -> Result<(), BadResponse> {
        match known {
            Known::ContentLength => {
                let length = parse_length(value).ok_or(BadResponse::BadFraming)?;
                self.lengths += 1;
                if self.length.replace(length).is_some_and(|earlier| earlier != length) {
                    return Err(BadResponse::BadFraming);
                }
            }
            Known::TransferEncoding => {
                if self.chunked || !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(BadResponse::BadFraming);
                }
                self.chunked = true;
            }
            Known::Connection => {
                if value == b"keep-alive" {
                    self.keep_alive = true;
                    return Ok(());
                }
                for option in value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
                    self.close |= option.eq_ignore_ascii_case(b"close");
                    self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Leaves one framing field at most, so that whoever gets the answer next reads it in the same way.
    fn clean(&mut self, status: StatusCode, fields: &mut FieldLines) {
        let never_has_body = status.is_informational() || status == StatusCode::NO_CONTENT;
        if never_has_body {
            // These say nothing about a body (RFC 9110 section 8.6); an upstream that thinks they do may send one.
            self.close |= self.chunked || self.length.is_some_and(|length| length > 0);
            fields.retain(|known, _| !matches!(known, Known::ContentLength | Known::TransferEncoding));
        } else if self.chunked && self.length.is_some() {
            // A length beside a coding may have been written by an attacker behind the upstream: use the coding,
            // trust the connection no further (RFC 9112 section 6.3).
            fields.retain(|known, _| known != Known::ContentLength);
            self.close = true;
        } else if self.lengths > 1 {
            fields.keep_first(Known::ContentLength);
        }
    }

    /// RFC 9112 section 6.3, in its order.
    fn framing(&self, status: StatusCode, version: Version, method: &Method) -> Result<Framing, BadResponse> {
        // HTTP/1.0 knows no transfer coding: somebody between did not understand it (RFC 9112 section 6.1).
        if self.chunked && version == Version::HTTP_10 {
            return Err(BadResponse::BadFraming);
        }
        let bodiless = method == Method::HEAD
            || status.is_informational()
            || status == StatusCode::NO_CONTENT
            || status == StatusCode::NOT_MODIFIED;
        Ok(match (bodiless, self.chunked, self.length) {
            (true, ..) | (false, false, Some(0)) => Framing::Empty,
            (false, true, _) => Framing::Chunked,
            (false, false, Some(length)) => Framing::Length(length),
            (false, false, None) => Framing::UntilClose,
        })
    }
}
