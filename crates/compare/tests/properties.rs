//! What holds for any answers: reflexive, symmetric, bounded, and nothing panics.

use std::time::Duration;

use banyan_compare::{
    Compared, Difference, DifferenceKind, Ids, MAX_SPOTS, Mismatch, Moment, Noise, Reply, Report, Request,
    Rule, RuleKind, Rules, Spot, System, Triple,
    noise::MAX_REMEMBERED,
    report::{MAX_CURL_BYTES, MAX_SAMPLES},
};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Any JSON value, small enough that lists and keys meet again.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0_i64..4).prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        "[a-c ]{0,3}".prop_map(Value::from),
        Just(json!("2026-11-21T10:00:00Z")),
    ];
    leaf.prop_recursive(5, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec(("id|[a-c]", inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Any rule but one that pairs ids: learning from one side is not the same as from the other.
fn any_rule() -> impl Strategy<Value = Rule> {
    let kind = prop_oneof![
        Just(RuleKind::Ignore),
        Just(RuleKind::TypeOnly),
        "(/id|/a)?".prop_map(|key| RuleKind::SetBy { key }),
        (0.1_f64..3.0).prop_map(|absolute| RuleKind::Tolerance { absolute, relative: 0.1 }),
        (1_u64..10).prop_map(|seconds| RuleKind::Skew(Duration::from_secs(seconds))),
        "[a-c]".prop_map(|regex| RuleKind::Normalise { regex, with: "b".to_owned() }),
    ];
    let path = prop_oneof!["(/([a-c]|id|\\*|\\*\\*|[0-2])){0,3}", Just("/**/id".to_owned())];
    (path, kind).prop_map(|(path, kind)| Rule { path: path.parse().expect("a pattern"), kind })
}

fn any_rules() -> impl Strategy<Value = Rules> {
    prop::collection::vec(any_rule(), 0..5).prop_map(|rules| Rules::build(rules).expect("valid rules"))
}

fn between(left: &[u8], right: &[u8], rules: &Rules, ids: &mut Ids) -> Compared {
    let fields: [(&str, &[u8]); 1] = [("content-type", b"application/json")];
    let reply = |body| Reply { status: 200, fields: &fields, body };
    Triple { control: reply(left), again: Some(reply(right)), candidate: reply(right) }.compare(
        rules,
        ids,
        System::Legacy,
    )
}

fn spots(left: &Value, right: &Value, rules: &Rules) -> Vec<Spot> {
    let (left, right) = (left.to_string(), right.to_string());
    let compared = between(left.as_bytes(), right.as_bytes(), rules, &mut Ids::default());
    let mut spots: Vec<Spot> = compared.candidate.iter().map(Difference::spot).collect();
    spots.sort();
    let mut again = compared.again.expect("a triple");
    again.sort();
    assert_eq!(spots, again, "both halves of a triple are compared alike");
    spots
}

/// The spot as it is seen from the other side.
fn mirrored(spot: Spot) -> Spot {
    let kind = match spot.kind {
        DifferenceKind::Missing => DifferenceKind::Extra,
        DifferenceKind::Extra => DifferenceKind::Missing,
        other => other,
    };
    Spot { kind, ..spot }
}

/// Lists in another order, everywhere.
fn reversed(value: &Value) -> Value {
    match value {
        Value::Array(elements) => elements.iter().rev().map(reversed).collect(),
        Value::Object(members) => {
            members.iter().map(|(key, member)| (key.clone(), reversed(member))).collect()
        }
        leaf => leaf.clone(),
    }
}

fn spot(path: impl Into<String>) -> Spot {
    Spot { path: path.into(), kind: DifferenceKind::Value }
}

fn compared(
    candidate: impl IntoIterator<Item = String>,
    again: impl IntoIterator<Item = String>,
) -> Compared {
    let difference = |path| Difference {
        path,
        kind: DifferenceKind::Value,
        control: Some(json!("a".repeat(10_000))),
        candidate: None,
    };
    Compared {
        candidate: candidate.into_iter().map(difference).collect(),
        again: Some(again.into_iter().map(spot).collect()),
    }
}

const REQUEST: Request<'_> = Request {
    method: "GET",
    base: "http://127.0.0.1:7001",
    target: "/a",
    fields: &[],
    body: 0,
    route: "GET /a",
    trace_id: "t",
};
const MOMENT: Moment = Moment { at: 1, stage: 100, redact: true };

/// A stream of triples over few paths.
fn any_stream() -> impl Strategy<Value = Vec<(Vec<u8>, Vec<u8>)>> {
    let paths = || prop::collection::vec(0_u8..5, 0..3);
    prop::collection::vec((paths(), paths()), 0..60)
}

fn observed(stream: &[(Vec<u8>, Vec<u8>)], from: u64) -> Report {
    let mut report = Report::default();
    for (index, (candidate, again)) in stream.iter().enumerate() {
        let paths = |list: &[u8]| list.iter().map(|path| format!("/{path}")).collect::<Vec<_>>();
        let moment = Moment { at: from + index as u64, ..MOMENT };
        report.observe(&compared(paths(candidate), paths(again)), &REQUEST, moment);
    }
    report
}

proptest! {
    #[test]
    fn what_is_equal_matches_under_any_rules(value in any_json(), rules in any_rules()) {
        prop_assert_eq!(spots(&value, &value, &rules), []);
    }

    #[test]
    fn swapping_sides_finds_the_same_spots(left in any_json(), right in any_json(), rules in any_rules()) {
        let back: Vec<Spot> = {
            let mut back: Vec<Spot> = spots(&right, &left, &rules).into_iter().map(mirrored).collect();
            back.sort();
            back
        };
        prop_assert_eq!(spots(&left, &right, &rules), back);
    }

    #[test]
    fn lists_in_another_order_differ_in_nothing_else(value in any_json()) {
        let found = spots(&value, &reversed(&value), &Rules::default());
        prop_assert!(found.iter().all(|spot| spot.kind == DifferenceKind::Order), "{:?}", found);
    }

    #[test]
    fn one_more_ignored_path_only_takes_away(left in any_json(), right in any_json(), rule in any_rule()) {
        let with = Rules::build(vec![
            Rule { kind: RuleKind::Ignore, ..rule.clone() },
            rule.clone(),
        ]).unwrap();
        let alone = Rules::build(vec![Rule { kind: RuleKind::Ignore, ..rule }]).unwrap();
        prop_assert_eq!(spots(&left, &right, &with), spots(&left, &right, &alone));
    }

    #[test]
    fn any_bytes_are_compared_under_any_rules(
        left in r#"[\[\]{}",:0-9eE.\\ua-c-]{0,60}"#,
        right in prop::collection::vec(any::<u8>(), 0..60),
        rule in any_rule(),
        path in "(/([a-c]|\\*\\*)){0,2}",
    ) {
        let pairing = Rule { path: path.parse().unwrap(), kind: RuleKind::Ids { class: "a".to_owned() } };
        let rules = Rules::build(vec![rule, pairing]).unwrap();
        let mut ids = Ids::new(4);
        let compared = between(left.as_bytes(), &right, &rules, &mut ids);
        prop_assert!(compared.candidate.len() <= MAX_SPOTS && ids.len() <= 5);
    }

    #[test]
    fn merged_reports_say_what_one_would_have_said(left in any_stream(), right in any_stream()) {
        let together = observed(&[left.clone(), right.clone()].concat(), 0);
        let (left_report, right_report) = (observed(&left, 0), observed(&right, left.len() as u64));
        let mut merged = left_report.clone();
        merged.merge(&right_report).unwrap();
        prop_assert_eq!(merged.rows(), together.rows());
        let mut turned = right_report;
        turned.merge(&left_report).unwrap();
        prop_assert_eq!(&turned, &merged);
    }

    #[test]
    fn reports_survive_json(stream in any_stream()) {
        let report = observed(&stream, 0);
        let text = serde_json::to_string(&report).unwrap();
        prop_assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
    }
}

proptest! {
    // Each case is many thousand paths.
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn memory_is_bounded_whatever_the_paths(seed: u64, length in 0_usize..300) {
        let mut report = Report::default();
        for triple in 0..12_u64 {
            let name = move |who, index| format!("/{who}{seed}{triple}{index}{}", "é".repeat(length));
            let paths = |who: u64| (0..MAX_SPOTS as u64).map(move |index| name(who, index));
            report.observe(&compared(paths(0), paths(1)), &REQUEST, MOMENT);
            report.observe(&Compared { again: None, ..compared(paths(2), []) }, &REQUEST, MOMENT);
        }
        prop_assert!(report.noise().spots().count() <= MAX_REMEMBERED);
        prop_assert!(report.rows().len() <= 2 * MAX_REMEMBERED);
        let rows = report.rows();
        prop_assert!(rows.iter().all(|row| row.samples.len() <= MAX_SAMPLES));
        prop_assert!(rows.iter().flat_map(|row| &row.samples).all(|one| one.curl.len() <= MAX_CURL_BYTES));
        // Nothing was lost: what found no place was counted together, once per triple.
        prop_assert_eq!(report.noise().other().both(), 12);
        // Reports of many nodes are bounded as well.
        let mut all = Report::default();
        for _ in 0..3 {
            all.merge(&report).unwrap();
        }
        prop_assert!(all.rows().len() <= 2 * MAX_REMEMBERED);
        let text = serde_json::to_string(&all).unwrap();
        prop_assert!(text.len() < 4 << 20, "{}", text.len());
    }
}

#[test]
fn places_are_given_to_others_when_nothing_shows_there() {
    let mut noise = Noise::default();
    let fill = |round: u64| (0..MAX_REMEMBERED).map(move |index| format!("/{round}/{index}"));
    noise.observe(&compared(fill(0), fill(0)), 0);
    noise.observe(&compared(["/new".to_owned()], []), 1);
    assert!(noise.get(&spot("/new")).is_none(), "nobody was idle");
    for at in 0..2_100 {
        noise.observe(&compared([], []), at);
    }
    noise.observe(&compared(["/new".to_owned()], []), 3_000);
    assert_eq!(noise.get(&spot("/new")).unwrap().only_candidate(), 1);
    assert_eq!(noise.get(&spot("/new")).unwrap().compared(noise.triples()), 1);
    assert_eq!((noise.spots().count(), noise.forgotten()), (MAX_REMEMBERED, 1));
}

#[test]
fn noise_in_every_answer_says_nothing_about_the_whole() {
    let mut noise = Noise::default();
    let at = || ["/at".to_owned()];
    for _ in 0..3 {
        assert_eq!(noise.observe(&compared(at(), at()), 0), Some(Mismatch::default()));
    }
    let only = |candidate_only, control_only| Some(Mismatch { candidate_only, control_only });
    assert_eq!(noise.observe(&compared(at(), []), 0), only(false, false), "known to be noisy");
    let both = ["/at".to_owned(), "/price".to_owned()];
    assert_eq!(noise.observe(&compared(both, at()), 0), only(true, false));
    assert_eq!(noise.observe(&compared([], ["/name".to_owned()]), 0), only(false, true));
    let pair = Compared { again: None, ..compared(at(), []) };
    assert_eq!(noise.observe(&pair, 0), None);
}

#[test]
fn a_noisy_spot_that_surely_differs_counts_again() {
    let mut noise = Noise::default();
    let at = || ["/at".to_owned()];
    for _ in 0..5 {
        noise.observe(&compared(at(), at()), 0);
    }
    for _ in 0..15 {
        noise.observe(&compared(at(), []), 9);
    }
    assert_eq!(noise.differs().len(), 1);
    assert_eq!(noise.get(&spot("/at")).unwrap().reported(), Some(9));
    assert!(noise.observe(&compared(at(), []), 0).unwrap().candidate_only);
}

#[test]
fn a_report_shows_shapes_unless_it_may_show_more() {
    let difference = Difference {
        path: "/mail".to_owned(),
        kind: DifferenceKind::Value,
        control: Some(json!("søren@example.org")),
        candidate: Some(json!(7)),
    };
    let one = Compared { candidate: vec![difference], again: Some(Vec::new()) };
    let sample = |redact| {
        let mut report = Report::default();
        report.observe(&one, &REQUEST, Moment { redact, ..MOMENT });
        report.rows()[0].samples[0].clone()
    };
    assert_eq!(
        (sample(true).control, sample(true).candidate),
        ("string(17)".to_owned(), "number".to_owned())
    );
    assert_eq!(sample(false).control, "\"søren@example.org\"");
    assert_eq!(sample(true).curl, "curl -g -X 'GET' 'http://127.0.0.1:7001/a'");
}

#[test]
fn hostile_lists_cost_clarity_and_not_time() {
    // A value that all share, in a list of lists: everything could belong to everything.
    let list = |salt: u64| -> Value {
        let inner =
            |index: u64| (0..40).map(|n| json!({"a": 1, "b": n % 3, "c": index * salt})).collect::<Value>();
        (0..200).map(inner).collect()
    };
    let found = spots(&list(1), &list(2), &Rules::default());
    assert!(!found.is_empty() && found.len() < 10, "{found:?}");
}
