//! What holds for any input, tried with generated ones.

mod invariants;

use std::time::Duration;

use banyan_httpcache::{KeyBuilder, QueryPart, Secret, current_age};
use invariants::Parts;
use proptest::prelude::*;

/// Fields that look like fields: words that the rules know, put together at random.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let word = prop::sample::select(vec![
        "max-age",
        "s-maxage",
        "no-store",
        "no-cache",
        "private",
        "public",
        "must-revalidate",
        "must-understand",
        "stale-while-revalidate",
        "stale-if-error",
        "max-stale",
        "min-fresh",
        "only-if-cached",
        "=",
        "=\"",
        "\"",
        ",",
        ", ",
        ";",
        "?0",
        "60",
        "0",
        "99999999999",
        "-1",
        "*",
        "gzip",
        "br;q=0.5",
        "en",
        "W/\"a\"",
        "\"a\"",
        "a",
        "foo",
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 2044 08:49:37 GMT",
        "bytes=",
        "0-1",
        "5-",
        "-3",
        "/",
        "..",
        "?",
        "//a.example",
    ]);
    (any::<u8>(), prop::collection::vec(word, 0..8))
        .prop_map(|(name, words)| [&[name][..], words.concat().as_bytes()].concat())
}

fn head() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(line(), 0..8).prop_map(|lines| lines.join(&b'\n'))
}

fn text() -> impl Strategy<Value = String> {
    "[a-c/&=\\x00-\\x09]{0,6}"
}

fn parts() -> impl Strategy<Value = Parts> {
    let extra = (text(), prop::option::of(prop::collection::vec(0_u8..9, 0..4)));
    (text(), 0_u32..3, text(), prop::option::of(text()), prop::collection::vec(extra, 0..3))
        .prop_map(|(host, side, path, query, extras)| Parts { host, side, path, query, extras })
}

proptest! {
    #[test]
    fn any_bytes_as_heads_are_judged_without_panic_and_by_the_rules(data in prop::collection::vec(any::<u8>(), 0..300)) {
        invariants::heads(&data);
    }

    #[test]
    fn heads_that_look_like_heads_are_judged_by_the_rules(request in head(), answer in head()) {
        invariants::heads(&[&request[..], &[0], &answer].concat());
    }

    #[test]
    fn keys_of_different_parts_never_equal_one_another(one in parts(), other in parts()) {
        prop_assert_eq!(one == other, one.build().as_bytes() == other.build().as_bytes());
        let secret = Secret::new([9; 16]);
        prop_assert_eq!(one == other, one.build().finish(&secret) == other.build().finish(&secret));
    }

    #[test]
    fn any_bytes_make_different_keys_of_different_parts(data in prop::collection::vec(any::<u8>(), 0..60)) {
        invariants::keys(&data);
    }

    #[test]
    fn chosen_parameters_decide_the_key_wherever_they_stand(
        wanted in "[a-c]", value in "[x-z]{0,3}", before in "[d-f]=[x-z]{1,3}", after in "[d-f]",
    ) {
        let key = |query: &str| KeyBuilder::new().query(Some(query), QueryPart::Only(&[&wanted])).as_bytes().to_vec();
        let alone = key(&format!("{wanted}={value}"));
        prop_assert_eq!(&key(&format!("{before}&{wanted}={value}&{after}")), &alone);
        prop_assert_ne!(&key(&format!("{before}&{wanted}={value}w&{after}")), &alone);
    }

    #[test]
    fn ages_only_grow(initial: u64, earlier: u64, more: u64) {
        let age = |resident: u64| current_age(Duration::from_secs(initial), Duration::from_secs(resident));
        prop_assert!(age(earlier) <= age(earlier.saturating_add(more)));
    }
}
