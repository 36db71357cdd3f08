//! The codec over generated and damaged messages.
mod invariants;

use std::fmt::Write as _;

use banyan_http1::{Framing, HeadLimits, HeadScanner, HostMemory, parse_request};
use bytes::BytesMut;
use invariants::{Body, chunked, decode_in_pieces, encode, request_head, response_head};
use proptest::{collection::vec, option, prelude::*, sample::select};

/// Bytes that mean something to a parser.
const TELLING: &[u8] = b"\r\n\t \0:;,=\"#/?*@[]%+-0159afAFxX\x0b\x7f\x80\xff";

/// A request as it may be sent, with what must be read from it.
#[derive(Clone, Debug)]
struct Request {
    method: String,
    target: String,
    fields: Vec<(String, String)>,
    framing: Framing,
}

impl Request {
    fn text(&self) -> String {
        let mut text = format!("{} {} HTTP/1.1\r\nHost: a.example\r\n", self.method, self.target);
        for (name, value) in &self.fields {
            write!(text, "{name}: {value}\r\n").expect("a String takes everything");
        }
        match self.framing {
            Framing::Length(length) => write!(text, "Content-Length: {length}\r\n\r\n"),
            Framing::Chunked => write!(text, "Transfer-Encoding: chunked\r\n\r\n"),
            Framing::Empty | Framing::UntilClose => write!(text, "\r\n"),
        }
        .expect("a String takes everything");
        text
    }
}

prop_compose! {
    fn requests()(
        method in prop_oneof![select(vec!["GET", "POST", "HEAD", "OPTIONS", "DELETE"]).prop_map(str::to_owned), "[A-Z!#$%&'*+.^_`|~-]{1,8}"],
        target in "/[a-zA-Z0-9/._~!$&'()*+,;=:@%-]{0,20}(\\?[a-z0-9=&/?%]{0,10})?",
        fields in vec(("x-[a-zA-Z0-9-]{1,8}", "([!-~]([ -~\t]{0,10}[!-~])?)?"), 0..6),
        framing in prop_oneof![Just(Framing::Empty), Just(Framing::Chunked), (1..=u64::MAX).prop_map(Framing::Length)],
    ) -> Request {
        // CONNECT has a target form of its own and is refused.
        let method = if method == "CONNECT" { "GET".to_owned() } else { method };
        Request { method, target, fields, framing }
    }
}

/// One change of a byte: put in, replaced, taken out, or the text doubled from there on.
fn damage(mut text: Vec<u8>, changes: &[(usize, u8, u8)]) -> Vec<u8> {
    for &(at, byte, kind) in changes {
        let at = at % text.len().max(1);
        match kind {
            0 => text.insert(at, byte),
            1 if !text.is_empty() => text[at] = byte,
            2 if !text.is_empty() => drop(text.remove(at)),
            _ => text.extend_from_within(at..),
        }
    }
    text
}

fn changes() -> impl Strategy<Value = Vec<(usize, u8, u8)>> {
    vec((0..400_usize, select(TELLING.to_vec()), 0..4_u8), 1..4)
}

const WIDE: HeadLimits = HeadLimits { bytes: 64 * 1024, target: 16 * 1024, headers: 100 };

proptest! {
    #[test]
    fn what_is_well_formed_is_read_as_it_was_meant(request in requests(), rest in vec(any::<u8>(), 0..20)) {
        let mut buffer = BytesMut::from(request.text().as_bytes());
        buffer.extend_from_slice(&rest);
        let head = parse_request(&mut buffer, &mut HeadScanner::default(), &WIDE, &mut HostMemory::default()).unwrap().unwrap();
        prop_assert_eq!(head.method.as_str(), &request.method);
        prop_assert_eq!(head.target.to_string(), request.target);
        prop_assert_eq!(head.framing, request.framing);
        for (name, value) in &request.fields {
            prop_assert!(head.fields.get_all(name).any(|sent| sent == value.as_bytes()), "{}: {}", name, value);
        }
        prop_assert_eq!(buffer.as_ref(), rest);
    }

    #[test]
    fn requests_hold_what_holds_for_all(request in requests()) {
        request_head(request.text().as_bytes());
    }

    #[test]
    fn damaged_requests_do_too(request in requests(), changes in changes()) {
        request_head(&damage(request.text().into_bytes(), &changes));
    }

    #[test]
    fn damaged_answers_do_too(
        status in select(vec!["200 OK", "204 No Content", "304 Not Modified", "101 Switching Protocols", "500 "]),
        fields in vec(select(vec![
            "Content-Length: 5", "Content-Length: 0", "Transfer-Encoding: chunked", "Connection: close",
            "Connection: keep-alive", "X: y",
        ]), 0..4),
        changes in changes(),
    ) {
        let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
        let text = format!("HTTP/1.1 {status}\r\n{fields}\r\n");
        response_head(text.as_bytes());
        response_head(&damage(text.into_bytes(), &changes));
    }

    #[test]
    fn any_bytes_do_too(data in vec(prop_oneof![any::<u8>(), select(TELLING.to_vec())], 0..600)) {
        request_head(&data);
        response_head(&data);
        chunked(&data);
    }

    #[test]
    fn a_body_comes_back_from_any_chunks_in_any_pieces(
        data in vec(any::<u8>(), 0..300), size in 1..100_usize, piece in 1..50_usize, trailer in option::of("[!-~]{1,10}"),
    ) {
        let trailers = trailer.map(|value| {
            http::HeaderMap::from_iter([(http::header::ETAG, value.parse().expect("visible characters are a value"))])
        });
        let encoded = encode(&data, trailers.as_ref(), size);
        let expected = Body { data, trailers, ended: true, left: 0 };
        prop_assert_eq!(decode_in_pieces(&encoded, piece), Some(expected));
    }

    #[test]
    fn damaged_bodies_are_read_alike_in_any_pieces(data in vec(any::<u8>(), 1..60), size in 1..20_usize, changes in changes()) {
        chunked(&damage(encode(&data, None, size).to_vec(), &changes));
    }

    #[test]
    fn extensions_are_read_alike_in_any_pieces(extension in "[;= \t\"\\\\a-z,]{0,12}") {
        chunked(format!("1{extension}\r\nx\r\n0\r\n\r\n").as_bytes());
    }
}
