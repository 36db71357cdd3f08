//! What a proxy does to the fields of a message: hop-by-hop hygiene, who asked, which way it came.

mod caller;

use std::{cell::RefCell, sync::Arc};

use banyan_http1::encode_field;
use bytes::BytesMut;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use smallvec::SmallVec;

pub(crate) use self::caller::{caller_deadline, hops_so_far, millis_left};
use crate::exchange::Exchange;

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
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut seen = Self::default();
        for name in headers.keys() {
            match name.as_str() {
                "connection" => seen.connection = true,
                "upgrade" => seen.upgrade = true,
                "te" => seen.te = true,
                "via" => seen.via = true,
                "banyan-hops" => seen.hops = true,
                "banyan-deadline-ms" | "grpc-timeout" => seen.deadline = true,
                "traceparent" => seen.traceparent = true,
                "tracestate" => seen.tracestate = true,
                "cache-control"
                | "pragma"
                | "authorization"
                | "range"
                | "if-none-match"
                | "if-modified-since"
                | "if-match"
                | "if-unmodified-since"
                | "if-range" => {
                    seen.for_caches = true;
                }
                _ => {}
            }
        }
        seen
    }
}

/// Fields that concern only the connection a message came on (RFC 9110 section 7.6.1).
fn is_hop_by_hop(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection" | "te" | "transfer-encoding" | "upgrade" | "keep-alive" | "proxy-connection" | "trailer"
    )
}

/// Fields of a request that end here: those of one hop, and those that we say ourselves.
fn ends_here(name: &HeaderName) -> bool {
    is_hop_by_hop(name)
        || matches!(
            name.as_str(),
            "host"
                | "expect"
                | "content-length"
                | "proxy-authorization"
                | "forwarded"
                | "via"
                | "traceparent"
                | "x-forwarded-for"
                | "x-forwarded-host"
                | "x-forwarded-proto"
                | "banyan-hops"
                | "banyan-deadline-ms"
                | "banyan-shadow"
        )
}

/// A client must not be able to have us drop what we route or authorise by.
const PROTECTED: [HeaderName; 4] =
    [header::AUTHORIZATION, header::COOKIE, header::CONTENT_TYPE, header::CONTENT_ENCODING];

/// The names that `Connection` lists.
fn named_by_connection(headers: &HeaderMap) -> SmallVec<[HeaderName; 2]> {
    headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .filter(|name| !PROTECTED.contains(name))
        .collect()
}

/// Removes from an answer what concerns only its connection.
pub(crate) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    if !headers.keys().any(is_hop_by_hop) {
        return;
    }
    for name in named_by_connection(headers) {
        headers.remove(name);
    }
    let names: SmallVec<[HeaderName; 4]> =
        headers.keys().filter(|name| is_hop_by_hop(name)).cloned().collect();
    for name in names {
        headers.remove(name);
    }
}

/// The fields of a request on its way up: what the client sent, less what ends here, and what is ours to say.
///
/// Nothing is moved: the client's fields stay as they were parsed and are passed over when they are written, which costs
/// a fraction of taking them out of a map one by one.
#[derive(Clone, Debug)]
pub(crate) struct Fields {
    sent: HeaderMap,
    dropped: SmallVec<[HeaderName; 2]>,
    standing: Arc<Standing>,
    ours: SmallVec<[(HeaderName, HeaderValue); 4]>,
}

impl Fields {
    /// What the client sent.
    pub(crate) const fn sent(&self) -> &HeaderMap {
        &self.sent
    }

    /// Fields that are encoded already.
    pub(crate) fn ready(&self) -> &[u8] {
        &self.standing.lines
    }

    /// The fields besides those that are encoded already.
    pub(crate) fn others(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        let sent = self.sent.iter().filter(|(name, _)| !ends_here(name) && !self.dropped.contains(name));
        self.ours.iter().map(|(name, value)| (name, value)).chain(sent)
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
        let mut map =
            HeaderMap::with_capacity(self.sent.len() + self.ours.len() + self.standing.fields.len());
        let standing = self.standing.fields.iter().map(|(name, value)| (name, value));
        for (name, value) in standing.chain(self.others()) {
            map.append(name, value.clone());
        }
        map
    }
}

/// The fields that concern one leg alone: `Host`, framing, what is left of the deadline.
pub(crate) type HopFields = SmallVec<[(HeaderName, HeaderValue); 4]>;

/// The fields of a request as the next hop gets them, whichever that is; see [`HopFields`] for the rest.
pub(crate) fn request(
    mut sent: HeaderMap,
    client: &Client,
    exchange: &Exchange,
    host: &HeaderValue,
    hops: u32,
) -> Fields {
    let seen = exchange.seen;
    let mut dropped = SmallVec::new();
    if seen.connection {
        dropped = named_by_connection(&sent);
    }
    if exchange.version == http::Version::HTTP_2 {
        join_cookies(&mut sent);
    }
    if exchange.trace.parent_id.is_none() && seen.tracestate {
        dropped.push(TRACESTATE);
    }
    let alike = !client.trusted && !seen.via;
    let standing = if alike {
        client.standing(host, exchange.version)
    } else {
        Standing::new(who_asked(client, host, exchange.version, &sent, seen))
    };
    let mut fields = Fields { sent, dropped, standing, ours: SmallVec::new() };
    if seen.te {
        keep_trailers(&mut fields);
    }
    if let Some(value) = exchange.trace.value() {
        fields.ours.push((TRACEPARENT, value));
    }
    fields.ours.push((HOPS, hops.into()));
    fields
}

/// `TE: trailers` is the one coding of the hop that the next may know of: gRPC insists on it.
fn keep_trailers(fields: &mut Fields) {
    let Some(te) = fields.sent.get(header::TE) else { return };
    let mut parts = te.as_bytes().split(|&byte| byte == b',');
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
