//! Texts that are no configs: none may panic, run away, or be reported at a place that is not there.

use banyan_config::{Report, source::Span};
use proptest::prelude::*;

const FULL: &str = include_str!("../../../examples/full.yaml");
const FIRST: &str = include_str!("../../../examples/banyan.yaml");
const RESILIENCE: &str = include_str!("../../../examples/resilience.yaml");
const CACHE: &str = include_str!("../../../examples/cache.yaml");
const ROLLOUT: &str = include_str!("../../../examples/rollout.yaml");

/// Where the examples are, since one of them names a file beside it.
const NAME: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/x.yaml");

/// Lines by the rule of YAML, told apart without the code under test.
fn lines(text: &str) -> Vec<String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.replace("\r\n", "\n").replace('\r', "\n").split('\n').map(str::to_owned).collect()
}

fn lies_within(span: Span, lines: &[String]) -> bool {
    let line = span.line.checked_sub(1).and_then(|index| lines.get(index));
    line.is_some_and(|line| (1..=line.chars().count() + 1).contains(&span.column))
}

fn check(text: &str) -> Result<(), TestCaseError> {
    let lines = lines(text);
    let report = match banyan_config::parse(NAME, text) {
        Err(report) => report,
        Ok(plan) => {
            for warning in plan.warnings.problems() {
                prop_assert!(
                    warning.span.is_some_and(|span| lies_within(span, &lines)),
                    "{warning:?} in {text:?}"
                );
            }
            return Ok(());
        }
    };
    prop_assert!(report.count() >= 1);
    for problem in report.problems() {
        let spans = [problem.span, problem.related.as_ref().map(|related| related.span)];
        for span in spans.into_iter().flatten() {
            prop_assert!(lies_within(span, &lines), "{span:?} of {problem:?} in {text:?}");
        }
    }
    let shown = report.to_string();
    prop_assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{shown:?}");
    prop_assert!(!shown.contains("please report"), "{shown}");
    Ok(())
}

/// An example with a few characters changed: near enough to a config to get past the parser.
fn damaged() -> impl Strategy<Value = String> {
    let change = (
        any::<prop::sample::Index>(),
        0..3usize,
        prop_oneof!["[:{}\\[\\],#&*!|>'\"%@`?\\- \t\r\n0a~]", "\\PC", any::<char>().prop_map(String::from)],
    );
    (
        prop_oneof![Just(FULL), Just(FIRST), Just(RESILIENCE), Just(CACHE), Just(ROLLOUT)],
        prop::collection::vec(change, 1..6),
    )
        .prop_map(|(text, changes)| {
            let mut text = text.chars().collect::<Vec<_>>();
            for (at, removed, inserted) in changes {
                let at = at.index(text.len());
                let end = (at + removed).min(text.len());
                text.splice(at..end, inserted.chars());
            }
            text.into_iter().collect()
        })
}

proptest! {
    #[test]
    fn no_damage_to_a_config_panics(text in damaged()) {
        check(&text)?;
    }

    #[test]
    fn no_text_panics(text in "(\\PC|[:{}\\[\\],#&*!|>'\"%@`?\\- \t\r\n]){0,60}") {
        check(&text)?;
    }

    #[test]
    fn a_cut_config_does_not_panic(end in 0..FULL.len()) {
        check(&FULL.chars().take(end).collect::<String>())?;
    }

    /// A key that nobody knows, put into some flow map, is reported at exactly that place, and alone.
    #[test]
    fn an_unknown_key_is_shown_where_it_stands(nth in any::<prop::sample::Index>(), wide in any::<bool>(), crlf in any::<bool>()) {
        let maps = FIRST.match_indices("{ ").map(|(at, _)| at).collect::<Vec<_>>();
        let at = maps[nth.index(maps.len())] + 2;
        let gap = if wide { "\"é\": 1, " } else { "" };
        let text = format!("{}{gap}zzz: 1, {}", &FIRST[..at], &FIRST[at..]);
        let before = &text[..at + gap.len()];
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let span = Span { line: before.matches('\n').count() + 1, column };
        let text = if crlf { text.replace('\n', "\r\n") } else { text };
        let report = banyan_config::parse("x.yaml", &text).unwrap_err();
        let found = report.problems().iter().filter(|problem| problem.span == Some(span)).count();
        prop_assert_eq!(found, 1, "{:?} in {}", span, report);
        // In the map of upstreams it is a name, whose value is no upstream.
        prop_assert_eq!(report.problems().len(), 1 + usize::from(wide), "{}", report);
    }
}

fn only(text: &str) -> Report {
    let report = banyan_config::parse("x.yaml", text).expect_err("this is no config");
    assert_eq!(report.problems().len(), 1, "{report}");
    report
}

#[test]
fn a_file_of_more_than_four_mebibytes_is_not_read() {
    let comment = "# ".to_owned() + &"x".repeat(4 * 1024 * 1024);
    assert!(only(&comment).problems()[0].message.contains("larger than 4 MiB"));
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &comment).unwrap();
    let report = banyan_config::load(file.path()).unwrap_err();
    assert_eq!(report.problems()[0].span, None);
}

#[test]
fn a_file_of_almost_four_mebibytes_is_read() {
    let text = format!("{FIRST}# {}\n", "x".repeat(4 * 1024 * 1024 - FIRST.len() - 3));
    assert!(banyan_config::parse("x.yaml", &text).is_ok());
}

#[test]
fn four_mebibytes_of_anything_end_in_a_report() {
    let fill = |unit: &str| unit.repeat(4 * 1024 * 1024 / unit.len());
    for unit in ["[", "- ", "a: ", "a,", "\"", "&a ", "|\n", "\n"] {
        let text = fill(unit);
        assert!(banyan_config::parse("x.yaml", &text).is_err(), "{unit:?}");
        let within = format!("version: 1\nlisten: [ {}", &text[..text.len() - 64]);
        assert!(banyan_config::parse("x.yaml", &within).is_err(), "{unit:?}");
    }
}

#[test]
fn many_errors_are_counted_and_the_first_are_shown() {
    let keys = (0..50_000).map(|n| format!("key{n}: 1\n")).collect::<String>();
    let report = banyan_config::parse("x.yaml", &format!("{FIRST}{keys}")).unwrap_err();
    assert_eq!((report.problems().len(), report.count()), (100, 50_000));
    assert!(report.to_string().ends_with("and 49900 more\n50000 errors"));
}

#[test]
fn a_file_that_is_not_there_is_a_report_too() {
    let report = banyan_config::load(std::path::Path::new("no/such/file.yaml")).unwrap_err();
    assert!(report.to_string().starts_with("no/such/file.yaml: cannot be read: "), "{report}");
}
