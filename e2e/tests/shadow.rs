//! The other side gets a copy. What it makes of it is counted, and changes nothing for anybody.

use anyhow::{Result, ensure};
use banyan_e2e::{Sides, Verdict, cli};
use banyan_testkit::{Answer, Banyan, Pattern, Received, Reply, eventually};
use serde_json::{Value, json};

const ALL: &str = "shadow: { sample: 100%, ignore: [ \"/updated_at\" ] }";

fn article(updated_at: u64, title: &str) -> Value {
    json!({ "id": 7, "title": title, "tags": ["a", "b"], "updated_at": updated_at })
}

fn says(value: Value) -> impl Fn(&Received) -> Answer + Send + Sync + 'static {
    move |_| Reply::new(200).json(&value).into()
}

/// Asks as somebody, and checks that it is legacy's answer that came.
async fn ask_legacy(banyan: &Banyan, times: usize, expected: &str) -> Result<()> {
    let mut client = banyan.client().await?;
    for _ in 0..times {
        let response = client.get("/articles/7?full=1", "X-User-Id: ann\r\n").await?;
        assert_eq!((response.status, response.text().as_str()), (200, expected));
        assert_eq!(Verdict::of(&response)?.side, "legacy");
    }
    Ok(())
}

/// Waits until the report says so, and returns it.
async fn report(banyan: &Banyan, done: impl Fn(&Value) -> bool) -> Result<Value> {
    let admin = banyan.admin()?;
    eventually(async || {
        let answer = admin.get("/v1/units/articles/shadow").await?;
        ensure!(answer.status == 200 && done(&answer.json), "{}", answer.text);
        Ok(answer.json)
    })
    .await
}

fn dropped(report: &Value) -> u64 {
    report["dropped"].as_object().into_iter().flatten().filter_map(|(_, count)| count.as_u64()).sum()
}

fn count(report: &Value, result: &str) -> u64 {
    report[result].as_u64().or_else(|| report["dropped"][result].as_u64()).unwrap_or_default()
}

#[tokio::test]
async fn what_differs_only_where_it_may_matches() -> Result<()> {
    let sides = Sides::of(says(article(1, "x")), says(article(2, "x"))).await?;
    let banyan = Banyan::start(&sides.config(ALL)).await?;
    ask_legacy(&banyan, 20, &article(1, "x").to_string()).await?;
    let report = report(&banyan, |report| count(report, "matched") == 20).await?;
    assert_eq!((count(&report, "mismatched"), dropped(&report)), (0, 0), "{report}");
    assert_eq!(report["match_rate"], 1.0);
    let sample =
        banyan.admin()?.metric("banyan_shadow_comparisons_total{unit=\"articles\",result=\"match\"}").await?;
    assert_eq!(sample, Some(20.0));
    Ok(())
}

#[tokio::test]
async fn a_copy_is_the_same_request_and_says_what_it_is() -> Result<()> {
    let sides = Sides::of(says(article(1, "x")), says(article(1, "x"))).await?;
    let banyan = Banyan::start(&sides.config(ALL)).await?;
    ask_legacy(&banyan, 1, &article(1, "x").to_string()).await?;
    let copies = sides.replacement.wait_for_done(1).await?;
    let live = &sides.legacy.requests()[0];
    assert_eq!((&copies[0].method, &copies[0].target), (&live.method, &live.target));
    assert_eq!(copies[0].fields.get("x-user-id"), Some("ann"));
    assert_eq!((copies[0].fields.get("banyan-shadow"), live.fields.get("banyan-shadow")), (Some("1"), None));
    Ok(())
}

#[tokio::test]
async fn a_client_cannot_pass_itself_off_as_a_copy() -> Result<()> {
    let sides = Sides::start().await?;
    let banyan = Banyan::start(&sides.config("")).await?;
    banyan.client().await?.get("/articles", "Banyan-Shadow: 1\r\n").await?;
    assert_eq!(sides.legacy.requests()[0].fields.get("banyan-shadow"), None);
    Ok(())
}

#[tokio::test]
async fn differences_are_counted_by_path_and_their_values_hidden() -> Result<()> {
    let sides = Sides::of(says(article(1, "the old secret")), says(article(2, "the new secret"))).await?;
    let banyan = Banyan::start(&sides.config(ALL)).await?;
    ask_legacy(&banyan, 5, &article(1, "the old secret").to_string()).await?;
    let report = report(&banyan, |report| count(report, "mismatched") == 5).await?;
    let paths = report["paths"].as_array().expect("paths");
    assert_eq!(paths.len(), 1, "{report}");
    assert_eq!((&paths[0]["path"], &paths[0]["count"]), (&json!("/title"), &json!(5)));
    let sample = &paths[0]["samples"][0];
    assert_eq!(sample["route"], "GET /articles/{id}");
    assert_eq!(sample["trace_id"].as_str().map(str::len), Some(32));
    assert!(!report.to_string().contains("secret"), "{report}");
    Ok(())
}

#[tokio::test]
async fn values_are_shown_to_those_who_ask_for_them() -> Result<()> {
    let sides = Sides::of(says(json!({ "n": "old" })), says(json!({ "n": "new" }))).await?;
    let banyan = Banyan::start(&sides.config("shadow: { sample: 100%, redact: false }")).await?;
    ask_legacy(&banyan, 1, "{\"n\":\"old\"}").await?;
    let report = report(&banyan, |report| count(report, "mismatched") == 1).await?;
    let sample = &report["paths"][0]["samples"][0];
    assert_eq!((&sample["control"], &sample["candidate"]), (&json!("\"old\""), &json!("\"new\"")));
    Ok(())
}

#[tokio::test]
async fn another_status_is_a_difference() -> Result<()> {
    let sides = Sides::of(says(json!({})), |_| Reply::new(500).json(&json!({})).into()).await?;
    let banyan = Banyan::start(&sides.config(ALL)).await?;
    ask_legacy(&banyan, 1, "{}").await?;
    let report = report(&banyan, |report| count(report, "mismatched") == 1).await?;
    assert_eq!(report["paths"][0]["path"], "(status)");
    Ok(())
}

/// Once the unit has moved, it is legacy that gets the copies.
#[tokio::test]
async fn it_works_in_both_directions() -> Result<()> {
    let sides = Sides::start().await?;
    let banyan = Banyan::start(&sides.config(&format!("percent: 100%\n{ALL}"))).await?;
    let verdict = Verdict::ask(&mut banyan.client().await?, "/articles", "ann").await?;
    assert_eq!(verdict.side, "replacement");
    report(&banyan, |report| count(report, "mismatched") == 1).await?;
    assert_eq!(sides.legacy.requests()[0].fields.get("banyan-shadow"), Some("1"));
    Ok(())
}

#[tokio::test]
async fn writes_are_never_copied() -> Result<()> {
    let sides = Sides::start().await?;
    let config = sides.config(ALL).replace("\"GET /articles/{id}\"", "\"GET /articles/{id}\", effect: write");
    let banyan = Banyan::start(&config).await?;
    let mut client = banyan.client().await?;
    for _ in 0..20 {
        client.write("POST /articles HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi").await?;
        assert_eq!(client.read_response("POST").await?.status, 200);
        assert_eq!(client.get("/articles/7", "").await?.status, 200);
    }
    // One that is copied, after all that must not be.
    client.get("/articles", "").await?;
    report(&banyan, |report| count(report, "mismatched") == 1).await?;
    let copied: Vec<_> = sides.replacement.requests().into_iter().map(|copy| copy.target).collect();
    assert_eq!(copied, ["/articles"]);
    Ok(())
}

#[tokio::test]
async fn only_the_sample_is_copied() -> Result<()> {
    let sides = Sides::start().await?;
    let banyan = Banyan::start(&sides.config("shadow: { sample: 0% }")).await?;
    ask_legacy(&banyan, 50, "legacy").await?;
    assert!(sides.replacement.requests().is_empty());
    Ok(())
}

#[tokio::test]
async fn a_hanging_side_is_dropped_and_holds_nobody_up() -> Result<()> {
    let sides = Sides::of(|_| Reply::new(200).body("legacy").into(), |_| Answer::new().hang()).await?;
    let bounds = "shadow: { concurrency: 2, queue: 2, timeout: 500ms }\n";
    let banyan = Banyan::start(&format!("{bounds}{}", sides.config(ALL))).await?;
    ask_legacy(&banyan, 50, "legacy").await?;
    let report = report(&banyan, |report| dropped(report) == 50).await?;
    assert!(count(&report, "timeout") >= 2 && count(&report, "queue_full") >= 1, "{report}");
    assert!(sides.replacement.connections() <= 4 + 2, "the copies are bounded");
    sides.replacement.wait_for_open_connections(0).await
}

fn gzip(value: &Value, level: u32) -> Answer {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(level));
    std::io::Write::write_all(&mut encoder, value.to_string().as_bytes()).expect("to memory");
    let body = encoder.finish().expect("to memory");
    Reply::new(200)
        .field("Content-Type", "application/json")
        .field("Content-Encoding", "gzip")
        .body(body)
        .into()
}

#[tokio::test]
async fn how_a_side_compresses_is_no_difference() -> Result<()> {
    let long = |title: &str| json!({ "title": title, "text": "banyan ".repeat(200) });
    let of_legacy = long("x");
    let replacement = move |request: &Received| match request.target.as_str() {
        "/articles/1" => gzip(&long("x"), 9),
        "/articles/2" => Reply::new(200).json(&long("x")).into(),
        "/articles/3" => gzip(&long("y"), 9),
        _ => Reply::new(200).field("Content-Encoding", "zstd").body("?").into(),
    };
    let sides = Sides::of(move |_| gzip(&of_legacy, 1), replacement).await?;
    let banyan = Banyan::start(&sides.config(ALL)).await?;
    let mut client = banyan.client().await?;
    for id in 1..=4 {
        client.get(&format!("/articles/{id}"), "X-User-Id: ann\r\n").await?;
    }
    let report = report(&banyan, |report| dropped(report) + count(report, "mismatched") == 2).await?;
    assert_eq!((count(&report, "matched"), count(&report, "encoded")), (2, 1), "{report}");
    assert_eq!(report["paths"][0]["path"], "/title");
    Ok(())
}

/// Half of twenty copies without an answer are enough; what the live answers say changes nothing about it.
#[tokio::test]
async fn a_side_that_never_answers_is_let_alone() -> Result<()> {
    let sides = Sides::start().await?;
    let config = sides.config(ALL);
    let Sides { legacy, replacement } = sides;
    drop(replacement);
    let banyan = Banyan::start(&config).await?;
    let report = eventually(async || {
        ask_legacy(&banyan, 10, "legacy").await?;
        let answer = banyan.admin()?.get("/v1/units/articles/shadow").await?;
        ensure!(count(&answer.json, "breaker_open") > 0, "{}", answer.text);
        Ok(answer.json)
    })
    .await?;
    assert!(count(&report, "failed") >= 20, "{report}");
    let timeline = banyan.admin()?.get("/v1/timeline").await?;
    let opened = "articles: copies to new: closed -> open: 20 of 20 failed in 10 s (20 unreachable)";
    assert!(timeline.text.contains(opened), "{}", timeline.text);
    assert!(!legacy.requests().is_empty());
    Ok(())
}

#[tokio::test]
async fn a_dead_side_is_dropped_and_costs_nobody_an_answer() -> Result<()> {
    let sides = Sides::start().await?;
    let config = sides.config(ALL);
    let Sides { legacy: _legacy, replacement } = sides;
    drop(replacement);
    let banyan = Banyan::start(&config).await?;
    ask_legacy(&banyan, 20, "legacy").await?;
    let report = report(&banyan, |report| dropped(report) == 20).await?;
    assert!(count(&report, "failed") > 0, "{report}");
    Ok(())
}

#[tokio::test]
async fn a_huge_side_is_dropped_and_takes_no_memory() -> Result<()> {
    let size = 64 << 20;
    let huge = move |_: &Received| {
        Answer::new().send(Reply::new(200).length(size).head()).pattern(Pattern::new(size, 1))
    };
    let sides = Sides::of(|_| Reply::new(200).body("legacy").into(), huge).await?;
    let banyan = Banyan::start(&sides.config(ALL)).await?;
    ask_legacy(&banyan, 1, "legacy").await?;
    let before = banyan.memory_kib()?;
    ask_legacy(&banyan, 19, "legacy").await?;
    let report = report(&banyan, |report| dropped(report) == 20).await?;
    assert_eq!(count(&report, "body_too_large"), 20, "{report}");
    let grown = banyan.memory_kib()?.saturating_sub(before);
    assert!(grown < 32 * 1024, "{grown} KiB more for copies of 64 MiB");
    Ok(())
}

#[tokio::test]
async fn a_huge_live_answer_passes_whole_and_is_not_compared() -> Result<()> {
    let size = 8 << 20;
    let huge = move |_: &Received| {
        Answer::new().send(Reply::new(200).length(size).head()).pattern(Pattern::new(size, 1))
    };
    let sides = Sides::of(huge, says(json!({}))).await?;
    let banyan = Banyan::start(&sides.config(ALL)).await?;
    let response = banyan.client().await?.get("/articles", "X-User-Id: ann\r\n").await?;
    assert_eq!((response.body.length, response.body.sha256), (size, Pattern::new(size, 1).sha256()));
    report(&banyan, |report| count(report, "body_too_large") == 1).await?;
    assert!(sides.replacement.requests().is_empty(), "what cannot be compared need not be asked");
    Ok(())
}

/// The replacement answers its own users well and breaks off every copy: that must not be held against it.
#[tokio::test]
async fn failing_copies_do_not_eject_a_side_that_lives() -> Result<()> {
    let picky = |request: &Received| match request.fields.get("banyan-shadow") {
        Some(_) => Answer::new().reset(),
        None => Reply::new(200).body("replacement").into(),
    };
    let sides = Sides::of(|_| Reply::new(200).body("legacy").into(), picky).await?;
    let banyan = Banyan::start(&sides.config(&format!("percent: 50%\n{ALL}"))).await?;
    let mut client = banyan.client().await?;
    for round in 0..5 {
        for number in 0..20 {
            Verdict::ask(&mut client, "/articles", &format!("user-{number}")).await?;
        }
        report(&banyan, |report| count(report, "mismatched") + dropped(report) == (round + 1) * 20).await?;
    }
    Ok(())
}

/// What legacy answers for a failed replacement says nothing about the replacement's own answer.
#[tokio::test]
async fn a_fallback_is_not_compared() -> Result<()> {
    let sides = Sides::of(|_| Reply::new(200).body("legacy").into(), |_| Reply::new(500).into()).await?;
    let banyan = Banyan::start(&sides.config(&format!("percent: 100%\nfallback: legacy\n{ALL}"))).await?;
    let mut client = banyan.client().await?;
    for _ in 0..10 {
        let verdict = Verdict::ask(&mut client, "/articles", "ann").await?;
        assert_eq!(verdict.reason, "fallback");
    }
    let unit = banyan.admin()?.get("/v1/units/articles/shadow").await?;
    assert_eq!((count(&unit.json, "matched"), count(&unit.json, "mismatched")), (0, 0), "{}", unit.text);
    assert_eq!(sides.legacy.requests().len(), 10, "each was asked for once");
    Ok(())
}

/// Whether a number's bits, well mixed, end in 0: as good as a coin, and the same each time.
fn is_even(number: u64) -> bool {
    let mixed = (number ^ (number >> 7)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 31)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (mixed ^ (mixed >> 29)).is_multiple_of(2)
}

/// Legacy says another time and another order of tags whenever it is asked: that the replacement does too is no difference.
#[tokio::test]
async fn what_a_side_does_not_say_twice_is_noise_and_what_the_other_never_says_is_not() -> Result<()> {
    let turn = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let noisy = |title: &'static str| {
        let turn = turn.clone();
        move |_: &Received| {
            let turn = turn.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let tags = if is_even(turn) { ["a", "b"] } else { ["b", "a"] };
            let answer =
                json!({ "title": title, "at": turn, "tags": tags, "request": format!("{turn:032x}") });
            Answer::from(Reply::new(200).json(&answer))
        }
    };
    let sides = Sides::of(noisy("same"), noisy("same")).await?;
    let banyan = Banyan::start(&sides.config("shadow: { sample: 100% }")).await?;
    let mut client = banyan.client().await?;
    for _ in 0..60 {
        client.get("/articles/7", "X-User-Id: ann\r\n").await?;
    }
    let quiet =
        report(&banyan, |report| count(report, "matched") + count(report, "mismatched") == 60).await?;
    let sure = |report: &Value| -> Vec<String> {
        let paths = report["paths"].as_array().cloned().unwrap_or_default();
        paths.iter().filter(|path| path["differs"] == true).map(|path| path["path"].to_string()).collect()
    };
    assert_eq!(sure(&quiet), [""; 0], "{quiet}");
    assert_eq!(sides.legacy.requests().len(), 120, "asked once more for each");

    let sides = Sides::of(noisy("old"), noisy("new")).await?;
    let banyan = Banyan::start(&sides.config("shadow: { sample: 100% }")).await?;
    let mut client = banyan.client().await?;
    for _ in 0..60 {
        client.get("/articles/7", "X-User-Id: ann\r\nAuthorization: Bearer hush\r\n").await?;
    }
    let found =
        report(&banyan, |report| count(report, "matched") + count(report, "mismatched") == 60).await?;
    assert_eq!(sure(&found), ["\"/title\""], "{found}");
    let told = cli(&banyan, &["diff", "articles"], 0).await?;
    assert!(told.contains("/title") && told.contains("curl") && !told.contains("hush"), "{told}");
    Ok(())
}

#[tokio::test]
async fn a_side_is_asked_again_only_where_that_is_wanted() -> Result<()> {
    let sides = Sides::of(says(json!(1)), says(json!(1))).await?;
    let banyan = Banyan::start(&sides.config("shadow: { sample: 100%, again: false }")).await?;
    ask_legacy(&banyan, 10, "1").await?;
    let report = report(&banyan, |report| count(report, "matched") == 10).await?;
    assert_eq!((&report["triples"], sides.legacy.requests().len()), (&json!(0), 10));
    Ok(())
}

/// A write is played again only where nothing comes of it, by nobody, and under a key of its own.
#[tokio::test]
async fn writes_are_copied_to_an_isolated_side_without_what_speaks_for_a_user() -> Result<()> {
    let sides = Sides::start().await?;
    let isolated = Sides::start().await?;
    let shadow = "shadow: { sample: 100%, writes_to: isolated }";
    let upstream = format!(
        "upstreams:\n  isolated: {{ endpoints: [\"{}\"], isolated: true }}\n",
        isolated.replacement.url()
    );
    let config = sides.config(shadow).replacen("upstreams:\n", &upstream, 1);
    let banyan = Banyan::start(&config).await?;
    let mut client = banyan.client().await?;
    let secrets =
        "Authorization: Bearer hush\r\nCookie: session=hush\r\nIdempotency-Key: mine\r\nX-User-Id: ann\r\n";
    client
        .write(&format!("POST /articles HTTP/1.1\r\nHost: a\r\n{secrets}Content-Length: 2\r\n\r\nhi"))
        .await?;
    assert_eq!(client.read_response("POST").await?.status, 200);
    let copies = isolated.replacement.wait_for_done(1).await?;
    let copy = &copies[0];
    assert_eq!((copy.method.as_str(), copy.fields.get("banyan-shadow")), ("POST", Some("1")));
    assert_eq!([copy.fields.get("authorization"), copy.fields.get("cookie")], [None, None]);
    let key = copy.fields.get("idempotency-key").unwrap_or_default();
    assert!(key.starts_with("banyan-shadow-") && key.len() > 40, "{key}");
    assert_eq!(sides.legacy.requests().len(), 1, "the write itself is done once");
    assert!(sides.replacement.requests().is_empty());
    report(&banyan, |report| count(report, "mismatched") + count(report, "matched") == 1).await?;
    Ok(())
}
