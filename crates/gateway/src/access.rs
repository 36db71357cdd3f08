//! The access line of an exchange: one JSON object, written by hand into the worker's buffer.

use std::{
    io::Write as _,
    time::{Duration, SystemTime},
};

use http::{HeaderValue, Version};

use crate::{cache::exact::Again, exchange::Exchange, outcome::Ending, worker::Local};

/// Appends the line of an exchange.
pub(crate) fn write(out: &mut Vec<u8>, local: &Local, exchange: &Exchange, at: SystemTime, took: Duration) {
    opening(out, at, &exchange.client);
    request(out, exchange);
    outcome(out, exchange.ending, exchange.sent, took);
    route(out, local, exchange);
    if let Some(decision) = &exchange.decision {
        text(out, "unit", |out| escape(out, &decision.name));
        text(out, "side", |out| out.extend_from_slice(decision.side.as_str().as_bytes()));
        text(out, "reason", |out| out.extend_from_slice(decision.reason.as_str().as_bytes()));
        field(out, "bucket", u64::from(decision.bucket.index()));
    }
    if let Some(upstream) = &exchange.asked.upstream {
        text(out, "upstream", |out| escape(out, upstream));
        field(out, "attempts", u64::from(exchange.asked.attempts));
    }
    if let Some(endpoint) = exchange.asked.endpoint {
        text(out, "endpoint", |out| {
            ip(out, endpoint.ip());
            out.push(b':');
            number(out, u64::from(endpoint.port()));
        });
    }
    if let Some(degraded) = &exchange.degraded {
        text(out, "missing", |out| escape(out, &degraded.missing));
    }
    if !exchange.asked.chaos.is_empty() {
        text(out, "chaos", |out| out.extend_from_slice(exchange.asked.chaos.join(",").as_bytes()));
    }
    if let Some(detail) = exchange.detail {
        text(out, "detail", |out| escape(out, detail));
    }
    closing(out, &exchange.trace.trace_hex());
}

/// The line of a request that is the same to the last byte as one before it.
pub(crate) fn write_again(
    out: &mut Vec<u8>,
    client: &HeaderValue,
    again: &Again,
    trace: &[u8; 32],
    ended: Ended,
) {
    opening(out, ended.at, client);
    out.extend_from_slice(&again.known.counted.request);
    outcome(out, ended.ending, ended.sent, ended.took);
    out.extend_from_slice(&again.known.counted.route);
    closing(out, trace);
}

/// How a request has ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    pub(crate) ending: Ending,
    /// Bytes of the body that were sent.
    pub(crate) sent: u64,
    pub(crate) at: SystemTime,
    pub(crate) took: Duration,
}

fn opening(out: &mut Vec<u8>, at: SystemTime, client: &HeaderValue) {
    out.extend_from_slice(b"{\"time\":");
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    number(out, since.as_secs());
    out.push(b'.');
    padded(out, since.subsec_micros());
    text(out, "client", |out| out.extend_from_slice(client.as_bytes()));
}

/// What was asked, and with which status it was answered.
pub(crate) fn request(out: &mut Vec<u8>, exchange: &Exchange) {
    text(out, "method", |out| escape(out, exchange.method.as_ref().map_or("", http::Method::as_str)));
    text(out, "path", |out| escape(out, exchange.target.as_ref().map_or("", http::Uri::path)));
    text(out, "proto", |out| out.extend_from_slice(version(exchange.version).as_bytes()));
    field(out, "status", u64::from(exchange.status));
}

fn outcome(out: &mut Vec<u8>, ending: Ending, sent: u64, took: Duration) {
    text(out, "flag", |out| out.extend_from_slice(ending.row().code.as_bytes()));
    field(out, "bytes", sent);
    field(out, "us", u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
}

/// Its route, and what the cache did.
pub(crate) fn route(out: &mut Vec<u8>, local: &Local, exchange: &Exchange) {
    if let Some(route) = exchange.route.filter(|_| exchange.generation == local.compiled.generation) {
        text(out, "route", |out| escape(out, &local.compiled.labels[route]));
    }
    if let Some(outcome) = exchange.cache {
        text(out, "cache", |out| out.extend_from_slice(outcome.as_str().as_bytes()));
    }
}

fn closing(out: &mut Vec<u8>, trace: &[u8; 32]) {
    text(out, "trace", |out| out.extend_from_slice(trace));
    out.extend_from_slice(b"}\n");
}

fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "HTTP/2",
        Version::HTTP_10 => "HTTP/1.0",
        _ => "HTTP/1.1",
    }
}

fn text(out: &mut Vec<u8>, key: &str, value: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(b"\":\"");
    value(out);
    out.push(b'"');
}

fn field(out: &mut Vec<u8>, key: &str, value: u64) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(b"\":");
    number(out, value);
}

fn number(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

fn padded(out: &mut Vec<u8>, micros: u32) {
    let mut digits = [b'0'; 6];
    let mut rest = micros;
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789"[(rest % 10) as usize];
        rest /= 10;
    }
    out.extend_from_slice(&digits);
}

fn ip(out: &mut Vec<u8>, ip: std::net::IpAddr) {
    let std::net::IpAddr::V4(ip) = ip.to_canonical() else {
        let written = write!(out, "{}", ip.to_canonical());
        return debug_assert!(written.is_ok(), "writing to a vector");
    };
    // By hand: the formatter takes as long as all the rest of the line.
    for (place, octet) in ip.octets().into_iter().enumerate() {
        if place > 0 {
            out.push(b'.');
        }
        number(out, u64::from(octet));
    }
}

/// JSON's escapes; what a client sends must not be able to forge a line.
fn escape(out: &mut Vec<u8>, text: &str) {
    let is_plain = |byte: &u8| !matches!(byte, b'"' | b'\\' | 0x00..0x20 | 0x7F);
    // Nearly every text is.
    let plain = text.as_bytes().iter().take_while(|byte| is_plain(byte)).count();
    let (plain, rest) = text.as_bytes().split_at(plain);
    out.extend_from_slice(plain);
    for &byte in rest {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x00..0x20 | 0x7F => {
                out.extend_from_slice(b"\\u00");
                out.push(b"0123456789abcdef"[usize::from(byte >> 4)]);
                out.push(b"0123456789abcdef"[usize::from(byte & 0xF)]);
            }
            _ => out.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_a_client_sends_breaks_the_line() {
        let mut out = Vec::new();
        text(&mut out, "path", |out| escape(out, "/\"\\\n\u{7f}\u{0}é"));
        let line = format!("{{{}}}", String::from_utf8(out).unwrap().trim_start_matches(','));
        let parsed: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(parsed["path"], "/\"\\\n\u{7f}\u{0}é");
    }

    #[test]
    fn addresses_are_written_as_everybody_writes_them() {
        for (address, written) in [
            ("127.0.0.1", "127.0.0.1"),
            ("203.0.113.255", "203.0.113.255"),
            ("::ffff:10.0.0.7", "10.0.0.7"),
            ("2001:db8::1", "2001:db8::1"),
        ] {
            let mut out = Vec::new();
            ip(&mut out, address.parse().unwrap());
            assert_eq!(String::from_utf8(out).unwrap(), written);
        }
    }

    #[test]
    fn fractions_keep_their_zeros() {
        let mut out = Vec::new();
        padded(&mut out, 42);
        assert_eq!(out, b"000042");
    }
}
