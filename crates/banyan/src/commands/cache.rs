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
    let (took, body, weight) =
        (quick(answer["took"].as_f64().unwrap_or_default()), bytes("body"), bytes("weight"));
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

/// What takes less than a second is told in milliseconds.
fn quick(seconds: f64) -> String {
    if seconds < 1.0 { format!("{} ms", (seconds * 1000.0).round()) } else { span(seconds) }
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
    let admin = Admin::find(&change.remote)?;
    let is_wide = what.all || what.pattern.is_some();
    if is_wide && !yes && !confirmed(&question(&admin.get("/v1/cache")?, what, &said))? {
        println!("nothing was thrown away");
        return Ok(());
    }
    let body = json!({ key: value, "why": change.why, "by": change.by });
    let done = admin.send("POST", "/v1/cache/purge", &body)?;
    if change.remote.json {
        return print_json(&done);
    }
    println!("{}", gone(&done, what, &said));
    Ok(())
}

/// What people should know before they say yes.
fn question(cache: &Value, what: &What, said: &str) -> String {
    let more = if what.pattern.is_some() && !cache["second"].is_null() {
        format!(" {NO_PATTERNS}")
    } else {
        String::new()
    };
    format!("Throw away {said}? Requests for it go to the upstreams then.{more}")
}

const NO_PATTERNS: &str =
    "The level that gateways share knows no patterns: ALL of it goes, and what every gateway has in memory.";

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

fn gone(done: &Value, what: &What, said: &str) -> String {
    let count = match done["purged"].as_u64().unwrap_or_default() {
        0 => "none was".to_owned(),
        1 => "1 was".to_owned(),
        count => format!("{count} were"),
    };
    let shared = match done["shared"].as_str() {
        Some("emptied") if what.pattern.is_some() => format!("\n{NO_PATTERNS}"),
        Some(_) => "\nThe other gateways are told.".to_owned(),
        None => String::new(),
    };
    format!("thrown away: {said}; {count} in the memory of this gateway{shared}")
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
  took      120 ms to get, 1000 B of body, 2.00 KiB in memory
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
    fn a_pattern_is_known_to_take_more_with_it_where_gateways_share() {
        let what = What { pattern: Some("a/*".to_owned()), ..What::default() };
        let (_, _, said) = meant(&what);
        assert!(question(&json!({ "second": {} }), &what, &said).ends_with(NO_PATTERNS));
        let alone = question(&json!({ "second": null }), &what, &said);
        assert_eq!(alone, "Throw away all answers that fit 'a/*'? Requests for it go to the upstreams then.");
        let done = |shared: Value| gone(&json!({ "purged": 1, "shared": shared }), &what, &said);
        let went = "thrown away: all answers that fit 'a/*'; 1 was in the memory of this gateway";
        assert_eq!(done(Value::Null), went);
        assert_eq!(done(json!("emptied")), format!("{went}\n{NO_PATTERNS}"));
        let tag = What { tag: Some("user:7".to_owned()), ..What::default() };
        assert!(gone(&json!({ "purged": 0, "shared": "told" }), &tag, "it").ends_with("are told."));
    }

    #[test]
    fn what_is_meant_has_one_name() {
        let url = What { url: Some("http://a/".to_owned()), ..What::default() };
        assert_eq!(meant(&url), ("url", json!("http://a/"), "all answers to http://a/".to_owned()));
        let all = What { all: true, ..What::default() };
        assert_eq!(meant(&all), ("all", json!(true), "EVERY kept answer".to_owned()));
    }
}
