//! What comparing the two sides of a unit has found, bounded in memory.

use std::collections::BTreeMap;

use banyan_compare::{Compared, Mismatch, Moment, Report, Request};

/// Counts and samples since the process started.
#[derive(Clone, Debug, Default)]
pub struct ShadowReport {
    /// Comparisons in which the candidate did not differ, except where the control differs from itself.
    pub matched: u64,
    /// Comparisons in which it did.
    pub mismatched: u64,
    /// Copies that were not compared, by reason.
    pub dropped: BTreeMap<DropReason, u64>,
    /// Why nothing is copied at present, if live answers are slow.
    pub paused: Option<String>,
    /// What differs, where.
    pub found: Report,
}

/// Why a copy was not compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DropReason {
    /// The queue was full.
    QueueFull,
    /// A body was larger than the limit, or a request's body did not say how large it is: a stream is never held up.
    BodyTooLarge,
    /// The shadow side did not answer in time.
    Timeout,
    /// The shadow side could not be reached, or broke off.
    Failed,
    /// The live answer did not end well, so there is nothing to compare with.
    LiveIncomplete,
    /// A body is compressed in a way that is not known, or is not what its `Content-Encoding` says.
    Encoded,
    /// The shadow side failed at so many copies that it is let alone for a while.
    BreakerOpen,
    /// Live answers of the unit are slower than usual, so nothing is copied.
    Paused,
}

impl DropReason {
    /// Every reason, for metrics that show zeros too.
    pub const ALL: [Self; 8] = [
        Self::QueueFull,
        Self::BodyTooLarge,
        Self::Timeout,
        Self::Failed,
        Self::LiveIncomplete,
        Self::Encoded,
        Self::BreakerOpen,
        Self::Paused,
    ];

    /// Label value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::BodyTooLarge => "body_too_large",
            Self::Timeout => "timeout",
            Self::Failed => "failed",
            Self::LiveIncomplete => "live_incomplete",
            Self::Encoded => "encoded",
            Self::BreakerOpen => "breaker_open",
            Self::Paused => "paused",
        }
    }
}

impl ShadowReport {
    /// Takes in what comparing the answers to a request has found. What that says to a judge, unless the control was not
    /// asked again.
    pub fn record(&mut self, compared: &Compared, request: &Request<'_>, moment: Moment) -> Option<Mismatch> {
        let mismatch = self.found.observe(compared, request, moment);
        if mismatch.map_or(!compared.candidate.is_empty(), |mismatch| mismatch.candidate_only) {
            self.mismatched += 1;
        } else {
            self.matched += 1;
        }
        mismatch
    }

    /// Counts a copy that was not compared.
    pub fn record_drop(&mut self, reason: DropReason) {
        *self.dropped.entry(reason).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use banyan_compare::{Ids, Reply, Rules, System, Triple};

    use super::*;

    const MOMENT: Moment = Moment { at: 7, stage: 100, redact: true };

    fn record(report: &mut ShadowReport, [control, again, candidate]: [&str; 3]) -> Option<Mismatch> {
        let reply = |body: &'static str| Reply { status: 200, fields: &[], body: body.as_bytes() };
        let leak = |text: &str| -> &'static str { String::from(text).leak() };
        let triple = Triple {
            control: reply(leak(control)),
            again: (!again.is_empty()).then(|| reply(leak(again))),
            candidate: reply(leak(candidate)),
        };
        let compared = triple.compare(&Rules::default(), &mut Ids::default(), System::Legacy);
        let request = Request {
            method: "GET",
            base: "http://127.0.0.1:7001",
            target: "/articles/7",
            fields: &[],
            body: 0,
            route: "GET /articles/{id}",
            trace_id: "0af7651916cd43dd8448eb211c80319c",
        };
        report.record(&compared, &request, MOMENT)
    }

    #[test]
    fn what_only_the_candidate_says_is_a_mismatch() {
        let mut report = ShadowReport::default();
        let same = record(&mut report, ["{\"a\":1}", "{\"a\":1}", "{\"a\":1}"]);
        let other = record(&mut report, ["{\"a\":1}", "{\"a\":1}", "{\"a\":2}"]);
        let noise = record(&mut report, ["{\"t\":1}", "{\"t\":2}", "{\"t\":3}"]);
        assert_eq!([same, other, noise].map(|it| it.unwrap().candidate_only), [false, true, false]);
        assert_eq!((report.matched, report.mismatched), (2, 1));
    }

    #[test]
    fn without_a_second_answer_every_difference_is_a_mismatch() {
        let mut report = ShadowReport::default();
        assert_eq!(record(&mut report, ["1", "", "1"]), None);
        assert_eq!(record(&mut report, ["1", "", "2"]), None);
        assert_eq!((report.matched, report.mismatched, report.found.pairs()), (1, 1, (2, 1)));
    }

    #[test]
    fn drops_are_counted_by_reason() {
        let mut report = ShadowReport::default();
        report.record_drop(DropReason::Timeout);
        report.record_drop(DropReason::Timeout);
        assert_eq!(report.dropped[&DropReason::Timeout], 2);
    }
}
