//! W3C Trace Context: passed on when it is well-formed, created otherwise.

use rand::Rng;

use crate::{
    forward::{Seen, TRACEPARENT},
    wire::head::{Head, Values as _},
};

/// Number of a trace, in two halves: a whole one would have everything it is part of lie at multiples of 16, which costs an
/// allocator more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TraceId(u64, u64);

impl TraceId {
    #[expect(clippy::cast_possible_truncation, reason = "these are its halves")]
    const fn new(id: u128) -> Self {
        Self((id >> 64) as u64, id as u64)
    }

    /// As one number.
    pub(crate) fn number(self) -> u128 {
        u128::from(self.0) << 64 | u128::from(self.1)
    }
}

/// Who caused this request, and our own place in the trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TraceContext {
    pub(crate) trace_id: TraceId,
    /// The caller's span, if it sent one.
    pub(crate) parent_id: Option<u64>,
    /// Our own span.
    pub(crate) span_id: u64,
    /// Whether it is recorded.
    pub(crate) sampled: bool,
}

impl TraceContext {
    /// Continues the caller's trace, or begins one that is sampled with `probability`.
    pub(crate) fn of(head: &Head, seen: Seen, probability: f64, rng: &mut impl Rng) -> Self {
        let span_id = rng.random::<u64>().max(1);
        match sent(head, seen) {
            Some((trace_id, parent_id, sampled)) => {
                let trace_id = TraceId::new(trace_id);
                Self { trace_id, parent_id: Some(parent_id), span_id, sampled }
            }
            None => Self {
                trace_id: TraceId::new(rng.random::<u128>().max(1)),
                parent_id: None,
                span_id,
                sampled: probability > 0.0 && rng.random_bool(probability.clamp(0.0, 1.0)),
            },
        }
    }

    /// The id of a trace that begins and ends here, as 32 hexadecimal digits.
    pub(crate) fn id_of_its_own(rng: &mut impl Rng) -> [u8; 32] {
        let mut text = [0; 32];
        write_hex(&mut text, rng.random::<u128>().max(1));
        text
    }

    /// `traceparent` for the next hop.
    pub(crate) fn value(&self) -> [u8; 55] {
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-00";
        write_hex(&mut text[3..35], self.trace_id.number());
        write_hex(&mut text[36..52], u128::from(self.span_id));
        text[54] = if self.sampled { b'1' } else { b'0' };
        text
    }

    /// The trace id as 32 hexadecimal digits.
    pub(crate) fn trace_hex(&self) -> [u8; 32] {
        let mut text = [0; 32];
        write_hex(&mut text, self.trace_id.number());
        text
    }
}

/// The one `traceparent` of the caller, if it is well-formed.
fn sent(head: &Head, seen: Seen) -> Option<(u128, u64, bool)> {
    if !seen.traceparent {
        return None;
    }
    let name = TRACEPARENT;
    let mut all = head.all(&name);
    let first = all.next()?;
    if all.next().is_some() { None } else { parse(first) }
}

/// Writes the lowest digits of a number, two for each byte.
fn write_hex(out: &mut [u8], value: u128) {
    let bytes = value.to_be_bytes();
    let lowest = &bytes[bytes.len() - out.len() / 2..];
    for (digits, byte) in out.chunks_exact_mut(2).zip(lowest) {
        digits.copy_from_slice(&HEX[usize::from(*byte)]);
    }
}

/// Each byte as two digits.
const HEX: [[u8; 2]; 256] = {
    let (digits, mut all, mut byte) = (b"0123456789abcdef", [[0; 2]; 256], 0);
    while byte < 256 {
        all[byte] = [digits[byte >> 4], digits[byte & 0xF]];
        byte += 1;
    }
    all
};

/// `version "-" trace-id "-" parent-id "-" flags`, lower case, no zero ids; versions after 00 may append more.
fn parse(text: &[u8]) -> Option<(u128, u64, bool)> {
    if text.len() < 55 || text[2] != b'-' || text[35] != b'-' || text[52] != b'-' {
        return None;
    }
    let version = hex(&text[..2])?;
    let well_sized = if version == 0 {
        text.len() == 55
    } else {
        version != 0xFF && (text.len() == 55 || text[55] == b'-')
    };
    let trace_id = hex(&text[3..35])?;
    let parent_id = u64::try_from(hex(&text[36..52])?).ok()?;
    let flags = hex(&text[53..55])?;
    (well_sized && trace_id != 0 && parent_id != 0).then_some((trace_id, parent_id, flags & 1 == 1))
}

fn hex(text: &[u8]) -> Option<u128> {
    text.iter().try_fold(0u128, |value, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(value << 4 | u128::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};
    use rand::{SeedableRng as _, rngs::SmallRng};

    use super::*;

    fn of(text: &str) -> TraceContext {
        let mut headers = HeaderMap::new();
        headers.insert(TRACEPARENT, HeaderValue::from_str(text).unwrap());
        let head = Head::from(headers);
        TraceContext::of(&head, Seen::of(&head), 0.0, &mut SmallRng::seed_from_u64(1))
    }

    #[test]
    fn a_callers_trace_goes_on_under_our_own_span() {
        let trace = of("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        let value = trace.value();
        let text = std::str::from_utf8(&value).unwrap();
        assert!(text.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-") && text.ends_with("-01"), "{text}");
        assert!(!text.contains("00f067aa0ba902b7"));
    }

    #[test]
    fn what_is_malformed_begins_a_new_trace() {
        for text in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
        ] {
            let trace = of(text);
            assert!(trace.parent_id.is_none() && trace.trace_id.number() != 0, "{text}");
        }
    }
}
