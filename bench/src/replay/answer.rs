//! What an answer is worth to a caller.

use crate::origin;

/// Fields of an answer that are looked at.
const MAX_FIELDS: usize = 64;

/// What a caller got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Worth {
    /// 200 with the database's own answer.
    Good,
    /// 200, said to come from a cache that could not ask: `Cache-Status` with `stale`, or `banyan-source: stale`.
    Stale,
    /// 200, said to be a substitute or incomplete: `banyan-source: fallback`, or `banyan-degraded`.
    Degraded,
    /// 429 or 503: turned away.
    Refused {
        /// Whether it says when to come back.
        retry_after: bool,
    },
    /// Anything else, a 200 with a wrong body included.
    Error,
}

/// A whole answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// What it is worth.
    pub(crate) worth: Worth,
    /// Whether the connection can be used again.
    pub(crate) keeps: bool,
}

/// How an answer's body ends.
enum Framing {
    Length(usize),
    /// Otherwise; nothing after the head is of interest, and the connection is not used again.
    Other,
}

/// Takes an answer off the front of `unread`; `None` while it is incomplete.
///
/// # Errors
/// When this is no HTTP/1 answer.
pub(crate) fn take(unread: &mut Vec<u8>) -> Result<Option<Answer>, httparse::Error> {
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut response = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(head) = response.parse(unread)? else { return Ok(None) };
    let status = response.code.unwrap_or_default();
    let framing = match field(response.headers, "content-length").map(str::trim).map(str::parse) {
        Some(Ok(length)) => Framing::Length(length),
        _ => Framing::Other,
    };
    let Framing::Length(length) = framing else {
        let worth = if status == 200 { Worth::Error } else { worth(status, response.headers, &[]) };
        return Ok(Some(Answer { worth, keeps: false }));
    };
    let Some(body) = unread.get(head..head.saturating_add(length)) else { return Ok(None) };
    let closes =
        field(response.headers, "connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    let answer = Answer { worth: worth(status, response.headers, body), keeps: !closes };
    unread.drain(..head + length);
    Ok(Some(answer))
}

fn worth(status: u16, fields: &[httparse::Header<'_>], body: &[u8]) -> Worth {
    let source = field(fields, "banyan-source").unwrap_or_default();
    match status {
        429 | 503 => Worth::Refused { retry_after: field(fields, "retry-after").is_some() },
        200 if source == "fallback" || field(fields, "banyan-degraded").is_some() => Worth::Degraded,
        200 if body != *origin::BODY => Worth::Error,
        200 if source == "stale" => Worth::Stale,
        200 if field(fields, "cache-status").is_some_and(|value| value.contains("stale")) => Worth::Stale,
        200 => Worth::Good,
        _ => Worth::Error,
    }
}

fn field<'a>(fields: &[httparse::Header<'a>], name: &str) -> Option<&'a str> {
    let found = fields.iter().find(|field| field.name.eq_ignore_ascii_case(name));
    found.and_then(|field| std::str::from_utf8(field.value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(head: &str, body: &[u8]) -> Vec<u8> {
        let length = body.len();
        [format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\n\r\n").as_bytes(), body].concat()
    }

    fn worth_of(head: &str, body: &[u8]) -> Worth {
        take(&mut answer(head, body)).unwrap().unwrap().worth
    }

    #[test]
    fn an_answer_is_worth_what_it_says() {
        let body = &*origin::BODY;
        assert_eq!(worth_of("200 OK", body), Worth::Good);
        assert_eq!(worth_of("200 OK", b"{}"), Worth::Error);
        assert_eq!(
            worth_of("200 OK\r\nCache-Status: banyan; fwd=stale; detail=served-stale", body),
            Worth::Stale
        );
        assert_eq!(worth_of("200 OK\r\nBanyan-Source: fallback", b"[]"), Worth::Degraded);
        assert_eq!(worth_of("200 OK\r\nbanyan-degraded: reviews", b"{}"), Worth::Degraded);
        assert_eq!(worth_of("503 No\r\nRetry-After: 1", b""), Worth::Refused { retry_after: true });
        assert_eq!(worth_of("429 No", b""), Worth::Refused { retry_after: false });
        assert_eq!(worth_of("502 No", b""), Worth::Error);
    }

    #[test]
    fn an_answer_in_pieces_is_taken_once_it_is_whole() {
        let whole = answer("200 OK", &origin::BODY);
        let mut unread = Vec::new();
        for byte in &whole[..whole.len() - 1] {
            unread.push(*byte);
            assert_eq!(take(&mut unread), Ok(None));
        }
        unread.push(whole[whole.len() - 1]);
        assert_eq!(take(&mut unread), Ok(Some(Answer { worth: Worth::Good, keeps: true })));
        assert!(unread.is_empty());
    }

    #[test]
    fn a_connection_whose_answer_has_no_length_is_not_used_again() {
        let mut unread = b"HTTP/1.0 503 Service Unavailable\r\nRetry-After: 1\r\n\r\n<html>".to_vec();
        let answer = take(&mut unread).unwrap().unwrap();
        assert_eq!(answer, Answer { worth: Worth::Refused { retry_after: true }, keeps: false });
        assert!(!take(&mut answer_that_closes()).unwrap().unwrap().keeps);
        assert!(take(&mut b"SSH-2.0\r\n\r\n".to_vec()).is_err());
    }

    fn answer_that_closes() -> Vec<u8> {
        answer("502 Bad\r\nConnection: close", b"")
    }
}
