//! Items: many small JSON documents that tell their own number, for measurements of caches.
//!
//! A cache that mixes up two keys gives a wrong answer with the right status and length. Since each item says which one it
//! is, that shows.

use std::{fmt::Write, str};

/// Where item `n` is asked for.
pub(crate) fn path(n: usize) -> String {
    format!("/item/{n}")
}

/// Item `n`: JSON of exactly `bytes` bytes, at least 64.
pub(crate) fn body(n: usize, bytes: usize) -> Vec<u8> {
    let (start, end) = (format!("{}\"title\":\"On banyans\",\"body\":\"", beginning(n)), "\"}");
    let filler = "a tree that grows around another ".chars().cycle();
    let text: String = filler.take(bytes.saturating_sub(start.len() + end.len())).collect();
    format!("{start}{text}{end}").into_bytes()
}

/// What only item `n` begins with.
pub(crate) fn beginning(n: usize) -> String {
    format!("{{\"id\":{n},")
}

/// The whole answer with item `n`; `cache_control` is the value of that field.
pub(crate) fn answer(n: usize, bytes: usize, cache_control: Option<&str>) -> Vec<u8> {
    let mut head =
        format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {bytes}\r\n");
    if let Some(value) = cache_control {
        // Writing to memory does not fail.
        write!(head, "Cache-Control: {value}\r\n").ok();
    }
    head.push_str("\r\n");
    [head.into_bytes(), body(n, bytes)].concat()
}

/// Which item the head of a request asks for; `None` when it asks for something else.
pub(crate) fn asked_for(head: &[u8]) -> Option<usize> {
    let path = head.strip_prefix(b"GET /item/")?;
    let end = path.iter().position(|byte| *byte == b' ')?;
    str::from_utf8(&path[..end]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_json_of_the_wanted_size_and_says_its_number() {
        for (n, bytes) in [(0, 1024), (9_999, 1024), (42, 10 * 1024)] {
            let body = body(n, bytes);
            assert_eq!(body.len(), bytes);
            assert!(body.starts_with(beginning(n).as_bytes()));
            let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(json["id"], n);
        }
    }

    #[test]
    fn an_answer_is_a_head_and_the_item() {
        let answer = String::from_utf8(answer(7, 1024, Some("max-age=2"))).unwrap();
        let (head, rest) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("Cache-Control: max-age=2"));
        assert_eq!(rest.as_bytes(), body(7, 1024));
    }

    #[test]
    fn only_items_are_found_in_heads() {
        assert_eq!(asked_for(b"GET /item/12 HTTP/1.1\r\nHost: a"), Some(12));
        for other in ["GET / HTTP/1.1", "GET /item/ HTTP/1.1", "GET /item/1x HTTP/1.1", "GET /item/1"] {
            assert_eq!(asked_for(other.as_bytes()), None, "{other}");
        }
    }
}
