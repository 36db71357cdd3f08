//! `banyan breaker`: see circuit breakers on a running gateway, and hold them for a while.

use std::cmp::Reverse;

use anyhow::Result;
use serde_json::{Value, json};

use super::{
    span,
    unit::{print_json, table, text},
};
use crate::{
    admin::{Admin, encoded, with_query},
    cli::{BreakerAction, Change, Hold, Remote},
};

/// Does it.
pub(crate) fn run(action: BreakerAction) -> Result<()> {
    match action {
        BreakerAction::List(remote) => list(&remote),
        BreakerAction::Open { name, hold } => force(&name, "open", &hold),
        BreakerAction::Close { name, hold } => force(&name, "closed", &hold),
        BreakerAction::Auto { name, change } => {
            let who = [("by", change.by.as_str()), ("why", change.why.as_str())];
            let breaker = Admin::find(&change.remote)?.end(&with_query(&path(&name), &who))?;
            print(&change, &breaker)
        }
    }
}

fn path(name: &str) -> String {
    format!("/v1/breakers/{}", encoded(name))
}

fn force(name: &str, state: &str, hold: &Hold) -> Result<()> {
    let Hold { lasts, change } = hold;
    let body = json!({ "state": state, "for": lasts, "why": change.why, "by": change.by });
    let breaker = Admin::find(&change.remote)?.send("PUT", &path(name), &body)?;
    print(change, &breaker)
}

fn print(change: &Change, breaker: &Value) -> Result<()> {
    if change.remote.json {
        return print_json(breaker);
    }
    println!("{}", sentence(breaker));
    Ok(())
}

fn list(remote: &Remote) -> Result<()> {
    let breakers = Admin::find(remote)?.get("/v1/breakers")?;
    if remote.json {
        return print_json(&breakers);
    }
    let mut table = table(["UPSTREAM", "STATE", "LEFT", "CALLS", "FAILED", "SLOW", "WHY"]);
    for breaker in breakers.as_array().into_iter().flatten() {
        table.add_row([
            text(&breaker["upstream"]),
            state(breaker),
            left(breaker).map_or_else(|| "-".to_owned(), span),
            text(&breaker["calls"]),
            failed(breaker),
            text(&breaker["slow"]),
            why(breaker).unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    println!("{table}");
    Ok(())
}

/// `posts: OPEN, 3.2 s left: 12 of 20 failed in 10 s (9 timeouts, 3 resets)`.
fn sentence(breaker: &Value) -> String {
    let after = match (left(breaker), breaker["state"].as_str()) {
        (Some(left), Some("open")) if left <= 0.0 => ", the next call may try".to_owned(),
        (Some(left), _) => format!(", {} left", span(left)),
        (None, Some("half-open")) => ", a few calls may try".to_owned(),
        (None, Some("closed")) => ", calls pass".to_owned(),
        (None, _) => String::new(),
    };
    let why = why(breaker).map_or_else(String::new, |why| format!(": {why}"));
    format!("{}: {}{after}{why}", text(&breaker["upstream"]), state(breaker))
}

/// What refuses calls stands out.
fn state(breaker: &Value) -> String {
    let word = match breaker["state"].as_str() {
        Some("open") => "OPEN".to_owned(),
        _ => text(&breaker["state"]),
    };
    if breaker["forced"].is_null() { word } else { format!("{word}, forced") }
}

/// Seconds until that ends by itself.
fn left(breaker: &Value) -> Option<f64> {
    breaker["forced"]["for"].as_f64().or_else(|| breaker["open_remaining"].as_f64())
}

fn why(breaker: &Value) -> Option<String> {
    if !breaker["forced"].is_null() {
        return signed(&breaker["forced"], "by");
    }
    let ago = breaker["since"].as_f64().map_or_else(String::new, |ago| format!(", {} ago", span(ago)));
    breaker["why"].as_str().map(|why| format!("{why}{ago}"))
}

/// `by ada: looks broken`.
pub(super) fn signed(hand: &Value, who: &str) -> Option<String> {
    let why = hand["why"].as_str().filter(|why| !why.is_empty());
    let why = why.map_or_else(String::new, |why| format!(": {why}"));
    hand[who].as_str().map(|who| format!("by {who}{why}"))
}

/// `12 (9 timeout, 3 reset)`, the most frequent cause first.
fn failed(breaker: &Value) -> String {
    let causes = breaker["causes"].as_object().into_iter().flatten();
    let mut causes: Vec<_> =
        causes.filter_map(|(cause, count)| count.as_u64().map(|count| (count, cause))).collect();
    causes.sort_by_key(|(count, _)| Reverse(*count));
    let causes: Vec<_> = causes.iter().map(|(count, cause)| format!("{count} {cause}")).collect();
    let failures = text(&breaker["failures"]);
    if causes.is_empty() { failures } else { format!("{failures} ({})", causes.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker(state: &str, left: Value, forced: Value, why: Value) -> Value {
        json!({
            "upstream": "posts", "state": state, "forced": forced, "open_remaining": left, "why": why, "since": 1.8
        })
    }

    #[test]
    fn a_breaker_is_told_in_a_sentence() {
        let failed = || json!("12 of 20 failed in 10 s (9 timeouts, 3 resets)");
        let ada = |why: &str| json!({ "state": "open", "for": 598.2, "by": "ada", "why": why });
        for (breaker, expected) in [
            (
                breaker("open", json!(3.2), json!(null), failed()),
                "posts: OPEN, 3.2 s left: 12 of 20 failed in 10 s (9 timeouts, 3 resets), 1.8 s ago",
            ),
            (
                breaker("open", json!(0.0), json!(null), failed()),
                "posts: OPEN, the next call may try: 12 of 20 failed in 10 s (9 timeouts, 3 resets), 1.8 s ago",
            ),
            (
                breaker("open", json!(598.2), ada("looks broken"), json!("forced open for 600 s")),
                "posts: OPEN, forced, 9 min 58 s left: by ada: looks broken",
            ),
            (
                breaker("closed", json!(null), ada(""), json!(null)),
                "posts: closed, forced, 9 min 58 s left: by ada",
            ),
            (
                breaker("half-open", json!(null), json!(null), json!("the time of the open state is over")),
                "posts: half-open, a few calls may try: the time of the open state is over, 1.8 s ago",
            ),
        ] {
            assert_eq!(sentence(&breaker), expected);
        }
        assert_eq!(sentence(&json!({ "upstream": "posts", "state": "closed" })), "posts: closed, calls pass");
    }

    #[test]
    fn the_most_frequent_cause_comes_first() {
        let breaker = json!({ "failures": 12, "causes": { "reset": 3, "timeout": 9 } });
        assert_eq!(failed(&breaker), "12 (9 timeout, 3 reset)");
        assert_eq!(failed(&json!({ "failures": 0, "causes": {} })), "0");
    }
}
