use http::HeaderValue;

use super::*;

fn head(fields: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers
            .append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn names(values: &[&str]) -> Result<Vec<String>, Unusable> {
    let fields: Vec<_> = values.iter().map(|value| ("vary", *value)).collect();
    Names::of(&head(&fields)).map(|names| names.iter().map(ToString::to_string).collect())
}

/// Whether two requests select the same answer.
fn same(vary: &str, one: &[(&str, &str)], other: &[(&str, &str)]) -> bool {
    let names = Names::of(&head(&[("vary", vary)])).unwrap();
    let matches = names.matches(&names.variant(&head(one)).unwrap(), &head(other));
    let back = names.matches(&names.variant(&head(other)).unwrap(), &head(one));
    assert_eq!(matches, back, "it works both ways");
    matches
}

#[test]
fn s4_1_all_fields_are_read_and_names_are_insensitive_to_case_and_order() {
    assert_eq!(names(&["Foo, bar", "", "FOO"]), Ok(vec!["bar".to_owned(), "foo".to_owned()]));
    assert_eq!(names(&[]), Ok(vec![]));
}

#[test]
fn s4_1_a_star_anywhere_matches_nothing() {
    for values in [&["*"][..], &["*, *"], &["*", "*"], &[", *"], &["", "*"], &["*, Foo"], &["Foo, *"]] {
        assert_eq!(names(values), Err(Unusable::Any), "{values:?}");
    }
}

#[test]
fn what_cannot_be_names_and_too_many_of_them_are_refused() {
    assert_eq!(names(&["foo bar"]), Err(Unusable::Malformed));
    let many = (0..=MOST_NAMES).map(|n| format!("f{n}")).collect::<Vec<_>>().join(",");
    assert_eq!(names(&[&many]), Err(Unusable::TooMany));
}

#[test]
fn s4_1_a_request_matches_when_all_named_fields_are_the_same() {
    let stored = [("foo", "1"), ("bar", "abc"), ("other", "2")];
    assert!(same("Foo, Bar", &stored, &[("bar", "abc"), ("foo", "1"), ("other", "3")]));
    assert!(!same("Foo, Bar", &stored, &[("foo", "2"), ("bar", "abc")]));
    assert!(!same("Foo, Bar", &stored, &[("foo", "1")]), "one is absent");
    assert!(same("Foo, Baz", &stored, &[("foo", "1")]), "absent in both");
    assert!(!same("Baz", &[("baz", "")], &[]), "absent is not empty");
}

#[test]
fn without_vary_every_request_matches() {
    assert!(Names::default().matches(&Variant::default(), &head(&[("foo", "1")])));
}

#[test]
fn no_value_can_pass_for_another_name() {
    assert!(!same("a, b", &[("a", "1"), ("b", "2")], &[("a", "1\t2"), ("b", "")]));
    assert!(!same("a, b", &[("a", "xb")], &[("a", "x"), ("b", "")]));
}

#[test]
fn s4_1_blanks_around_commas_and_the_number_of_fields_do_not_matter() {
    assert!(same("foo", &[("foo", "1,2")], &[("foo", " 1, 2 ")]));
    assert!(same("foo", &[("foo", "1, 2")], &[("foo", "1"), ("foo", "2")]));
    assert!(!same("foo", &[("foo", "\"1,2\"")], &[("foo", "\"1, 2\"")]), "within quotes they do");
    assert!(!same("foo", &[("foo", "12")], &[("foo", "1 2")]));
}

#[test]
fn a_stray_comma_is_never_the_variant_of_a_value_without_one() {
    for name in ["foo", "origin"] {
        for value in ["a,", ",a", "a, ", "a,,"] {
            assert!(!same(name, &[(name, "a")], &[(name, value)]), "{name}: {value}");
        }
        assert!(!same(name, &[(name, "a")], &[(name, "a"), (name, "")]), "{name}");
    }
    assert!(!same("origin", &[("origin", "a, b")], &[("origin", "a,b")]));
    assert!(!same("user-agent", &[("user-agent", "(K, like G)")], &[("user-agent", "(K,like G)")]));
}

#[test]
fn who_is_asking_is_compared_byte_by_byte() {
    assert!(!same("cookie", &[("cookie", "a=1,2")], &[("cookie", "a=1, 2")]));
    assert!(!same("authorization", &[("authorization", "x a, b")], &[("authorization", "x a,b")]));
    assert!(same("cookie", &[("cookie", "a=1")], &[("cookie", "a=1")]));
}

#[test]
fn encodings_are_the_same_in_any_order_case_and_way_of_writing_the_weight() {
    let one = [("accept-encoding", "gzip, br;q=0.50, deflate;q=1.0")];
    assert!(same("accept-encoding", &one, &[("accept-encoding", "BR; q=0.5,deflate ,, GZip;q=1")]));
    assert!(!same("accept-encoding", &one, &[("accept-encoding", "gzip, br;q=0.4, deflate")]));
    assert!(!same("accept-encoding", &one, &[("accept-encoding", "gzip, br;q=0.5")]));
    let twice = [("accept-encoding", "br;q=0.5, br")];
    assert!(same("accept-encoding", &twice, &[("accept-encoding", "br, br;q=0.5")]), "one name twice");
    assert!(!same("accept-encoding", &[("accept-encoding", "")], &[]), "an empty list refuses every coding");
}

#[test]
fn languages_are_the_same_by_weight_and_in_order_among_equals() {
    let same = |one: &str, other: &str| {
        same("accept-language", &[("accept-language", one)], &[("accept-language", other)])
    };
    assert!(same("en, de", "eN ,   De"));
    assert!(same("de, en;q=0.5", "en;q=0.500, de"));
    assert!(!same("en, de", "de, en"), "some origins read an order of preference");
}

#[test]
fn what_is_not_a_list_with_weights_is_compared_as_it_is() {
    let same = |one: &str, other: &str| {
        same("accept-encoding", &[("accept-encoding", one)], &[("accept-encoding", other)])
    };
    assert!(!same("gzip;q=2, br", "br, gzip;q=2"));
    assert!(!same("br;q=0.5;x=1, gzip", "gzip, br;q=0.5;x=1"));
    assert!(!same("br;q=1.001", "br") && !same("br;q=0.1234", "br;q=0.123") && !same("br;q", "br"));
    assert!(!same("a b, c", "c, a b"));
    assert!(same("a b,c", "a b, c"));
}

#[test]
fn a_request_that_is_too_large_in_these_fields_matches_nothing() {
    let names = Names::of(&head(&[("vary", "foo")])).unwrap();
    let large = head(&[("foo", &"x".repeat(LONGEST_VARIANT))]);
    assert_eq!(names.variant(&large), None);
    assert!(!names.matches(&Variant::default(), &large));
}

/// Who cannot read an encoding must not be given it, whether the origin says so or not.
#[test]
fn what_is_encoded_varies_by_what_can_be_read() {
    let names = |fields: &[(&str, &str)]| {
        Names::of(&head(fields)).map(|names| names.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    let own = Ok(vec!["accept-encoding".to_owned()]);
    assert_eq!(names(&[("content-encoding", "gzip")]), own);
    assert_eq!(names(&[("content-encoding", "identity, BR")]), own);
    assert_eq!(names(&[("content-encoding", "gzip"), ("vary", "Accept-Encoding")]), own);
    assert_eq!(names(&[("content-encoding", "Identity")]), Ok(vec![]));
    assert_eq!(names(&[("content-encoding", "gzip"), ("vary", "*")]), Err(Unusable::Any));
}
