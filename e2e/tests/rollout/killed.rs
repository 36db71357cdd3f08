//! Killed at any instant: what was acknowledged is there afterwards, and nothing is that the table does not allow.

use std::{env, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use banyan_testkit::{Admin, Banyan};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::kit::{Crowd, Trial, history, order, phase, rollout};

/// Kills in an ordinary run; `BANYAN_KILLS` asks for another number.
const KILLS: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_instant_it_goes_on_where_it_was() -> Result<()> {
    let kills = env::var("BANYAN_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(KILLS);
    let trial = Trial::start().await?;
    let mut banyan = Banyan::start(&trial.config("[ 5%, 25%, 60%, 100% ]", "1s", "")).await?;
    let crowd = Crowd::start(&[banyan.address()], 300);
    // Multiplicative hashing of the count: instants that are spread out, and the same in each run.
    let instants = (1..=kills as u64).map(|kill| kill.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32);
    for (kill, instant) in instants.enumerate() {
        let admin = banyan.admin()?;
        if !matches!(phase(&rollout(&admin).await?), "running" | "paused") {
            admin.send("POST", "/v1/units/articles/back", None).await?;
            order(&admin, "start").await?;
        }
        let acknowledged = watch_for(&admin, Duration::from_millis(instant % 2_500)).await?;
        banyan.kill().await?;
        banyan.restart().await?;
        let admin = banyan.admin()?;
        let steps = history(&admin).await.with_context(|| format!("after kill {kill}"))?;
        for step in &acknowledged {
            ensure!(steps.contains(step), "kill {kill}: {step} was acknowledged and is lost");
        }
        check(&steps).with_context(|| format!("after kill {kill}"))?;
        consistent(&admin).await.with_context(|| format!("after kill {kill}"))?;
    }
    ensure!(crowd.answered() > 0, "nobody was answered");
    Ok(())
}

/// Every step that was told in this time.
async fn watch_for(admin: &Admin, time: Duration) -> Result<Vec<Value>> {
    let end = Instant::now() + time;
    let mut steps = history(admin).await?;
    while Instant::now() < end {
        sleep(Duration::from_millis(10)).await;
        steps = history(admin).await?;
    }
    Ok(steps)
}

/// The steps are a walk through the table: nothing skipped, nothing twice.
fn check(steps: &[Value]) -> Result<()> {
    let mut at = "0%".to_owned();
    for step in steps {
        let what = step["what"].as_str().context("a step")?;
        let expected = match at.as_str() {
            "0%" => "started at 5%",
            "5%" => "5% -> 25%",
            "25%" => "25% -> 60%",
            "60%" => "60% -> 100%",
            "100%" => "complete at 100%",
            other => bail!("{other} is no stage"),
        };
        ensure!(what == expected, "'{what}' at {at}, in {steps:?}");
        // After the last stage the test sends everybody back and starts anew.
        let ended = what == "complete at 100%";
        at = if ended { "0%".to_owned() } else { what.rsplit(' ').next().unwrap_or_default().to_owned() };
    }
    Ok(())
}

/// The rollout and the unit say the same.
async fn consistent(admin: &Admin) -> Result<()> {
    let rollout = rollout(admin).await?;
    let unit = admin.get("/v1/units/articles").await?.json;
    ensure!(rollout["percent"] == unit["percent"], "{rollout} {unit}");
    let stages = ["5%", "25%", "60%", "100%"];
    let percent = rollout["percent"].as_str().unwrap_or_default();
    ensure!(stages.contains(&percent), "{rollout}");
    let phase = phase(&rollout);
    ensure!(phase == "running" || (phase == "complete" && percent == "100%"), "{rollout}");
    Ok(())
}
