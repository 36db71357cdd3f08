//! Limits of a head, kept while it is still arriving.
mod support;

use banyan_http1::{HeadLimits, HeadScanner, HostMemory, Refusal, parse_request};
use bytes::BytesMut;

const LIMITS: HeadLimits = HeadLimits { bytes: 256, target: 64, headers: 4 };

/// Feeds byte by byte. Returns what came of it and after how many bytes.
fn feed(text: &[u8], limits: &HeadLimits) -> (Result<bool, Refusal>, usize) {
    let (mut buffer, mut scanner) = (BytesMut::new(), HeadScanner::default());
    for (index, byte) in text.iter().enumerate() {
        buffer.extend_from_slice(&[*byte]);
        match parse_request(&mut buffer, &mut scanner, limits, &mut HostMemory::default()) {
            Ok(None) => {}
            Ok(Some(_)) => return (Ok(true), index + 1),
            Err(refusal) => return (Err(refusal), index + 1),
        }
    }
    (Ok(false), text.len())
}

fn at_once(text: &[u8], limits: &HeadLimits) -> Result<bool, Refusal> {
    parse_request(&mut BytesMut::from(text), &mut HeadScanner::default(), limits, &mut HostMemory::default())
        .map(|head| head.is_some())
}

/// A head of exactly `bytes` bytes.
fn head_of(bytes: usize) -> Vec<u8> {
    let frame = "GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n";
    frame.replace("X: ", &format!("X: {}", "x".repeat(bytes - frame.len()))).into_bytes()
}

#[test]
fn a_head_of_the_limit_fits_and_one_byte_more_does_not() {
    assert_eq!(at_once(&head_of(256), &LIMITS), Ok(true));
    assert_eq!(feed(&head_of(256), &LIMITS), (Ok(true), 256));
    assert_eq!(at_once(&head_of(257), &LIMITS), Err(Refusal::HeadTooLarge));
    assert_eq!(feed(&head_of(257), &LIMITS), (Err(Refusal::HeadTooLarge), 257));
}

#[test]
fn a_head_without_an_end_is_refused_once_it_cannot_fit() {
    let endless = [b"GET / HTTP/1.1\r\nX: ".as_slice(), &[b'x'; 1000]].concat();
    assert_eq!(feed(&endless, &LIMITS), (Err(Refusal::HeadTooLarge), 257));
    assert_eq!(at_once(&endless, &LIMITS), Err(Refusal::HeadTooLarge));
    let method = [b'X'; 1000];
    assert_eq!(feed(&method, &LIMITS), (Err(Refusal::HeadTooLarge), 257));
}

#[test]
fn what_follows_a_head_does_not_count() {
    let mut text = head_of(256);
    text.extend_from_slice(&[b'x'; 1000]);
    assert_eq!(at_once(&text, &LIMITS), Ok(true));
}

#[test]
fn a_target_of_the_limit_fits_and_one_byte_more_does_not() {
    let request =
        |length: usize| format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(length - 1)).into_bytes();
    assert_eq!(at_once(&request(64), &LIMITS), Ok(true));
    assert_eq!(feed(&request(64), &LIMITS).0, Ok(true));
    assert_eq!(at_once(&request(65), &LIMITS), Err(Refusal::TargetTooLong));
    assert_eq!(feed(&request(65), &LIMITS), (Err(Refusal::TargetTooLong), "GET ".len() + 65));
    assert_eq!(at_once(&request(1000), &LIMITS), Err(Refusal::TargetTooLong), "rather than a large head");
}

#[test]
fn a_target_is_only_looked_for_in_the_request_line() {
    let text = format!("GET\r\n{}", "x".repeat(100));
    assert_eq!(feed(text.as_bytes(), &LIMITS), (Ok(false), text.len()));
}

/// [`http::Uri`] ends at 64 KiB, whatever the config allows.
#[test]
fn a_target_beyond_what_can_be_kept_is_too_long_and_not_malformed() {
    let wide = HeadLimits { bytes: 1 << 20, target: 1 << 20, headers: 4 };
    let request =
        |length: usize| format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(length - 1)).into_bytes();
    assert_eq!(at_once(&request(65_534), &wide), Ok(true));
    assert_eq!(at_once(&request(65_535), &wide), Err(Refusal::TargetTooLong));
    assert_eq!(at_once(&request(200_000), &wide), Err(Refusal::TargetTooLong));
}

#[test]
fn as_many_fields_as_the_limit_says() {
    let request =
        |fields: usize| format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: 1\r\n".repeat(fields - 1));
    for headers in [1, 4, 63, 64, 65, 150] {
        let limits = HeadLimits { bytes: 64 * 1024, target: 64, headers };
        assert_eq!(at_once(request(headers).as_bytes(), &limits), Ok(true), "{headers}");
        let one_more = request(headers + 1);
        assert_eq!(at_once(one_more.as_bytes(), &limits), Err(Refusal::TooManyHeaders), "{headers}");
    }
}

/// A partial head is looked at once per byte, not once per read: a slow client cannot make the gateway work.
#[test]
fn empty_lines_in_front_are_skipped_in_any_pieces() {
    let text = b"\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(at_once(text, &LIMITS), Ok(true));
    assert_eq!(feed(text, &LIMITS), (Ok(true), text.len()));
    let many = ["\r\n".repeat(1000).as_bytes(), text].concat();
    assert_eq!(feed(&many, &LIMITS).0, Ok(true), "they are no part of the head");
}
