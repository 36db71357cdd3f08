//! Heads of answers: where their body ends (RFC 9112 section 6.3) and what may be trusted afterwards.
mod support;

use banyan_http1::{
    BadResponse, Framing, HEAD_END, HeadLimits, HeadScanner, Known, encode_status_line, parse_response,
};
use bytes::BytesMut;
use http::{Method, StatusCode, Version};
use support::response;

#[test]
fn where_a_body_ends() {
    for (method, start, fields, framing) in [
        ("GET", "1.1 200 OK", "Content-Length: 5", Framing::Length(5)),
        ("GET", "1.1 200 OK", "Content-Length: 0", Framing::Empty),
        ("GET", "1.1 200 OK", "Transfer-Encoding: chunked", Framing::Chunked),
        ("GET", "1.1 200 OK", "X: 1", Framing::UntilClose),
        ("GET", "1.0 200 OK", "X: 1", Framing::UntilClose),
        ("HEAD", "1.1 200 OK", "Content-Length: 5", Framing::Empty),
        ("HEAD", "1.1 200 OK", "Transfer-Encoding: chunked", Framing::Empty),
        ("HEAD", "1.1 200 OK", "X: 1", Framing::Empty),
        ("GET", "1.1 204 No Content", "X: 1", Framing::Empty),
        ("GET", "1.1 304 Not Modified", "Content-Length: 5", Framing::Empty),
        ("GET", "1.1 100 Continue", "X: 1", Framing::Empty),
        ("GET", "1.1 103 Early Hints", "X: 1", Framing::Empty),
        ("GET", "1.1 101 Switching Protocols", "Upgrade: websocket", Framing::Empty),
        ("GET", "1.1 205 Reset Content", "Content-Length: 0", Framing::Empty),
        ("POST", "1.1 500 Internal Server Error", "Content-Length: 3", Framing::Length(3)),
    ] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let head = response(method.clone(), format!("HTTP/{start}\r\n{fields}\r\n\r\n")).unwrap();
        assert_eq!(head.framing, framing, "{method} {start} {fields}");
    }
}

#[test]
fn whether_the_connection_goes_on() {
    for (start, fields, kept) in [
        ("1.1 200 OK", "Content-Length: 5", true),
        ("1.1 200 OK", "Content-Length: 5\r\nConnection: close", false),
        ("1.1 200 OK", "Content-Length: 5\r\nConnection: x, Close", false),
        ("1.1 200 OK", "Transfer-Encoding: chunked", true),
        ("1.1 200 OK", "X: 1", false),
        ("1.0 200 OK", "Content-Length: 5", false),
        ("1.0 200 OK", "Content-Length: 5\r\nConnection: keep-alive", true),
        ("1.1 204 No Content", "X: 1", true),
        ("1.1 101 Switching Protocols", "X: 1", false),
        // An upstream that believes in a body here may send one, which would be read as the next answer.
        ("1.1 204 No Content", "Content-Length: 5", false),
        ("1.1 204 No Content", "Transfer-Encoding: chunked", false),
        ("1.1 204 No Content", "Content-Length: 0", true),
        ("1.1 304 Not Modified", "Content-Length: 5", true),
    ] {
        let head = response(Method::GET, format!("HTTP/{start}\r\n{fields}\r\n\r\n")).unwrap();
        assert_eq!(head.keep_alive, kept, "{start} {fields}");
    }
}

#[test]
fn a_length_beside_a_coding_is_dropped_and_the_connection_with_it() {
    let text = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n";
    let head = response(Method::GET, text).unwrap();
    assert_eq!(head.framing, Framing::Chunked);
    assert!(!head.keep_alive && head.fields.get(Known::ContentLength).is_none());
}

#[test]
fn equal_lengths_become_one() {
    let head =
        response(Method::GET, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n").unwrap();
    assert_eq!(head.framing, Framing::Length(5));
    assert_eq!(head.fields.get_all("content-length").count(), 1);
    let head =
        response(Method::HEAD, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n").unwrap();
    assert_eq!(head.fields.get_all("content-length").count(), 1);
}

#[test]
fn answers_that_never_have_a_body_do_not_speak_of_one() {
    for status in ["204 No Content", "103 Early Hints"] {
        for fields in ["Content-Length: 5", "Transfer-Encoding: chunked"] {
            let head = response(Method::GET, format!("HTTP/1.1 {status}\r\n{fields}\r\n\r\n")).unwrap();
            assert!(head.fields.is_empty(), "{status} {fields}");
        }
    }
    let head = response(Method::HEAD, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n").unwrap();
    assert_eq!(head.length, Some(5), "HEAD tells the length of what it left out");
}

#[test]
fn contradictory_framing_is_refused() {
    for text in [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551616\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    ] {
        assert_eq!(response(Method::GET, text).unwrap_err(), BadResponse::BadFraming, "{text:?}");
    }
}

#[test]
fn malformed_heads_are_refused() {
    for text in [
        "HTTP/1.1 200 OK\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nX : a\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n",
        "HTTP/1.1 abc OK\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "ICY 200 OK\r\n\r\n",
        "hello\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 O\0K\r\n\r\n",
    ] {
        assert_eq!(response(Method::GET, text).unwrap_err(), BadResponse::Malformed, "{text:?}");
    }
}

#[test]
fn limits_hold_while_a_head_arrives() {
    let limits = HeadLimits { bytes: 64, target: 0, headers: 2 };
    let parse = |text: &str| {
        parse_response(&mut BytesMut::from(text), &mut HeadScanner::default(), &Method::GET, &limits)
            .map(|head| head.is_some())
    };
    assert_eq!(parse(&format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(44))), Ok(false));
    assert_eq!(parse(&format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(46))), Err(BadResponse::HeadTooLarge));
    assert_eq!(
        parse(&format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(46))),
        Err(BadResponse::HeadTooLarge)
    );
    assert_eq!(parse("HTTP/1.1 200 OK\r\na: 1\r\nb: 2\r\n\r\n"), Ok(true));
    assert_eq!(parse("HTTP/1.1 200 OK\r\na: 1\r\nb: 2\r\nc: 3\r\n\r\n"), Err(BadResponse::HeadTooLarge));
}

#[test]
fn many_fields_are_read_when_the_limit_allows() {
    let fields = |count: usize| "X: 1\r\n".repeat(count);
    assert!(response(Method::GET, format!("HTTP/1.1 200 OK\r\n{}\r\n", fields(200))).is_ok());
    let too_many = response(Method::GET, format!("HTTP/1.1 200 OK\r\n{}\r\n", fields(201)));
    assert_eq!(too_many.unwrap_err(), BadResponse::HeadTooLarge);
}

#[test]
fn a_status_line_may_lack_its_reason() {
    for line in ["HTTP/1.1 200 OK", "HTTP/1.1 200 ", "HTTP/1.1 200", "HTTP/1.1 299 A Reason Of Its Own"] {
        assert!(response(Method::GET, format!("{line}\r\n\r\n")).is_ok(), "{line:?}");
    }
}

#[test]
fn a_head_survives_encoding() {
    let text = "HTTP/1.1 404 Not Found\r\ncontent-length: 5\r\nset-cookie: a\r\nset-cookie: b\r\n\r\n";
    let head = response(Method::GET, text).unwrap();
    let mut encoded = BytesMut::new();
    encode_status_line(&mut encoded, head.version, head.status);
    head.fields.encode(&mut encoded, |_, _| true);
    encoded.extend_from_slice(HEAD_END);
    assert_eq!(encoded, text);
    encoded.clear();
    encode_status_line(&mut encoded, Version::HTTP_10, StatusCode::OK);
    assert_eq!(encoded, "HTTP/1.0 200 OK\r\n");
}
