//! What an answer, or its absence, says about the upstream.

use std::time::Duration;

use banyan_resilience::{Cause, Verdict};
use http::{StatusCode, header};

use crate::{
    outcome::Ending,
    wire::{
        answer::Reply,
        body::Broken,
        head::{Head, Values as _},
    },
};

/// The classifier of every upstream's policy.
pub(crate) fn classify(result: Result<&Reply, &Broken>) -> Verdict {
    match result {
        Ok(reply) => of_answer(reply.status(), reply.head()),
        Err(broken) => of_ending(broken.ending),
    }
}

/// A client's mistake (4xx) is no failure of the upstream; of the 5xx those may go again that tell of a passing trouble.
fn of_answer(status: StatusCode, head: &Head) -> Verdict {
    match status.as_u16() {
        429 | 503 => Verdict::Overload { retry_after: retry_after(head) },
        500 | 502 | 504 => Verdict::retryable(Cause::Error),
        501 | 505.. => Verdict::fatal(Cause::Error),
        _ => Verdict::Success,
    }
}

/// `Retry-After` in seconds (RFC 9110 section 10.2.3); dates are rare here and not read.
fn retry_after(head: &Head) -> Option<Duration> {
    std::str::from_utf8(head.first(&header::RETRY_AFTER)?).ok()?.trim().parse().ok().map(Duration::from_secs)
}

fn of_ending(ending: Ending) -> Verdict {
    match ending {
        Ending::DnsError
        | Ending::ConnectRefused
        | Ending::ConnectTimeout
        | Ending::TlsError
        | Ending::NoEndpoint => Verdict::retryable(Cause::Unreachable),
        Ending::Reset | Ending::BodyReset => Verdict::retryable(Cause::Reset),
        Ending::FirstByteTimeout | Ending::IdleTimeout => Verdict::retryable(Cause::Timeout),
        Ending::BadGateway | Ending::InvalidAnswer => Verdict::retryable(Cause::Invalid),
        // The whole exchange has had its time; nobody would take another answer.
        Ending::WholeTimeout => Verdict::fatal(Cause::Timeout),
        // The caller's time is over, which says nothing about how long the upstream would have taken.
        Ending::Deadline | Ending::ClientGone => Verdict::Cancelled,
        _ => Verdict::Ignored,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16) -> Verdict {
        of_answer(StatusCode::from_u16(status).unwrap(), &Head::default())
    }

    #[test]
    fn only_passing_trouble_goes_again() {
        for status in [200, 204, 301, 400, 404, 418, 499] {
            assert_eq!(answered(status), Verdict::Success, "{status}");
        }
        for status in [500, 502, 504] {
            assert!(answered(status).is_retryable(), "{status}");
        }
        for status in [501, 505, 511, 599] {
            assert_eq!(answered(status), Verdict::fatal(Cause::Error), "{status}");
        }
    }

    #[test]
    fn overload_says_when_to_come_back() {
        let mut head = Head::default();
        assert_eq!(
            of_answer(StatusCode::SERVICE_UNAVAILABLE, &head),
            Verdict::Overload { retry_after: None }
        );
        head.set(header::RETRY_AFTER, http::HeaderValue::from_static(" 7"));
        let after = Some(Duration::from_secs(7));
        assert_eq!(of_answer(StatusCode::TOO_MANY_REQUESTS, &head), Verdict::Overload { retry_after: after });
    }

    #[test]
    fn a_clients_fault_is_nobody_elses() {
        for ending in [Ending::BadRequest, Ending::BodyTooLarge, Ending::BodyTimeout] {
            assert_eq!(of_ending(ending), Verdict::Ignored, "{ending:?}");
        }
        assert_eq!(of_ending(Ending::ClientGone), Verdict::Cancelled);
    }
}
