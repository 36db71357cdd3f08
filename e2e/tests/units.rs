//! Moving a unit: who is moved, when, and what nobody notices.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
};

use anyhow::{Context as _, Result, ensure};
use banyan_e2e::{Sides, Verdict, assert_problem};
use banyan_testkit::{Admin, Banyan, RawClient, Reply, Setup, eventually};
use tokio::task::JoinSet;

const USERS: usize = 400;

fn user(number: usize) -> String {
    format!("user-{number}")
}

/// The side of every user, by one connection.
async fn sides(banyan: &Banyan) -> Result<BTreeMap<usize, Verdict>> {
    let mut client = banyan.client().await?;
    let mut all = BTreeMap::new();
    for number in 0..USERS {
        all.insert(number, Verdict::ask(&mut client, "/articles", &user(number)).await?);
    }
    Ok(all)
}

fn moved(all: &BTreeMap<usize, Verdict>) -> Vec<usize> {
    all.iter().filter(|(_, verdict)| verdict.side == "replacement").map(|(number, _)| *number).collect()
}

async fn post(banyan: &Banyan, path: &str) -> Result<banyan_testkit::AdminAnswer> {
    banyan.admin()?.send("POST", &format!("/v1/units/articles/{path}"), None).await
}

#[tokio::test]
async fn all_routes_of_a_unit_send_a_subject_to_one_side() -> Result<()> {
    let sides = Sides::start().await?;
    let banyan = Banyan::start(&sides.config("percent: 50%")).await?;
    let mut client = banyan.client().await?;
    let mut counts = BTreeMap::new();
    for number in 0..100 {
        let verdict = Verdict::ask(&mut client, "/articles", &user(number)).await?;
        *counts.entry(verdict.side.clone()).or_insert(0) += 1;
        for target in ["/articles/7", "/articles?page=2", "/articles"] {
            assert_eq!(Verdict::ask(&mut client, target, &user(number)).await?, verdict);
        }
        let body = format!(
            "POST /articles HTTP/1.1\r\nHost: a\r\nX-User-Id: {}\r\nContent-Length: 2\r\n\r\nhi",
            user(number)
        );
        client.write(body).await?;
        assert_eq!(Verdict::of(&client.read_response("POST").await?)?, verdict, "writes too");
    }
    assert!(counts["legacy"] > 20 && counts["replacement"] > 20, "{counts:?}");
    Ok(())
}

#[tokio::test]
async fn whoever_is_in_stays_in() -> Result<()> {
    let upstreams = Sides::start().await?;
    let banyan = Banyan::start(&upstreams.config("")).await?;
    let admin = banyan.admin()?;
    let mut before = Vec::new();
    for percent in ["0%", "0.5%", "5%", "50%", "99.99%", "100%"] {
        Sides::move_to(&admin, percent).await?;
        let all = sides(&banyan).await?;
        let now = moved(&all);
        assert!(before.iter().all(|number| now.contains(number)), "somebody fell back at {percent}");
        let threshold = percent.trim_end_matches('%').parse::<f64>()? * 100.0;
        for verdict in all.values() {
            assert_eq!(
                f64::from(verdict.bucket) < threshold,
                verdict.side == "replacement",
                "{verdict:?} at {percent}"
            );
        }
        before = now;
    }
    assert_eq!(before.len(), USERS);
    Ok(())
}

/// Clients that never stop asking, each for users of its own, and note every change of side.
struct Load {
    stop: Arc<AtomicBool>,
    rounds: Vec<Arc<AtomicUsize>>,
    clients: JoinSet<Result<Vec<Vec<String>>>>,
}

impl Load {
    const CLIENTS: usize = 4;
    const USERS_EACH: usize = 50;

    async fn start(banyan: &Banyan) -> Result<Self> {
        let (stop, mut rounds, mut clients) = (Arc::new(AtomicBool::new(false)), Vec::new(), JoinSet::new());
        for index in 0..Self::CLIENTS {
            let (mut client, stop, round) =
                (banyan.client().await?, stop.clone(), Arc::new(AtomicUsize::new(0)));
            rounds.push(round.clone());
            clients.spawn(async move {
                let mut seen = vec![Vec::<String>::new(); Self::USERS_EACH];
                while !stop.load(Relaxed) {
                    for (number, sides) in seen.iter_mut().enumerate() {
                        let verdict =
                            Verdict::ask(&mut client, "/articles", &user(index * 1000 + number)).await?;
                        if sides.last() != Some(&verdict.side) {
                            sides.push(verdict.side);
                        }
                    }
                    round.fetch_add(1, Relaxed);
                }
                Ok(seen)
            });
        }
        let load = Self { stop, rounds, clients };
        load.goes_round().await?;
        Ok(load)
    }

    /// Waits until every user was asked for at least once from now on.
    async fn goes_round(&self) -> Result<()> {
        let then: Vec<_> = self.rounds.iter().map(|round| round.load(Relaxed)).collect();
        eventually(async || {
            let all = self.rounds.iter().zip(&then).all(|(round, then)| round.load(Relaxed) >= then + 2);
            ensure!(
                all && self.clients.len() == Self::CLIENTS,
                "a client has failed, or has not come round yet"
            );
            Ok(())
        })
        .await
    }

    /// The sides of each user, in their order.
    async fn stop(mut self) -> Result<Vec<Vec<String>>> {
        self.stop.store(true, Relaxed);
        let mut all = Vec::new();
        while let Some(seen) = self.clients.join_next().await {
            all.extend(seen??);
        }
        Ok(all)
    }
}

#[tokio::test]
async fn up_and_back_down_under_load_loses_nothing_and_moves_nobody_twice() -> Result<()> {
    let upstreams = Sides::start().await?;
    let banyan = Banyan::start(&upstreams.config("")).await?;
    let admin = banyan.admin()?;
    let load = Load::start(&banyan).await?;
    for percent in ["5%", "50%", "100%"] {
        Sides::move_to(&admin, percent).await?;
        load.goes_round().await?;
    }
    Sides::move_to(&admin, "0%").await?;
    load.goes_round().await?;
    for sides in load.stop().await? {
        assert_eq!(sides, ["legacy", "replacement", "legacy"], "once there and once back");
    }
    let failed = admin.metric("banyan_request_endings_total{reason=\"UC\"}").await?;
    assert_eq!(failed.unwrap_or_default(), 0.0);
    Ok(())
}

/// The next request, on whichever worker, is decided by what was acknowledged.
#[tokio::test]
async fn what_is_acknowledged_is_in_force() -> Result<()> {
    let upstreams = Sides::start().await?;
    let banyan = Banyan::start(&upstreams.config("")).await?;
    let admin = banyan.admin()?;
    let mut clients = Vec::new();
    for number in 0..16 {
        let mut client = banyan.client().await?;
        assert_eq!(Verdict::ask(&mut client, "/articles", &user(number)).await?.side, "legacy");
        clients.push(client);
    }
    for (percent, side) in [("100%", "replacement"), ("0%", "legacy"), ("100%", "replacement")] {
        Sides::move_to(&admin, percent).await?;
        for (number, client) in clients.iter_mut().enumerate() {
            assert_eq!(Verdict::ask(client, "/articles", &user(number)).await?.side, side);
        }
    }
    Ok(())
}

/// `{"alg":"none"}`, this payload, and a signature nobody looks at.
fn bearer(payload: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut encoded = String::new();
    for chunk in payload.as_bytes().chunks(3) {
        let bits =
            chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for digit in 0..=chunk.len() {
            encoded.push(char::from(ALPHABET[(bits >> (18 - 6 * digit)) as usize & 63]));
        }
    }
    format!("Authorization: Bearer eyJhbGciOiJub25lIn0.{encoded}.c2lnbmF0dXJl\r\n")
}

#[tokio::test]
async fn the_first_source_that_is_present_names_the_subject() -> Result<()> {
    let upstreams = Sides::start().await?;
    let config = upstreams
        .config_by("subject: [ \"jwt:sub\", \"header:x-user-id\", \"cookie:session\" ]", "percent: 50%");
    let banyan = Banyan::start(&config).await?;
    let mut client = banyan.client().await?;
    let mut bucket =
        async |fields: &str| anyhow::Ok(Verdict::of(&client.get("/articles", fields).await?)?.bucket);
    let (ann, bob) = (bucket("X-User-Id: ann\r\n").await?, bucket("X-User-Id: bob\r\n").await?);
    assert_ne!(ann, bob);
    let jwt = bearer("{\"sub\":\"ann\",\"name\":\"?\"}");
    assert_eq!(bucket(&jwt).await?, ann, "by token");
    assert_eq!(bucket("Cookie: theme=dark; session=ann\r\n").await?, ann, "by cookie");
    assert_eq!(
        bucket(&format!("{jwt}X-User-Id: bob\r\nCookie: session=bob\r\n")).await?,
        ann,
        "the token comes first"
    );
    assert_eq!(bucket("X-User-Id: ann\r\nCookie: session=bob\r\n").await?, ann, "then the header");
    assert_eq!(
        bucket("Authorization: Bearer no-token\r\nX-User-Id: bob\r\n").await?,
        bob,
        "what is none is passed over"
    );
    assert_eq!(
        bucket(&bearer("{\"sub\":42}")).await?,
        bucket("X-User-Id: 42\r\n").await?,
        "a number is a subject too"
    );
    Ok(())
}

#[tokio::test]
async fn who_is_nobody_yet_gets_a_cookie_and_keeps_a_side() -> Result<()> {
    let upstreams = Sides::start().await?;
    let mut banyan = Banyan::start(&upstreams.config("percent: 50%")).await?;
    let mut client = banyan.client().await?;
    let mut cookies = Vec::new();
    for _ in 0..20 {
        let response = client.get("/articles", "").await?;
        let cookie = response.fields.get("set-cookie").context("no Set-Cookie")?;
        assert!(
            cookie.starts_with("banyan_subject=")
                && cookie.contains("HttpOnly")
                && cookie.contains("SameSite=Lax")
        );
        let pair = cookie.split(';').next().unwrap_or_default().to_owned();
        cookies.push((pair, Verdict::of(&response)?));
    }
    banyan.kill().await?;
    banyan.restart().await?;
    let mut client = banyan.client().await?;
    for (pair, verdict) in &cookies {
        let response = client.get("/articles/1", &format!("Cookie: a=b; {pair}\r\n")).await?;
        assert_eq!(&Verdict::of(&response)?, verdict, "after a restart too");
        assert_eq!(response.fields.get("set-cookie"), None, "once is enough");
    }
    let (pair, _) = &cookies[0];
    let forged = pair.replacen('=', "=x", 1);
    let response = client.get("/articles", &format!("Cookie: {forged}\r\n")).await?;
    assert!(response.fields.get("set-cookie").is_some(), "what we did not sign is nobody's");
    Ok(())
}

#[tokio::test]
async fn the_upstreams_set_their_own_cookies() -> Result<()> {
    let reply = |_: &_| {
        Reply::new(200)
            .field("Set-Cookie", "a=1")
            .field("Set-Cookie", "b=2")
            .field("Banyan-Unit", "lies")
            .into()
    };
    let upstreams = Sides::of(reply, reply).await?;
    let banyan = Banyan::start(&upstreams.config("")).await?;
    let response = banyan.client().await?.get("/articles", "").await?;
    let cookies: Vec<_> = response.fields.all("set-cookie").collect();
    assert_eq!(cookies[..2], ["a=1", "b=2"]);
    assert!(cookies.len() == 3 && cookies[2].starts_with("banyan_subject="), "{cookies:?}");
    assert_eq!(response.fields.all("banyan-unit").count(), 1);
    assert_eq!(Verdict::of(&response)?.side, "legacy", "which side answered is ours to say");
    Ok(())
}

#[tokio::test]
async fn the_answer_says_its_side_unless_it_must_not() -> Result<()> {
    let upstreams = Sides::start().await?;
    let banyan = Banyan::start(&upstreams.config("side_header: false")).await?;
    let response = banyan.client().await?.get("/articles", "X-User-Id: ann\r\n").await?;
    assert_eq!((response.status, response.fields.get("banyan-unit")), (200, None));
    Ok(())
}

#[tokio::test]
async fn the_same_on_every_node_and_after_a_restart() -> Result<()> {
    let upstreams = Sides::start().await?;
    let config = upstreams.config("percent: 37.5%");
    let (mut one, other) = (Banyan::start(&config).await?, Banyan::start(&config).await?);
    let there = sides(&one).await?;
    assert_eq!(sides(&other).await?, there);
    one.kill().await?;
    one.restart().await?;
    assert_eq!(sides(&one).await?, there);
    Ok(())
}

#[tokio::test]
async fn a_killed_replacement_is_noticed_by_nobody_who_reads() -> Result<()> {
    let upstreams = Sides::start().await?;
    let banyan = Banyan::start(&upstreams.config("percent: 100%\nfallback: legacy")).await?;
    let load = Load::start(&banyan).await?;
    let Sides { legacy: _legacy, replacement } = upstreams;
    drop(replacement);
    load.goes_round().await?;
    for sides in load.stop().await? {
        assert_eq!(sides, ["replacement", "legacy"]);
    }
    let mut client = banyan.client().await?;
    let verdict = Verdict::ask(&mut client, "/articles", "ann").await?;
    assert_eq!((verdict.side.as_str(), verdict.reason.as_str()), ("legacy", "fallback"));
    let unit = banyan.admin()?.get("/v1/units/articles").await?;
    assert!(unit.json["counts"]["fallback"].as_u64() > Some(0), "{}", unit.text);
    client.write("POST /articles HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi").await?;
    let refused = client.read_response("POST").await?;
    assert_eq!(refused.status / 100, 5, "a write may have been half done: nobody does it again");
    Ok(())
}

#[tokio::test]
async fn a_replacement_that_fails_is_answered_for() -> Result<()> {
    for reply in [
        Reply::new(500).body("no").into(),
        banyan_testkit::Answer::new().close(),
        banyan_testkit::Answer::new().send("nonsense\r\n\r\n").close(),
    ] {
        let upstreams = Sides::of(|_| Reply::new(200).body("legacy").into(), move |_| reply.clone()).await?;
        let banyan = Banyan::start(&upstreams.config("percent: 100%\nfallback: legacy")).await?;
        let mut client = banyan.client().await?;
        let verdict = Verdict::ask(&mut client, "/articles", "ann").await?;
        assert_eq!((verdict.side.as_str(), verdict.reason.as_str()), ("legacy", "fallback"));
        client
            .write("POST /articles HTTP/1.1\r\nHost: a\r\nX-User-Id: ann\r\nContent-Length: 2\r\n\r\nhi")
            .await?;
        let response = client.read_response("POST").await?;
        assert_eq!(Verdict::of(&response)?.side, "replacement");
        assert_eq!(response.status / 100, 5);
        assert!(upstreams.legacy.requests().iter().all(|request| request.method == "GET"));
    }
    Ok(())
}

#[tokio::test]
async fn without_a_fallback_a_failure_is_shown() -> Result<()> {
    let upstreams = Sides::of(|_| Reply::new(200).into(), |_| Reply::new(503).body("busy").into()).await?;
    let banyan = Banyan::start(&upstreams.config("percent: 100%")).await?;
    let response = banyan.client().await?.get("/articles", "X-User-Id: ann\r\n").await?;
    assert_eq!((response.status, response.text().as_str()), (503, "busy"));
    assert!(upstreams.legacy.requests().is_empty());
    Ok(())
}

/// A failing legacy is nobody's fallback: its failure is the answer.
#[tokio::test]
async fn legacy_does_not_fall_back() -> Result<()> {
    let upstreams = Sides::of(|_| Reply::new(500).body("legacy").into(), |_| Reply::new(200).into()).await?;
    let banyan = Banyan::start(&upstreams.config("fallback: legacy")).await?;
    let response = banyan.client().await?.get("/articles", "X-User-Id: ann\r\n").await?;
    assert_eq!((response.status, response.text().as_str()), (500, "legacy"));
    assert!(upstreams.replacement.requests().is_empty());
    Ok(())
}

#[tokio::test]
async fn an_acknowledged_share_survives_kill_9() -> Result<()> {
    let upstreams = Sides::start().await?;
    let mut banyan = Banyan::start(&upstreams.config("percent: 1%")).await?;
    for percent in ["25%", "0%", "100%", "37.01%"] {
        Sides::move_to(&banyan.admin()?, percent).await?;
        banyan.kill().await?;
        banyan.restart().await?;
        let unit = banyan.admin()?.get("/v1/units/articles").await?;
        assert_eq!(unit.json["percent"], percent, "{}", unit.text);
        assert_eq!(unit.json["decided_by"], "runtime");
        let threshold = percent.trim_end_matches('%').parse::<f64>()? * 100.0;
        for (number, verdict) in sides(&banyan).await? {
            assert_eq!(
                f64::from(verdict.bucket) < threshold,
                verdict.side == "replacement",
                "{number} {verdict:?}"
            );
        }
    }
    Ok(())
}

async fn percent(admin: &Admin) -> Result<String> {
    let unit = admin.get("/v1/units/articles").await?;
    Ok(unit.json["percent"].as_str().with_context(|| unit.text.clone())?.to_owned())
}

#[tokio::test]
async fn hold_release_and_back() -> Result<()> {
    let upstreams = Sides::start().await?;
    let mut banyan = Banyan::start(&upstreams.config("")).await?;
    let admin = banyan.admin()?;
    Sides::move_to(&admin, "20%").await?;
    assert_eq!(post(&banyan, "hold").await?.status, 200);
    let refused = Sides::set(&admin, "50%").await?;
    assert_eq!(refused.status, 409, "{}", refused.text);
    assert!(
        refused.json["detail"].as_str().is_some_and(|detail| detail.contains("release")),
        "{}",
        refused.text
    );
    assert_eq!(percent(&admin).await?, "20%");
    banyan.kill().await?;
    banyan.restart().await?;
    assert_eq!(Sides::set(&admin, "50%").await?.status, 409, "a hold survives too");
    assert_eq!(post(&banyan, "back").await?.status, 200, "the way back is always open");
    assert_eq!(percent(&admin).await?, "0%");
    assert!(moved(&sides(&banyan).await?).is_empty());
    assert_eq!(Sides::set(&admin, "50%").await?.status, 409, "it stays held");
    assert_eq!(post(&banyan, "release").await?.status, 200);
    Sides::move_to(&admin, "50%").await?;
    assert!(!moved(&sides(&banyan).await?).is_empty());
    let history = admin.get("/v1/units/articles/history").await?;
    assert_eq!(history.status, 200, "{}", history.text);
    assert!(history.text.matches("\"version\"").count() >= 5, "{}", history.text);
    Ok(())
}

#[tokio::test]
async fn the_admin_api_is_for_those_who_hold_the_token() -> Result<()> {
    let upstreams = Sides::start().await?;
    let banyan = Banyan::start(&upstreams.config("")).await?;
    let admin = banyan.admin()?;
    let stranger = async || RawClient::connect(admin.address()).await;
    let response = stranger().await?.get_by_address("/v1/units").await?;
    assert_eq!(response.status, 401, "{}", response.text());
    assert!(response.fields.get("www-authenticate").is_some());
    let token = format!("Authorization: Bearer {}\r\n", admin.token());
    let response = stranger().await?.get("/v1/units", &token).await?;
    assert_eq!(response.status, 421, "a page whose name was made to point here: {}", response.text());
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(banyan.dir().join("banyan.db.admin-token"))?.permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(admin.get("/v1/units/nobody").await?.status, 404);
    for bad in ["150%", "5", "-1%", ""] {
        let answer = Sides::set(&admin, bad).await?;
        assert!((400..500).contains(&answer.status), "{bad:?}: {}", answer.text);
    }
    assert_eq!(percent(&admin).await?, "0%");
    Ok(())
}

/// A unit that was never set at run time follows its config; one that was does not.
#[tokio::test]
async fn the_config_decides_until_somebody_else_does() -> Result<()> {
    let upstreams = Sides::start().await?;
    let banyan = Setup::new(&upstreams.config("percent: 10%")).start().await?;
    let admin = banyan.admin()?;
    assert_eq!(percent(&admin).await?, "10%");
    banyan.write_config(&upstreams.config("percent: 30%"))?;
    assert_eq!(admin.send("POST", "/v1/reload", None).await?.status, 200);
    assert_eq!(percent(&admin).await?, "30%");
    Sides::move_to(&admin, "40%").await?;
    banyan.write_config(&upstreams.config("percent: 60%"))?;
    assert_eq!(admin.send("POST", "/v1/reload", None).await?.status, 200);
    assert_eq!(percent(&admin).await?, "40%", "the hand that set it knew more");
    assert_eq!(post(&banyan, "reset").await?.status, 200);
    assert_eq!(percent(&admin).await?, "60%");
    Ok(())
}

/// A unit with a dead replacement and no subject anywhere: the problem document names the side all the same.
#[tokio::test]
async fn a_problem_names_its_side() -> Result<()> {
    let upstreams = Sides::start().await?;
    let config = upstreams.config("percent: 100%");
    drop(upstreams.replacement);
    let banyan = Banyan::start(&config).await?;
    let response = banyan.client().await?.get("/articles", "X-User-Id: ann\r\n").await?;
    assert_problem(&response, 502, "upstream-refused");
    assert_eq!(Verdict::of(&response)?.side, "replacement");
    Ok(())
}
