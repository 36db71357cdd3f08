//! The chunked coding, byte for byte.
use banyan_http1::{Chunk, ChunkedDecoder, MAX_CHUNK_LINE, Refusal, encode_chunk_head, encode_trailers};
use bytes::BytesMut;
use http::HeaderMap;

/// What a decoder made of some bytes: body, trailers, and what was left over.
#[derive(Debug, PartialEq)]
struct Decoded {
    body: Vec<u8>,
    trailers: Option<HeaderMap>,
    rest: Vec<u8>,
}

/// Decodes what must be a whole body, or be refused.
fn decode(text: impl AsRef<[u8]>) -> Result<Decoded, Refusal> {
    let (mut decoder, mut buffer) = (ChunkedDecoder::default(), BytesMut::from(text.as_ref()));
    let mut body = Vec::new();
    loop {
        match decoder.decode(&mut buffer)? {
            Chunk::Data(data) => body.extend_from_slice(&data),
            Chunk::End(trailers) => return Ok(Decoded { body, trailers, rest: buffer.to_vec() }),
            Chunk::NeedMore => panic!("unfinished: {:?}", text.as_ref().escape_ascii().to_string()),
        }
    }
}

#[track_caller]
fn refused(text: impl AsRef<[u8]>) {
    let result = decode(text.as_ref());
    assert!(matches!(result, Err(Refusal::BadChunk(_))), "{}: {result:?}", text.as_ref().escape_ascii());
}

#[track_caller]
fn body(text: &str, expected: &str) {
    let decoded = decode(text).expect("a well-formed body");
    assert_eq!(decoded.body, expected.as_bytes(), "{text:?}");
}

#[test]
fn bodies() {
    body("0\r\n\r\n", "");
    body("5\r\nhello\r\n0\r\n\r\n", "hello");
    body("5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n", "hello, world");
    body("A\r\n0123456789\r\n0\r\n\r\n", "0123456789");
    body("a\r\n0123456789\r\n000\r\n\r\n", "0123456789");
    body("0000000000000002\r\n\r\n\r\n0\r\n\r\n", "\r\n");
}

#[test]
fn what_follows_the_end_is_left() {
    let decoded = decode("1\r\nx\r\n0\r\n\r\nGET / HTTP/1.1\r\n").unwrap();
    assert_eq!(decoded.rest, b"GET / HTTP/1.1\r\n");
}

#[test]
fn sizes_that_are_none() {
    for size in [
        "-1",
        "+1",
        "0x1",
        " 1",
        "\t1",
        "g",
        "1g",
        "1.0",
        "1 1",
        "1_0",
        "\u{661}",
        "00000000000000001",
        "10000000000000000",
        "FFFFFFFFFFFFFFFFF",
        "1 ",
        "1\t",
        "1\0",
        "1,1",
        "\"1\"",
        "",
    ] {
        refused(format!("{size}\r\nx\r\n0\r\n\r\n"));
    }
}

#[test]
fn sixteen_digits_are_the_most() {
    let (mut decoder, mut buffer) = (ChunkedDecoder::default(), BytesMut::from("FFFFFFFFFFFFFFFF\r\nabc"));
    assert_eq!(decoder.decode(&mut buffer), Ok(Chunk::Data("abc".into())));
    assert_eq!(decoder.decode(&mut buffer), Ok(Chunk::NeedMore));
    assert!(!decoder.is_done());
}

#[test]
fn lines_that_end_otherwise() {
    refused("1\nx\r\n0\r\n\r\n");
    refused("1\r\nx\n0\r\n\r\n");
    refused("1\r\nx\r\n0\n\r\n");
    refused("1\r\nx\r\n0\r\n\n");
    refused("1\r\r\nx\r\n0\r\n\r\n");
    refused("1\rx\r\n0\r\n\r\n");
}

#[test]
fn chunks_that_are_longer_or_shorter_than_they_say() {
    refused("1\r\nxy\r\n0\r\n\r\n");
    refused("1\r\nx0\r\n\r\n");
    refused("2\r\nx\r\n0\r\n\r\n");
    refused("1\r\nx\r0\r\n\r\n");
}

#[test]
fn extensions_are_read_and_dropped() {
    for extension in [
        ";a",
        ";a=b",
        ";a=\"b\"",
        ";a=\"b;c\\\"\\\\d \t\"",
        " ; a = b",
        "\t;\ta\t=\t\"\"",
        ";a;b=c;d=\"e\"",
        ";a=b ;c",
    ] {
        body(&format!("1{extension}\r\nx\r\n0{extension}\r\n\r\n"), "x");
    }
}

#[test]
fn extensions_that_break_the_grammar() {
    for extension in [
        ";",
        ";;a",
        ";=b",
        ";a=",
        ";a=b c",
        ";a=\"b",
        ";a=\"b\"c",
        ";a=\"b\\\"",
        ";a b",
        " a",
        ";a=b,c",
        ";a\0",
        ";a=\"\0\"",
        ";a=\"\u{e9}\"",
        ";\u{e9}",
        ";a\rb",
        ";a=\"\r\"",
        ";a ",
        ";a=b ",
        ";a=\"\\\u{e9}\"",
        "=",
    ] {
        refused(format!("1{extension}\r\nx\r\n0\r\n\r\n"));
    }
}

#[test]
fn a_line_of_the_limit_fits_and_one_byte_more_does_not() {
    let line = |length: usize| format!("1;{}\r\nx\r\n0\r\n\r\n", "a".repeat(length - 2));
    body(&line(MAX_CHUNK_LINE), "x");
    refused(line(MAX_CHUNK_LINE + 1));
    let (mut decoder, mut endless) = (ChunkedDecoder::default(), BytesMut::from("1;"));
    endless.extend_from_slice(&[b'a'; MAX_CHUNK_LINE]);
    assert!(decoder.decode(&mut endless).is_err(), "before the line ends");
}

#[test]
fn garbage_is_refused_before_its_line_ends() {
    for text in ["x", "1x", "-", "1;a\0", "11111111111111111"] {
        let result = ChunkedDecoder::default().decode(&mut BytesMut::from(text));
        assert!(matches!(result, Err(Refusal::BadChunk(_))), "{text:?}: {result:?}");
    }
}

#[test]
fn trailers_are_handed_on() {
    let decoded = decode("1\r\nx\r\n0\r\nGrpc-Status: 0\r\nX: 1\r\nX: 2\r\n\r\nrest").unwrap();
    let trailers = decoded.trailers.unwrap();
    assert_eq!(trailers["grpc-status"], "0");
    assert_eq!(trailers.get_all("x").iter().count(), 2);
    assert_eq!(decoded.rest, b"rest");
}

#[test]
fn trailers_that_would_frame_or_route_are_dropped() {
    let decoded = decode(
        "0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nHost: b\r\nConnection: close\r\nAuthorization: x\r\n\
         Cookie: a\r\nContent-Encoding: gzip\r\n\r\n",
    )
    .unwrap();
    assert_eq!(decoded.trailers, None);
}

#[test]
fn trailers_that_break_the_grammar() {
    for field in ["X : 1", "no colon", "X: a\0", "X: a\rb", " X: 1", "X: 1\r\n fold", ": 1", "X\u{e9}: 1"] {
        refused(format!("0\r\n{field}\r\n\r\n"));
    }
    refused(format!("0\r\n{}\r\n", "X: 1\r\n".repeat(65)));
    refused(format!("0\r\nX: {}\r\n\r\n", "x".repeat(16 * 1024)));
    let mut endless = BytesMut::from(format!("0\r\nX: {}", "x".repeat(17 * 1024)).as_str());
    assert!(ChunkedDecoder::default().decode(&mut endless).is_err(), "before the section ends");
}

#[test]
fn a_decoder_stays_at_the_end() {
    let (mut decoder, mut buffer) = (ChunkedDecoder::default(), BytesMut::from("0\r\n\r\n5\r\nhello\r\n"));
    assert_eq!(decoder.decode(&mut buffer), Ok(Chunk::End(None)));
    assert!(decoder.is_done());
    assert_eq!(decoder.decode(&mut buffer), Ok(Chunk::End(None)));
    assert_eq!(buffer, "5\r\nhello\r\n");
}

#[test]
fn what_is_encoded_has_the_shape_of_the_rfc() {
    let mut out = BytesMut::new();
    for length in [1, 15, 16, 255, 65_536] {
        encode_chunk_head(&mut out, length);
    }
    assert_eq!(out, "1\r\nf\r\n10\r\nff\r\n10000\r\n");
    out.clear();
    let trailers = HeaderMap::from_iter([(http::header::ETAG, http::HeaderValue::from_static("\"a\""))]);
    encode_trailers(&mut out, &trailers);
    assert_eq!(out, "0\r\netag: \"a\"\r\n\r\n");
}
