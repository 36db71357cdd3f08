//! `banyan cache`: see what is kept on a running gateway, throw it away, and have it fetched.

mod list;
mod stats;
mod warm;

use std::io::{IsTerminal as _, Write as _, stderr, stdin};

use anyhow::{Result, bail};
use indicatif::HumanBytes;
use serde_json::{Value, json};

use super::{
    span,
    unit::{print_json, text},
};
use crate::{
    admin::{Admin, with_query},
    cli::{CacheAction, Purge, Remote, What},
};

/// Does it.
pub(crate) fn run(action: CacheAction) -> Result<()> {
    match action {
        CacheAction::Stats(remote) => stats::run(&remote),
        CacheAction::Inspect { url, remote } => inspect(&url, &remote),
        CacheAction::Purge(order) => purge(&order),
        CacheAction::Warm(order) => warm::run(&order),
    }
}

fn inspect(url: &str, remote: &Remote) -> Result<()> {
    let answers = Admin::find(remote)?.get(&with_query("/v1/cache/entries", &[("url", url)]))?;
    if remote.json {
        return print_json(&answers);
    }
    let answers = answers.as_array().map(Vec::as_slice).unwrap_or_default();
    if answers.is_empty() {
        println!("nothing is kept of {url} in the memory of this gateway");
        return Ok(());
    }
    println!("{}", answers.iter().map(described).collect::<Vec<_>>().join("\n\n"));
    Ok(())
}

/// One answer, the line that matters most first.
fn described(answer: &Value) -> String {
    let bytes = |key: &str| HumanBytes(answer[key].as_u64().unwrap_or_default());
    let seconds = |key: &str| span(answer[key].as_f64().unwrap_or_default());
    let [url, status, kind, upstream] = ["url", "status", "kind", "upstream"].map(|key| text(&answer[key]));
    let fresh = freshness(answer["ttl"].as_i64().unwrap_or_default());
    let (took, body, weight) = (seconds("took"), bytes("body"), bytes("weight"));
    let mut lines = vec![
        format!("{url}  status {status}, {kind}, from {upstream}"),
        format!("  age       {}, {fresh}", seconds("age")),
        format!("  took      {took} to get, {body} of body, {weight} in memory"),
    ];
    lines.extend(answer["missing"].as_str().map(|missing| format!("  missing   {missing}")));
    let vary: Vec<_> = answer["vary"].as_array().into_iter().flatten().map(text).collect();
    if !vary.is_empty() {
        lines.push(format!("  varies by {}", vary.join(", ")));
    }
    lines.extend(answer["headers"].as_array().into_iter().flatten().map(|field| {
        format!("  | {}: {}", text(&field["name"]), field["value"].as_str().unwrap_or("(not shown)"))
    }));
    lines.join("\n")
}

fn freshness(ttl: i64) -> String {
    // Exact far beyond any time to live.
    #[allow(clippy::cast_precision_loss, reason = "seconds, and shown to people")]
    let left = span(ttl.unsigned_abs() as f64);
    if ttl < 0 { format!("STALE since {left}") } else { format!("fresh for {left}") }
}

fn purge(order: &Purge) -> Result<()> {
    let Purge { what, yes, change } = order;
    let (key, value, said) = meant(what);
    let is_wide = what.all || what.pattern.is_some();
    if is_wide
        && !yes
        && !confirmed(&format!("Throw away {said}? Requests for it go to the upstreams then."))?
    {
        println!("nothing was thrown away");
        return Ok(());
    }
    let body = json!({ key: value, "why": change.why, "by": change.by });
    let done = Admin::find(&change.remote)?.send("POST", "/v1/cache/purge", &body)?;
    if change.remote.json {
        return print_json(&done);
    }
    println!("{}", gone(done["purged"].as_u64().unwrap_or_default(), &said));
    Ok(())
}

/// Its name in the API, its value, and how people say it.
fn meant(what: &What) -> (&'static str, Value, String) {
    match what {
        What { url: Some(url), .. } => ("url", json!(url), format!("all answers to {url}")),
        What { tag: Some(tag), .. } => ("tag", json!(tag), format!("all answers with the tag '{tag}'")),
        What { pattern: Some(pattern), .. } => {
            ("pattern", json!(pattern), format!("all answers that fit '{pattern}'"))
        }
        What { .. } => ("all", json!(true), "EVERY kept answer".to_owned()),
    }
}

fn gone(count: u64, said: &str) -> String {
    match count {
        0 => format!("thrown away: {said}; none was in the memory of this gateway"),
        1 => format!("thrown away: {said}; 1 was in the memory of this gateway"),
        count => format!("thrown away: {said}; {count} were in the memory of this gateway"),
    }
}

/// Asks back.
fn confirmed(question: &str) -> Result<bool> {
    if !stdin().is_terminal() {
        bail!("there is nobody to ask back, so nothing was thrown away: add --yes if it is meant");
    }
    eprint!("{question} [y/N] ");
    stderr().flush()?;
    let mut answer = String::new();
    stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_answer_is_told_with_what_matters_first() {
        let mut answer = json!({
            "url": "http://a.example/users/7", "upstream": "users", "status": 200, "kind": "degraded",
            "missing": "/name", "age": 12.34, "ttl": 287, "took": 0.12, "weight": 2048, "body": 1000,
            "vary": ["accept-language", "accept-encoding"],
            "headers": [{ "name": "cache-control", "value": "max-age=300" }, { "name": "x-user", "value": null }]
        });
        let expected = "\
http://a.example/users/7  status 200, degraded, from users
  age       12.3 s, fresh for 4 min 47 s
  took      0.1 s to get, 1000 B of body, 2.00 KiB in memory
  missing   /name
  varies by accept-language, accept-encoding
  | cache-control: max-age=300
  | x-user: (not shown)";
        assert_eq!(described(&answer), expected);
        for (key, value) in [("missing", Value::Null), ("vary", json!([])), ("ttl", json!(-3))] {
            answer[key] = value;
        }
        let said = described(&answer);
        assert!(said.contains("12.3 s, STALE since 3 s\n"), "{said}");
        assert!(!said.contains("missing") && !said.contains("varies"), "{said}");
    }

    #[test]
    fn what_is_meant_has_one_name() {
        let url = What { url: Some("http://a/".to_owned()), ..What::default() };
        assert_eq!(meant(&url), ("url", json!("http://a/"), "all answers to http://a/".to_owned()));
        let all = What { all: true, ..What::default() };
        assert_eq!(meant(&all), ("all", json!(true), "EVERY kept answer".to_owned()));
    }
}
