//! A rollout on one screen, made of what the API says.

use anyhow::Result;
use banyan_demo::Picture;
use serde_json::Value;

use super::{
    LAST,
    figures::{bar, count, evidence, gate, way},
    path,
};
use crate::{
    admin::Admin,
    commands::{span, unit::text},
};

/// What is on the screen.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Frame {
    pub(super) rollout: Value,
    pub(super) history: Value,
    /// Why this is not of now.
    pub(super) stale: Option<String>,
    /// The line before, in a pipe.
    pub(super) said: Option<String>,
}

impl Frame {
    /// Asks a gateway.
    ///
    /// # Errors
    /// When it is refused or nobody answers.
    pub(super) fn ask(admin: &Admin, name: &str) -> Result<Self> {
        let rollout = admin.get(&path(name))?;
        let history = admin.get(&format!("{}/history?limit={LAST}", path(name)))?;
        Ok(Self { rollout, history, ..Self::default() })
    }

    /// Whether there is nothing more to come without a person.
    pub(super) fn has_ended(&self) -> bool {
        !matches!(self.phase(), "running" | "paused")
    }

    pub(super) fn phase(&self) -> &str {
        self.rollout["phase"].as_str().unwrap_or_default()
    }

    /// All of it, a text per line.
    pub(super) fn text(&self) -> Vec<String> {
        let rollout = &self.rollout;
        let mut lines = vec![headline(rollout)];
        lines.extend(self.stale.iter().map(|why| format!("  NOT OF NOW   {why}")));
        lines.extend(time(rollout));
        lines.extend(note(rollout).map(|note| format!("  {note}")));
        lines.extend(worse(&rollout["worse"]));
        lines.extend(advice(rollout).map(|advice| format!("  {advice}")));
        lines.extend(gates(rollout));
        lines.extend(meters(rollout));
        lines.extend(events(&self.history));
        lines
    }
}

impl Picture for Frame {
    fn lines(&self) -> Vec<String> {
        self.text()
    }

    fn line(&self) -> Option<String> {
        let line = one_line(&self.rollout);
        (self.said.as_ref() != Some(&line)).then_some(line)
    }
}

/// What would be news, if it differed from the line before.
pub(super) fn one_line(rollout: &Value) -> String {
    let mut line = headline(rollout);
    for gate in rollout["gates"].as_array().into_iter().flatten() {
        line.push_str(&format!("  {}:{}", text(&gate["name"]), text(&gate["verdict"])));
    }
    if let Some(note) = note(rollout) {
        line.push_str(&format!("  ({note})"));
    }
    line
}

/// `articles is running: 5% on the replacement, stage 2 of 6`.
pub(super) fn headline(rollout: &Value) -> String {
    let (unit, phase, percent) = (text(&rollout["unit"]), text(&rollout["phase"]), text(&rollout["percent"]));
    match phase.as_str() {
        "idle" => format!("{unit} has no rollout yet: {percent} on the replacement"),
        "running" | "paused" => {
            format!("{unit} is {phase}: {percent} on the replacement, stage {}", stage(rollout))
        }
        "complete" => format!("{unit} is complete: {percent} on the replacement"),
        _ => format!("{unit} was {phase}: {percent} on the replacement"),
    }
}

/// `2 of 6`.
pub(super) fn stage(rollout: &Value) -> String {
    let of = rollout["stages"].as_array().map_or(0, Vec::len);
    rollout["stage"].as_u64().map_or_else(|| "-".to_owned(), |stage| format!("{stage} of {of}"))
}

/// `28 s`, while it counts.
pub(super) fn left(rollout: &Value) -> Option<String> {
    rollout["left_s"].as_f64().map(span)
}

fn time(rollout: &Value) -> Option<String> {
    let (held, hold) = (rollout["held_s"].as_f64()?, rollout["hold_s"].as_f64()?);
    let next = rollout["next"].as_str().map_or_else(|| "to the end".to_owned(), |next| format!("to {next}"));
    let left = rollout["left_s"].as_f64().unwrap_or_default();
    let then = if left > 0.0 {
        format!("goes on {next} in {} if every gate passes", span(left))
    } else {
        format!("goes on {next} as soon as every gate passes")
    };
    let full = if hold > 0.0 { held / hold } else { 1.0 };
    Some(format!("  time         {} {} of {}; {then}", bar(full), span(held.min(hold)), span(hold)))
}

/// What holds it, or how it ended.
pub(super) fn note(rollout: &Value) -> Option<String> {
    let blocked = rollout["blocked"].as_str().map(|why| format!("held: {why}"));
    blocked.or_else(|| rollout["note"].as_str().map(ToOwned::to_owned))
}

/// What a person can do now.
fn advice(rollout: &Value) -> Option<String> {
    let unit = text(&rollout["unit"]);
    match rollout["phase"].as_str()? {
        "idle" => Some(format!("'banyan rollout start {unit}' begins one")),
        "paused" => Some(format!(
            "'banyan rollout resume {unit}' lets it go on, 'banyan rollout abort {unit}' sends everybody back"
        )),
        "rolled back" => Some(format!(
            "mend the replacement; then 'banyan rollout start {unit}' begins anew, with new evidence"
        )),
        _ => None,
    }
}

/// What was worse, and which requests showed it.
fn worse(worse: &Value) -> Vec<String> {
    let Some(said) = worse["text"].as_str() else { return Vec::new() };
    let mut lines = vec![format!("  {said}")];
    for exhibit in worse["exhibits"].as_array().into_iter().flatten().take(LAST) {
        let (at, route, what) = (text(&exhibit["at"]), text(&exhibit["route"]), text(&exhibit["what"]));
        lines.push(format!("    {at}  {route}  {what}  trace {}", text(&exhibit["trace_id"])));
    }
    lines
}

fn gates(rollout: &Value) -> Vec<String> {
    let gates = rollout["gates"].as_array().map(Vec::as_slice).unwrap_or_default();
    if gates.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![String::new(), row(["GATE", "MEASURED", "LIMIT", "SAMPLE", "VERDICT"], "")];
    for one in gates {
        let name = text(&one["name"]);
        let limit = gate(&name, &one["threshold"]);
        let limit = match (one["threshold"].is_null(), name.as_str()) {
            (true, _) => limit,
            (false, "requests") => format!(">= {limit}"),
            (false, _) => format!("<= {limit}"),
        };
        let cells =
            [&name, &gate(&name, &one["measured"]), &limit, &count(&one["sample"]), &text(&one["verdict"])];
        lines.push(row(cells.map(String::as_str), &text(&one["why"])));
    }
    lines
}

fn row([name, measured, limit, sample, verdict]: [&str; 5], why: &str) -> String {
    format!("  {name:<15}{measured:>10}{limit:>12}{sample:>10}  {verdict:<14}{why}").trim_end().to_owned()
}

/// How much speaks for a rollback.
fn meters(rollout: &Value) -> Vec<String> {
    let evidence_of = &rollout["evidence"];
    let metrics = evidence_of["metrics"].as_array().map(Vec::as_slice).unwrap_or_default();
    let Some(threshold) = evidence_of["threshold"].as_f64().filter(|_| !metrics.is_empty()) else {
        return Vec::new();
    };
    let mut lines = vec![
        String::new(),
        format!("  FAILURES, REPLACEMENT / LEGACY (a full bar, {}, rolls back)", evidence(threshold)),
    ];
    for metric in metrics {
        let e_value = metric["e_value"].as_f64().unwrap_or(1.0);
        let (candidate, control) = (&metric["candidate"], &metric["control"]);
        lines.push(format!(
            "  {:<11}{} {:<8} {} of {} / {} of {}",
            text(&metric["metric"]),
            bar(way(e_value, threshold)),
            evidence(e_value),
            count(&candidate["failures"]),
            count(&candidate["of"]),
            count(&control["failures"]),
            count(&control["of"]),
        ));
    }
    lines.extend(exhibits(&evidence_of["exhibits"]));
    lines
}

/// The last requests that failed on the replacement.
fn exhibits(exhibits: &Value) -> Vec<String> {
    let line = |exhibit: &Value| {
        let [at, metric, route, what, trace] =
            ["at", "metric", "route", "what", "trace_id"].map(|key| text(&exhibit[key]));
        format!("    {at}  {metric}  {route}  {what}  trace {trace}")
    };
    exhibits.as_array().into_iter().flatten().take(LAST).map(line).collect()
}

fn events(history: &Value) -> Vec<String> {
    let entries = history.as_array().map(Vec::as_slice).unwrap_or_default();
    if entries.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![String::new(), "  LAST STEPS".to_owned()];
    for entry in entries {
        let why = entry["why"].as_str().filter(|why| !why.is_empty());
        let why = why.map_or_else(String::new, |why| format!(": {why}"));
        let at = text(&entry["at"]);
        let at = at.split_once('.').map_or(at.as_str(), |(seconds, _)| seconds);
        lines.push(format!("  {at}  {} by {}{why}", text(&entry["what"]), text(&entry["by"])));
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn running() -> Frame {
        let gate = |name: &str, measured: Option<f64>, threshold: f64, verdict: &str, why: &str| {
            json!({
                "name": name, "measured": measured, "threshold": threshold, "sample": 210, "verdict": verdict,
                "why": why,
            })
        };
        let rollout = json!({
            "unit": "articles", "phase": "running", "percent": "5%", "stages": ["1%", "5%", "100%"], "stage": 2,
            "next": "100%", "held_s": 32.0, "hold_s": 60.0, "left_s": 28.0, "blocked": null, "note": null,
            "gates": [
                gate("requests", Some(210.0), 300.0, "hold", "90 answers are missing"),
                gate("latency_p99", Some(0.03), 0.3, "pass", ""),
                gate("mismatches", None, 0.001, "not measured", "nothing is compared"),
            ],
            "evidence": { "threshold": 4000.0, "metrics": [{
                "metric": "errors", "e_value": 12.4, "candidate": { "failures": 3, "of": 210 },
                "control": { "failures": 4, "of": 4102 },
            }], "exhibits": [
                { "at": "T", "metric": "errors", "route": "/articles", "what": "status 503", "trace_id": "abc" }
            ] },
        });
        let history = json!([{
            "at": "2026-11-21T17:00:00.123Z", "what": "1% -> 5%", "by": "banyan", "why": "every gate passed"
        }]);
        Frame { rollout, history, ..Frame::default() }
    }

    #[test]
    fn one_screen_says_where_it_is_what_it_waits_for_and_what_speaks_against_it() {
        let expected = "\
articles is running: 5% on the replacement, stage 2 of 3
  time         [###########.........] 32 s of 1 min; goes on to 100% in 28 s if every gate passes

  GATE             MEASURED       LIMIT    SAMPLE  VERDICT
  requests              210      >= 300       210  hold          90 answers are missing
  latency_p99           +3%     <= +30%       210  pass
  mismatches              -     <= 0.1%       210  not measured  nothing is compared

  FAILURES, REPLACEMENT / LEGACY (a full bar, 4,000, rolls back)
  errors     [######..............] 12.4     3 of 210 / 4 of 4,102
    T  errors  /articles  status 503  trace abc

  LAST STEPS
  2026-11-21T17:00:00  1% -> 5% by banyan: every gate passed";
        assert_eq!(running().text().join("\n"), expected);
    }

    #[test]
    fn the_counts_of_a_large_rollout_are_not_cut_off_by_a_terminal_of_80_columns() {
        let mut frame = running();
        let metric = &mut frame.rollout["evidence"]["metrics"][0];
        *metric = json!({
            "metric": "mismatches", "e_value": 3999.9, "candidate": { "failures": 123, "of": 12_345 },
            "control": { "failures": 99, "of": 1_234_567 },
        });
        let text = frame.text();
        let line = text.iter().rfind(|line| line.starts_with("  mismatches")).expect("the metric");
        assert!(line.ends_with("123 of 12,345 / 99 of 1,234,567"), "{line}");
        let evidence = text.iter().skip_while(|line| !line.starts_with("  FAILURES")).take(2);
        assert!(evidence.clone().count() == 2 && evidence.clone().all(|line| line.len() <= 80), "{text:#?}");
    }

    #[test]
    fn a_pipe_is_told_what_is_new_and_nothing_twice() {
        let mut frame = running();
        let line = frame.line().unwrap();
        assert_eq!(
            line,
            "articles is running: 5% on the replacement, stage 2 of 3  requests:hold  latency_p99:pass  mismatches:not \
             measured"
        );
        frame.said = Some(line);
        assert_eq!(frame.line(), None);
        frame.rollout["blocked"] = json!("the nodes do not agree: gw-2 runs another config");
        assert!(frame.line().unwrap().ends_with("(held: the nodes do not agree: gw-2 runs another config)"));
    }

    #[test]
    fn after_a_rollback_the_evidence_comes_first_and_what_to_do_next() {
        let rollout = json!({
            "unit": "articles", "phase": "rolled back", "percent": "0%", "stages": ["1%"], "stage": null,
            "worse": { "text": "errors 41 of 210 on the replacement", "exhibits": [
                { "at": "T", "route": "GET /articles/{id}", "what": "503", "trace_id": "abc" }
            ] },
        });
        let text = Frame { rollout, ..Frame::default() }.text();
        assert_eq!(
            text,
            [
                "articles was rolled back: 0% on the replacement",
                "  errors 41 of 210 on the replacement",
                "    T  GET /articles/{id}  503  trace abc",
                "  mend the replacement; then 'banyan rollout start articles' begins anew, with new evidence",
            ]
        );
    }
}
