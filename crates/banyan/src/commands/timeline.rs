//! `banyan timeline`: what changed lately on a running gateway.

use std::{
    io::{Write as _, stdout},
    time::Duration,
};

use anyhow::Result;
use serde_json::Value;
use tokio::time::{MissedTickBehavior, interval};

use super::unit::{print_json, text};
use crate::{admin::Admin, cli::Timeline};

/// How often the gateway is asked for more.
const EVERY: Duration = Duration::from_secs(1);

/// Prints it, and goes on with what comes when asked to.
pub(crate) fn run(how: &Timeline) -> Result<()> {
    let admin = Admin::find(&how.remote)?;
    let entries = entries(&admin, 0)?;
    if how.follow {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        return runtime.block_on(follow(&admin, entries, how.remote.json));
    }
    if how.remote.json {
        return print_json(&Value::Array(entries));
    }
    if entries.is_empty() {
        println!("nothing has changed since the gateway was started");
    }
    entries.iter().try_for_each(|entry| print(entry, false))
}

fn entries(admin: &Admin, since: u64) -> Result<Vec<Value>> {
    match admin.get(&format!("/v1/timeline?since={since}"))? {
        Value::Array(entries) => Ok(entries),
        _ => Ok(Vec::new()),
    }
}

/// For ever. A gateway that does not answer may be on its way back, which is just what somebody watches for.
async fn follow(admin: &Admin, first: Vec<Value>, json: bool) -> Result<()> {
    first.iter().try_for_each(|entry| print(entry, json))?;
    let (mut last, mut away) = (first.last().cloned(), false);
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        // Nothing else runs here, so asking may block.
        match entries(admin, asked_from(last.as_ref())) {
            Ok(entries) => {
                away = false;
                let Some(news) = news(last.as_ref(), &entries) else {
                    eprintln!("banyan: the gateway was started again");
                    last = None;
                    continue;
                };
                news.iter().try_for_each(|entry| print(entry, json))?;
                last = news.last().cloned().or(last);
            }
            Err(error) if !away => {
                eprintln!("banyan: {error:#}\nbanyan: still asking");
                away = true;
            }
            Err(_) => {}
        }
    }
}

/// One before what was seen last, so that it comes again: numbers begin anew when the gateway is started again.
fn asked_from(last: Option<&Value>) -> u64 {
    last.and_then(|entry| entry["number"].as_u64()).unwrap_or_default().saturating_sub(1)
}

/// What was not seen yet. `None` when what was seen last is not there any more: these are the entries of another process.
fn news<'e>(last: Option<&Value>, entries: &'e [Value]) -> Option<&'e [Value]> {
    let Some(last) = last else { return Some(entries) };
    let (first, rest) = entries.split_first()?;
    // Entries are kept for long enough, unless a thousand came within a second: then the next are told anyway.
    let is_later = first["number"].as_u64() > last["number"].as_u64();
    if is_later {
        return Some(entries);
    }
    (first == last).then_some(rest)
}

fn print(entry: &Value, json: bool) -> Result<()> {
    let mut stdout = stdout().lock();
    if json {
        writeln!(stdout, "{entry}")?;
    } else {
        let (kind, what) = (text(&entry["kind"]), text(&entry["text"]));
        writeln!(stdout, "{}  {kind:<8}{what}", to_the_second(&text(&entry["at"])))?;
    }
    // Through a pipe, a line is of use when it comes.
    Ok(stdout.flush()?)
}

/// `2026-11-21T11:34:42Z`: finer than a second is of use to nobody who reads.
fn to_the_second(at: &str) -> String {
    at.split_once('.').map_or_else(|| at.to_owned(), |(seconds, _)| format!("{seconds}Z"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(number: u64, at: &str) -> Value {
        json!({ "number": number, "at": at, "kind": "unit", "text": "x" })
    }

    #[test]
    fn only_what_is_new_is_told() {
        let seen = entry(7, "a");
        assert_eq!(asked_from(Some(&seen)), 6);
        assert_eq!(asked_from(None), 0);
        let answer = [seen.clone(), entry(8, "b")];
        assert_eq!(news(Some(&seen), &answer), Some(&answer[1..]));
        assert_eq!(news(Some(&seen), &answer[..1]), Some(&[][..]));
        assert_eq!(news(None, &answer), Some(&answer[..]));
        assert_eq!(
            news(Some(&entry(3, "c")), &answer),
            Some(&answer[..]),
            "some were forgotten before they were seen"
        );
    }

    #[test]
    fn another_process_is_noticed_though_it_counts_from_one_too() {
        let seen = entry(1, "a");
        assert_eq!(news(Some(&seen), &[]), None, "it has nothing to tell yet");
        assert_eq!(news(Some(&seen), &[entry(1, "b")]), None, "it has as many entries by now");
        assert_eq!(news(Some(&entry(9, "a")), &[]), None);
    }

    #[test]
    fn times_are_told_to_the_second() {
        assert_eq!(to_the_second("2026-11-21T06:24:00.123456789Z"), "2026-11-21T06:24:00Z");
        assert_eq!(to_the_second("2026-11-21T06:24:00Z"), "2026-11-21T06:24:00Z");
    }
}
