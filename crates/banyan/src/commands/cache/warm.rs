//! `banyan cache warm`: has URLs asked for, and watches.

use std::{
    io::{IsTerminal as _, stderr},
    time::Duration,
};

use anyhow::{Result, bail};
use indicatif::{HumanCount, ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval};

use super::list;
use crate::{admin::Admin, cli::Warm, commands::unit::print_json};

const PATH: &str = "/v1/cache/warm";
/// How often the gateway is asked how far it is.
const EVERY: Duration = Duration::from_millis(250);
/// How many times it is asked for each line, where there is no terminal to draw on.
const ASKED_PER_LINE: u32 = 8;

/// Sends the list, and watches until it is over. The gateway goes on by itself when nobody watches.
pub(super) fn run(order: &Warm) -> Result<()> {
    let Warm { from, rate, change } = order;
    let urls = list::read(from)?;
    let admin = Admin::find(&change.remote)?;
    let body = json!({ "urls": urls, "rate": rate, "why": change.why, "by": change.by });
    let begun = admin.send("POST", PATH, &body)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let end = runtime.block_on(watch(&admin, begun, &Display::new(urls.len(), change.remote.json)))?;
    if change.remote.json {
        print_json(&end)?;
    } else {
        println!("{}", progress(&end));
    }
    if number(&end, "done") == 0 {
        bail!(
            "none of them is kept: does a route keep what they answer, and do they answer? 'banyan cache inspect' and the access log say more"
        );
    }
    Ok(())
}

/// How it ended.
async fn watch(admin: &Admin, begun: Value, display: &Display) -> Result<Value> {
    let total = begun["total"].clone();
    let mut last = begun;
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for turn in 0u32.. {
        // Nothing else runs here, so asking may block.
        display.show(&last, turn);
        if last["running"] != true {
            break;
        }
        ticks.tick().await;
        let now = admin.get(PATH)?;
        if now["total"] != total {
            eprintln!(
                "banyan: it is over, and the gateway asks for another list by now; this is how far it was seen"
            );
            break;
        }
        last = now;
    }
    display.clear();
    Ok(last)
}

/// A bar on a terminal, now and then a line elsewhere, nothing beside JSON.
enum Display {
    Bar(ProgressBar),
    Lines,
    Nothing,
}

impl Display {
    fn new(total: usize, json: bool) -> Self {
        if json {
            return Self::Nothing;
        }
        if !stderr().is_terminal() {
            return Self::Lines;
        }
        let bar = ProgressBar::new(total as u64);
        let style = ProgressStyle::with_template("{bar:30} {human_pos} of {human_len}  {wide_msg}");
        Self::Bar(style.map(|style| bar.clone().with_style(style)).unwrap_or(bar))
    }

    fn show(&self, now: &Value, turn: u32) {
        match self {
            Self::Bar(bar) => {
                bar.set_position(over(now));
                bar.set_message(parts(now));
            }
            Self::Lines if turn.is_multiple_of(ASKED_PER_LINE) && now["running"] == true => {
                eprintln!("{}", progress(now));
            }
            Self::Lines | Self::Nothing => {}
        }
    }

    fn clear(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

/// `312 of 1,000: 300 kept, 2 not kept, 10 left out`.
pub(super) fn progress(now: &Value) -> String {
    format!("{} of {}: {}", HumanCount(over(now)), HumanCount(number(now, "total")), parts(now))
}

fn parts(now: &Value) -> String {
    let [done, failed, skipped] = ["done", "failed", "skipped"].map(|key| HumanCount(number(now, key)));
    format!("{done} kept, {failed} not kept, {skipped} left out")
}

fn over(now: &Value) -> u64 {
    ["done", "failed", "skipped"].iter().map(|key| number(now, key)).fold(0, u64::saturating_add)
}

fn number(now: &Value, key: &str) -> u64 {
    now[key].as_u64().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_told_in_a_line() {
        let now = json!({ "running": true, "total": 1000, "done": 300, "failed": 2, "skipped": 10 });
        assert_eq!(progress(&now), "312 of 1,000: 300 kept, 2 not kept, 10 left out");
        assert_eq!(progress(&json!({})), "0 of 0: 0 kept, 0 not kept, 0 left out");
    }
}
