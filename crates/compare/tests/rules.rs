//! Every kind of rule by examples, then how rules combine, then whole answers with fields.

use std::time::Duration;

use banyan_compare::{
    Answer, Difference, DifferenceKind, Ids, PathPattern, Reply, Rule, RuleError, RuleFault, RuleKind, Rules,
    System, Triple, compare,
};
use serde_json::{Value, json};

fn path(text: &str) -> PathPattern {
    text.parse().expect("a pattern")
}

fn build(rules: &[(&str, RuleKind)]) -> Rules {
    let rules = rules.iter().map(|(at, kind)| Rule { path: path(at), kind: kind.clone() });
    Rules::build(rules.collect()).expect("valid rules")
}

fn tolerance(absolute: f64, relative: f64) -> RuleKind {
    RuleKind::Tolerance { absolute, relative }
}

fn skew(seconds: u64) -> RuleKind {
    RuleKind::Skew(Duration::from_secs(seconds))
}

fn set_by(key: &str) -> RuleKind {
    RuleKind::SetBy { key: key.to_owned() }
}

fn normalise(regex: &str, with: &str) -> RuleKind {
    RuleKind::Normalise { regex: regex.to_owned(), with: with.to_owned() }
}

fn ids(class: &str) -> RuleKind {
    RuleKind::Ids { class: class.to_owned() }
}

fn found(differences: &[Difference]) -> Vec<(&str, &str)> {
    differences.iter().map(|one| (one.kind.as_str(), one.path.as_str())).collect()
}

fn bodies(control: &Value, candidate: &Value, rules: &Rules) -> Vec<Difference> {
    let (control, candidate) = (control.to_string(), candidate.to_string());
    let answer =
        |body| Answer { status: 200, content_type: Some("application/json"), body: str::as_bytes(body) };
    compare(&answer(&control), &answer(&candidate), rules)
}

#[track_caller]
fn expect(rules: &[(&str, RuleKind)], control: Value, candidate: Value, expected: &[(&str, &str)]) {
    let differences = bodies(&control, &candidate, &build(rules));
    assert_eq!(found(&differences), expected, "{control} {candidate}");
}

#[test]
fn type_only_wants_the_same_shape() {
    let rules = [("/a", RuleKind::TypeOnly)];
    expect(&rules, json!({"a": 1}), json!({"a": 2}), &[]);
    expect(&rules, json!({"a": 1}), json!({"a": "1"}), &[("type", "/a")]);
    expect(&rules, json!({"a": [1, 2]}), json!({"a": [3]}), &[]);
    expect(&rules, json!({"a": [1, 2]}), json!({"a": [3, "x"]}), &[("type", "/a/*")]);
    expect(&rules, json!({"a": {"b": 1}}), json!({"a": {}}), &[("missing", "/a/b")]);
    expect(&rules, json!({"a": 1}), json!({}), &[("missing", "/a")]);
}

#[test]
fn tolerances_are_absolute_or_relative_whichever_allows_more() {
    expect(&[("/a", tolerance(0.01, 0.0))], json!({"a": 1.00}), json!({"a": 1.01}), &[]);
    expect(&[("/a", tolerance(0.01, 0.0))], json!({"a": 1.00}), json!({"a": 1.011}), &[("value", "/a")]);
    expect(&[("/a", tolerance(0.0, 0.001))], json!({"a": 1000}), json!({"a": 1001}), &[]);
    expect(&[("/a", tolerance(0.0, 0.001))], json!({"a": 1000}), json!({"a": 1002}), &[("value", "/a")]);
    expect(&[("/a", tolerance(0.01, 0.001))], json!({"a": -1000}), json!({"a": -1000.9}), &[]);
    expect(&[("", tolerance(1.0, 0.0))], json!({"a": "12.50"}), json!({"a": "12.49"}), &[]);
    expect(&[("", tolerance(1.0, 0.0))], json!({"a": "x"}), json!({"a": "y"}), &[("value", "/a")]);
    expect(&[("", tolerance(1.0, 0.0))], json!({"a": 1}), json!({"a": "1"}), &[("type", "/a")]);
}

#[test]
fn huge_numbers_are_not_near_each_other() {
    let rules = build(&[("", tolerance(0.0, 0.5))]);
    let answer = |body: &'static str| Answer {
        status: 200,
        content_type: Some("application/json"),
        body: body.as_bytes(),
    };
    let differences = compare(&answer(r#"{"a":1e999}"#), &answer(r#"{"a":2e999}"#), &rules);
    // serde_json takes no number beyond an f64 for JSON, so these are texts.
    assert_eq!(found(&differences), [("value", "(body)")]);
}

#[test]
fn skew_knows_the_usual_spellings_of_time() {
    let rules = [("/at", skew(5))];
    for (control, candidate, equal) in [
        (json!("2026-11-21T10:00:00Z"), json!("2026-11-21T10:00:05Z"), true),
        (json!("2026-11-21T10:00:00Z"), json!("2026-11-21T10:00:06Z"), false),
        (json!("2026-11-21T10:00:00Z"), json!("2026-11-21T11:00:01.5+01:00"), true),
        (json!("Sat, 21 Nov 2026 10:00:00 GMT"), json!("2026-11-21T10:00:04Z"), true),
        (json!(1_795_255_200), json!(1_795_255_203), true),
        (json!(1_795_255_200), json!(1_795_255_203_000_u64), true),
        (json!(1_795_255_200_000_u64), json!(1_795_255_206_000_u64), false),
        (json!("soon"), json!("later"), false),
    ] {
        let expected: &[_] = if equal { &[] } else { &[("value", "/at")] };
        expect(&rules, json!({"at": control}), json!({"at": candidate}), expected);
    }
    expect(&rules, json!({"at": "2026-11-21T10:00:00Z"}), json!({"at": null}), &[("type", "/at")]);
}

#[test]
fn normalising_applies_to_both_sides_and_in_order() {
    let rules = [("/**", normalise(r"\s+", " ")), ("/url", normalise("^https?://[^/]+", ""))];
    expect(&rules, json!({"text": "a  b"}), json!({"text": "a\nb"}), &[]);
    expect(&rules, json!({"url": "http://old/a  b"}), json!({"url": "https://new/a b"}), &[]);
    expect(&rules, json!({"url": "http://old/a"}), json!({"url": "https://new/b"}), &[("value", "/url")]);
}

#[test]
fn a_text_body_is_one_text_at_the_root() {
    let rules = build(&[("", normalise(r"nonce=\w+", "nonce"))]);
    let page = |body| Answer { status: 200, content_type: Some("text/html"), body: str::as_bytes(body) };
    assert_eq!(compare(&page("<p nonce=a1>x"), &page("<p nonce=b2>x"), &rules), []);
    let differences = compare(&page("<p nonce=a1>x"), &page("<p nonce=b2>y"), &rules);
    assert_eq!(found(&differences), [("value", "(body)")]);
}

#[test]
fn sets_find_their_elements_by_key() {
    let rules = [("/items", set_by("/id"))];
    let (one, two) = (json!({"id": 1, "t": "a"}), json!({"id": 2, "t": "b"}));
    expect(&rules, json!({"items": [one, two]}), json!({"items": [two, one]}), &[]);
    let wrong = json!({"id": 1, "t": "x"});
    expect(&rules, json!({"items": [one, two]}), json!({"items": [two, wrong]}), &[("value", "/items/*/t")]);
    expect(&rules, json!({"items": [one, two]}), json!({"items": [two]}), &[("missing", "/items/*")]);
    expect(&rules, json!({"items": [one]}), json!({"items": [two, one]}), &[("extra", "/items/*")]);
    // Alike in everything but the key: they are two elements all the same.
    let other = json!({"id": 3, "t": "a"});
    expect(&rules, json!({"items": [one, two]}), json!({"items": [two, other]}), &[("missing", "/items/*")]);
}

#[test]
fn sets_of_values_are_compared_as_wholes() {
    let rules = [("/tags", set_by(""))];
    expect(&rules, json!({"tags": ["a", "b", "b"]}), json!({"tags": ["b", "a", "b"]}), &[]);
    expect(&rules, json!({"tags": ["a", "b"]}), json!({"tags": ["b", "c"]}), &[("value", "/tags/*")]);
    expect(&rules, json!({"tags": ["a", "b"]}), json!({"tags": ["b"]}), &[("missing", "/tags/*")]);
    // The rule names one list and none below it.
    let rules = [("/a", set_by(""))];
    expect(&rules, json!({"a": [[1, 2]]}), json!({"a": [[2, 1]]}), &[("order", "/a/*")]);
}

#[test]
fn another_order_is_one_difference_and_hides_none() {
    let item = |id: u64, price: u64, at: u64| json!({"id": id, "price": price, "at": at, "ok": true});
    let control = json!([item(1, 10, 100), item(2, 20, 101), item(3, 30, 102)]);
    let moved = json!([item(3, 30, 205), item(1, 10, 206), item(2, 20, 207)]);
    expect(&[], control.clone(), moved, &[("value", "/*/at"), ("order", "(body)")]);
    let wrong = json!([item(3, 30, 102), item(1, 11, 100), item(2, 20, 101)]);
    expect(&[], control.clone(), wrong, &[("value", "/*/price"), ("order", "(body)")]);
    let shorter = json!([item(1, 10, 100), item(3, 30, 102)]);
    expect(&[], control, shorter, &[("length", "(body)")]);
}

#[test]
fn exchanged_values_are_not_taken_for_an_exchanged_order() {
    let control = json!([{"id": 1, "price": 5}, {"id": 2, "price": 6}]);
    let candidate = json!([{"id": 1, "price": 6}, {"id": 2, "price": 5}]);
    expect(&[], control, candidate, &[("value", "/*/price")]);
}

#[test]
fn ids_are_equal_as_long_as_one_pairing_explains_them() {
    let rules = [("/**/id", ids("articles")), ("/**/author_id", ids("users"))];
    let control = json!({"id": 1, "author_id": 1, "next": {"id": 2}, "related": [{"id": 1}, {"id": 2}]});
    let renamed = |one: &str, two: &str| json!({"id": "x", "author_id": "u", "next": {"id": "y"}, "related": [{"id": one}, {"id": two}]});
    expect(&rules, control.clone(), renamed("x", "y"), &[]);
    expect(&rules, control.clone(), renamed("x", "x"), &[("value", "/related/*/id")]);
    // Two elements that say nothing but their ids are brought together by what is known of them.
    let order: &[_] = &[("order", "/related")];
    expect(&rules, control, renamed("y", "x"), order);
    expect(&rules, json!({"id": 1}), json!({"id": null}), &[("type", "/id")]);
}

#[test]
fn sets_by_ids_find_their_elements_by_what_the_ids_stand_for() {
    let rules = build(&[("/items", set_by("/id")), ("/items/*/id", ids("articles"))]);
    let mut known = Ids::default();
    let ask = |known: &mut Ids, control: &Value, candidate: &Value| {
        let (control, candidate) = (control.to_string(), candidate.to_string());
        let reply = |body| Reply { status: 200, fields: &[], body: str::as_bytes(body) };
        let triple = Triple { control: reply(&control), again: None, candidate: reply(&candidate) };
        triple.compare(&rules, known, System::Legacy).candidate
    };
    let old = json!({"items": [{"id": 1, "t": "a"}, {"id": 2, "t": "b"}]});
    let new = json!({"items": [{"id": "y", "t": "b"}, {"id": "x", "t": "a"}]});
    assert_eq!(ask(&mut known, &old, &new), [], "by likeness, as nobody knows the ids yet");
    assert_eq!(known.len(), 2);
    let wrong = json!({"items": [{"id": "y", "t": "a"}, {"id": "x", "t": "b"}]});
    assert_eq!(found(&ask(&mut known, &old, &wrong)), [("value", "/items/*/t")], "by what the ids stand for");
    let other = json!({"items": [{"id": "y", "t": "b"}, {"id": "z", "t": "a"}]});
    assert_eq!(found(&ask(&mut known, &old, &other)).len(), 2, "1 is missing and nobody knows z");
}

#[test]
fn the_last_rule_that_can_judge_decides_and_ignoring_wins() {
    let general = ("", RuleKind::TypeOnly);
    let exception = ("/price", tolerance(0.01, 0.0));
    let control = json!({"price": 1.0, "name": "a"});
    let candidate = json!({"price": 2.0, "name": "b"});
    expect(&[general.clone(), exception.clone()], control.clone(), candidate.clone(), &[("value", "/price")]);
    expect(&[exception.clone(), general], control.clone(), candidate.clone(), &[]);
    let ignore = ("/price", RuleKind::Ignore);
    expect(&[ignore.clone(), exception.clone()], control.clone(), candidate.clone(), &[("value", "/name")]);
    expect(&[exception, ignore], control, candidate, &[("value", "/name")]);
    // A skew cannot judge a word, so the rule before it does.
    let rules = [("/a", RuleKind::TypeOnly), ("/a", skew(5))];
    expect(&rules, json!({"a": "x"}), json!({"a": "y"}), &[]);
}

#[test]
fn bad_rules_are_refused_by_their_number() {
    let refused = |at: &str, kind| {
        let good = Rule { path: path("/a"), kind: RuleKind::Ignore };
        Rules::build(vec![good, Rule { path: path(at), kind }]).map(|_| ()).unwrap_err()
    };
    let fault = |reason| RuleError { index: 1, reason };
    assert_eq!(refused("/a", set_by("id")), fault(RuleFault::Key));
    assert_eq!(refused("/a", set_by("/~")), fault(RuleFault::Key));
    for (absolute, relative) in [(0.0, 0.0), (-1.0, 0.0), (f64::NAN, 0.0), (f64::INFINITY, 0.0), (0.0, 1.0)] {
        assert_eq!(refused("/a", tolerance(absolute, relative)), fault(RuleFault::Tolerance));
    }
    assert_eq!(refused("/a", RuleKind::Skew(Duration::ZERO)), fault(RuleFault::Skew));
    assert!(matches!(refused("/a", normalise("(", "")).reason, RuleFault::Regex(_)));
    assert_eq!(refused("/a", ids("")), fault(RuleFault::Class));
    assert_eq!(refused("(status)", skew(1)), fault(RuleFault::Status));
    assert_eq!(refused("(header a)", set_by("/id")), fault(RuleFault::FieldKey));
    let many = vec![Rule { path: path("/a"), kind: RuleKind::Ignore }; 300];
    assert_eq!(Rules::build(many).unwrap_err(), RuleError { index: 256, reason: RuleFault::TooMany });
    assert!(Rules::default().with_fields(&["a b".to_owned()]).is_err());
    assert!(Rules::default().with_fields(&vec!["a".to_owned(); 65]).is_err());
}

type Fields<'a> = &'a [(&'a str, &'a [u8])];

fn replies(
    control: (u16, Fields<'_>),
    candidate: (u16, Fields<'_>),
    rules: &Rules,
) -> Vec<(String, DifferenceKind)> {
    let reply = |(status, fields)| Reply { status, fields, body: b"" };
    let triple = Triple { control: reply(control), again: None, candidate: reply(candidate) };
    let compared = triple.compare(rules, &mut Ids::default(), System::Legacy);
    compared.candidate.into_iter().map(|one| (one.path, one.kind)).collect()
}

#[test]
fn fields_are_compared_by_name_and_by_rules() {
    let names = ["X-Total-Count", "date", "vary", "location"].map(str::to_owned);
    let rules = build(&[
        ("(header Date)", skew(5)),
        ("(header vary)", set_by("")),
        ("(header location)", normalise("^https?://[^/]+", "")),
    ]);
    let rules = rules.with_fields(&names).unwrap();
    let control: Fields<'_> = &[
        ("x-total-count", b"7"),
        ("date", b"Sat, 21 Nov 2026 10:00:00 GMT"),
        ("vary", b"accept, cookie"),
        ("location", b"http://old/a"),
        ("server", b"old"),
    ];
    let candidate: Fields<'_> = &[
        ("X-Total-Count", b"7"),
        ("Date", b"Sat, 21 Nov 2026 10:00:03 GMT"),
        ("Vary", b"cookie"),
        ("Vary", b"accept"),
        ("Location", b"https://new/a"),
        ("server", b"new"),
    ];
    assert_eq!(replies((200, control), (200, candidate), &rules), []);
    let other: Fields<'_> = &[("x-total-count", b"8"), ("vary", b"accept"), ("location", b"http://old/b")];
    let expected = [
        ("(header date)", DifferenceKind::Missing),
        ("(header location)", DifferenceKind::Value),
        ("(header vary)", DifferenceKind::Value),
        ("(header x-total-count)", DifferenceKind::Value),
    ];
    assert_eq!(
        replies((200, control), (200, other), &rules),
        expected.map(|(at, kind)| (at.to_owned(), kind))
    );
}

#[test]
fn the_status_is_compared_whole_by_class_or_not_at_all() {
    let status = |left, right, rules: &Rules| replies((left, &[]), (right, &[]), rules).len();
    assert_eq!(status(200, 201, &Rules::default()), 1);
    let by_class = build(&[("(status)", RuleKind::TypeOnly)]);
    assert_eq!((status(200, 201, &by_class), status(200, 404, &by_class)), (0, 1));
    let ignored = build(&[("(status)", RuleKind::Ignore)]);
    assert_eq!((status(200, 201, &ignored), status(200, 404, &ignored)), (0, 0));
}

#[test]
fn the_content_type_can_be_ignored() {
    let (json, text): (Fields<'_>, Fields<'_>) = (&[("content-type", b"application/json")], &[]);
    let rules = build(&[("(content-type)", RuleKind::Ignore)]);
    assert_eq!(replies((200, json), (200, text), &rules), []);
    assert_eq!(replies((200, json), (200, text), &Rules::default()).len(), 1);
}
