//! The level that gateways share, in a Redis that works, dies, hangs, lies or comes back.

use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use banyan_e2e::Load;
use banyan_testkit::{Answer, Banyan, Gate, Port, RawClient, Scripted, eventually};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::kit::{Counts, HOUR, cache_status, keeping_with, metric, numbered, reply, send, text, whole};

/// A `redis-server` of this test's own; it ends with this value.
struct Redis {
    process: Child,
    port: Port,
    dir: TempDir,
}

impl Redis {
    async fn start() -> Result<Self> {
        let (port, dir) = (Port::reserve()?, tempfile::tempdir()?);
        let redis = Self { process: launch(&port, &dir)?, port, dir };
        redis.answers().await?;
        Ok(redis)
    }

    async fn start_again(&mut self) -> Result<()> {
        self.process = launch(&self.port, &self.dir)?;
        self.answers().await
    }

    async fn answers(&self) -> Result<()> {
        eventually(async || {
            let mut client = RawClient::connect_local(self.port.number()).await?;
            client.write("PING\r\n").await?;
            ensure!(client.read_exact(7).await? == b"+PONG\r\n");
            Ok(())
        })
        .await
    }

    /// What `cache.redis` says; the deadline is one that a busy machine keeps.
    fn cache(&self, deadline: &str) -> String {
        format!(
            "{{ redis: {{ url: \"redis://{}\", deadline: {deadline}, lease: 5s }} }}",
            self.port.address()
        )
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        Ok(kill_process(Pid::from_child(&self.process), signal)?)
    }

    fn kill(&mut self) -> Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }

    /// Replaces every value by this one.
    fn fill_with(&self, garbage: &str) -> Result<()> {
        let script =
            "for _, key in ipairs(redis.call('keys', '*')) do redis.call('set', key, ARGV[1]) end return 1";
        let done = Command::new("redis-cli")
            .args(["-p", &self.port.number().to_string(), "eval", script, "0", garbage])
            .output()
            .context("redis-cli")?;
        ensure!(done.status.success(), "{done:?}");
        Ok(())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It may be gone already, which is as good.
        self.process.kill().and_then(|()| self.process.wait()).ok();
    }
}

fn launch(port: &Port, dir: &TempDir) -> Result<Child> {
    Command::new("redis-server")
        .args([
            "--bind",
            "127.0.0.1",
            "--port",
            &port.number().to_string(),
            "--save",
            "",
            "--appendonly",
            "no",
            "--dir",
        ])
        .arg(dir.path())
        .stdout(Stdio::null())
        .spawn()
        .context("redis-server: apt-get install redis-server")
}

/// Waits until what was given has been put there, too.
async fn filled(banyan: &Banyan) -> Result<()> {
    eventually(async || {
        let written = metric(banyan, "banyan_cache_second_level_total{event=\"stored\"}").await?;
        ensure!(written > 0.5, "nothing was written");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn two_gateways_with_one_redis_make_one_call() -> Result<()> {
    let upstream = Scripted::start(numbered(&[HOUR, ("ETag", "\"a\"")])).await?;
    let redis = Redis::start().await?;
    let (one, two) = (
        keeping_with(&upstream.url(), &redis.cache("5s"), &[]).await?,
        keeping_with(&upstream.url(), &redis.cache("5s"), &[]).await?,
    );
    let (mut first, mut second) = (one.client().await?, two.client().await?);
    assert_eq!(text(&mut first, "/", "").await?, "0");
    filled(&one).await?;
    let answer = second.get("/", "").await?;
    assert_eq!((answer.status, answer.text().as_str()), (200, "0"));
    assert!(cache_status(&answer).contains("second-level"), "{}", cache_status(&answer));
    assert_eq!(answer.fields.get("etag"), Some("\"a\""));
    assert_eq!(second.get("/", "If-None-Match: \"a\"\r\n").await?.status, 304);
    assert_eq!(upstream.requests().len(), 1);
    Ok(())
}

/// What one gateway keeps is given by another under the same conditions: variants, names, age, and what must be validated.
#[tokio::test]
async fn what_is_shared_is_for_the_same_people_and_as_old() -> Result<()> {
    let upstream = Scripted::start(|request| {
        let field = |name| request.fields.get(name).unwrap_or("-");
        let said = format!("{} {} {}", request.target, field("accept-language"), field("authorization"));
        match request.target.as_str() {
            "/private" => reply(200, &[("Cache-Control", "private, max-age=60")]),
            "/old" => reply(200, &[("Cache-Control", "max-age=60"), ("Age", "60")]),
            "/aged" => reply(200, &[HOUR, ("Age", "100")]),
            _ => reply(200, &[HOUR, ("Vary", "Accept-Language")]),
        }
        .body(said)
        .into()
    })
    .await?;
    let redis = Redis::start().await?;
    let one = keeping_with(&upstream.url(), &redis.cache("5s"), &[]).await?;
    let two = keeping_with(&upstream.url(), &redis.cache("5s"), &[]).await?;
    let asked = [
        ("/a", "Accept-Language: de", "/a de -"),
        ("/a", "Accept-Language: en", "/a en -"),
        ("/a", "", "/a - -"),
        ("/a", "Accept-Language: de\r\nAuthorization: x", "/a de x"),
        ("/a", "Accept-Language: de\r\nAuthorization: y", "/a de y"),
        ("/private", "", "/private - -"),
        ("/old", "", "/old - -"),
        ("/aged", "", "/aged - -"),
    ];
    for banyan in [&one, &two, &one, &two] {
        let mut client = banyan.client().await?;
        for (target, fields, expected) in asked {
            let fields = if fields.is_empty() { String::new() } else { format!("{fields}\r\n") };
            assert_eq!(text(&mut client, target, &fields).await?, expected);
        }
        let age = client.get("/aged", "").await?.fields.get("age").and_then(|age| age.parse::<u64>().ok());
        assert!(age.is_some_and(|age| age >= 100), "{age:?}");
    }
    // Never kept, wherever: names, what is private, and what was old when it came.
    let count = |target: &str, name: Option<&str>| {
        let is = |request: &&banyan_testkit::Received| {
            request.target == target && request.fields.get("authorization") == name
        };
        upstream.requests().iter().filter(is).count()
    };
    assert_eq!((count("/a", Some("x")), count("/private", None), count("/old", None)), (4, 4, 4));
    assert!(count("/a", None) <= 6 && count("/aged", None) <= 2);
    Ok(())
}

/// One of them has the lease, and the other waits for what it fetches.
#[tokio::test]
async fn a_crowd_at_two_gateways_makes_one_call() -> Result<()> {
    let (gate, counts) = (Gate::new(), Counts::default());
    let waits = gate.clone();
    let upstream = Scripted::start(move |request| {
        let number = counts.next(request).to_string();
        Answer::new().wait(&waits).reply(reply(200, &[HOUR]).body(number))
    })
    .await?;
    let redis = Redis::start().await?;
    let mut clients = Vec::new();
    let (one, two) = (
        keeping_with(&upstream.url(), &redis.cache("5s"), &[]).await?,
        keeping_with(&upstream.url(), &redis.cache("5s"), &[]).await?,
    );
    for number in 0..40 {
        let mut client = if number % 2 == 0 { one.client().await? } else { two.client().await? };
        client.write("GET / HTTP/1.1\r\nHost: test.example\r\n\r\n").await?;
        clients.push(client);
    }
    for banyan in [&one, &two] {
        eventually(async || {
            let now = metric(banyan, "http_server_active_requests").await?;
            ensure!(now > 19.5, "{now} wait");
            Ok(())
        })
        .await?;
    }
    upstream.wait_for_requests(1).await?;
    gate.open();
    for client in &mut clients {
        assert_eq!(client.read_response("GET").await?.text(), "0");
    }
    assert_eq!(upstream.requests().len(), 1);
    Ok(())
}

/// Who wrote at one gateway finds what they wrote at the other.
#[tokio::test]
async fn a_write_at_one_gateway_is_known_to_the_other() -> Result<()> {
    let counts = Counts::default();
    let upstream = Scripted::start(move |request| match request.method.as_str() {
        "GET" => whole(request, reply(200, &[HOUR]), &counts.next(request).to_string()),
        _ => reply(204, &[]).bare("").into(),
    })
    .await?;
    let redis = Redis::start().await?;
    let (one, two) = (
        keeping_with(&upstream.url(), &redis.cache("5s"), &[]).await?,
        keeping_with(&upstream.url(), &redis.cache("5s"), &[]).await?,
    );
    let (mut first, mut second) = (one.client().await?, two.client().await?);
    assert_eq!(text(&mut first, "/", "").await?, "0");
    filled(&one).await?;
    assert_eq!(text(&mut second, "/", "").await?, "0");
    send(&mut second, "PUT", "/", "").await?;
    assert_eq!(text(&mut second, "/", "").await?, "1");
    eventually(async || {
        let body = text(&mut first, "/", "").await?;
        ensure!(body != "0", "still what was written over");
        Ok(())
    })
    .await
}

/// Clients that ask for always new and for known addresses, and must not notice anything.
async fn goes_on(banyan: &Banyan, round: usize) -> Result<()> {
    let mut client = banyan.client().await?;
    for number in 0..200 {
        for target in [format!("/{round}/{number}"), format!("/known/{}", number % 20)] {
            let answer = client.get(&target, "").await?;
            ensure!(answer.status == 200 && answer.body.complete, "{target}: {}", answer.status);
            ensure!(answer.text() == target, "{target}: {}", answer.text());
        }
    }
    Ok(())
}

#[tokio::test]
async fn no_client_notices_that_redis_dies_hangs_lies_or_comes_back() -> Result<()> {
    let upstream = Scripted::start(|request| {
        reply(200, &[("Cache-Control", "max-age=1")]).body(request.target.clone()).into()
    })
    .await?;
    let mut redis = Redis::start().await?;
    let banyan = keeping_with(&upstream.url(), &redis.cache("50ms"), &[]).await?;
    let load = Load::start(banyan.address(), 4, "/known/0").await?;
    goes_on(&banyan, 0).await?;
    redis.signal(Signal::STOP)?;
    goes_on(&banyan, 1).await.context("it hangs")?;
    redis.signal(Signal::CONT)?;
    goes_on(&banyan, 2).await.context("it goes on")?;
    for (round, garbage) in ["", "x", &"\u{0}\u{1}".repeat(50), &"9".repeat(100_000)].iter().enumerate() {
        let garbage = garbage.replace('\u{0}', "\u{2}");
        redis.fill_with(&garbage)?;
        // Another gateway has nothing in memory, and has to read what lies there.
        let fresh = keeping_with(&upstream.url(), &redis.cache("50ms"), &[]).await?;
        goes_on(&fresh, 0).await.with_context(|| format!("it lies: {} bytes", garbage.len()))?;
        goes_on(&banyan, 3 + round).await?;
    }
    redis.kill()?;
    goes_on(&banyan, 8).await.context("it is dead")?;
    redis.start_again().await?;
    goes_on(&banyan, 9).await.context("it is back")?;
    // Not one of the requests that were under way all the time was answered by anything but 200.
    load.stop().await?;
    Ok(())
}

#[tokio::test]
async fn a_gateway_starts_without_redis_and_uses_it_when_it_comes() -> Result<()> {
    let upstream = Scripted::start(numbered(&[HOUR])).await?;
    let mut redis = Redis::start().await?;
    redis.kill()?;
    let banyan = keeping_with(&upstream.url(), &redis.cache("1s"), &[]).await?;
    let mut client = banyan.client().await?;
    assert_eq!(text(&mut client, "/", "").await?, "0");
    assert_eq!(text(&mut client, "/", "").await?, "0", "memory works without it");
    redis.start_again().await?;
    let mut asked = 0;
    eventually(async || {
        asked += 1;
        text(&mut client, &format!("/{asked}"), "").await?;
        let written = metric(&banyan, "banyan_cache_second_level_total{event=\"stored\"}").await?;
        ensure!(written > 0.5, "it is not used");
        Ok(())
    })
    .await
}
