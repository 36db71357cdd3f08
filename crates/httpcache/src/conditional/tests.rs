use std::time::{Duration, UNIX_EPOCH};

use super::*;

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn date(seconds: u64) -> String {
    httpdate::fmt_http_date(at(seconds))
}

fn head(fields: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers
            .append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    headers
}

/// Whether a request is told that it has the answer, which came at second 5000.
fn has_it(request: &[(&str, &str)], stored: &[(&str, &str)]) -> bool {
    let conditions = Conditions::of(&head(request));
    conditions.evaluate(&head(stored), at(5000)) == Condition::NotModified
}

#[test]
fn rfc9110_13_1_2_if_none_match_compares_weakly_with_every_member() {
    let stored = [("etag", "\"abc\"")];
    for value in ["\"abc\"", "W/\"abc\"", "\"1\", \"abc\", \"2\"", "\"a,b\",\"abc\"", "*"] {
        assert!(has_it(&[("if-none-match", value)], &stored), "{value}");
    }
    for value in ["\"abd\"", "abc", "", "\"abc", "\"ABC\""] {
        assert!(!has_it(&[("if-none-match", value)], &stored), "{value}");
    }
    assert!(has_it(&[("if-none-match", "\"1\""), ("if-none-match", "\"abc\"")], &stored), "on two lines");
    assert!(has_it(&[("if-none-match", "\"abc\"")], &[("etag", "W/\"abc\"")]));
    assert!(has_it(&[("if-none-match", "abc")], &[("etag", "abc")]), "tags without quotes are tags");
    assert!(!has_it(&[("if-none-match", "\"abc\"")], &[]));
}

#[test]
fn rfc9110_13_1_3_if_modified_since_compares_dates_in_any_format() {
    let stored = [("last-modified", &*date(3000)), ("date", &*date(4000))];
    assert!(has_it(&[("if-modified-since", &date(3000))], &stored));
    assert!(has_it(&[("if-modified-since", &date(3500))], &stored));
    assert!(!has_it(&[("if-modified-since", &date(2999))], &stored));
    assert!(!has_it(&[("if-modified-since", "yesterday")], &stored));
    assert!(has_it(&[("if-modified-since", "Thursday, 01-Jan-70 00:50:00 GMT")], &stored));
}

#[test]
fn s4_3_2_without_last_modified_the_answers_own_time_stands_for_it() {
    assert!(has_it(&[("if-modified-since", &date(4000))], &[("date", &date(4000))]));
    assert!(!has_it(&[("if-modified-since", &date(3999))], &[("date", &date(4000))]));
    assert!(has_it(&[("if-modified-since", &date(5000))], &[]));
    assert!(!has_it(&[("if-modified-since", &date(4999))], &[]));
}

#[test]
fn rfc9110_13_2_2_a_tag_goes_before_a_date() {
    let stored = [("etag", "\"abc\""), ("last-modified", &*date(3000))];
    assert!(has_it(&[("if-none-match", "\"abc\""), ("if-modified-since", &date(1))], &stored));
    assert!(!has_it(&[("if-none-match", "\"x\""), ("if-modified-since", &date(4000))], &stored));
}

#[test]
fn conditions_are_taken_off_what_fills_the_cache() {
    let mut request = head(&[
        ("if-none-match", "\"a\""),
        ("if-none-match", "\"b\""),
        ("if-modified-since", "x"),
        ("if-range", "\"c\""),
        ("range", "bytes=0-1"),
        ("accept", "y"),
    ]);
    let before = Conditions::of(&request);
    let taken = Conditions::take(&mut request);
    assert_eq!(taken, before);
    assert_eq!((taken.none_match.len(), taken.is_empty()), (2, false));
    assert_eq!(request, head(&[("accept", "y")]));
    assert!(Conditions::take(&mut request).is_empty());
}

#[test]
fn rfc9110_13_1_conditions_that_protect_writes_go_to_the_origin() {
    assert!(is_for_origin_only(&head(&[("if-match", "*")])));
    assert!(is_for_origin_only(&head(&[("if-unmodified-since", "x")])));
    assert!(!is_for_origin_only(&head(&[("if-none-match", "*")])));
}

#[test]
fn rfc9110_15_4_5_a_304_has_all_fields_but_those_about_the_body() {
    let kept = [
        ("cache-control", "max-age=1"),
        ("content-location", "/x"),
        ("date", "d"),
        ("etag", "\"e\""),
        ("expires", "x"),
        ("vary", "foo"),
        ("content-security-policy", "p"),
    ];
    let mut stored = head(&kept);
    stored.extend(head(&[("content-type", "t"), ("content-length", "5"), ("content-encoding", "gzip")]));
    assert_eq!(not_modified_head(&stored), head(&kept));
}

#[test]
fn s4_3_1_the_origin_is_asked_with_every_validator_there_is() {
    let mut request = head(&[("accept", "x")]);
    Validators::of(&head(&[("etag", "W/\"a\""), ("last-modified", "d"), ("date", "n")])).put_on(&mut request);
    assert_eq!(request, head(&[("accept", "x"), ("if-none-match", "W/\"a\""), ("if-modified-since", "d")]));
    assert!(Validators::of(&head(&[("date", "n")])).is_empty());
}

#[test]
fn s4_3_4_a_304_is_about_the_kept_version_unless_its_validators_say_otherwise() {
    let stored = head(&[("etag", "\"a\""), ("last-modified", "d")]);
    let about = |fields: &[(&str, &str)]| is_for(&head(fields), &stored);
    assert!(about(&[]) && about(&[("etag", "\"a\"")]) && about(&[("etag", "W/\"a\"")]));
    assert!(about(&[("last-modified", "d")]));
    assert!(
        !about(&[("etag", "\"b\"")]) && !about(&[("etag", "W/\"b\"")]) && !about(&[("last-modified", "e")])
    );
    assert!(
        !is_for(&head(&[("etag", "\"a\"")]), &head(&[("etag", "W/\"a\"")])),
        "a strong one needs a strong one"
    );
    assert!(!is_for(&head(&[("etag", "\"a\"")]), &head(&[])));
}

#[test]
fn s3_2_a_304_replaces_all_fields_but_those_about_the_kept_bytes() {
    let mut stored = head(&[
        ("content-length", "5"),
        ("content-encoding", "gzip"),
        ("content-type", "old"),
        ("cache-control", "max-age=1"),
        ("cache-control", "public"),
        ("kept", "1"),
        ("age", "9"),
    ]);
    let update = [("content-type", "new"), ("cache-control", "max-age=2"), ("date", "d")];
    let mut answer = head(&update);
    answer.extend(head(&[("content-length", "0"), ("content-encoding", "br"), ("content-range", "x")]));
    answer.extend(head(&[("content-md5", "of-nothing"), ("content-digest", "of-nothing")]));
    freshen(&mut stored, &answer);
    let mut expected = head(&update);
    expected.extend(head(&[("content-length", "5"), ("content-encoding", "gzip"), ("kept", "1")]));
    assert_eq!(stored, expected);
}

#[test]
fn s4_3_5_an_answer_to_head_freshens_what_it_agrees_with_and_invalidates_the_rest() {
    let stored = head(&[("etag", "\"a\""), ("content-length", "5")]);
    let effect = |fields: &[(&str, &str)]| head_effect(&head(fields), &stored);
    assert_eq!(effect(&[]), HeadEffect::Nothing);
    assert_eq!(effect(&[("content-length", "5")]), HeadEffect::Nothing, "another version may be as long");
    assert_eq!(effect(&[("etag", "\"a\""), ("content-length", "5"), ("x", "y")]), HeadEffect::Freshen);
    for fields in [("etag", "\"b\""), ("content-length", "6"), ("last-modified", "d")] {
        assert_eq!(effect(&[fields]), HeadEffect::Invalidate, "{fields:?}");
    }
}

#[test]
fn rfc9110_14_2_two_ranges_in_two_fields_are_none() {
    let range = |fields: &[(&str, &str)]| Conditions::of(&head(fields)).range;
    assert_eq!(range(&[("range", "bytes=0-1")]), Some(HeaderValue::from_static("bytes=0-1")));
    assert_eq!(range(&[("range", "bytes=0-1"), ("range", "bytes=2-3")]), None);
}
