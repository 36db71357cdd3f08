//! Whether a subject stays where it is.

use std::{collections::HashMap, time::Duration};

use super::side::{Answered, Side};

/// What is known about the way of one answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Passage {
    /// When the request was sent, since the traffic began.
    pub(crate) sent: Duration,
    /// When the answer was complete.
    pub(crate) received: Duration,
    /// The unit's share in basis points when the request was sent, if known.
    pub(crate) share_before: Option<u16>,
    /// The same when the answer was complete.
    pub(crate) share_after: Option<u16>,
}

/// Finds subjects that go back to legacy although nobody sent them, and subjects whose bucket changes.
///
/// A subject is on the replacement while its bucket is below the unit's share. So going back is right only when the share
/// was at or below the bucket at some moment of the request; otherwise it is a flip. Requests overtake one another:
/// an answer counts against the subject only when its request was sent after the replacement had answered.
#[derive(Debug, Default)]
pub(crate) struct Sticky {
    /// By unit and subject. Bounded: both come from the demo itself.
    known: HashMap<(String, u32), Known>,
}

#[derive(Debug)]
struct Known {
    bucket: u16,
    /// When the replacement first answered, if it did since the subject was last sent back.
    on_replacement: Option<Duration>,
}

impl Sticky {
    /// Takes in an answer to `user`. Gives what is wrong with it, if something is.
    pub(crate) fn check(&mut self, user: u32, answered: &Answered<'_>, passage: Passage) -> Option<String> {
        let Answered { unit, side, by_fallback, bucket } = *answered;
        let fresh = Known { bucket, on_replacement: None };
        let known = self.known.entry((unit.to_owned(), user)).or_insert(fresh);
        if known.bucket != bucket {
            let before = std::mem::replace(&mut known.bucket, bucket);
            return Some(format!("user-{user} moved from bucket {before} of {unit} to {bucket}"));
        }
        if side == Side::Replacement {
            known.on_replacement.get_or_insert(passage.received);
            return None;
        }
        let overtaken = known.on_replacement.is_none_or(|since| passage.sent <= since);
        if by_fallback || overtaken {
            return None;
        }
        known.on_replacement = None;
        let allows = |share: Option<u16>| share.is_none_or(|share| share <= bucket);
        let sent_back = allows(passage.share_before) || allows(passage.share_after);
        (!sent_back)
            .then(|| format!("user-{user} went back to legacy in {unit} while its share includes them"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BUCKET: u16 = 412;

    fn answered(side: Side) -> Answered<'static> {
        Answered { unit: "articles", side, by_fallback: false, bucket: BUCKET }
    }

    fn passage(sent: u64, received: u64, share_before: u16, share_after: u16) -> Passage {
        Passage {
            sent: Duration::from_millis(sent),
            received: Duration::from_millis(received),
            share_before: Some(share_before),
            share_after: Some(share_after),
        }
    }

    /// A checker that has seen user 7 on the replacement, answered at 20 ms.
    fn seen_on_replacement() -> Sticky {
        let mut sticky = Sticky::default();
        assert_eq!(sticky.check(7, &answered(Side::Legacy), passage(0, 10, 400, 400)), None);
        assert_eq!(sticky.check(7, &answered(Side::Replacement), passage(12, 20, 500, 500)), None);
        sticky
    }

    #[test]
    fn going_back_within_the_share_is_a_flip() {
        let found = seen_on_replacement().check(7, &answered(Side::Legacy), passage(30, 40, 500, 500));
        assert!(found.unwrap().contains("user-7 went back to legacy in articles"));
    }

    #[test]
    fn a_flip_is_counted_once_and_the_next_as_well() {
        let mut sticky = seen_on_replacement();
        let back = answered(Side::Legacy);
        assert!(sticky.check(7, &back, passage(30, 40, 500, 500)).is_some());
        assert!(sticky.check(7, &back, passage(50, 60, 500, 500)).is_none());
        sticky.check(7, &answered(Side::Replacement), passage(70, 80, 500, 500));
        assert!(sticky.check(7, &back, passage(90, 99, 500, 500)).is_some());
    }

    #[test]
    fn being_sent_back_is_none() {
        for (before, after) in [(500, 400), (400, 400), (400, 500), (BUCKET, BUCKET)] {
            let found =
                seen_on_replacement().check(7, &answered(Side::Legacy), passage(30, 40, before, after));
            assert_eq!(found, None, "{before} {after}");
        }
    }

    #[test]
    fn an_answer_that_was_overtaken_is_none() {
        let mut sticky = Sticky::default();
        sticky.check(7, &answered(Side::Replacement), passage(12, 20, 500, 500));
        assert_eq!(sticky.check(7, &answered(Side::Legacy), passage(11, 30, 500, 500)), None);
        assert_eq!(sticky.check(7, &answered(Side::Legacy), passage(20, 31, 500, 500)), None);
        assert!(sticky.check(7, &answered(Side::Legacy), passage(21, 32, 500, 500)).is_some());
    }

    #[test]
    fn a_fallback_and_other_subjects_are_none() {
        let mut sticky = seen_on_replacement();
        let fallback = Answered { by_fallback: true, ..answered(Side::Legacy) };
        assert_eq!(sticky.check(7, &fallback, passage(30, 40, 500, 500)), None);
        assert_eq!(sticky.check(8, &answered(Side::Legacy), passage(30, 40, 500, 500)), None);
        let comments = Answered { unit: "comments", ..answered(Side::Legacy) };
        assert_eq!(sticky.check(7, &comments, passage(30, 40, 500, 500)), None);
    }

    #[test]
    fn a_bucket_that_changes_is_found() {
        let moved = Answered { bucket: 413, ..answered(Side::Replacement) };
        let found = seen_on_replacement().check(7, &moved, passage(30, 40, 500, 500));
        assert_eq!(found.unwrap(), "user-7 moved from bucket 412 of articles to 413");
    }

    proptest! {
        /// A gateway that decides as it should is never found at fault, whatever becomes of the share.
        #[test]
        fn a_right_gateway_is_never_at_fault(
            bucket in 0u16..10_000,
            shares in prop::collection::vec((0u16..=10_000, 0u16..=10_000, any::<bool>()), 1..50),
        ) {
            let mut sticky = Sticky::default();
            let mut now = 0;
            for (before, after, decided_late) in shares {
                let share = if decided_late { after } else { before };
                let side = if bucket < share { Side::Replacement } else { Side::Legacy };
                let answer = Answered { unit: "articles", side, by_fallback: false, bucket };
                prop_assert_eq!(sticky.check(1, &answer, passage(now + 1, now + 2, before, after)), None);
                now += 2;
            }
        }
    }
}
