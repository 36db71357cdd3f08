//! What a proxy does to the fields of a message: hop-by-hop hygiene, who asked, which way it came.

use std::fmt::Write as _;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use tokio::time::Instant;

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
const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const PSEUDONYM: &str = "banyan";

/// What is known of a client's connection, prepared once for all its requests.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) peer: std::net::SocketAddr,
    pub(crate) secure: bool,
    /// Its `Forwarded` and `X-Forwarded-*` fields are believed.
    pub(crate) trusted: bool,
    address: HeaderValue,
    /// `for=...` as RFC 7239 wants it.
    node: String,
}

impl Client {
    pub(crate) fn new(peer: std::net::SocketAddr, secure: bool, trusted: bool) -> Self {
        let ip = peer.ip().to_canonical();
        let node = if ip.is_ipv6() { format!("for=\"[{ip}]\"") } else { format!("for={ip}") };
        let address = HeaderValue::from_str(&ip.to_string()).unwrap_or(HeaderValue::from_static("unknown"));
        Self { peer, secure, trusted, address, node }
    }

    const fn scheme(&self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }
}

/// Removes what concerns only the connection a message came on (RFC 9110 section 7.6.1).
pub(crate) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(header::CONNECTION) {
        let named: Vec<HeaderName> = headers
            .get_all(header::CONNECTION)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(|name| name.trim().parse().ok())
            .collect();
        for name in named {
            // A client must not be able to have us drop what we route or authorise by.
            if !PROTECTED.contains(&name) {
                headers.remove(name);
            }
        }
        headers.remove(header::CONNECTION);
    }
    if let Some(te) = headers.remove(header::TE) {
        let trailers = te
            .as_bytes()
            .split(|&byte| byte == b',')
            .any(|part| part.trim_ascii().eq_ignore_ascii_case(b"trailers"));
        if trailers {
            headers.insert(header::TE, TRAILERS);
        }
    }
    for name in [&header::TRANSFER_ENCODING, &header::UPGRADE, &KEEP_ALIVE, &PROXY_CONNECTION] {
        headers.remove(name);
    }
}

const PROTECTED: [HeaderName; 6] = [
    header::HOST,
    header::AUTHORIZATION,
    header::COOKIE,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::FORWARDED,
];

/// The fields of a request as the next hop gets them.
pub(crate) fn request(headers: &mut HeaderMap, client: &Client, exchange: &Exchange, host: &str, hops: u32) {
    strip_hop_by_hop(headers);
    headers.remove(header::HOST);
    headers.remove(header::EXPECT);
    headers.remove(header::PROXY_AUTHORIZATION);
    headers.remove(SHADOW);
    join_cookies(headers);
    say_who_asked(headers, client, host);
    add_via(headers, exchange.version);
    exchange.trace.write(headers);
    headers.insert(HOPS, hops.into());
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

fn say_who_asked(headers: &mut HeaderMap, client: &Client, host: &str) {
    let mut forwarded = String::with_capacity(96);
    if client.trusted {
        prepend(&mut forwarded, headers, &header::FORWARDED);
    }
    forwarded.push_str(&client.node);
    if !host.is_empty() {
        write_ok(write!(forwarded, ";host=\"{host}\""));
    }
    write_ok(write!(forwarded, ";proto={}", client.scheme()));
    set(headers, header::FORWARDED, &forwarded);
    let earlier = headers.contains_key(FORWARDED_FOR);
    if client.trusted && earlier {
        let mut chain = String::with_capacity(64);
        prepend(&mut chain, headers, &FORWARDED_FOR);
        chain.push_str(client.address.to_str().unwrap_or("unknown"));
        set(headers, FORWARDED_FOR, &chain);
    } else {
        headers.insert(FORWARDED_FOR, client.address.clone());
    }
    if !(client.trusted && headers.contains_key(FORWARDED_PROTO)) {
        headers.insert(FORWARDED_PROTO, HeaderValue::from_static(client.scheme()));
    }
    if !(client.trusted && headers.contains_key(FORWARDED_HOST)) {
        set(headers, FORWARDED_HOST, host);
    }
}

/// Earlier entries of a list field, each followed by a comma.
fn prepend(out: &mut String, headers: &HeaderMap, name: &HeaderName) {
    for value in headers.get_all(name).iter().filter_map(|value| value.to_str().ok()) {
        out.push_str(value);
        out.push_str(", ");
    }
}

fn add_via(headers: &mut HeaderMap, version: http::Version) {
    let own = match version {
        http::Version::HTTP_2 => "2.0 banyan",
        http::Version::HTTP_10 => "1.0 banyan",
        _ => "1.1 banyan",
    };
    if headers.contains_key(header::VIA) {
        let mut chain = String::with_capacity(64);
        prepend(&mut chain, headers, &header::VIA);
        chain.push_str(own);
        set(headers, header::VIA, &chain);
    } else {
        headers.insert(header::VIA, HeaderValue::from_static(own));
    }
}

fn set(headers: &mut HeaderMap, name: HeaderName, text: &str) {
    match HeaderValue::from_str(text) {
        Ok(value) => drop(headers.insert(name, value)),
        Err(_) => drop(headers.remove(name)),
    }
}

/// Writing to a string cannot fail.
fn write_ok(result: std::fmt::Result) {
    debug_assert!(result.is_ok(), "writing to a string");
}

/// How often the request has passed us already: by our own count, or by our entries in `Via`, whichever is more, since
/// a backend may pass on only one of them.
pub(crate) fn hops_so_far(headers: &HeaderMap) -> u32 {
    let counted = headers.get(HOPS).and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(0);
    let via = headers.get_all(header::VIA).iter().filter_map(|value| value.to_str().ok());
    let passed = via
        .flat_map(|value| value.split(','))
        .filter(|entry| entry.split_ascii_whitespace().nth(1) == Some(PSEUDONYM));
    counted.max(u32::try_from(passed.count()).unwrap_or(u32::MAX))
}

/// When the caller gives up: `Banyan-Deadline-Ms`, or gRPC's own `grpc-timeout`. What is malformed does not count.
pub(crate) fn caller_deadline(headers: &HeaderMap, now: Instant) -> Option<Instant> {
    let own = headers.get(DEADLINE).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let millis = own.or_else(|| grpc_timeout(headers.get(GRPC_TIMEOUT)?.to_str().ok()?))?;
    // Longer than a day is as good as never, and cannot overflow the clock.
    now.checked_add(std::time::Duration::from_millis(millis.min(86_400_000)))
}

/// `1*8DIGIT unit` in milliseconds, rounded up.
fn grpc_timeout(text: &str) -> Option<u64> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => count * 3_600_000,
        "M" => count * 60_000,
        "S" => count * 1000,
        "m" => count,
        "u" => count.div_ceil(1000),
        "n" => count.div_ceil(1_000_000),
        _ => return None,
    })
}

/// What is left of the caller's deadline, for the next hop.
pub(crate) fn pass_deadline(headers: &mut HeaderMap, deadline: Instant, now: Instant) {
    let left = deadline.saturating_duration_since(now).as_millis();
    headers.insert(DEADLINE, u64::try_from(left).unwrap_or(u64::MAX).into());
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::trace::TraceContext;

    fn map(fields: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in fields {
            map.append(*name, value.parse().unwrap());
        }
        map
    }

    fn passed_on(fields: &[(&'static str, &str)], trusted: bool) -> HeaderMap {
        let peer = "192.0.2.7:5000".parse().unwrap();
        let trace = TraceContext { trace_id: 1, parent_id: None, span_id: 2, sampled: false };
        let exchange = Exchange::new(peer, false, http::Version::HTTP_11, trace, Instant::now());
        let mut headers = map(fields);
        request(&mut headers, &Client::new(peer, false, trusted), &exchange, "shop.example", 1);
        headers
    }

    #[test]
    fn nothing_of_one_hop_reaches_the_next() {
        let headers = passed_on(
            &[
                ("connection", "close, x-secret, authorization"),
                ("x-secret", "1"),
                ("authorization", "Bearer x"),
                ("keep-alive", "300"),
                ("te", "gzip, trailers"),
                ("transfer-encoding", "chunked"),
                ("upgrade", "h2c"),
                ("proxy-connection", "close"),
                ("expect", "100-continue"),
                ("proxy-authorization", "Basic x"),
                ("accept", "*/*"),
                ("banyan-shadow", "1"),
            ],
            false,
        );
        for name in [
            "connection",
            "x-secret",
            "keep-alive",
            "transfer-encoding",
            "upgrade",
            "proxy-connection",
            "expect",
            "proxy-authorization",
            "banyan-shadow",
        ] {
            assert!(!headers.contains_key(name), "{name}");
        }
        assert_eq!(headers["te"], "trailers");
        assert_eq!(headers["accept"], "*/*");
        assert_eq!(headers["authorization"], "Bearer x", "a client cannot name it away");
    }

    #[test]
    fn strangers_are_not_believed_and_trusted_proxies_are() {
        let sent = [
            ("x-forwarded-for", "203.0.113.9"),
            ("forwarded", "for=203.0.113.9"),
            ("x-forwarded-proto", "https"),
        ];
        let stranger = passed_on(&sent, false);
        assert_eq!(stranger["x-forwarded-for"], "192.0.2.7");
        assert_eq!(stranger["forwarded"], "for=192.0.2.7;host=\"shop.example\";proto=http");
        assert_eq!(stranger["x-forwarded-proto"], "http");
        let trusted = passed_on(&sent, true);
        assert_eq!(trusted["x-forwarded-for"], "203.0.113.9, 192.0.2.7");
        assert_eq!(trusted["forwarded"], "for=203.0.113.9, for=192.0.2.7;host=\"shop.example\";proto=http");
        assert_eq!(trusted["x-forwarded-proto"], "https");
        assert_eq!(trusted["x-forwarded-host"], "shop.example");
    }

    #[test]
    fn hops_are_counted_by_whatever_backends_pass_on() {
        assert_eq!(hops_so_far(&map(&[])), 0);
        assert_eq!(hops_so_far(&map(&[("banyan-hops", "3")])), 3);
        assert_eq!(hops_so_far(&map(&[("via", "1.1 banyan, 1.1 nginx"), ("via", "2.0 banyan")])), 2);
        assert_eq!(hops_so_far(&map(&[("banyan-hops", "-1"), ("via", "1.1 other")])), 0);
    }

    #[test]
    fn deadlines_of_callers() {
        let now = Instant::now();
        let left = |fields: &[(&'static str, &str)]| caller_deadline(&map(fields), now).map(|at| at - now);
        assert_eq!(left(&[("banyan-deadline-ms", "250")]), Some(Duration::from_millis(250)));
        assert_eq!(left(&[("grpc-timeout", "2S")]), Some(Duration::from_secs(2)));
        assert_eq!(left(&[("grpc-timeout", "1n")]), Some(Duration::from_millis(1)));
        assert_eq!(
            left(&[("banyan-deadline-ms", "18446744073709551615")]),
            Some(Duration::from_secs(86_400))
        );
        for bad in ["", "S", "-1S", "123456789S", "1x"] {
            assert_eq!(left(&[("grpc-timeout", bad)]), None, "{bad}");
        }
    }

    #[test]
    fn split_cookies_are_joined() {
        assert_eq!(passed_on(&[("cookie", "a=1"), ("cookie", "b=2")], false)["cookie"], "a=1; b=2");
    }
}
