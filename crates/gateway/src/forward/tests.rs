//! What the next hop gets.

use std::time::Duration;

use tokio::time::Instant;

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
    passed_on_by(fields, trusted, http::Version::HTTP_11)
}

fn passed_on_by(fields: &[(&'static str, &str)], trusted: bool, version: http::Version) -> HeaderMap {
    let peer = "192.0.2.7:5000".parse().unwrap();
    let trace = TraceContext { trace_id: 1, parent_id: None, span_id: 2, sampled: false };
    let client = Client::new(peer, false, trusted);
    let seen = Seen::of(&map(fields));
    let exchange = Exchange::new(&client, version, trace, seen, &Default::default(), Instant::now());
    let host = HeaderValue::from_static("shop.example");
    request(map(fields), &client, &exchange, &host, 1).to_map()
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

fn hops(headers: &HeaderMap) -> u32 {
    hops_so_far(headers, Seen::of(headers))
}

#[test]
fn hops_are_counted_by_whatever_backends_pass_on() {
    assert_eq!(hops(&map(&[])), 0);
    assert_eq!(hops(&map(&[("banyan-hops", "3")])), 3);
    assert_eq!(hops(&map(&[("via", "1.1 banyan, 1.1 nginx"), ("via", "2.0 banyan")])), 2);
    assert_eq!(hops(&map(&[("banyan-hops", "-1"), ("via", "1.1 other")])), 0);
}

#[test]
fn deadlines_of_callers() {
    let now = Instant::now();
    let left = |fields: &[(&'static str, &str)]| {
        caller_deadline(&map(fields), Seen::of(&map(fields)), now).map(|at| at - now)
    };
    assert_eq!(left(&[("banyan-deadline-ms", "250")]), Some(Duration::from_millis(250)));
    assert_eq!(left(&[("grpc-timeout", "2S")]), Some(Duration::from_secs(2)));
    assert_eq!(left(&[("grpc-timeout", "1n")]), Some(Duration::from_millis(1)));
    assert_eq!(left(&[("banyan-deadline-ms", "18446744073709551615")]), Some(Duration::from_secs(86_400)));
    for bad in ["", "S", "-1S", "123456789S", "1x"] {
        assert_eq!(left(&[("grpc-timeout", bad)]), None, "{bad}");
    }
}

#[test]
fn split_cookies_are_joined() {
    assert_eq!(
        passed_on_by(&[("cookie", "a=1"), ("cookie", "b=2")], false, http::Version::HTTP_2)["cookie"],
        "a=1; b=2"
    );
}
