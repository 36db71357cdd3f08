//! What a proxy does to the fields of a message: hop-by-hop hygiene, who asked, which way it came.

mod caller;

use std::{cell::RefCell, sync::Arc};

use banyan_http1::{Known, encode_field};
use bytes::BytesMut;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use smallvec::SmallVec;

pub(crate) use self::caller::{caller_deadline, hops_so_far, millis_left};
use crate::{
    exchange::Exchange,
    trace::TraceContext,
    wire::head::{Head, Values as _},
};

pub(crate) const CHUNKED: HeaderValue = HeaderValue::from_static("chunked");
pub(crate) const UPGRADE: HeaderValue = HeaderValue::from_static("upgrade");
const TRAILERS: HeaderValue = HeaderValue::from_static("trailers");

/// How often a request has passed us; refused beyond `limits.hops`.
pub(crate) const HOPS: HeaderName = HeaderName::from_static("banyan-hops");
/// Milliseconds the caller will still wait.
pub(crate) const DEADLINE: HeaderName = HeaderName::from_static("banyan-deadline-ms");
/// Marks a copy, so that its side effects can be told apart.
pub(crate) const SHADOW: HeaderName = HeaderName::from_static("banyan-shadow");
/// Which side answered, and why.
pub(crate) const UNIT: HeaderName = HeaderName::from_static("banyan-unit");
/// Names a request, so that the upstream does it once however often it comes (IETF draft-ietf-httpapi-idempotency-key).
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
const PSEUDONYM: &str = "banyan";

/// What is known of a client's connection, prepared once for all its requests.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) secure: bool,
    /// Its `Forwarded` and `X-Forwarded-*` fields are believed.
    pub(crate) trusted: bool,
    pub(crate) address: HeaderValue,
    /// `for=...` as RFC 7239 wants it.
    node: String,
    /// What was last said about its requests: a connection hardly ever asks for a second host.
    standing: RefCell<Option<(HeaderValue, Arc<Standing>)>>,
}

/// What is said about every request of a connection that asks for one host, made once. It is written as it lies here.
#[derive(Debug)]
struct Standing {
    lines: BytesMut,
    fields: SmallVec<[(HeaderName, HeaderValue); 6]>,
}

impl Standing {
    fn new(fields: SmallVec<[(HeaderName, HeaderValue); 6]>) -> Arc<Self> {
        let mut lines = BytesMut::with_capacity(256);
        fields.iter().for_each(|(name, value)| encode_field(&mut lines, name, value));
        Arc::new(Self { lines, fields })
    }
}

impl Client {
    pub(crate) fn new(peer: std::net::SocketAddr, secure: bool, trusted: bool) -> Self {
        let ip = peer.ip().to_canonical();
        let node = if ip.is_ipv6() { format!("for=\"[{ip}]\"") } else { format!("for={ip}") };
        let address = HeaderValue::from_str(&ip.to_string()).unwrap_or(HeaderValue::from_static("unknown"));
        Self { secure, trusted, address, node, standing: RefCell::default() }
    }

    const fn scheme(&self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }

    /// `for=192.0.2.7;host="shop.example";proto=http` (RFC 7239).
    fn forwarded(&self, host: &HeaderValue) -> HeaderValue {
        let mut text = self.node.clone();
        if let Ok(host) = host.to_str()
            && !host.is_empty()
        {
            text.push_str(";host=\"");
            text.push_str(host);
            text.push('"');
        }
        text.push_str(";proto=");
        text.push_str(self.scheme());
        HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static("for=unknown"))
    }

    /// What is said about a request of which nothing that was sent is to be passed on: the same for all of them.
    fn standing(&self, host: &HeaderValue, version: http::Version) -> Arc<Standing> {
        let mut cached = self.standing.borrow_mut();
        if let Some((known, standing)) = &*cached
            && known == host
        {
            return standing.clone();
        }
        let standing = Standing::new(who_asked(self, host, version, &HeaderMap::new(), Seen::default()));
        *cached = Some((host.clone(), standing.clone()));
        standing
    }
}

/// Which of the fields that matter to a proxy a request has, found in one pass: most requests have none of them, and
/// asking a map for each costs more than all else that is done about them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) connection: bool,
    pub(crate) upgrade: bool,
    te: bool,
    via: bool,
    hops: bool,
    deadline: bool,
    pub(crate) traceparent: bool,
    tracestate: bool,
    /// Fields that matter to caches.
    pub(crate) for_caches: bool,
}

impl Seen {
    pub(crate) fn of(head: &Head) -> Self {
        let mut seen = Self::default();
        for known in head.known() {
            match known {
                Known::Connection => seen.connection = true,
                Known::Upgrade => seen.upgrade = true,
                Known::Te => seen.te = true,
                Known::Via => seen.via = true,
                Known::BanyanHops => seen.hops = true,
                Known::BanyanDeadlineMs | Known::GrpcTimeout => seen.deadline = true,
                Known::TraceParent => seen.traceparent = true,
                Known::TraceState => seen.tracestate = true,
                Known::CacheControl
                | Known::Pragma
                | Known::Authorization
                | Known::Range
                | Known::IfNoneMatch
                | Known::IfModifiedSince
                | Known::IfMatch
                | Known::IfUnmodifiedSince
                | Known::IfRange => seen.for_caches = true,
                _ => {}
            }
        }
        seen
    }
}

/// Fields that concern only the connection a message came on (RFC 9110 section 7.6.1).
const fn is_hop_by_hop(known: Known) -> bool {
    matches!(
        known,
        Known::Connection
            | Known::Te
            | Known::TransferEncoding
            | Known::Upgrade
            | Known::KeepAlive
            | Known::ProxyConnection
            | Known::Trailer
    )
}

/// Fields of a request that end here: those of one hop, and those that we say ourselves.
const fn ends_here(known: Known) -> bool {
    is_hop_by_hop(known)
        || matches!(
            known,
            Known::Host
                | Known::Expect
                | Known::ContentLength
                | Known::ProxyAuthorization
                | Known::Forwarded
                | Known::Via
                | Known::TraceParent
                | Known::XForwardedFor
                | Known::XForwardedHost
                | Known::XForwardedProto
                | Known::BanyanHops
                | Known::BanyanDeadlineMs
                | Known::BanyanShadow
        )
}

/// A client must not be able to have us drop what we route or authorise by.
const PROTECTED: [HeaderName; 4] =
    [header::AUTHORIZATION, header::COOKIE, header::CONTENT_TYPE, header::CONTENT_ENCODING];

/// The names that `Connection` lists.
fn named_by_connection(head: &Head) -> Vec<HeaderName> {
    head.all(&header::CONNECTION)
        .filter_map(|value| std::str::from_utf8(value).ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .filter(|name| !PROTECTED.contains(name))
        .collect()
}

/// Removes from an answer what concerns only its connection.
pub(crate) fn strip_hop_by_hop(head: &mut Head) {
    if head.any(is_hop_by_hop) {
        let named = named_by_connection(head);
        head.retain(|known, name| !is_hop_by_hop(known) && !is_one_of(&named, name));
    }
}

/// Whether a name, in whatever spelling, is among others.
fn is_one_of(names: &[HeaderName], name: &[u8]) -> bool {
    names.iter().any(|known| known.as_str().as_bytes().eq_ignore_ascii_case(name))
}

/// The fields of a request on its way up: what the client sent, less what ends here, and what is ours to say.
///
/// Nothing is moved: the client's fields stay as they were parsed and are passed over when they are written, which costs
/// a fraction of taking them out of a map one by one.
#[derive(Clone, Debug)]
pub(crate) struct Fields {
    sent: Head,
    dropped: Vec<HeaderName>,
    standing: Arc<Standing>,
    trace: TraceContext,
    hops: u32,
    ours: Vec<(HeaderName, HeaderValue)>,
}

impl Fields {
    /// What the client sent.
    pub(crate) fn sent(&self) -> &HeaderMap {
        self.sent.map()
    }

    /// Writes them, a line each.
    pub(crate) fn encode(&self, out: &mut BytesMut) {
        out.extend_from_slice(&self.standing.lines);
        out.extend_from_slice(b"traceparent: ");
        out.extend_from_slice(&self.trace.value());
        out.extend_from_slice(b"\r\nbanyan-hops: ");
        out.extend_from_slice(itoa::Buffer::new().format(self.hops).as_bytes());
        out.extend_from_slice(b"\r\n");
        self.ours.iter().for_each(|(name, value)| encode_field(out, name, value));
        self.sent.encode(out, |known, name| self.passes(known, name));
    }

    /// Whether what the client sent under this name goes on.
    fn passes(&self, known: Known, name: &[u8]) -> bool {
        !ends_here(known) && !is_one_of(&self.dropped, name)
    }

    /// Leaves out a field that the client sent.
    pub(crate) fn leave_out(&mut self, name: HeaderName) {
        self.dropped.push(name);
    }

    /// Says one more field, which the client's own word for it does not reach.
    pub(crate) fn say(&mut self, name: HeaderName, value: HeaderValue) {
        self.ours.push((name, value));
    }

    /// As a map, for HTTP/2.
    pub(crate) fn to_map(&self) -> HeaderMap {
        let sent = self.sent();
        let own = self.standing.fields.len() + self.ours.len() + 2;
        let mut map = HeaderMap::with_capacity(sent.len() + own);
        if let Ok(value) = HeaderValue::from_bytes(&self.trace.value()) {
            map.append(TRACEPARENT, value);
        }
        map.append(HOPS, self.hops.into());
        for (name, value) in self.standing.fields.iter().chain(&self.ours) {
            map.append(name, value.clone());
        }
        for (name, value) in sent {
            let bytes = name.as_str().as_bytes();
            if self.passes(Known::of(bytes), bytes) {
                map.append(name, value.clone());
            }
        }
        map
    }
}

/// The fields of a request as the next hop gets them, whichever that is. `Host`, framing and what is left of the deadline
/// are for each leg to say.
pub(crate) fn request(
    mut sent: Head,
    client: &Client,
    exchange: &Exchange,
    host: &HeaderValue,
    hops: u32,
) -> Fields {
    let seen = exchange.seen;
    let mut dropped = if seen.connection { named_by_connection(&sent) } else { Vec::new() };
    if exchange.version == http::Version::HTTP_2 {
        join_cookies(sent.map_mut());
    }
    if exchange.trace.parent_id.is_none() && seen.tracestate {
        dropped.push(TRACESTATE);
    }
    let alike = !client.trusted && !seen.via;
    let standing = if alike {
        client.standing(host, exchange.version)
    } else {
        Standing::new(who_asked(client, host, exchange.version, sent.map(), seen))
    };
    let mut fields = Fields { sent, dropped, standing, trace: exchange.trace, hops, ours: Vec::new() };
    if seen.te {
        keep_trailers(&mut fields);
    }
    fields
}

/// `TE: trailers` is the one coding of the hop that the next may know of: gRPC insists on it.
fn keep_trailers(fields: &mut Fields) {
    let Some(te) = fields.sent.first(&header::TE) else { return };
    let mut parts = te.split(|&byte| byte == b',');
    if parts.any(|part| part.trim_ascii().eq_ignore_ascii_case(b"trailers")) {
        fields.ours.push((header::TE, TRAILERS));
    }
}

/// HTTP/2 may split a cookie field for compression; other hops want it whole (RFC 9113 section 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let mut fields = headers.get_all(header::COOKIE).iter();
    if fields.next().is_none() || fields.next().is_none() {
        return;
    }
    let parts: Vec<&[u8]> = headers.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if let Ok(joined) = HeaderValue::from_bytes(&parts.join(&b"; "[..])) {
        headers.insert(header::COOKIE, joined);
    }
}

/// Who asked, and which way it came, behind what trusted proxies have said before.
fn who_asked(
    client: &Client,
    host: &HeaderValue,
    version: http::Version,
    sent: &HeaderMap,
    seen: Seen,
) -> SmallVec<[(HeaderName, HeaderValue); 6]> {
    let earlier = |name: &HeaderName| sent.get(name).filter(|_| client.trusted);
    let forwarded = appended(sent, &header::FORWARDED, &client.forwarded(host), client.trusted);
    let chain = appended(sent, &FORWARDED_FOR, &client.address, client.trusted);
    let scheme = HeaderValue::from_static(client.scheme());
    let scheme = earlier(&FORWARDED_PROTO).cloned().unwrap_or(scheme);
    let via = via(sent, version, seen.via);
    let mut said: SmallVec<_> = [
        (header::FORWARDED, forwarded),
        (FORWARDED_FOR, chain),
        (FORWARDED_PROTO, scheme),
        (header::VIA, via),
    ]
    .into_iter()
    .collect();
    let host = earlier(&FORWARDED_HOST).unwrap_or(host).clone();
    if !host.is_empty() {
        said.push((FORWARDED_HOST, host));
    }
    said
}

/// `own` behind what was there, if that is to be believed.
fn appended(headers: &HeaderMap, name: &HeaderName, own: &HeaderValue, believe: bool) -> HeaderValue {
    if !believe || !headers.contains_key(name) {
        return own.clone();
    }
    let earlier = headers.get_all(name).iter().map(HeaderValue::as_bytes);
    let all: Vec<&[u8]> = earlier.chain([own.as_bytes()]).collect();
    HeaderValue::from_bytes(&all.join(&b", "[..])).unwrap_or_else(|_| own.clone())
}

fn via(headers: &HeaderMap, version: http::Version, earlier: bool) -> HeaderValue {
    let own = match version {
        http::Version::HTTP_2 => "2.0 banyan",
        http::Version::HTTP_10 => "1.0 banyan",
        _ => "1.1 banyan",
    };
    appended(headers, &header::VIA, &HeaderValue::from_static(own), earlier)
}

#[cfg(test)]
mod tests;
