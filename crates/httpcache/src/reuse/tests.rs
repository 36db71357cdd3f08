use http::{HeaderMap, HeaderValue, header};

use super::*;
use crate::freshness::Basis;

/// Fresh for 100 s, then 10 s of use while it is fetched, and 50 s of use in place of errors.
const KEPT: Lifetimes = Lifetimes {
    fresh_for: Duration::from_secs(100),
    basis: Basis::MaxAge,
    initial_age: Duration::ZERO,
    stale_while_revalidate: Duration::from_secs(10),
    stale_if_error: Duration::from_secs(50),
    always_revalidate: false,
    client_may_take_stale: true,
};

/// As `must-revalidate` leaves it.
const STRICT: Lifetimes = Lifetimes {
    stale_while_revalidate: Duration::ZERO,
    stale_if_error: Duration::ZERO,
    client_may_take_stale: false,
    ..KEPT
};

/// As `no-cache` leaves it.
const ALWAYS: Lifetimes = Lifetimes { always_revalidate: true, ..STRICT };

fn asked(control: &str) -> Asked {
    let mut headers = HeaderMap::new();
    if !control.is_empty() {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_str(control).unwrap());
    }
    Asked::of(&headers)
}

fn used(kept: &Lifetimes, age: u64, control: &str) -> Reuse {
    reuse(kept, Duration::from_secs(age), &asked(control))
}

#[test]
fn s4_2_an_answer_is_fresh_while_it_is_younger_than_its_lifetime() {
    for (age, expected) in [
        (0, Reuse::Fresh),
        (99, Reuse::Fresh),
        (100, Reuse::WhileRevalidating),
        (109, Reuse::WhileRevalidating),
        (110, Reuse::Revalidate),
    ] {
        assert_eq!(used(&KEPT, age, ""), expected, "{age}");
    }
    assert_eq!(used(&STRICT, 100, ""), Reuse::Revalidate);
}

#[test]
fn s5_2_2_4_no_cache_of_the_origin_is_validated_each_time() {
    assert_eq!(used(&ALWAYS, 0, ""), Reuse::Revalidate);
    assert_eq!(used(&ALWAYS, 0, "max-stale"), Reuse::Revalidate);
}

#[test]
fn s5_2_1_1_max_age_bounds_the_age_and_excludes_stale_answers() {
    assert_eq!(used(&KEPT, 30, "max-age=30"), Reuse::Fresh);
    assert_eq!(used(&KEPT, 31, "max-age=30"), Reuse::Revalidate);
    assert_eq!(used(&KEPT, 0, "max-age=0"), Reuse::Revalidate);
    assert_eq!(used(&KEPT, 105, "max-age=200"), Reuse::Revalidate);
    assert_eq!(used(&KEPT, 105, "max-age=200, max-stale=5"), Reuse::Stale);
}

#[test]
fn s5_2_1_2_max_stale_accepts_what_is_stale_by_so_much() {
    assert_eq!(used(&KEPT, 50, "max-stale"), Reuse::Fresh);
    assert_eq!(used(&KEPT, 160, "max-stale=60"), Reuse::Stale);
    assert_eq!(used(&KEPT, 161, "max-stale=60"), Reuse::Revalidate);
    assert_eq!(used(&KEPT, 100_000, "max-stale"), Reuse::Stale);
    assert_eq!(used(&STRICT, 101, "max-stale"), Reuse::Revalidate, "the origin forbids it");
}

#[test]
fn s5_2_1_3_min_fresh_asks_for_so_much_more() {
    assert_eq!(used(&KEPT, 40, "min-fresh=60"), Reuse::Fresh);
    assert_eq!(used(&KEPT, 41, "min-fresh=60"), Reuse::Revalidate);
}

#[test]
fn s5_2_1_4_no_cache_validates_and_no_store_passes_by() {
    assert_eq!(used(&KEPT, 0, "no-cache"), Reuse::Revalidate);
    assert_eq!(used(&KEPT, 105, "no-cache, max-stale"), Reuse::Revalidate);
    assert_eq!(used(&KEPT, 0, "no-store"), Reuse::Bypass);
}

#[test]
fn s5_2_1_7_only_if_cached_never_asks_the_origin() {
    assert_eq!(used(&KEPT, 0, "only-if-cached"), Reuse::Fresh);
    assert_eq!(used(&KEPT, 105, "only-if-cached"), Reuse::WhileRevalidating);
    assert_eq!(used(&KEPT, 200, "only-if-cached"), Reuse::Unavailable);
    assert_eq!(used(&KEPT, 200, "only-if-cached, max-stale"), Reuse::Stale);
    assert_eq!(used(&KEPT, 0, "only-if-cached, no-cache"), Reuse::Unavailable);
    assert_eq!(used(&KEPT, 0, "only-if-cached, no-store"), Reuse::Unavailable);
    assert_eq!(miss(&asked("only-if-cached")), Miss::Unavailable);
}

#[test]
fn a_miss_is_fetched_and_not_kept_when_the_client_says_no_store() {
    assert_eq!(miss(&Asked::NOTHING), Miss::Fetch);
    assert_eq!(miss(&asked("no-cache, max-age=0")), Miss::Fetch);
    assert_eq!(miss(&asked("no-store")), Miss::Bypass);
}

fn on_error(kept: &Lifetimes, age: u64, control: &str) -> bool {
    may_serve_on_error(kept, Duration::from_secs(age), &asked(control))
}

#[test]
fn rfc5861_4_a_stale_answer_stands_for_an_error_for_a_while() {
    assert!(on_error(&KEPT, 99, "") && on_error(&KEPT, 149, ""));
    assert!(!on_error(&KEPT, 150, ""));
    assert!(on_error(&KEPT, 150, "stale-if-error=51"), "the client may extend it");
    assert!(on_error(&KEPT, 149, "no-cache"), "no-cache asks for no error");
    assert!(!on_error(&KEPT, 0, "no-store"));
}

#[test]
fn s4_2_4_what_must_not_be_stale_stands_for_no_error() {
    assert!(on_error(&STRICT, 99, "no-cache"), "while it is fresh nothing forbids it");
    assert!(!on_error(&STRICT, 100, "stale-if-error=1000"));
    assert!(!on_error(&ALWAYS, 0, "stale-if-error=1000"));
}
