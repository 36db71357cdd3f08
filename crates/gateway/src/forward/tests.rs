//! What the next hop gets.

use std::time::Duration;

use tokio::time::Instant;

use rand::{SeedableRng as _, rngs::SmallRng};

use super::*;
use crate::trace::TraceContext;

fn map(fields: &[(&'static str, &str)]) -> Head {
    let mut map = HeaderMap::new();
    for (name, value) in fields {
        map.append(*name, value.parse().unwrap());
    }
    map.into()
}

/// The same as they come from an HTTP/1.1 connection, in another spelling.
fn lines(fields: &[(&'static str, &str)]) -> Head {
    let mut text = BytesMut::from("GET / HTTP/1.1\r\nHost: shop.example\r\n");
    for (name, value) in fields {
        text.extend_from_slice(format!("{}:  {value}\r\n", name.to_uppercase()).as_bytes());
    }
    text.extend_from_slice(b"\r\n");
    parse(text).into()
}

fn parse(mut text: BytesMut) -> banyan_http1::FieldLines {
    let limits = banyan_http1::HeadLimits { bytes: 10_000, target: 10, headers: 100 };
    banyan_http1::parse_request(&mut text, &mut Default::default(), &limits, &mut Default::default())
        .unwrap()
        .unwrap()
        .fields
}

fn passed_on(fields: &[(&'static str, &str)], trusted: bool) -> HeaderMap {
    passed_on_by(fields, trusted, http::Version::HTTP_11)
}

fn passed_on_by(fields: &[(&'static str, &str)], trusted: bool, version: http::Version) -> HeaderMap {
    let peer = "192.0.2.7:5000".parse().unwrap();
    let trace = TraceContext::of(&Head::default(), Seen::default(), 0.0, &mut SmallRng::seed_from_u64(1));
    let client = Client::new(peer, false, trusted);
    let host = HeaderValue::from_static("shop.example");
    let passed_on = |head: Head| {
        let seen = Seen::of(&head);
        let exchange = Exchange::new(&client, version, trace, seen, &Default::default(), Instant::now());
        request(head, &client, &exchange, &host, 1)
    };
    let fields_of_map = passed_on(map(fields)).to_map();
    // However they came and go on, they are the same.
    if !fields.iter().any(|(name, _)| matches!(*name, "host" | "content-length" | "transfer-encoding")) {
        let from_lines = passed_on(lines(fields));
        assert_eq!(from_lines.to_map(), fields_of_map);
        let mut text = BytesMut::from("GET / HTTP/1.1\r\nHost: shop.example\r\n");
        from_lines.encode(&mut text);
        text.extend_from_slice(b"\r\n");
        let mut encoded = parse(text).to_map(&mut banyan_http1::Names::default());
        encoded.remove(header::HOST);
        assert_eq!(encoded, fields_of_map);
    }
    fields_of_map
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

fn hops(head: &Head) -> u32 {
    hops_so_far(head, Seen::of(head))
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
