//! Request heads.

use std::{mem::MaybeUninit, ops::Range};

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Method, Uri, Version, uri::Authority};

use crate::{
    FieldLines, Framing, HeadLimits, HeadScanner, Known, Refusal,
    fields::{Lines, Places},
    head::has_whole_line_ends,
};

/// Field slots on the stack; a head with more fields is parsed once more with slots on the heap.
const STACK_SLOTS: usize = 64;
/// Longest host that is remembered, in bytes: no name of the DNS with a port is longer.
const LONGEST_HOST: usize = 260;
/// What [`Uri`] can hold.
const MAX_TARGET: usize = u16::MAX as usize - 1;

/// A parsed request head.
#[derive(Debug)]
pub struct RequestHead {
    /// Method.
    pub method: Method,
    /// Target in origin form, absolute form, or `*`.
    pub target: Uri,
    /// HTTP/1.0 or HTTP/1.1.
    pub version: Version,
    /// All fields as sent.
    pub fields: FieldLines,
    /// What `Host` says, if it is there.
    pub host: Option<HeaderValue>,
    /// Where the body ends.
    pub framing: Framing,
    /// Whether the client wants the connection kept (RFC 9112 section 9.3).
    pub keep_alive: bool,
    /// Whether the client waits for `100 Continue` before it sends its body (RFC 9110 section 10.1.1).
    pub expects_continue: bool,
    /// Whether the client asks to switch protocols (RFC 9110 section 7.8).
    pub upgrade: bool,
    /// All of it as it was sent, the empty line included.
    pub raw: Bytes,
}

/// Takes one request head off the front of `buffer`.
///
/// `scanner` keeps its place between calls and is reset when a head was found. Empty lines in front of the
/// request line are skipped (RFC 9112 section 2.2).
///
/// # Errors
/// Everything in [`Refusal`]; the connection is of no further use then.
pub fn parse_request(
    buffer: &mut BytesMut,
    scanner: &mut HeadScanner,
    limits: &HeadLimits,
    hosts: &mut HostMemory,
) -> Result<Option<RequestHead>, Refusal> {
    while buffer.starts_with(b"\r\n") {
        bytes::Buf::advance(buffer, 2);
        *scanner = HeadScanner::default();
    }
    if matches!(&buffer[..], b"" | b"\r") {
        return Ok(None);
    }
    if scanner.is_fresh()
        && let Some((end, read)) = read_at_once(buffer, limits)
    {
        return read.finish(buffer.split_to(end).freeze(), limits, hosts).map(Some);
    }
    let Some(end) = scanner.find_end(buffer)? else {
        return refuse_oversize(buffer, limits).map(|()| None);
    };
    if end > limits.bytes {
        return Err(oversize(buffer, limits));
    }
    *scanner = HeadScanner::default();
    let head = buffer.split_to(end).freeze();
    parse_complete(&head, limits, hosts).map(Some)
}

/// A head that has not ended yet is refused as soon as it cannot fit any more.
fn refuse_oversize(buffer: &[u8], limits: &HeadLimits) -> Result<(), Refusal> {
    if buffer.len() > limits.bytes || target_length(buffer) > limits.target {
        return Err(oversize(buffer, limits));
    }
    Ok(())
}

fn oversize(buffer: &[u8], limits: &HeadLimits) -> Refusal {
    if target_length(buffer) > limits.target { Refusal::TargetTooLong } else { Refusal::HeadTooLarge }
}

/// Bytes between the first space of the request line and the next one, the line's end, or the end of what is there.
fn target_length(buffer: &[u8]) -> usize {
    let line = &buffer[..memchr::memchr(b'\r', buffer).unwrap_or(buffer.len())];
    let Some(method_end) = memchr::memchr(b' ', line) else { return 0 };
    let rest = &line[method_end + 1..];
    memchr::memchr(b' ', rest).unwrap_or(rest.len())
}

/// A head that has come in one piece and is well-formed, and how long it is: nearly always there is no more to it. What is
/// wrong with another one is for the whole way to say.
fn read_at_once(buffer: &[u8], limits: &HeadLimits) -> Option<(usize, Read)> {
    let mut slots = [const { MaybeUninit::uninit() }; STACK_SLOTS];
    let mut request = httparse::Request::new(&mut []);
    let Ok(httparse::Status::Complete(end)) = request.parse_with_uninit_headers(buffer, &mut slots) else {
        return None;
    };
    let head = &buffer[..end];
    let is_first = request.method.is_some_and(|method| method.as_ptr() == head.as_ptr());
    if end > limits.bytes || !is_first || !has_whole_line_ends(head, request.headers) {
        return None;
    }
    Some((end, read(head, &request, limits).ok()?))
}

fn parse_complete(head: &Bytes, limits: &HeadLimits, hosts: &mut HostMemory) -> Result<RequestHead, Refusal> {
    let mut slots = [const { MaybeUninit::uninit() }; STACK_SLOTS];
    let mut request = httparse::Request::new(&mut []);
    match request.parse_with_uninit_headers(head, &mut slots) {
        Ok(httparse::Status::Complete(_)) => {
            read(head, &request, limits)?.finish(head.clone(), limits, hosts)
        }
        Err(httparse::Error::TooManyHeaders) if limits.headers > STACK_SLOTS => {
            let mut slots = vec![httparse::EMPTY_HEADER; limits.headers];
            let mut request = httparse::Request::new(&mut slots);
            match request.parse(head) {
                Ok(httparse::Status::Complete(_)) => {
                    read(head, &request, limits)?.finish(head.clone(), limits, hosts)
                }
                other => Err(refusal_of(other)),
            }
        }
        other => Err(refusal_of(other)),
    }
}

fn refusal_of(result: httparse::Result<usize>) -> Refusal {
    match result {
        Err(httparse::Error::TooManyHeaders) => Refusal::TooManyHeaders,
        Err(httparse::Error::Version) => Refusal::BadVersion,
        Err(httparse::Error::HeaderName) => Refusal::Malformed("a field name is not a token"),
        Err(httparse::Error::HeaderValue) => Refusal::Malformed("a field value holds a control character"),
        Err(httparse::Error::NewLine) => Refusal::Malformed("a CR without LF"),
        _ => Refusal::Malformed("the request line"),
    }
}

/// What was read of a head that still lies in a buffer.
struct Read {
    method: Method,
    version: Version,
    target: Range<usize>,
    fields: Places,
    facts: Facts,
}

fn read(head: &[u8], parsed: &httparse::Request<'_, '_>, limits: &HeadLimits) -> Result<Read, Refusal> {
    if parsed.headers.len() > limits.headers {
        return Err(Refusal::TooManyHeaders);
    }
    let version = if parsed.version == Some(1) { Version::HTTP_11 } else { Version::HTTP_10 };
    let method = Method::from_bytes(parsed.method.unwrap_or_default().as_bytes())
        .map_err(|_| Refusal::Malformed("the method is not a token"))?;
    let target = place(head, parsed.path.unwrap_or_default().as_bytes());
    let mut fields = Lines::new(head, parsed.headers.len());
    let mut facts = Facts::default();
    for field in parsed.headers.iter() {
        let known = Known::of(field.name.as_bytes());
        facts.note(known, head, field.value)?;
        fields
            .push(known, field.name.as_bytes(), field.value)
            .ok_or(Refusal::Malformed("a field name is not a token"))?;
    }
    Ok(Read { method, version, target, fields: fields.places(), facts })
}

/// Where in a head a part of it lies.
fn place(head: &[u8], part: &[u8]) -> Range<usize> {
    let at = part.as_ptr().addr().saturating_sub(head.as_ptr().addr()).min(head.len());
    at..(at + part.len()).min(head.len())
}

impl Read {
    /// With the head, which must be the one that it was read of.
    fn finish(
        self,
        head: Bytes,
        limits: &HeadLimits,
        hosts: &mut HostMemory,
    ) -> Result<RequestHead, Refusal> {
        let Self { method, version, target, fields, facts } = self;
        let target = parse_target(&head, target, &method, limits)?;
        let host = facts.host.as_ref().map(|place| &head[place.clone()]);
        let host = hosts.checked(host, &target, version)?;
        Ok(RequestHead {
            framing: facts.framing(version)?,
            keep_alive: facts.keeps_alive(version),
            expects_continue: facts.expects_continue && version == Version::HTTP_11,
            upgrade: facts.upgrade && facts.connection_upgrade && version == Version::HTTP_11,
            fields: fields.of(head.clone()),
            raw: head,
            method,
            target,
            version,
            host,
        })
    }
}

fn parse_target(
    head: &Bytes,
    place: Range<usize>,
    method: &Method,
    limits: &HeadLimits,
) -> Result<Uri, Refusal> {
    let text = head.slice(place);
    if text.len() > limits.target.min(MAX_TARGET) {
        return Err(Refusal::TargetTooLong);
    }
    // http::Uri would drop a fragment silently; one in a request target is an error (RFC 9112 section 3.2).
    if memchr::memchr(b'#', &text).is_some() || method == Method::CONNECT {
        return Err(Refusal::BadTarget);
    }
    let (is_origin, is_star) = (text.starts_with(b"/"), &text[..] == b"*");
    let target = Uri::from_maybe_shared(text).map_err(|_| Refusal::BadTarget)?;
    // Nobody may hide the host behind a name that looks like one (RFC 9110 section 4.2.4).
    if target.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err(Refusal::BadTarget);
    }
    let is_absolute = matches!(target.scheme_str(), Some("http" | "https")) && target.authority().is_some();
    let is_asterisk = is_star && method == Method::OPTIONS;
    if is_origin || is_absolute || is_asterisk { Ok(target) } else { Err(Refusal::BadTarget) }
}

/// What the fields say about framing, connection and host, gathered in one pass.
#[derive(Default)]
struct Facts {
    length: Option<u64>,
    encoding: Option<Coding>,
    /// Where it lies.
    host: Option<Range<usize>>,
    close: bool,
    keep_alive: bool,
    connection_upgrade: bool,
    upgrade: bool,
    expects_continue: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Coding {
    Chunked,
    UnknownThenChunked,
    NotChunked,
}

impl Facts {
    fn note(&mut self, known: Known, head: &[u8], value: &[u8]) -> Result<(), Refusal> {
        match known {
            Known::Host if self.host.is_some() => return Err(Refusal::BadHost),
            Known::Host => self.host = Some(place(head, value)),
            Known::ContentLength => {
                let length = parse_length(value).ok_or(Refusal::BadContentLength)?;
                if self.length.replace(length).is_some() {
                    return Err(Refusal::BadContentLength);
                }
            }
            Known::TransferEncoding => {
                // A second field line is a list too; nobody sends one in good faith.
                let coding = if self.encoding.is_some() { Coding::NotChunked } else { parse_coding(value) };
                self.encoding = Some(coding);
            }
            Known::Connection => self.note_connection(value),
            Known::Upgrade => self.upgrade = true,
            Known::Expect => self.expects_continue |= value.eq_ignore_ascii_case(b"100-continue"),
            _ => {}
        }
        Ok(())
    }

    fn note_connection(&mut self, value: &[u8]) {
        if value == b"keep-alive" {
            self.keep_alive = true;
            return;
        }
        for option in value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii) {
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
            self.connection_upgrade |= option.eq_ignore_ascii_case(b"upgrade");
        }
    }

    fn framing(&self, version: Version) -> Result<Framing, Refusal> {
        match (self.encoding, self.length) {
            (Some(_), Some(_)) => Err(Refusal::LengthAndEncoding),
            (Some(_), None) if version == Version::HTTP_10 => Err(Refusal::BadTransferEncoding),
            (Some(Coding::Chunked), None) => Ok(Framing::Chunked),
            (Some(Coding::UnknownThenChunked), None) => Err(Refusal::UnknownTransferCoding),
            (Some(Coding::NotChunked), None) => Err(Refusal::BadTransferEncoding),
            (None, None | Some(0)) => Ok(Framing::Empty),
            (None, Some(length)) => Ok(Framing::Length(length)),
        }
    }

    fn keeps_alive(&self, version: Version) -> bool {
        !self.close && (version == Version::HTTP_11 || self.keep_alive)
    }
}

/// The host that a connection asked for last, which it hardly ever changes and which need not be looked at twice.
#[derive(Debug, Default)]
pub struct HostMemory {
    /// Written in the plain way, and alone in its memory.
    last: Option<HeaderValue>,
}

impl HostMemory {
    /// The value of a `Host` field, if it may be one.
    fn checked(
        &mut self,
        host: Option<&[u8]>,
        target: &Uri,
        version: Version,
    ) -> Result<Option<HeaderValue>, Refusal> {
        let Some(host) = host else {
            return if version == Version::HTTP_10 { Ok(None) } else { Err(Refusal::MissingHost) };
        };
        let is_absolute = target.authority().is_some();
        if let Some(last) = self.last.as_ref().filter(|last| !is_absolute && last.as_bytes() == host) {
            return Ok(Some(last.clone()));
        }
        let value = HeaderValue::from_bytes(host).map_err(|_| Refusal::BadHost)?;
        if !is_absolute && is_plain_host(host) {
            self.last = (host.len() <= LONGEST_HOST).then(|| value.clone());
        } else {
            check_host(host, target)?;
        }
        Ok(Some(value))
    }
}

fn check_host(host: &[u8], target: &Uri) -> Result<(), Refusal> {
    let host = parse_host(host).ok_or(Refusal::BadHost)?;
    let Some(named) = target.authority() else { return Ok(()) };
    let default = if target.scheme_str() == Some("https") { 443 } else { 80 };
    let same_port = port(named, default) == port(&host, default);
    if same_port && named.host().eq_ignore_ascii_case(host.host()) {
        Ok(())
    } else {
        Err(Refusal::HostMismatch)
    }
}

/// A name or IPv4 address with an optional port, the way nearly every client writes it; others are parsed in full.
fn is_plain_host(host: &[u8]) -> bool {
    let name =
        host.iter().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-')).count();
    match &host[name..] {
        [] => name > 0,
        [b':', port @ ..] => name > 0 && is_short_port(port),
        _ => false,
    }
}

/// One to five digits, at most 65535.
fn is_short_port(port: &[u8]) -> bool {
    let fits = matches!(port.len(), 1..=4) || (port.len() == 5 && port <= &b"65535"[..]);
    fits && port.iter().all(u8::is_ascii_digit)
}

/// `uri-host [ ":" port ]` (RFC 9110 section 7.2), not empty.
fn parse_host(value: &[u8]) -> Option<Authority> {
    let host = Authority::try_from(value).ok()?;
    let well_formed = !host.as_str().contains('@') && !host.host().is_empty() && port(&host, 0).is_some();
    well_formed.then_some(host)
}

/// The port of an authority without userinfo; `default` when it is absent or empty, `None` when it is no port.
fn port(authority: &Authority, default: u16) -> Option<u16> {
    match &authority.as_str()[authority.host().len()..] {
        "" | ":" => Some(default),
        rest => {
            let digits =
                rest.strip_prefix(':').filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
            digits.parse().ok()
        }
    }
}

/// `1*DIGIT` (RFC 9110 section 8.6), as in `Content-Length`; no sign, no list, no overflow.
pub fn parse_length(value: &[u8]) -> Option<u64> {
    let digit = |byte: u8| byte.is_ascii_digit().then(|| u64::from(byte - b'0'));
    let (first, rest) = value.split_first()?;
    rest.iter().try_fold(digit(*first)?, |length, byte| length.checked_mul(10)?.checked_add(digit(*byte)?))
}

fn parse_coding(value: &[u8]) -> Coding {
    if value.eq_ignore_ascii_case(b"chunked") {
        return Coding::Chunked;
    }
    let last = value.rsplit(|&byte| byte == b',').next().unwrap_or_default().trim_ascii();
    let repeats = value
        .split(|&byte| byte == b',')
        .filter(|part| part.trim_ascii().eq_ignore_ascii_case(b"chunked"))
        .count();
    match (last.eq_ignore_ascii_case(b"chunked"), repeats) {
        (true, 1) => Coding::UnknownThenChunked,
        _ => Coding::NotChunked,
    }
}
