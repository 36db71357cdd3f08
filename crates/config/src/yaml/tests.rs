use super::*;
use crate::report::Report;

fn problems(text: &str) -> Vec<(usize, usize, String)> {
    let problems = Problems::default();
    let node = read(text, &problems);
    assert!(node.is_ok() || !problems.is_empty());
    let report = Report::new("x", text, problems);
    let place = |p: &crate::report::Problem| p.span.map_or((0, 0), |span| (span.line, span.column));
    report.problems().iter().map(|p| (place(p).0, place(p).1, p.message.clone())).collect()
}

#[test]
fn keeps_the_place_of_every_value() {
    let none = Problems::default();
    let Ok(root) = read("a: {b: [1, \"x\"]}\nc:\n  - d: e\n", &none) else { panic!("{none:?}") };
    let Content::Mapping(entries) = &root.content else { panic!("{root:?}") };
    assert_eq!(entries[1].key.span, Span { line: 2, column: 1 });
    let Content::Mapping(inner) = &entries[0].value.content else { panic!("{root:?}") };
    let Content::Sequence(items) = &inner[0].value.content else { panic!("{root:?}") };
    assert_eq!(items[1].span, Span { line: 1, column: 12 });
    assert_eq!(items[1].content, Content::Scalar { text: "x".to_owned(), plain: false });
}

#[test]
fn every_duplicate_key_is_found_in_one_reading() {
    let found = problems("a: 1\nb: {c: 1, c: 2}\na: 3\n");
    let places = found.iter().map(|(line, column, _)| (*line, *column)).collect::<Vec<_>>();
    assert_eq!(places, [(2, 11), (3, 1)]);
}

#[test]
fn keys_are_texts() {
    assert_eq!(problems("1: x\n? [a]\n: y\nnull: z\n\"2\": fine\n").len(), 3);
}

#[test]
fn the_core_schema_decides_what_a_scalar_is() {
    for number in ["1", "-1", "+1", "1.5", "1e3", ".5", "1.", "0x1F", "0o17", ".inf", "-.inf", ".nan"] {
        assert_eq!(Nature::of(number, true), Nature::Number, "{number}");
        assert_eq!(Nature::of(number, false), Nature::Text, "{number}");
    }
    for text in ["5%", "10s", "inf", "nan", "infinity", "-", ".", "0x", "1_000", "yes", "off", "1.2.3"] {
        assert_eq!(Nature::of(text, true), Nature::Text, "{text}");
    }
}

#[test]
fn depth_and_references_are_bounded() {
    assert!(problems(&"[".repeat(40))[0].2.contains("levels deep"));
    assert!(problems(&"- ".repeat(40))[0].2.contains("levels deep"));
    assert_eq!(problems(&"[".repeat(100_000)).len(), 1);
    assert!(problems("a: &x [1]\nb: *x\n").iter().all(|(_, _, message)| message.contains("not supported")));
    assert_eq!(problems("a: &x [1]\nb: [*x, *x]\nc: !!str 1\n").len(), 2);
    assert!(problems("a: 1\n---\nb: 2\n")[0].2.contains("one YAML document"));
}
