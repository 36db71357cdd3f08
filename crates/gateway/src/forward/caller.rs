//! What a caller says about the call itself: how often it has passed us, and how long it still waits.

use http::{HeaderValue, header};
use tokio::time::Instant;

use super::{DEADLINE, GRPC_TIMEOUT, HOPS, PSEUDONYM, Seen};
use crate::wire::head::Head;

/// How often the request has passed us already: by our own count, or by our entries in `Via`, whichever is more, since
/// a backend may pass on only one of them.
pub(crate) fn hops_so_far(head: &Head, seen: Seen) -> u32 {
    if !seen.hops && !seen.via {
        return 0;
    }
    let headers = head.map();
    let counted = headers.get(HOPS).and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(0);
    let via = headers.get_all(header::VIA).iter().filter_map(|value| value.to_str().ok());
    let passed = via
        .flat_map(|value| value.split(','))
        .filter(|entry| entry.split_ascii_whitespace().nth(1) == Some(PSEUDONYM));
    counted.max(u32::try_from(passed.count()).unwrap_or(u32::MAX))
}

/// When the caller gives up: `Banyan-Deadline-Ms`, or gRPC's own `grpc-timeout`. What is malformed does not count.
pub(crate) fn caller_deadline(head: &Head, seen: Seen, now: Instant) -> Option<Instant> {
    if !seen.deadline {
        return None;
    }
    let headers = head.map();
    let own = headers.get(DEADLINE).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let millis = own.or_else(|| grpc_timeout(headers.get(GRPC_TIMEOUT)?.to_str().ok()?))?;
    // Longer than a day is as good as never, and cannot overflow the clock.
    now.checked_add(std::time::Duration::from_millis(millis.min(86_400_000)))
}

/// `1*8DIGIT unit` in milliseconds, rounded up.
fn grpc_timeout(text: &str) -> Option<u64> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => count * 3_600_000,
        "M" => count * 60_000,
        "S" => count * 1000,
        "m" => count,
        "u" => count.div_ceil(1000),
        "n" => count.div_ceil(1_000_000),
        _ => return None,
    })
}

/// What is left of the caller's deadline, for the next hop.
pub(crate) fn millis_left(deadline: Instant, now: Instant) -> HeaderValue {
    let left = deadline.saturating_duration_since(now).as_millis();
    u64::try_from(left).unwrap_or(u64::MAX).into()
}
