use std::time::Duration;

use proptest::prelude::*;
use tokio::time::Instant;

use super::*;

const MILLI: Duration = Duration::from_millis(1);

fn read(text: &str, now: Instant) -> Result<u64, DeadlineError> {
    Deadline::from_millis_header(text, now).map(|deadline| deadline.to_millis_header(now))
}

#[test]
fn expired_on_arrival_is_over_at_once() {
    let now = Instant::now();
    for text in ["0", "000", " 0\t"] {
        let deadline = Deadline::from_millis_header(text, now).unwrap();
        assert!(deadline.is_over(now), "{text:?}");
        assert_eq!((deadline.remaining(now), deadline.to_millis_header(now)), (Duration::ZERO, 0));
        assert!(!deadline.leaves(Duration::ZERO, now));
    }
}

#[test]
fn numbers_are_read_and_nothing_else() {
    let now = Instant::now();
    for (text, millis) in [("1", 1), ("250", 250), (" 15000 ", 15_000), ("0007", 7)] {
        assert_eq!(read(text, now), Ok(millis), "{text:?}");
    }
    for text in ["+5", "-5", "1.5", "5s", "1,2", "1 2", "0x10", "٣", "ms", "1\n", "\u{a0}1"] {
        assert_eq!(read(text, now), Err(DeadlineError::NotDigits), "{text:?}");
    }
    for text in ["", " ", "\t \t"] {
        assert_eq!(read(text, now), Err(DeadlineError::Empty), "{text:?}");
    }
}

#[test]
fn numbers_too_large_are_as_good_as_no_deadline_and_do_not_overflow() {
    let now = Instant::now();
    let farthest = u64::try_from(FARTHEST.as_millis()).unwrap();
    for text in [u64::MAX.to_string(), "18446744073709551616".into(), "9".repeat(400)] {
        let deadline = Deadline::from_millis_header(&text, now).unwrap();
        assert_eq!(deadline.to_millis_header(now), farthest);
        assert!(!deadline.is_over(now + Duration::from_secs(86_400 * 365)));
    }
    assert_eq!(Deadline::after(Duration::MAX, now), Deadline::after(FARTHEST, now));
}

#[test]
fn what_is_sent_on_is_rounded_down_to_zero() {
    let now = Instant::now();
    let sent = |left: Duration| Deadline::after(left, now).to_millis_header(now);
    assert_eq!(sent(Duration::from_nanos(1_999_999)), 1);
    assert_eq!(sent(MILLI), 1);
    assert_eq!(sent(Duration::from_nanos(999_999)), 0);
}

#[test]
fn a_hop_takes_its_margin_and_never_more_than_there_is() {
    let now = Instant::now();
    let deadline = Deadline::after(10 * MILLI, now);
    assert_eq!(deadline.after_hop(3 * MILLI, now).to_millis_header(now), 7);
    for margin in [10 * MILLI, 11 * MILLI, Duration::MAX] {
        let next = deadline.after_hop(margin, now);
        assert!(next.is_over(now) && next <= deadline, "{margin:?}");
    }
    let late = now + 20 * MILLI;
    assert!(deadline.after_hop(Duration::ZERO, late).is_over(late), "a hop does not bring it back to life");
}

#[test]
fn it_is_over_at_its_instant_and_not_before() {
    let now = Instant::now();
    let deadline = Deadline::at(now + MILLI);
    assert!(!deadline.is_over(now + MILLI - Duration::from_nanos(1)));
    assert!(deadline.is_over(now + MILLI));
    assert!(deadline.is_over(now + 2 * MILLI));
    assert_eq!(Deadline::from(now + MILLI), deadline);
}

#[test]
fn work_that_can_no_longer_finish_is_recognised() {
    let now = Instant::now();
    let deadline = Deadline::after(10 * MILLI, now);
    assert!(deadline.leaves(9 * MILLI, now));
    assert!(!deadline.leaves(10 * MILLI, now), "it would end when nobody waits any more");
    assert!(!deadline.leaves(9 * MILLI, now + MILLI));
}

proptest! {
    #[test]
    fn tightening_and_hops_never_give_more_time(
        left in 0_u64..100_000,
        time: u64,
        margin: u64,
        passed in 0_u64..200_000,
    ) {
        let start = Instant::now();
        let now = start + Duration::from_micros(passed);
        let deadline = Deadline::after(Duration::from_micros(left), start);
        let tightened = deadline.tighten(Duration::from_micros(time), now);
        prop_assert!(tightened <= deadline);
        prop_assert!(tightened.remaining(now) <= Duration::from_micros(time));
        let next = deadline.after_hop(Duration::from_micros(margin), now);
        prop_assert!(next.remaining(now) <= deadline.remaining(now));
        let expected = Duration::from_micros(left.saturating_sub(passed).saturating_sub(margin));
        prop_assert_eq!(next.remaining(now), expected);
    }

    #[test]
    fn what_is_written_is_read_again_as_no_more(left in any::<u64>()) {
        let now = Instant::now();
        let deadline = Deadline::after(Duration::from_nanos(left), now);
        let text = deadline.to_millis_header(now).to_string();
        let read = Deadline::from_millis_header(&text, now).unwrap();
        prop_assert!(read <= deadline);
        prop_assert!(deadline.remaining(now) - read.remaining(now) < MILLI);
    }

    #[test]
    fn no_text_panics(text in ".*") {
        let now = Instant::now();
        prop_assert_eq!(read(&text, now).is_ok(), text.trim_matches([' ', '\t']).parse::<u128>().is_ok_and(|_| !text.contains('+')));
    }
}
