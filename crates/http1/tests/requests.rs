//! Requests that are accepted, and what is read from them.
mod support;

use banyan_http1::{Framing, HEAD_END, HeadScanner, HostMemory, Refusal, encode_request_line, parse_request};
use bytes::BytesMut;
use http::{Method, Version};
use support::{WIDE, request, request_and_rest};

#[test]
fn a_request_as_browsers_send_it() {
    let (head, rest) = request_and_rest(
        "GET /articles/7?x=%20y HTTP/1.1\r\nHost: a.example\r\nAccept: */*\r\nX-Empty:\r\nX-Tab:\ta\tb\t \r\n\r\nrest",
    )
    .unwrap();
    assert_eq!((&head.method, head.version), (&Method::GET, Version::HTTP_11));
    assert_eq!(head.target, "/articles/7?x=%20y");
    let value = |name| head.fields.get_all(name).next();
    assert_eq!(value("x-empty"), Some(&b""[..]));
    assert_eq!(value("x-tab"), Some(&b"a\tb"[..]), "whitespace around a value is not part of it");
    assert_eq!(head.framing, Framing::Empty);
    assert!(head.keep_alive && !head.expects_continue && !head.upgrade);
    assert_eq!(rest, "rest");
}

#[test]
fn framings() {
    for (fields, framing) in [
        ("", Framing::Empty),
        ("Content-Length: 0\r\n", Framing::Empty),
        ("Content-Length: 5\r\n", Framing::Length(5)),
        ("Content-Length: 0005\r\n", Framing::Length(5)),
        ("Content-Length:  5 \r\n", Framing::Length(5)),
        ("Content-Length: 18446744073709551615\r\n", Framing::Length(u64::MAX)),
        ("Transfer-Encoding: chunked\r\n", Framing::Chunked),
        ("Transfer-Encoding: Chunked \r\n", Framing::Chunked),
    ] {
        let head = request(format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n")).unwrap();
        assert_eq!(head.framing, framing, "{fields:?}");
    }
}

#[test]
fn connections_are_kept_as_the_version_and_the_field_say() {
    for (version, fields, kept) in [
        ("1.1", "", true),
        ("1.1", "Connection: close\r\n", false),
        ("1.1", "Connection: x, CLOSE ,y\r\n", false),
        ("1.1", "Connection: x\r\nConnection: close\r\n", false),
        ("1.1", "Connection: closed\r\n", true),
        ("1.0", "", false),
        ("1.0", "Connection: Keep-Alive\r\n", true),
        ("1.0", "Connection: keep-alive, close\r\n", false),
    ] {
        let head = request(format!("GET / HTTP/{version}\r\nHost: a\r\n{fields}\r\n")).unwrap();
        assert_eq!(head.keep_alive, kept, "{version} {fields:?}");
    }
}

#[test]
fn a_client_that_waits_is_known() {
    for (version, fields, waits) in [
        ("1.1", "Expect: 100-continue\r\n", true),
        ("1.1", "Expect: 100-Continue\r\n", true),
        ("1.1", "Expect: 100-continue\r\nExpect: other\r\n", true),
        ("1.1", "Expect: other\r\n", false),
        ("1.0", "Expect: 100-continue\r\n", false),
    ] {
        let head = request(format!("PUT / HTTP/{version}\r\nHost: a\r\n{fields}\r\n")).unwrap();
        assert_eq!(head.expects_continue, waits, "{version} {fields:?}");
    }
}

#[test]
fn an_upgrade_takes_both_fields_and_http_1_1() {
    for (version, fields, upgrade) in [
        ("1.1", "Connection: Upgrade\r\nUpgrade: websocket\r\n", true),
        ("1.1", "Connection: keep-alive, upgrade\r\nUpgrade: websocket\r\n", true),
        ("1.1", "Upgrade: websocket\r\n", false),
        ("1.1", "Connection: upgrade\r\n", false),
        ("1.0", "Connection: Upgrade\r\nUpgrade: websocket\r\n", false),
    ] {
        let head = request(format!("GET / HTTP/{version}\r\nHost: a\r\n{fields}\r\n")).unwrap();
        assert_eq!(head.upgrade, upgrade, "{version} {fields:?}");
    }
}

#[test]
fn targets_are_kept_as_they_were_sent() {
    for (method, target) in [
        ("GET", "/"),
        ("GET", "//other.example/x"),
        ("GET", "/../a/./b//c"),
        ("GET", "/%2e%2E/%00?a=/b?c"),
        ("GET", "/a;b=c,d:@!$&'()*+"),
        ("GET", "/?"),
        ("GET", "http://a/x?y"),
        ("OPTIONS", "*"),
        ("OPTIONS", "/"),
        ("M-SEARCH", "/x"),
    ] {
        let head = request(format!("{method} {target} HTTP/1.1\r\nHost: a\r\n\r\n")).unwrap();
        assert_eq!(head.target, *target, "{method}");
        assert_eq!(head.method, method);
    }
}

#[test]
fn pipelined_requests_come_one_by_one() {
    let mut buffer = BytesMut::from(
        "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\n",
    );
    let mut scanner = HeadScanner::default();
    for target in ["/1", "/2"] {
        let head =
            parse_request(&mut buffer, &mut scanner, &WIDE, &mut HostMemory::default()).unwrap().unwrap();
        assert_eq!(head.target, *target);
    }
    assert!(parse_request(&mut buffer, &mut scanner, &WIDE, &mut HostMemory::default()).unwrap().is_none());
    buffer.extend_from_slice(b"\r\n");
    assert_eq!(
        parse_request(&mut buffer, &mut scanner, &WIDE, &mut HostMemory::default()).unwrap().unwrap().target,
        "/3"
    );
    assert!(buffer.is_empty());
}

#[test]
fn a_head_survives_encoding() {
    let text = "POST /a?b HTTP/1.1\r\nhost: a\r\nx: 1\r\nx: 2\r\ncontent-length: 5\r\n\r\n";
    let head = request(text).unwrap();
    let mut encoded = BytesMut::new();
    encode_request_line(&mut encoded, &head.method, "/a?b");
    head.fields.encode(&mut encoded, |_, _| true);
    encoded.extend_from_slice(HEAD_END);
    assert_eq!(encoded, text);
}

#[test]
fn a_host_that_was_asked_for_before_is_looked_at_like_a_new_one() {
    let mut hosts = HostMemory::default();
    let mut host_of = |target: &str, host: &str| {
        let mut buffer = BytesMut::from(&*format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        let head = parse_request(&mut buffer, &mut HeadScanner::default(), &WIDE, &mut hosts);
        head.map(|head| head.unwrap().host.unwrap())
    };
    let long = "a".repeat(1000);
    for host in ["a:80", "a:80", "b", "a:80", "[::1]:80", "[::1]:80", "a:80", &long, &long] {
        assert_eq!(host_of("/", host).unwrap(), *host);
        assert_eq!(host_of(&format!("http://{host}/"), host).unwrap(), *host);
        assert_eq!(host_of("http://other/", host), Err(Refusal::HostMismatch), "{host}");
        assert_eq!(host_of("/", "a:x"), Err(Refusal::BadHost));
    }
}
