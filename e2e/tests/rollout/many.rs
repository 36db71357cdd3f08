//! Three gateways on one PostgreSQL.

use std::{env, time::Duration};

use anyhow::{Context as _, Result, ensure};
use banyan_testkit::{Admin, Banyan, Postgres, Setup, eventually};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::kit::{Crowd, Trial, history, order, phase, rollout, until};

/// Seconds for which the server is away in an ordinary run; `BANYAN_OUTAGE` asks for others.
const OUTAGE: u64 = 6;

struct Fleet {
    trial: Trial,
    postgres: Postgres,
    gateways: Vec<Banyan>,
}

impl Fleet {
    async fn start(stages: &str, hold: &str) -> Result<Self> {
        Self::with_clocks(stages, hold, ["+0", "+0", "+0"]).await
    }

    /// Gateways whose clocks are ahead or behind by so much, such as `-5m`.
    async fn with_clocks(stages: &str, hold: &str, clocks: [&str; 3]) -> Result<Self> {
        let trial = Trial::start().await?;
        let postgres = tokio::task::spawn_blocking(Postgres::start).await??;
        let mut gateways = Vec::new();
        for (number, clock) in (1..).zip(clocks) {
            let mut setup = Setup::new(&config(&trial, &postgres, number, stages, hold));
            if clock != "+0" {
                setup = setup.first(&shifted(clock));
            }
            gateways.push(setup.start().await?);
        }
        let fleet = Self { trial, postgres, gateways };
        fleet.knows_itself().await?;
        Ok(fleet)
    }

    /// Waits until each knows all three, and exactly one leads.
    async fn knows_itself(&self) -> Result<()> {
        eventually(async || {
            for gateway in &self.gateways {
                let alive =
                    nodes(&gateway.admin()?).await?.iter().filter(|node| node["alive"] == true).count();
                ensure!(alive == self.gateways.len(), "{alive} nodes are known");
            }
            self.leader().await?;
            Ok(())
        })
        .await
    }

    fn admins(&self) -> Result<Vec<Admin>> {
        self.gateways.iter().map(Banyan::admin).collect()
    }

    /// Starts a rollout, waits until enough of its first stage was seen, and lets the replacement turn bad.
    async fn turns_bad_at_5_percent(&self, admins: &[Admin]) -> Result<Crowd> {
        order(&admins[0], "start").await?;
        for admin in admins {
            until(admin, |now| now["percent"] == "5%").await?;
        }
        let gateways: Vec<_> = self.gateways.iter().map(Banyan::address).collect();
        let crowd = Crowd::start(&gateways, 60);
        until(&admins[2], |now| now["gates"][0]["verdict"] == "pass").await?;
        self.trial.turn_bad();
        Ok(crowd)
    }

    /// Which one leads.
    async fn leader(&self) -> Result<usize> {
        let mut leaders = Vec::new();
        for (number, admin) in self.admins()?.iter().enumerate() {
            if nodes(admin).await?.iter().any(|node| node["self"] == true && node["leader"] == true) {
                leaders.push(number);
            }
        }
        ensure!(leaders.len() == 1, "{leaders:?} lead");
        Ok(leaders[0])
    }
}

fn config(trial: &Trial, postgres: &Postgres, number: usize, stages: &str, hold: &str) -> String {
    format!(
        "version: 1\n\
         node: gw-{number}\n\
         listen: 127.0.0.1:LISTEN_PORT\n\
         admin: {{ listen: 127.0.0.1:ADMIN_PORT, token_file: ./banyan.db.admin-token }}\n\
         state: \"{}\"\n\
         workers: 1\n{}",
        postgres.url(),
        trial.config(stages, hold, "")
    )
}

/// Shell lines after which a program's wall clock is off by so much; its monotonic clock is not.
fn shifted(clock: &str) -> String {
    format!(
        "lib=$(echo /usr/lib/*/faketime/libfaketimeMT.so.1); [ -e \"$lib\" ] || {{ echo \"faketime is not installed\" >&2; exit 1; }}\n\
         export LD_PRELOAD=\"$lib\" FAKETIME={clock} DONT_FAKE_MONOTONIC=1"
    )
}

async fn nodes(admin: &Admin) -> Result<Vec<Value>> {
    admin.get("/v1/nodes").await?.json["nodes"].as_array().cloned().context("nodes")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_is_told_all_do() -> Result<()> {
    let fleet = Fleet::start("[ 5%, 100% ]", "1h").await?;
    let admins = fleet.admins()?;
    let body = json!({ "percent": "42%", "by": "ada" });
    let set = admins[0].send("PUT", "/v1/units/articles", Some(&body)).await?;
    assert_eq!(set.status, 200, "{}", set.text);
    let since = Instant::now();
    for admin in &admins {
        eventually(async || {
            let unit = admin.get("/v1/units/articles").await?.json;
            ensure!(unit["percent"] == "42%", "{unit}");
            Ok(())
        })
        .await?;
    }
    println!("effective on all after {:?}", since.elapsed());
    assert_eq!(order(&admins[1], "start").await?["percent"], "100%");
    for admin in &admins {
        until(admin, |now| phase(now) == "running" && now["percent"] == "100%").await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_all_have_seen_together_is_what_counts_and_all_go_back() -> Result<()> {
    let fleet = Fleet::start("[ 5%, 100% ]", "1h").await?;
    let admins = fleet.admins()?;
    let crowd = fleet.turns_bad_at_5_percent(&admins).await?;
    let since = Instant::now();
    for admin in &admins {
        until(admin, |now| phase(now) == "rolled back" && now["percent"] == "0%").await?;
    }
    println!("at 0% on all after {:?}", since.elapsed());
    assert_eq!(crowd.unanswered(), 0);
    let hurt = crowd.seen.hurt.lock().expect("no panic").clone();
    assert!(hurt.iter().all(|bucket| *bucket < 500), "{hurt:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_is_killed_is_replaced_and_nothing_is_skipped() -> Result<()> {
    let mut fleet = Fleet::start("[ 5%, 25%, 100% ]", "2s").await?;
    let leader = fleet.leader().await?;
    let gateways: Vec<_> = fleet.gateways.iter().map(Banyan::address).collect();
    let _crowd = Crowd::start(&gateways, 60);
    let other = fleet.gateways[(leader + 1) % 3].admin()?;
    order(&other, "start").await?;
    until(&other, |now| now["percent"] == "25%").await?;
    fleet.gateways[leader].kill().await?;
    let since = Instant::now();
    fleet.gateways.remove(leader);
    eventually(async || fleet.leader().await).await?;
    println!("replaced after {:?}", since.elapsed());
    until(&other, |now| phase(now) == "complete").await?;
    let whats: Vec<_> = history(&other).await?.into_iter().map(|entry| entry["what"].clone()).collect();
    assert_eq!(whats, ["started at 5%", "5% -> 25%", "25% -> 100%", "complete at 100%"]);
    Ok(())
}

/// Ten minutes lie between the clocks, and whoever leads, stages are held as long as they are to be.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clocks_that_differ_by_minutes_neither_hurry_nor_hold_up_a_rollout() -> Result<()> {
    let mut fleet = Fleet::with_clocks("[ 5%, 25%, 100% ]", "2s", ["+5m", "+0", "-5m"]).await?;
    let leader = fleet.leader().await?;
    let gateways: Vec<_> = fleet.gateways.iter().map(Banyan::address).collect();
    let crowd = Crowd::start(&gateways, 60);
    let other = fleet.gateways[(leader + 1) % 3].admin()?;
    let since = Instant::now();
    order(&other, "start").await?;
    until(&other, |now| now["percent"] == "25%").await?;
    fleet.gateways[leader].kill().await?;
    fleet.gateways.remove(leader);
    until(&other, |now| phase(now) == "complete").await?;
    let took = since.elapsed();
    ensure!(took >= Duration::from_secs(6), "three stages of 2 s were held for {took:?} only");
    let entries = history(&other).await?;
    let whats: Vec<_> = entries.iter().map(|entry| entry["what"].clone()).collect();
    assert_eq!(whats, ["started at 5%", "5% -> 25%", "25% -> 100%", "complete at 100%"]);
    drop(crowd);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clocks_that_differ_by_minutes_do_not_keep_all_from_going_back() -> Result<()> {
    let fleet = Fleet::with_clocks("[ 5%, 100% ]", "1h", ["-3m", "+7m", "+0"]).await?;
    let admins = fleet.admins()?;
    let crowd = fleet.turns_bad_at_5_percent(&admins).await?;
    for admin in &admins {
        until(admin, |now| phase(now) == "rolled back" && now["percent"] == "0%").await?;
    }
    assert_eq!(crowd.unanswered(), 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_server_is_away_all_are_served_nothing_goes_up_and_then_it_goes_on() -> Result<()> {
    without_a_server(Postgres::stop, Postgres::start_again).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs_is_as_good_as_away() -> Result<()> {
    without_a_server(|postgres| Ok(postgres.hang()?), |postgres| Ok(postgres.go_on()?)).await
}

async fn without_a_server(
    away: fn(&mut Postgres) -> Result<()>,
    back: fn(&mut Postgres) -> Result<()>,
) -> Result<()> {
    let outage = env::var("BANYAN_OUTAGE").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(OUTAGE);
    let mut fleet = Fleet::start("[ 5%, 100% ]", "3s").await?;
    let admins = fleet.admins()?;
    let gateways: Vec<_> = fleet.gateways.iter().map(Banyan::address).collect();
    let crowd = Crowd::start(&gateways, 60);
    order(&admins[0], "start").await?;
    for admin in &admins {
        until(admin, |now| now["percent"] == "5%").await?;
    }
    away(&mut fleet.postgres)?;
    for admin in &admins {
        eventually(async || {
            let status = admin.get("/v1/status").await?.json;
            ensure!(status["cut_off_since"].is_string(), "{status}");
            Ok(())
        })
        .await?;
    }
    sleep(Duration::from_secs(outage)).await;
    for admin in &admins {
        let now = rollout(admin).await?;
        ensure!(now["percent"] == "5%" && now["blocked"].is_string(), "it went on without a store: {now}");
        let ready = admin.get("/readyz").await?;
        ensure!(ready.status == 200 && ready.json["cut_off_since"].is_string(), "{}", ready.text);
        ensure!(admin.metric("banyan_store_cut_off").await? == Some(1.0), "the metric says nothing");
        let refused = admin.send("POST", "/v1/rollouts/articles/promote", None).await?;
        ensure!(refused.status == 503, "{} {}", refused.status, refused.text);
    }
    back(&mut fleet.postgres)?;
    for admin in &admins {
        until(admin, |now| phase(now) == "complete").await?;
        ensure!(admin.get("/v1/status").await?.json["cut_off_since"].is_null(), "it is still cut off");
    }
    assert_eq!(crowd.unanswered(), 0, "no request has noticed");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_goes_up_while_one_node_has_another_config() -> Result<()> {
    let fleet = Fleet::start("[ 5%, 100% ]", "1h").await?;
    let admins = fleet.admins()?;
    let odd = config(&fleet.trial, &fleet.postgres, 3, "[ 7%, 100% ]", "1h");
    fleet.gateways[2].write_config(&odd)?;
    let reloaded = admins[2].send("POST", "/v1/reload", None).await?;
    assert_eq!(reloaded.status, 200, "{}", reloaded.text);
    eventually(async || {
        let nodes = admins[0].get("/v1/nodes").await?;
        ensure!(nodes.json["differences"].is_string(), "{}", nodes.text);
        Ok(())
    })
    .await?;
    let refused = admins[0].send("POST", "/v1/rollouts/articles/start", None).await?;
    assert_eq!((refused.status, &refused.json["type"]), (409, &json!("urn:banyan:problem:nodes-differ")));
    assert!(refused.text.contains("gw-3 runs another config"), "{}", refused.text);
    Ok(())
}
