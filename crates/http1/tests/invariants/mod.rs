//! What holds for any bytes whatsoever. Run over generated input by the property tests, and over everything a fuzzer
//! finds by the targets in `fuzz/`.
#![allow(dead_code, reason = "a fuzz target runs one of them")]

use banyan_http1::{
    CHUNK_END, Chunk, ChunkedDecoder, FieldLines, Framing, HEAD_END, HeadLimits, HeadScanner, HostMemory,
    Known, Names, RequestHead, ResponseHead, encode_chunk_head, encode_request_line, encode_status_line,
    encode_trailers, parse_request, parse_response,
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
    assert!(head.fields.len() <= LIMITS.headers);
    assert!(head.framing != Framing::UntilClose, "a request cannot last until the connection closes");
    let has = |known| head.fields.get(known).is_some();
    assert!(!(has(Known::ContentLength) && has(Known::TransferEncoding)));
    assert!(head.fields.known().filter(|known| *known == Known::Host).count() <= 1);
    assert_eq!(head.fields.get(Known::Host), head.host.as_ref().map(http::HeaderValue::as_bytes));
    check_map(&head.fields);
    let target = head.target.to_string();
    let mut encoded = BytesMut::new();
    encode_request_line(&mut encoded, &head.method, &target);
    head.fields.encode(&mut encoded, |_, _| true);
    encoded.put_slice(HEAD_END);
    assert_clean_lines(&encoded);
    if head.version == http::Version::HTTP_11 {
        let wide = HeadLimits { bytes: usize::MAX, target: usize::MAX, headers: LIMITS.headers };
        let again =
            parse_request(&mut encoded, &mut HeadScanner::default(), &wide, &mut HostMemory::default());
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
            parse_response(buffer, scanner, &method, &LIMITS).map_err(drop)
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
    let count = |known| head.fields.known().filter(|it| *it == known).count();
    let (lengths, codings) = (count(Known::ContentLength), count(Known::TransferEncoding));
    assert_eq!(head.length.is_some(), lengths == 1, "{head:?}");
    check_map(&head.fields);
    assert!(lengths + codings <= 1, "one framing field at most: {head:?}");
    assert!(head.framing != Framing::UntilClose || !head.keep_alive);
    let mut encoded = BytesMut::new();
    encode_status_line(&mut encoded, head.version, head.status);
    head.fields.encode(&mut encoded, |_, _| true);
    encoded.put_slice(HEAD_END);
    assert_clean_lines(&encoded);
    let wide = HeadLimits { bytes: usize::MAX, target: 0, headers: LIMITS.headers };
    let again = parse_response(&mut encoded, &mut HeadScanner::default(), method, &wide);
    let again = again.expect("what is handed on is well-formed").expect("and whole");
    assert_eq!((again.status, again.framing, &again.fields), (head.status, head.framing, &head.fields));
}

/// A map of the fields holds every one of them, in their order.
fn check_map(fields: &FieldLines) {
    let map = fields.to_map(&mut Names::default());
    assert_eq!(map.len(), fields.len());
    for (name, _) in fields.iter() {
        let name = String::from_utf8_lossy(name).to_lowercase();
        let mapped = map.get_all(&name).iter().map(http::HeaderValue::as_bytes);
        assert!(mapped.eq(fields.get_all(&name)), "{name}");
    }
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
    parse_request(buffer, scanner, &LIMITS, &mut HostMemory::default()).map_err(drop)
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
