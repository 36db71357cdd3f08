//! Heads of answers.

use std::mem::MaybeUninit;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version, header};

use crate::{BadResponse, Framing, HeadLimits, HeadScanner, Names, request::parse_length};

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
    pub headers: HeaderMap,
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
    names: &mut Names,
) -> Result<Option<ResponseHead>, BadResponse> {
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
        Ok(httparse::Status::Complete(_)) => build(&head, &parsed, method, limits, names).map(Some),
        Err(httparse::Error::TooManyHeaders) if limits.headers > STACK_SLOTS => {
            let mut slots = vec![httparse::EMPTY_HEADER; limits.headers];
            let mut parsed = httparse::Response::new(&mut slots);
            match parsed.parse(&head) {
                Ok(httparse::Status::Complete(_)) => build(&head, &parsed, method, limits, names).map(Some),
                Err(httparse::Error::TooManyHeaders) => Err(BadResponse::HeadTooLarge),
                _ => Err(BadResponse::Malformed),
            }
        }
        Err(httparse::Error::TooManyHeaders) => Err(BadResponse::HeadTooLarge),
        _ => Err(BadResponse::Malformed),
    }
}

fn build(
    head: &Bytes,
    parsed: &httparse::Response<'_, '_>,
    method: &Method,
    limits: &HeadLimits,
    names: &mut Names,
) -> Result<ResponseHead, BadResponse> {
    if parsed.headers.len() > limits.headers {
        return Err(BadResponse::HeadTooLarge);
    }
    let status = StatusCode::from_u16(parsed.code.unwrap_or_default()).map_err(|_| BadResponse::Malformed)?;
    let version = if parsed.version == Some(1) { Version::HTTP_11 } else { Version::HTTP_10 };
    let mut headers = HeaderMap::with_capacity(parsed.headers.len() + 4);
    let mut facts = Facts::default();
    for (place, field) in parsed.headers.iter().enumerate() {
        let name = names.of(place, field.name.as_bytes()).map_err(|_| BadResponse::Malformed)?;
        let value = HeaderValue::from_maybe_shared(head.slice_ref(field.value))
            .map_err(|_| BadResponse::Malformed)?;
        facts.note(&name, &value)?;
        if name == header::CONNECTION && is_only_about_keeping(&value) {
            continue;
        }
        headers.append(name, value);
    }
    let framing = facts.framing(status, version, method)?;
    facts.clean(status, &mut headers);
    let keep_alive = !facts.close
        && framing != Framing::UntilClose
        && (version == Version::HTTP_11 || facts.keep_alive)
        && status != StatusCode::SWITCHING_PROTOCOLS;
    Ok(ResponseHead { status, version, headers, framing, keep_alive })
}

/// Whether a `Connection` names no other field, as nearly every one.
fn is_only_about_keeping(value: &HeaderValue) -> bool {
    value.as_bytes().eq_ignore_ascii_case(b"keep-alive") || value.as_bytes().eq_ignore_ascii_case(b"close")
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
    fn note(&mut self, name: &http::HeaderName, value: &HeaderValue) -> Result<(), BadResponse> {
        match *name {
            header::CONTENT_LENGTH => {
                let length = parse_length(value.as_bytes()).ok_or(BadResponse::BadFraming)?;
                self.lengths += 1;
                if self.length.replace(length).is_some_and(|earlier| earlier != length) {
                    return Err(BadResponse::BadFraming);
                }
            }
            header::TRANSFER_ENCODING => {
                if self.chunked || !value.as_bytes().eq_ignore_ascii_case(b"chunked") {
                    return Err(BadResponse::BadFraming);
                }
                self.chunked = true;
            }
            header::CONNECTION => {
                for option in value.as_bytes().split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
                    self.close |= option.eq_ignore_ascii_case(b"close");
                    self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Leaves one framing field at most, so that whoever gets the answer next reads it in the same way.
    fn clean(&mut self, status: StatusCode, headers: &mut HeaderMap) {
        let never_has_body = status.is_informational() || status == StatusCode::NO_CONTENT;
        if never_has_body {
            // These say nothing about a body (RFC 9110 section 8.6); an upstream that thinks they do may send one.
            self.close |= self.chunked || self.length.is_some_and(|length| length > 0);
            headers.remove(header::CONTENT_LENGTH);
            headers.remove(header::TRANSFER_ENCODING);
        } else if self.chunked && self.length.is_some() {
            // A length beside a coding may have been written by an attacker behind the upstream: use the coding,
            // trust the connection no further (RFC 9112 section 6.3).
            headers.remove(header::CONTENT_LENGTH);
            self.close = true;
        } else if self.lengths > 1
            && let Some(length) = headers.remove(header::CONTENT_LENGTH)
        {
            headers.insert(header::CONTENT_LENGTH, length);
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
