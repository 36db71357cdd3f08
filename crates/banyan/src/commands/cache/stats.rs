//! `banyan cache stats`: how full the cache is, at a glance.

use anyhow::Result;
use indicatif::{HumanBytes, HumanCount};
use serde_json::Value;

use crate::{
    admin::Admin,
    cli::Remote,
    commands::{
        cache::warm,
        unit::{print_json, text},
    },
};

/// Characters of the bar.
const WIDTH: u64 = 30;

/// Prints it.
pub(super) fn run(remote: &Remote) -> Result<()> {
    let cache = Admin::find(remote)?.get("/v1/cache")?;
    if remote.json {
        return print_json(&cache);
    }
    println!("{}", lines(&cache).join("\n"));
    Ok(())
}

fn lines(cache: &Value) -> Vec<String> {
    let number = |key: &str| cache[key].as_u64().unwrap_or_default();
    let mut lines = vec![
        format!("used       {}", fill(number("used"), number("memory"))),
        format!(
            "           {} of {}, {} items",
            HumanBytes(number("used")),
            HumanBytes(number("memory")),
            HumanCount(number("items"))
        ),
        format!(
            "evicted    {} answers had to go for others since the start",
            HumanCount(number("evictions"))
        ),
        format!("kept       {} since the start", counted(&cache["stored"])),
        format!(
            "under way  {} fetches, which hold {}",
            HumanCount(number("fetches")),
            HumanBytes(number("held"))
        ),
        format!("purged     {} tags are remembered until the next sweep", HumanCount(number("invalidated"))),
    ];
    lines.extend(second(&cache["second"]));
    if !cache["warming"].is_null() {
        lines.push(format!("filling    {}", warm::progress(&cache["warming"])));
    }
    lines
}

/// `[#########---------------------]  31 %`, with a word when there is no room left.
fn fill(used: u64, memory: u64) -> String {
    let part = |whole: u64| used.saturating_mul(whole) / memory.max(1);
    let marks = part(WIDTH).min(WIDTH);
    let bar: String = (0..WIDTH).map(|place| if place < marks { '#' } else { '-' }).collect();
    let full = if part(100) >= 95 { "  FULL: answers go for others" } else { "" };
    format!("[{bar}] {:>3} %{full}", part(100))
}

/// The level that gateways share.
fn second(second: &Value) -> Vec<String> {
    if second.is_null() {
        return vec!["shared     no level that gateways share (cache.redis)".to_owned()];
    }
    let queued = second["queued"].as_u64().unwrap_or_default();
    let count = |name: &str| second["counts"][name].as_u64().unwrap_or_default();
    let asked = count("hit").saturating_add(count("miss"));
    let found = count("hit").saturating_mul(100).checked_div(asked);
    let found = found.map_or_else(
        || "has answered no look-up yet".to_owned(),
        |share| format!("found {share} % of the look-ups that it answered"),
    );
    let waits = match queued {
        0 => "knows of all purges".to_owned(),
        1 => "does NOT KNOW of 1 purge yet".to_owned(),
        queued => format!("does NOT KNOW of {} purges yet", HumanCount(queued)),
    };
    vec![format!("shared     {found}, {waits}"), format!("           {}", counted(&second["counts"]))]
}

/// `900 complete, 3 degraded`, what is not zero.
fn counted(counts: &Value) -> String {
    let counts = counts.as_object().into_iter().flatten();
    let counts: Vec<_> = counts
        .filter(|(_, count)| count.as_u64() != Some(0))
        .map(|(name, count)| {
            let count = count.as_u64().map_or_else(|| text(count), |count| HumanCount(count).to_string());
            format!("{count} {}", name.replace('_', " "))
        })
        .collect();
    if counts.is_empty() { "nothing".to_owned() } else { counts.join(", ") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn everything_is_told_in_a_few_lines() {
        let cache = json!({
            "memory": 67_108_864, "used": 27_682_406, "items": 1200, "evictions": 70_000,
            "stored": { "complete": 900, "degraded": 0, "negative": 40 }, "fetches": 2, "held": 4096,
            "invalidated": 5, "second": { "counts": { "hit": 30, "lease_won": 4, "miss": 10 }, "queued": 1 },
            "warming": { "running": true, "total": 9, "done": 3, "failed": 1, "skipped": 0 }
        });
        let expected = "\
used       [############------------------]  41 %
           26.40 MiB of 64.00 MiB, 1,200 items
evicted    70,000 answers had to go for others since the start
kept       900 complete, 40 negative since the start
under way  2 fetches, which hold 4.00 KiB
purged     5 tags are remembered until the next sweep
shared     found 75 % of the look-ups that it answered, does NOT KNOW of 1 purge yet
           30 hit, 4 lease won, 10 miss
filling    4 of 9: 3 kept, 1 not kept, 0 left out";
        assert_eq!(lines(&cache).join("\n"), expected);
    }

    #[test]
    fn a_bar_is_never_longer_than_itself() {
        for (used, memory, marks, says) in [
            (0, 100, 0, "   0 %"),
            (50, 100, 15, "  50 %"),
            (95, 100, 28, "  95 %  FULL: answers go for others"),
            (100, 100, 30, " 100 %  FULL: answers go for others"),
            (140, 100, 30, " 140 %  FULL: answers go for others"),
            (1, 0, 30, " 100 %  FULL: answers go for others"),
        ] {
            let bar = fill(used, memory);
            assert_eq!(bar.matches('#').count(), marks, "{bar}");
            assert!(bar.len() == 32 + says.len() && bar.ends_with(says), "{bar}");
        }
    }

    #[test]
    fn a_gateway_alone_says_so() {
        assert_eq!(second(&Value::Null).len(), 1);
        let idle = json!({ "counts": { "hit": 0, "miss": 0 }, "queued": 0 });
        assert_eq!(
            second(&idle),
            ["shared     has answered no look-up yet, knows of all purges", "           nothing"]
        );
    }
}
