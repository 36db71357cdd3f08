//! The cache as an operator has it: seen, thrown away, filled, and warm again after a restart.

use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use banyan_e2e::cli;
use banyan_testkit::{Answer, Banyan, Gate, Received, Reply, Scripted, eventually};
use rusqlite::Connection;
use serde_json::{Value, json};

/// A gateway with this `cache` in front of an upstream; users are kept, with tags.
fn config(upstream: &Scripted, cache: &str) -> String {
    format!(
        "cache: {cache}\nupstreams: {{ users: {{ endpoints: [\"{}\"] }} }}\nroutes:\n  - {{ match: \"GET /users/{{id}}\", \
         to: users, cache: {{ ttl: 5m, tags: [ \"user:{{id}}\" ] }} }}\n  - {{ match: \"* /{{rest...}}\", to: users }}\n",
        upstream.url()
    )
}

/// An upstream that answers with what it was asked for; only users may be kept.
async fn echo() -> Result<Scripted> {
    Ok(Scripted::start(|request| reply(request).into()).await?)
}

fn reply(request: &Received) -> Reply {
    Reply::new(200).body(request.target.clone())
}

async fn gateway() -> Result<(Scripted, Banyan)> {
    let upstream = echo().await?;
    let banyan = Banyan::start(&config(&upstream, "{}")).await?;
    Ok((upstream, banyan))
}

/// Asks, and says whether the upstream was asked for it.
async fn is_fetched(upstream: &Scripted, banyan: &Banyan, target: &str) -> Result<bool> {
    let before = upstream.requests().len();
    let answer = banyan.client().await?.get(target, "").await?;
    ensure!(answer.status == 200 && answer.text() == target, "{} {}", answer.status, answer.text());
    Ok(upstream.requests().len() > before)
}

/// Asks until the answer is kept: that is a moment after it was given.
async fn keep(upstream: &Scripted, banyan: &Banyan, targets: &[&str]) -> Result<()> {
    for target in targets {
        eventually(async || {
            ensure!(!is_fetched(upstream, banyan, target).await?, "{target} is not kept");
            Ok(())
        })
        .await?;
    }
    Ok(())
}

async fn purge(banyan: &Banyan, words: &[&str]) -> Result<String> {
    cli(banyan, &[&["cache", "purge", "--by", "ann", "--why", "wrong prices"], words].concat(), 0).await
}

#[tokio::test]
async fn what_is_kept_is_shown() -> Result<()> {
    let (upstream, banyan) = gateway().await?;
    let nothing = cli(&banyan, &["cache", "inspect", "http://test.example/users/1"], 0).await?;
    assert!(nothing.starts_with("nothing is kept of http://test.example/users/1"), "{nothing}");
    keep(&upstream, &banyan, &["/users/1", "/users/2"]).await?;
    let said = cli(&banyan, &["cache", "inspect", "http://test.example/users/1"], 0).await?;
    assert!(said.starts_with("http://test.example/users/1  status 200, complete, from users\n"), "{said}");
    assert!(said.contains(", fresh for ") && said.contains("| content-length: 8"), "{said}");
    let stats = cli(&banyan, &["cache", "stats"], 0).await?;
    assert!(stats.starts_with("used       [---") && stats.contains("of 64.00 MiB"), "{stats}");
    assert!(stats.contains("2 complete since the start"), "{stats}");
    let json: Value = serde_json::from_str(&cli(&banyan, &["cache", "stats", "--json"], 0).await?)?;
    assert_eq!((&json["stored"]["complete"], &json["evictions"]), (&json!(2), &json!(0)), "{json}");
    assert!(json["used"].as_u64() > Some(0), "{json}");
    let refused = cli(&banyan, &["cache", "inspect", "/users/1"], 1).await?;
    assert!(refused.contains("beginning with http://"), "{refused}");
    Ok(())
}

#[tokio::test]
async fn exactly_what_was_named_is_fetched_anew() -> Result<()> {
    let (upstream, banyan) = gateway().await?;
    let all = ["/users/1", "/users/2?x=1", "/users/2?x=2", "/users/3"];
    for (words, gone) in [
        (&["--url", "http://TEST.example:80/users/1"][..], &["/users/1"][..]),
        (&["--url", "https://test.example/users/2?x=1"], &["/users/2?x=1"]),
        (&["--tag", "user:2"], &["/users/2?x=1", "/users/2?x=2"]),
        (&["--pattern", "test.example/users/*x=2", "--yes"], &["/users/2?x=2"]),
        (&["--all", "--yes"], &all),
    ] {
        keep(&upstream, &banyan, &all).await?;
        let said = purge(&banyan, words).await?;
        let count = format!("{} w", gone.len());
        assert!(said.starts_with("thrown away: ") && said.contains(&count), "{said}");
        for target in all {
            let expected = gone.contains(&target);
            assert_eq!(is_fetched(&upstream, &banyan, target).await?, expected, "{words:?} {target}");
        }
    }
    let audit = banyan.wait_for_log(|line| line.contains("cache changed") && line.contains("user:2")).await?;
    for told in ["\"audit\"", "purge", "ann", "wrong prices"] {
        assert!(audit.contains(told), "{told}: {audit}");
    }
    Ok(())
}

#[tokio::test]
async fn much_is_not_thrown_away_without_asking_back() -> Result<()> {
    let (upstream, banyan) = gateway().await?;
    keep(&upstream, &banyan, &["/users/1"]).await?;
    for words in [&["--all"][..], &["--pattern", "*"]] {
        let said = cli(&banyan, &[&["cache", "purge"], words].concat(), 1).await?;
        assert!(said.contains("nobody to ask back") && said.contains("--yes"), "{said}");
    }
    for words in [&[][..], &["--all", "--tag", "user:1"]] {
        cli(&banyan, &[&["cache", "purge", "--yes"], words].concat(), 2).await?;
    }
    assert!(!is_fetched(&upstream, &banyan, "/users/1").await?);
    Ok(())
}

#[tokio::test]
async fn a_list_is_asked_for_as_a_whole_or_not_at_all() -> Result<()> {
    let (upstream, banyan) = gateway().await?;
    let file = banyan.dir().join("urls.txt");
    let warm = ["cache", "warm", "--by", "ann", "--rate", "1000", "--from", file.to_str().context("a path")?];
    std::fs::write(&file, "# users\nhttp://test.example/users/1\nusers/2\n\nhttp://test.example/a b\n")?;
    let refused = cli(&banyan, &warm, 1).await?;
    for told in ["2 lines are wrong", "urls.txt:3: 'users/2'", "urls.txt:5: 'http://test.example/a b'"] {
        assert!(refused.contains(told), "{told}: {refused}");
    }
    assert!(upstream.requests().is_empty());

    let targets: Vec<_> = (1..=30).map(|id| format!("/users/{id}")).collect();
    let list: String = targets.iter().map(|target| format!("http://test.example{target}\n")).collect();
    std::fs::write(&file, format!("# users\n{list}"))?;
    let said = cli(&banyan, &warm, 0).await?;
    assert!(said.contains("30 of 30: 30 kept, 0 not kept, 0 left out\n"), "{said}");
    assert_eq!(upstream.requests().len(), 30);
    for target in &targets {
        assert!(!is_fetched(&upstream, &banyan, target).await?, "{target}");
    }
    let stats = cli(&banyan, &["cache", "stats"], 0).await?;
    assert!(stats.contains("filling    30 of 30: 30 kept"), "{stats}");
    let audit = banyan.wait_for_log(|line| line.contains("cache changed")).await?;
    for told in ["\"audit\"", "\"action\":\"warm\"", "\"urls\":30", "\"by\":\"ann\""] {
        assert!(audit.contains(told), "{told}: {audit}");
    }
    // What may not be kept is of no use to anybody, and said.
    std::fs::write(&file, "http://test.example/posts/1\n")?;
    let said = cli(&banyan, &warm, 1).await?;
    assert!(said.contains("1 of 1: 0 kept, 1 not kept") && said.contains("none of them is kept"), "{said}");
    Ok(())
}

#[tokio::test]
async fn without_a_cache_every_command_says_so() -> Result<()> {
    let upstream = echo().await?;
    let routes = format!(
        "upstreams: {{ users: {{ endpoints: [\"{}\"] }} }}\nroutes: [ {{ match: \"GET /users\", to: users }} ]\n",
        upstream.url()
    );
    let banyan = Banyan::start(&routes).await?;
    let inspect = ["inspect", "http://test.example/"];
    for words in [&["stats"][..], &inspect, &["purge", "--all", "--yes"]] {
        let said = cli(&banyan, &[&["cache"], words].concat(), 1).await?;
        assert!(said.contains("no cache is configured"), "{words:?}: {said}");
    }
    Ok(())
}

/// The list in the store of a gateway that has ended.
fn stored(banyan: &Banyan) -> Result<Vec<String>> {
    let store = Connection::open(banyan.dir().join("banyan.db"))?;
    let mut statement = store.prepare("SELECT target FROM hot_urls ORDER BY place")?;
    Ok(statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?)
}

/// Asks for it often enough that it is known to be asked for much, and ends the gateway. Of many requests a few are looked
/// at, and counted a moment later: so it asks for a while, and again if that was too short.
async fn end_hot(banyan: &mut Banyan, target: &str) -> Result<()> {
    for _ in 0..10 {
        let (mut client, began) = (banyan.client().await?, Instant::now());
        while began.elapsed() < Duration::from_millis(700) {
            client.get(target, "").await?;
        }
        banyan.terminate()?;
        banyan.wait().await?;
        if stored(banyan)? == [target] {
            return Ok(());
        }
        banyan.restart().await?;
    }
    bail!("{target} is not known to be asked for much")
}

#[tokio::test]
async fn a_restart_fetches_what_was_asked_for_most_before_it_is_ready() -> Result<()> {
    let upstream = echo().await?;
    let warm = "{ warm: { top: 10, rate: 1000, ready_within: 20s } }";
    let mut banyan = Banyan::start(&config(&upstream, warm)).await?;
    end_hot(&mut banyan, "/users/1").await?;
    let before = upstream.requests().len();
    banyan.restart().await?;
    let requests = upstream.requests();
    assert_eq!(requests.len(), before + 1, "nobody else has asked");
    assert_eq!(requests[before].target, "/users/1");
    assert!(!is_fetched(&upstream, &banyan, "/users/1").await?, "it was there before anybody asked");
    Ok(())
}

#[tokio::test]
async fn readiness_waits_for_the_cache_and_not_for_ever() -> Result<()> {
    static SLOW: AtomicBool = AtomicBool::new(false);
    let gate = Gate::new();
    let script = {
        let gate = gate.clone();
        move |request: &Received| {
            let answer = Answer::new();
            if SLOW.load(Relaxed) { answer.wait(&gate) } else { answer }.reply(reply(request))
        }
    };
    let upstream = Scripted::start(script).await?;
    let mut banyan =
        Banyan::start(&config(&upstream, "{ warm: { top: 10, rate: 1000, ready_within: 20s } }")).await?;
    end_hot(&mut banyan, "/users/1").await?;
    SLOW.store(true, Relaxed);
    let admin = banyan.admin()?;
    let seen = async {
        eventually(async || {
            let answer = admin.get("/readyz").await?;
            let detail = answer.json["detail"].as_str().unwrap_or_default();
            ensure!(answer.status == 503 && detail.starts_with("warming 0 of 1"), "{}", answer.text);
            Ok(())
        })
        .await?;
        let status = admin.get("/v1/status").await?;
        ensure!(status.json["readiness"] == "warming", "{}", status.text);
        gate.open();
        Ok(())
    };
    let (ready, seen) = tokio::join!(banyan.restart(), seen);
    seen?;
    ready?;
    assert_eq!(admin.get("/readyz").await?.status, 200);
    Ok(())
}
