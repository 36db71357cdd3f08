//! Every refusal of a request head, by the bytes that earn it.
mod support;

use banyan_http1::Refusal;
use support::{refusal, request};

/// A request whose fields after `Host` are `fields`.
fn with(fields: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n")
}

fn malformed(text: impl AsRef<[u8]>) {
    let text = text.as_ref();
    let refused = refusal(text);
    assert!(matches!(refused, Refusal::Malformed(_)), "{}: {refused}", text.escape_ascii());
}

#[test]
fn bare_lf() {
    for text in [
        "GET / HTTP/1.1\nHost: a\n\n",
        "GET / HTTP/1.1\r\nHost: a\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX: 1\nTransfer-Encoding: chunked\r\n\r\n",
        "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\n",
    ] {
        assert_eq!(refusal(text), Refusal::BareLf, "{}", text.escape_debug());
    }
}

#[test]
fn bare_cr() {
    for text in [
        "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
        "GET / HTTP/1.1\rHost: a\r\n\r\n",
        "GET /\r HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX\r: b\r\n\r\n",
        "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        let refused = refusal(text);
        assert!(matches!(refused, Refusal::Malformed(_) | Refusal::BadVersion), "{text:?}: {refused}");
    }
}

#[test]
fn obs_fold() {
    malformed(with("X: a\r\n b"));
    malformed(with("X: a\r\n\tb"));
    malformed("GET / HTTP/1.1\r\n Host: a\r\n\r\n");
    malformed("GET / HTTP/1.1\r\nHost: a\r\n \r\n\r\n");
}

#[test]
fn nul_and_control_characters() {
    for control in (0..0x20_u8).chain([0x7F]).filter(|byte| !b"\t\r\n".contains(byte)) {
        let control = char::from(control);
        malformed(with(&format!("X: a{control}b")));
        malformed(with(&format!("X{control}: a")));
        malformed(format!("GET /{control} HTTP/1.1\r\nHost: a\r\n\r\n"));
        malformed(format!("GE{control}T / HTTP/1.1\r\nHost: a\r\n\r\n"));
    }
}

#[test]
fn field_names_that_are_no_tokens() {
    for line in ["X : a", "X\t: a", ": a", "no colon", "X(y): a", "X\u{e9}: a", "X,Y: a", "\"X\": a"] {
        malformed(with(line));
    }
}

#[test]
fn request_lines_that_break_the_grammar() {
    for line in [
        "GET",
        "GET  / HTTP/1.1",
        "GET /  HTTP/1.1",
        "GET / HTTP/1.1 ",
        " GET / HTTP/1.1",
        "GET\t/ HTTP/1.1",
        "GET /a b HTTP/1.1",
        "G(T / HTTP/1.1",
        "GET  HTTP/1.1",
        "GET / HTTP/1.10",
    ] {
        let refused = refusal(format!("{line}\r\nHost: a\r\n\r\n"));
        let expected = matches!(refused, Refusal::Malformed(_) | Refusal::BadVersion | Refusal::BadTarget);
        assert!(expected, "{line:?}: {refused}");
    }
}

#[test]
fn versions() {
    for text in [
        "GET / HTTP/0.9\r\nHost: a\r\n\r\n",
        "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
        "GET / HTTP/2\r\nHost: a\r\n\r\n",
        "GET / HTTP/1.2\r\nHost: a\r\n\r\n",
        "GET / HTTP/11\r\nHost: a\r\n\r\n",
        "GET / http/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTPS/1.1\r\nHost: a\r\n\r\n",
    ] {
        assert_eq!(refusal(text), Refusal::BadVersion, "{text:?}");
    }
}

#[test]
fn http_0_9_names_no_version() {
    malformed("GET /\r\n\r\n");
}

#[test]
fn content_lengths() {
    for fields in [
        "Content-Length: 5\r\nContent-Length: 5",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 5\r\ncontent-length: 6",
        "Content-Length: 0\r\nContent-Length: 0",
        "Content-Length: 5, 5",
        "Content-Length: 5,",
        "Content-Length: +5",
        "Content-Length: -5",
        "Content-Length: -0",
        "Content-Length: 0x5",
        "Content-Length: 5.0",
        "Content-Length: 5 5",
        "Content-Length: five",
        "Content-Length:",
        "Content-Length: 18446744073709551616",
        "Content-Length: 99999999999999999999999999",
        "Content-Length: \u{665}",
    ] {
        assert_eq!(refusal(with(fields)), Refusal::BadContentLength, "{fields:?}");
    }
}

#[test]
fn length_and_encoding() {
    for fields in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Transfer-Encoding: chunked\r\nContent-Length: 0",
        "Transfer-Encoding: identity\r\nContent-Length: 5",
        "transfer-encoding: CHUNKED\r\ncontent-length: 5",
    ] {
        assert_eq!(refusal(with(fields)), Refusal::LengthAndEncoding, "{fields:?}");
    }
}

#[test]
fn transfer_encodings_that_end_nowhere() {
    for fields in [
        "Transfer-Encoding: gzip",
        "Transfer-Encoding: identity",
        "Transfer-Encoding:",
        "Transfer-Encoding: chunked, gzip",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked,",
        "Transfer-Encoding: chunked;q=1",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunkedx",
        "Transfer-Encoding: \"chunked\"",
    ] {
        assert_eq!(refusal(with(fields)), Refusal::BadTransferEncoding, "{fields:?}");
    }
    let old = "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(refusal(old), Refusal::BadTransferEncoding);
}

#[test]
fn transfer_codings_nobody_speaks() {
    for fields in ["Transfer-Encoding: gzip, chunked", "Transfer-Encoding: identity ,\tchunked"] {
        assert_eq!(refusal(with(fields)), Refusal::UnknownTransferCoding, "{fields:?}");
    }
}

#[test]
fn missing_hosts() {
    assert_eq!(refusal("GET / HTTP/1.1\r\n\r\n"), Refusal::MissingHost);
    assert_eq!(refusal("GET http://a/ HTTP/1.1\r\nX: 1\r\n\r\n"), Refusal::MissingHost);
    assert!(request("GET / HTTP/1.0\r\n\r\n").is_ok(), "HTTP/1.0 knew no Host");
}

#[test]
fn bad_hosts() {
    for fields in [
        "Host: a\r\nHost: a",
        "Host: a\r\nhost: b",
        "Host:",
        "Host: a b",
        "Host: a/b",
        "Host: a?b",
        "Host: a#b",
        "Host: http://a",
        "Host: user@a",
        "Host: @a",
        "Host: :80",
        "Host: a:b",
        "Host: a:80:80",
        "Host: a:65536",
        "Host: a:-1",
        "Host: a:+1",
        "Host: [::1",
        "Host: [::1]x",
        "Host: ::1",
        "Host: a\\b",
        "Host: a, b",
    ] {
        let refused = refusal(format!("GET / HTTP/1.1\r\n{fields}\r\n\r\n"));
        assert_eq!(refused, Refusal::BadHost, "{fields:?}");
    }
    for host in
        ["a", "a.example:8080", "a:", "127.0.0.1", "[::1]", "[::1]:80", "xn--bcher-kva.example", "a_b"]
    {
        assert!(request(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")).is_ok(), "{host}");
    }
}

#[test]
fn targets_that_name_another_host() {
    for (target, host) in [
        ("http://b/", "a"),
        ("http://a:81/", "a"),
        ("http://a/", "a:81"),
        ("https://a/", "a:80"),
        ("http://a.b/", "a"),
        ("http://[::1]/", "[::2]"),
    ] {
        let refused = refusal(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert_eq!(refused, Refusal::HostMismatch, "{target} {host}");
    }
    for (target, host) in [
        ("http://a/", "A"),
        ("http://a/", "a:80"),
        ("http://a:80/", "a"),
        ("http://a:/", "a"),
        ("https://a/", "a:443"),
        ("http://[::1]:8080/", "[::1]:8080"),
    ] {
        assert!(request(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n")).is_ok(), "{target} {host}");
    }
}

#[test]
fn bad_targets() {
    for (method, target) in [
        ("GET", "/a#b"),
        ("GET", "#"),
        ("GET", "http://a/#b"),
        ("GET", "*"),
        ("POST", "*"),
        ("CONNECT", "a:443"),
        ("CONNECT", "/"),
        ("GET", "a:80"),
        ("GET", "a"),
        ("GET", "ftp://a/"),
        ("GET", "http:/a"),
        ("GET", "http://"),
        ("GET", "http:///a"),
        ("GET", "http://user@a/"),
        ("GET", "http://user:password@a/"),
        ("GET", "http://b@a/"),
        ("OPTIONS", "**"),
        ("OPTIONS", "*/"),
    ] {
        let refused = refusal(format!("{method} {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert_eq!(refused, Refusal::BadTarget, "{method} {target}");
    }
    assert_eq!(refusal("GET http://user@a/ HTTP/1.0\r\n\r\n"), Refusal::BadTarget, "without Host too");
}
