//! What holds for any bytes whatsoever. Run over generated input by the property tests, and over everything a fuzzer
//! finds by the targets in `fuzz/`.
#![allow(dead_code, reason = "a fuzz target runs one of them")]

use banyan_http1::{
    CHUNK_END, Chunk, ChunkedDecoder, Framing, HeadLimits, HeadScanner, Names, RequestHead, ResponseHead,
    encode_chunk_head, encode_request_head, encode_response_head, encode_trailers, parse_request,
    parse_response,
};
use bytes::{BufMut as _, Bytes, BytesMut};
use http::{HeaderMap, Method};

/// Small, so that input of a fuzzer's size reaches them.
const LIMITS: HeadLimits = HeadLimits { bytes: 512, target: 128, headers: 12 };

/// A request head is the same however its bytes arrive, and reads the same once it was forwarded.
pub(crate) fn request_head(data: &[u8]) {
    let whole = parse_in_pieces(data, data.len(), parse);
    for piece in [1, 2, 3, 7] {
        let pieces = parse_in_pieces(data, piece, parse);
        assert_eq!(shown(&whole), shown(&pieces), "in pieces of {piece}");
    }
    let Some((head, _)) = whole else { return };
    assert!(head.headers.len() <= LIMITS.headers);
    assert!(head.framing != Framing::UntilClose, "a request cannot last until the connection closes");
    let one_framing =
        !(head.headers.contains_key("content-length") && head.headers.contains_key("transfer-encoding"));
    assert!(one_framing && head.headers.get_all("host").iter().count() <= 1);
    let target = head.target.to_string();
    let mut encoded = BytesMut::new();
    encode_request_head(&mut encoded, &head.method, &target, b"", &head.headers);
    assert_clean_lines(&encoded);
    if head.version == http::Version::HTTP_11 {
        let wide = HeadLimits { bytes: usize::MAX, target: usize::MAX, headers: LIMITS.headers };
        let again = parse_request(&mut encoded, &mut HeadScanner::default(), &wide, &mut Names::default());
        let again = again.expect("what is forwarded is well-formed").expect("and whole");
        // Spelled anew, it means the same.
        let meant = |head: RequestHead| format!("{:?}", RequestHead { raw: Bytes::new(), ..head });
        assert_eq!(meant(again), meant(head));
        assert!(encoded.is_empty());
    }
}

/// An answer's head is the same however its bytes arrive, and has one reading of where it ends.
pub(crate) fn response_head(data: &[u8]) {
    for method in [Method::GET, Method::HEAD] {
        let parse = |buffer: &mut BytesMut, scanner: &mut HeadScanner| {
            parse_response(buffer, scanner, &method, &LIMITS, &mut Names::default()).map_err(drop)
        };
        let whole = parse_in_pieces(data, data.len(), parse);
        for piece in [1, 3] {
            assert_eq!(shown(&whole), shown(&parse_in_pieces(data, piece, parse)), "in pieces of {piece}");
        }
        if let Some((head, _)) = whole {
            check_response(&head, &method);
        }
    }
}

fn check_response(head: &ResponseHead, method: &Method) {
    let lengths = head.headers.get_all("content-length").iter().count();
    let codings = head.headers.get_all("transfer-encoding").iter().count();
    assert!(lengths + codings <= 1, "one framing field at most: {head:?}");
    assert!(head.framing != Framing::UntilClose || !head.keep_alive);
    let mut encoded = BytesMut::new();
    encode_response_head(&mut encoded, head.version, head.status, &head.headers);
    assert_clean_lines(&encoded);
    let wide = HeadLimits { bytes: usize::MAX, target: 0, headers: LIMITS.headers };
    let again =
        parse_response(&mut encoded, &mut HeadScanner::default(), method, &wide, &mut Names::default());
    let again = again.expect("what is handed on is well-formed").expect("and whole");
    assert_eq!((again.status, again.framing, &again.headers), (head.status, head.framing, &head.headers));
}

/// A chunked body is the same however its bytes arrive, and decodes to itself once it was encoded again.
pub(crate) fn chunked(data: &[u8]) {
    let whole = decode_in_pieces(data, data.len());
    for piece in [1, 2, 3, 7] {
        assert_eq!(whole, decode_in_pieces(data, piece), "in pieces of {piece}");
    }
    if let Some(body) = whole.filter(|body| body.ended) {
        let encoded = encode(&body.data, body.trailers.as_ref(), 5);
        let mut again = decode_in_pieces(&encoded, encoded.len()).expect("what is forwarded is well-formed");
        again.left = body.left;
        assert_eq!(again, body);
    }
}

/// A body in chunks of `size` bytes.
pub(crate) fn encode(data: &[u8], trailers: Option<&HeaderMap>, size: usize) -> BytesMut {
    let mut out = BytesMut::new();
    for chunk in data.chunks(size) {
        encode_chunk_head(&mut out, chunk.len());
        out.put_slice(chunk);
        out.put_slice(CHUNK_END);
    }
    encode_trailers(&mut out, trailers.unwrap_or(&HeaderMap::new()));
    out
}

/// What a decoder made of some bytes.
#[derive(Debug, PartialEq)]
pub(crate) struct Body {
    pub(crate) data: Vec<u8>,
    pub(crate) trailers: Option<HeaderMap>,
    pub(crate) ended: bool,
    /// Bytes that were not looked at.
    pub(crate) left: usize,
}

/// Decodes `data` as it arrives in pieces of `piece` bytes. `None` when it is refused.
pub(crate) fn decode_in_pieces(data: &[u8], piece: usize) -> Option<Body> {
    let (mut decoder, mut buffer) = (ChunkedDecoder::default(), BytesMut::new());
    let mut body = Body { data: Vec::new(), trailers: None, ended: false, left: 0 };
    let mut given = 0;
    for bytes in data.chunks(piece.max(1)) {
        buffer.extend_from_slice(bytes);
        given += bytes.len();
        loop {
            match decoder.decode(&mut buffer).ok()? {
                Chunk::NeedMore => break,
                Chunk::Data(data) => {
                    assert!(!data.is_empty());
                    body.data.extend_from_slice(&data);
                }
                Chunk::End(trailers) => {
                    assert!(decoder.is_done());
                    return Some(Body {
                        trailers,
                        ended: true,
                        left: buffer.len() + data.len() - given,
                        ..body
                    });
                }
            }
        }
    }
    Some(body)
}

fn parse(buffer: &mut BytesMut, scanner: &mut HeadScanner) -> Result<Option<RequestHead>, ()> {
    parse_request(buffer, scanner, &LIMITS, &mut Names::default()).map_err(drop)
}

/// Parses the head at the front of `data` as it arrives in pieces, and counts the bytes that follow it. `None` when it
/// is refused or unfinished; which refusal may depend on what arrived first, that there is one may not.
fn parse_in_pieces<H>(
    data: &[u8],
    piece: usize,
    mut parse: impl FnMut(&mut BytesMut, &mut HeadScanner) -> Result<Option<H>, ()>,
) -> Option<(H, usize)> {
    let (mut buffer, mut scanner) = (BytesMut::new(), HeadScanner::default());
    let mut given = 0;
    for bytes in data.chunks(piece.max(1)) {
        buffer.extend_from_slice(bytes);
        given += bytes.len();
        if let Some(head) = parse(&mut buffer, &mut scanner).ok()? {
            return Some((head, buffer.len() + data.len() - given));
        }
    }
    None
}

fn shown(parsed: &Option<(impl std::fmt::Debug, usize)>) -> String {
    format!("{parsed:?}")
}

/// Nothing a field holds can end a line or a head.
fn assert_clean_lines(head: &[u8]) {
    let text = head.strip_suffix(b"\r\n\r\n").expect("a head ends in an empty line");
    for line in text.split(|&byte| byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        assert!(!line.is_empty() && !line.contains(&b'\r') && !line.contains(&0), "{}", line.escape_ascii());
    }
}
