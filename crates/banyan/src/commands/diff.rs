//! `banyan diff`: in what the two sides of a unit differ.

use anyhow::Result;
use serde_json::Value;

use super::unit::{print_json, table, text};
use crate::{
    admin::{Admin, encoded},
    cli::Diff,
};

/// Samples that are shown of each path.
const SAMPLES: usize = 2;

/// What comparing has found, the surest first; noise only when asked for.
pub(crate) fn run(how: &Diff) -> Result<()> {
    let report = Admin::find(&how.remote)?.get(&path(&how.unit))?;
    if how.remote.json {
        return print_json(&report);
    }
    println!("{}", summary(&how.unit, &report));
    if let Some(why) = report["paused"].as_str() {
        println!("paused: {why}");
    }
    let all = report["paths"].as_array().map(Vec::as_slice).unwrap_or_default();
    let shown: Vec<&Value> = all.iter().filter(|path| how.all || is_of_interest(path)).collect();
    if shown.is_empty() {
        println!("{}", nothing(&report, all.len()));
        return Ok(());
    }
    println!();
    let mut overview = table(["PATH", "HOW", "SURE", "WRONG IN", "SEEN", "OF", "NOISE", "SINCE", "AT STAGE"]);
    for path in &shown {
        overview.add_row(row(path));
    }
    println!("{overview}");
    for path in shown.iter().filter(|path| is_of_interest(path)) {
        samples(path);
    }
    let hidden = all.len() - shown.len();
    if hidden > 0 {
        println!("\n{hidden} more where the answering side differs from itself; --all shows them");
    }
    Ok(())
}

fn path(unit: &str) -> String {
    format!("/v1/units/{}/shadow", encoded(unit))
}

/// What a backend wrote, for a terminal: it must not be able to steer it.
fn plain(value: &Value) -> String {
    text(value).replace(char::is_control, "\u{fffd}")
}

/// A path in which the other side differed and nothing explains it.
fn is_of_interest(path: &Value) -> bool {
    path["differs"] == true || path["count"].as_u64() > path["only_control"].as_u64()
}

fn summary(unit: &str, report: &Value) -> String {
    let counted = |key: &str| report[key].as_u64().unwrap_or_default();
    let compared = counted("matched") + counted("mismatched");
    let dropped: u64 =
        report["dropped"].as_object().into_iter().flatten().filter_map(|(_, count)| count.as_u64()).sum();
    format!(
        "{unit}: {compared} answers compared, {} differ; {} of them with the noise known; {dropped} copies not compared",
        counted("mismatched"),
        counted("triples"),
    )
}

fn nothing(report: &Value, noisy: usize) -> String {
    let compared =
        report["matched"].as_u64().unwrap_or_default() + report["mismatched"].as_u64().unwrap_or_default();
    match (compared, noisy) {
        (0, _) => {
            "nothing was compared yet: does the unit have a shadow with a sample, and traffic?".to_owned()
        }
        (_, 0) => "no difference".to_owned(),
        (_, noisy) => {
            format!(
                "no difference but {noisy} places where the answering side differs from itself; --all shows them"
            )
        }
    }
}

fn row(path: &Value) -> [String; 9] {
    let stages = path["stages"].as_object().into_iter().flatten().map(|(stage, _)| stage.clone());
    [
        plain(&path["path"]),
        text(&path["kind"]),
        if path["differs"] == true { "yes" } else { "not yet" }.to_owned(),
        format!("{:.2} %", path["rate"].as_f64().unwrap_or_default() * 100.0),
        text(&path["count"]),
        text(&path["compared"]),
        text(&path["only_control"]),
        text(&path["since"]),
        stages.collect::<Vec<_>>().join(" "),
    ]
}

fn samples(path: &Value) {
    println!("\n{} ({})", plain(&path["path"]), text(&path["kind"]));
    for sample in path["samples"].as_array().into_iter().flatten().take(SAMPLES) {
        println!("  {}  trace {}", text(&sample["route"]), text(&sample["trace_id"]));
        println!(
            "    answered {}, the other side {}",
            plain(&sample["control"]),
            plain(&sample["candidate"])
        );
        println!("    {}", text(&sample["curl"]));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(differs: bool, count: u64, only_control: u64) -> Value {
        json!({
            "path": "/title", "kind": "value", "differs": differs, "count": count, "compared": 300, "rate": 0.0125,
            "only_control": only_control, "since": "2026-11-21T02:47:00Z", "stages": { "1%": 2, "5%": 1 }, "samples": []
        })
    }

    #[test]
    fn a_name_is_one_part_of_the_path_whatever_is_typed() {
        assert_eq!(path("../articles?x"), "/v1/units/..%2Farticles%3Fx/shadow");
    }

    #[test]
    fn a_backend_cannot_steer_the_terminal() {
        let mut found = found(true, 3, 0);
        found["path"] = json!("/evil\u{1b}[31m\r\n\u{9b}2J");
        assert_eq!(row(&found)[0], "/evil\u{fffd}[31m\u{fffd}\u{fffd}\u{fffd}2J");
    }

    #[test]
    fn noise_is_not_of_interest_until_it_is_sure() {
        assert!(is_of_interest(&found(false, 3, 0)));
        assert!(!is_of_interest(&found(false, 3, 3)));
        assert!(is_of_interest(&found(true, 3, 3)));
    }

    #[test]
    fn a_row_says_how_sure_how_often_since_when_and_where() {
        let expected = ["/title", "value", "yes", "1.25 %", "3", "300", "0", "2026-11-21T02:47:00Z", "1% 5%"]
            .map(String::from);
        assert_eq!(row(&found(true, 3, 0)), expected);
    }

    #[test]
    fn nothing_compared_is_not_the_same_as_no_difference() {
        let report = |matched: u64| json!({ "matched": matched, "mismatched": 0, "triples": matched, "dropped": { "timeout": 2 } });
        assert!(nothing(&report(0), 0).starts_with("nothing was compared"));
        assert_eq!(nothing(&report(7), 0), "no difference");
        assert!(nothing(&report(7), 2).contains("2 places"));
        assert!(summary("articles", &report(7)).contains("7 answers compared, 0 differ; 7 of them"));
    }
}
