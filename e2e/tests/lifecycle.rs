//! Start, reload, end: what a running gateway is put through.

use anyhow::{Context as _, Result, ensure};
use banyan_e2e::{Load, Sides, h2, h2_load};
use banyan_testkit::{Admin, Answer, Banyan, Gate, RawClient, Received, Reply, Scripted, eventually};
use http::Request;
use tokio::task::JoinSet;

/// A config with one upstream; `more` is more of it.
fn config(upstream: &Scripted, more: &str) -> String {
    format!(
        "upstreams: {{ only: {{ endpoints: [\"{}\"] }} }}\nroutes:\n  - {{ match: \"* /{{rest...}}\", to: only }}\n{more}",
        upstream.url()
    )
}

async fn echo_target() -> Result<Scripted> {
    Ok(Scripted::start(|request: &Received| Reply::new(200).body(request.target.clone()).into()).await?)
}

async fn generation(admin: &Admin) -> Result<f64> {
    admin.metric("banyan_config_generation").await?.context("no generation")
}

/// Waits for the generation after `before`.
async fn next_generation(admin: &Admin, before: f64) -> Result<()> {
    eventually(async || {
        let now = generation(admin).await?;
        ensure!(now > before, "still generation {now}");
        Ok(())
    })
    .await
}

async fn reload(admin: &Admin) -> Result<()> {
    let answer = admin.send("POST", "/v1/reload", None).await?;
    ensure!(answer.status == 200, "{} {}", answer.status, answer.text);
    Ok(())
}

/// Whether the path that only the new config changes is changed.
async fn target_of_new(banyan: &Banyan) -> Result<String> {
    Ok(banyan.client().await?.get("/new", "").await?.text())
}

const NEW: &str = "  - { match: \"GET /new\", to: only, path: /renewed }\n";

#[tokio::test]
async fn a_reload_by_the_api() -> Result<()> {
    let upstream = echo_target().await?;
    let banyan = Banyan::start(&config(&upstream, "")).await?;
    let admin = banyan.admin()?;
    assert_eq!(target_of_new(&banyan).await?, "/new");
    banyan.write_config(&config(&upstream, NEW))?;
    reload(&admin).await?;
    assert_eq!(target_of_new(&banyan).await?, "/renewed", "acknowledged means in force");
    Ok(())
}

#[tokio::test]
async fn a_reload_by_sighup() -> Result<()> {
    let upstream = echo_target().await?;
    let banyan = Banyan::start(&config(&upstream, "")).await?;
    let admin = banyan.admin()?;
    let before = generation(&admin).await?;
    banyan.hang_up()?;
    next_generation(&admin, before).await?;
    assert_eq!(target_of_new(&banyan).await?, "/new");
    Ok(())
}

#[tokio::test]
async fn a_reload_by_the_file() -> Result<()> {
    let upstream = echo_target().await?;
    let banyan = Banyan::start(&config(&upstream, "")).await?;
    let admin = banyan.admin()?;
    let before = generation(&admin).await?;
    banyan.write_config(&config(&upstream, NEW))?;
    next_generation(&admin, before).await?;
    assert_eq!(target_of_new(&banyan).await?, "/renewed");
    Ok(())
}

#[tokio::test]
async fn a_broken_config_changes_nothing() -> Result<()> {
    let upstream = echo_target().await?;
    let banyan = Banyan::start(&config(&upstream, NEW)).await?;
    let admin = banyan.admin()?;
    let before = generation(&admin).await?;
    banyan.write_config(&config(&upstream, "limitz: {}\nworkers: 0\n"))?;
    let refused = admin.send("POST", "/v1/reload", None).await?;
    assert!(refused.status >= 400, "{}", refused.text);
    for part in ["limitz", "workers", "line"] {
        assert!(refused.text.contains(part), "{part}: {}", refused.text);
    }
    assert_eq!(target_of_new(&banyan).await?, "/renewed", "the old config serves on");
    assert_eq!(generation(&admin).await?, before);
    assert_eq!(admin.metric("banyan_config_last_reload_failed").await?, Some(1.0));
    let status = admin.get("/v1/status").await?;
    let error = &status.json["last_reload_error"];
    assert_eq!(error["problems"].as_array().map(Vec::len), Some(2), "{}", status.text);
    assert!(error["problems"][0]["line"].as_u64().is_some(), "{}", status.text);
    banyan.write_config(&config(&upstream, ""))?;
    reload(&admin).await?;
    assert_eq!(admin.metric("banyan_config_last_reload_failed").await?, Some(0.0));
    assert_eq!(target_of_new(&banyan).await?, "/new");
    Ok(())
}

#[tokio::test]
async fn what_takes_a_restart_says_so() -> Result<()> {
    let upstream = echo_target().await?;
    let banyan = Banyan::start(&config(&upstream, "")).await?;
    let admin = banyan.admin()?;
    let text = std::fs::read_to_string(banyan.config_path())?;
    banyan.write_config(&text.replace("workers: 2", "workers: 3"))?;
    let refused = admin.send("POST", "/v1/reload", None).await?;
    assert!(refused.status >= 400 && refused.text.contains("restart"), "{}", refused.text);
    assert_eq!(target_of_new(&banyan).await?, "/new");
    Ok(())
}

#[tokio::test]
async fn what_a_reload_does_not_touch_keeps_its_connections() -> Result<()> {
    let upstream = echo_target().await?;
    let banyan = Banyan::start(&config(&upstream, "")).await?;
    let admin = banyan.admin()?;
    let mut client = banyan.client().await?;
    for round in 0..5 {
        banyan.write_config(&config(&upstream, if round % 2 == 0 { NEW } else { "" }))?;
        reload(&admin).await?;
        assert_eq!(client.get("/x", "").await?.status, 200);
    }
    assert_eq!(upstream.connections(), 1, "the client's own, and the upstream's");
    Ok(())
}

#[tokio::test]
async fn a_request_keeps_the_plan_it_began_with() -> Result<()> {
    let gate = Gate::new();
    let held = gate.clone();
    let upstream = Scripted::start(move |request: &Received| {
        Answer::new().wait(&held).reply(Reply::new(200).body(request.target.clone()))
    })
    .await?;
    let elsewhere = echo_target().await?;
    let banyan = Banyan::start(&config(&upstream, "")).await?;
    let mut client = banyan.client().await?;
    client.write("GET /begun HTTP/1.1\r\nHost: a\r\n\r\n").await?;
    upstream.wait_for_requests(1).await?;
    banyan.write_config(&config(&elsewhere, ""))?;
    reload(&banyan.admin()?).await?;
    gate.open();
    assert_eq!(client.read_response("GET").await?.text(), "/begun");
    assert_eq!(client.get("/after", "").await?.text(), "/after");
    assert_eq!((upstream.requests().len(), elsewhere.requests().len()), (1, 1));
    Ok(())
}

/// Echoes what an upgraded connection says, and answers everything else.
fn websocket(request: &Received) -> Answer {
    match request.fields.get("upgrade") {
        Some(_) => Answer::new()
            .send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
            .echo(),
        None => Reply::new(200).body(request.target.clone()).into(),
    }
}

async fn upgraded(banyan: &Banyan) -> Result<RawClient> {
    let mut client = banyan.client().await?;
    client
        .write("GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        .await?;
    ensure!(client.read_response_head().await?.status == 101, "no upgrade");
    Ok(client)
}

async fn echoes(client: &mut RawClient, message: &str) -> Result<()> {
    client.write(message).await?;
    ensure!(client.read_exact(message.len()).await? == message.as_bytes(), "no echo of {message}");
    Ok(())
}

#[tokio::test]
async fn a_hundred_reloads_under_load_fail_no_request_and_no_open_connection() -> Result<()> {
    let upstream = Scripted::start(websocket).await?;
    let banyan = Banyan::start(&config(&upstream, "")).await?;
    let admin = banyan.admin()?;
    let mut tunnel = upgraded(&banyan).await?;
    let mut load = Load::start(banyan.address(), 8, "/x").await?;
    for round in 0..100 {
        banyan.write_config(&config(&upstream, if round % 2 == 0 { NEW } else { "" }))?;
        reload(&admin).await?;
        if round % 10 == 0 {
            load.goes_on().await?;
            echoes(&mut tunnel, &format!("round {round}")).await?;
        }
    }
    assert!(generation(&admin).await? >= 101.0);
    assert!(load.stop().await? > 100);
    echoes(&mut tunnel, "still there").await
}

/// The gateway ends by itself and in good order.
async fn ends_well(banyan: &mut Banyan) -> Result<()> {
    let status = banyan.wait().await?;
    ensure!(status.success(), "{status}: {}", banyan.log().join("\n"));
    Ok(())
}

#[tokio::test]
async fn a_drain_finishes_what_is_under_way() -> Result<()> {
    let gate = Gate::new();
    let held = gate.clone();
    let upstream =
        Scripted::start(move |_| Answer::new().wait(&held).reply(Reply::new(200).body("at last"))).await?;
    let mut banyan = Banyan::start(&config(&upstream, "")).await?;
    let mut client = banyan.client().await?;
    client.write("GET /x HTTP/1.1\r\nHost: a\r\n\r\n").await?;
    let mut h2_client = h2::connect(banyan.address()).await;
    let request = Request::get("http://a/x").body(h2::full(""))?;
    let over_h2 = tokio::spawn(async move { h2::ask(&mut h2_client, request).await });
    upstream.wait_for_requests(2).await?;
    banyan.terminate()?;
    let admin = banyan.admin()?;
    eventually(async || {
        let ready = RawClient::connect(admin.address()).await?.get_by_address("/readyz").await?;
        ensure!(ready.status == 503, "ready still");
        Ok(())
    })
    .await?;
    // Every worker knows of it once nobody listens any more.
    let address = banyan.address();
    eventually(async || {
        ensure!(tokio::net::TcpStream::connect(address).await.is_err(), "somebody listens still");
        Ok(())
    })
    .await?;
    gate.open();
    let response = client.read_response("GET").await?;
    assert_eq!((response.text().as_str(), response.fields.get("connection")), ("at last", Some("close")));
    assert_eq!(over_h2.await??.body, "at last");
    ends_well(&mut banyan).await
}

#[tokio::test]
async fn a_drain_under_load_fails_no_request() -> Result<()> {
    let upstream = echo_target().await?;
    let mut banyan = Banyan::start(&config(&upstream, "")).await?;
    let load = Load::start(banyan.address(), 8, "/x").await?;
    load.gateway_leaves();
    banyan.terminate()?;
    ends_well(&mut banyan).await?;
    let answered = load.end().await?;
    assert_eq!(upstream.requests().len(), answered, "what was asked upstream was answered below");
    Ok(())
}

#[tokio::test]
async fn a_drain_under_load_refuses_no_stream() -> Result<()> {
    let upstream = echo_target().await?;
    let mut banyan = Banyan::start(&config(&upstream, "")).await?;
    let mut clients = JoinSet::new();
    for _ in 0..8 {
        clients.spawn(h2_load::ask_until_it_goes_away(banyan.address(), "/x"));
    }
    upstream.wait_for_requests(2_000).await?;
    banyan.terminate()?;
    ends_well(&mut banyan).await?;
    let mut answered = 0;
    while let Some(client) = clients.join_next().await {
        answered += client??;
    }
    assert_eq!(upstream.requests().len(), answered, "what was asked upstream was answered below");
    Ok(())
}

#[tokio::test]
async fn an_idle_gateway_ends_at_once_and_idle_clients_are_told() -> Result<()> {
    let upstream = echo_target().await?;
    let mut banyan = Banyan::start(&config(&upstream, "")).await?;
    let mut idle = banyan.client().await?;
    assert_eq!(idle.get("/x", "").await?.status, 200);
    banyan.terminate()?;
    assert_eq!(idle.read_to_end().await?, b"", "in order, not by reset");
    ends_well(&mut banyan).await?;
    assert!(banyan.client().await.is_err(), "nobody listens any more");
    Ok(())
}

#[tokio::test]
async fn a_drain_does_not_wait_for_ever() -> Result<()> {
    let upstream = Scripted::start(|_| Answer::new().hang()).await?;
    let mut banyan = Banyan::start(&config(&upstream, "timeouts: { drain: 300ms }\n")).await?;
    let mut client = banyan.client().await?;
    client.write("GET /x HTTP/1.1\r\nHost: a\r\n\r\n").await?;
    upstream.wait_for_requests(1).await?;
    banyan.terminate()?;
    ends_well(&mut banyan).await?;
    client.closed().await?;
    Ok(())
}

/// Kill and restart on the same ports: nothing of the old process is in the way.
#[tokio::test]
async fn a_restart_after_a_crash() -> Result<()> {
    let upstream = echo_target().await?;
    let mut banyan = Banyan::start(&config(&upstream, "")).await?;
    let _open = banyan.client().await?;
    banyan.kill().await?;
    banyan.restart().await?;
    assert_eq!(banyan.client().await?.get("/x", "").await?.text(), "/x");
    Ok(())
}

#[tokio::test]
async fn probes_on_an_address_of_their_own() -> Result<()> {
    let upstream = echo_target().await?;
    let banyan = Banyan::start(&config(&upstream, "probes: { listen: 127.0.0.1:EXTRA_PORT }\n")).await?;
    for (path, status) in [("/healthz", 200), ("/readyz", 200), ("/metrics", 200), ("/v1/units", 404)] {
        let response = RawClient::connect(banyan.extra_address()).await?.get_by_address(path).await?;
        assert_eq!(response.status, status, "{path}: {}", response.text());
    }
    Ok(())
}

#[tokio::test]
async fn a_rotated_access_log_is_opened_again() -> Result<()> {
    let upstream = echo_target().await?;
    let banyan = Banyan::start(&config(&upstream, "log: { access: ./access.log }\n")).await?;
    let (path, rotated) = (banyan.dir().join("access.log"), banyan.dir().join("access.log.1"));
    let holds = async |path: &std::path::Path, target: &str| {
        banyan.client().await?.get(target, "").await?;
        eventually(async || {
            let text = std::fs::read_to_string(path)?;
            ensure!(text.contains(target), "{target} is not in {}", path.display());
            Ok(())
        })
        .await
    };
    holds(&path, "/before").await?;
    std::fs::rename(&path, &rotated)?;
    let admin = banyan.admin()?;
    let before = generation(&admin).await?;
    banyan.hang_up()?;
    next_generation(&admin, before).await?;
    holds(&path, "/after").await?;
    assert!(!std::fs::read_to_string(&rotated)?.contains("/after"));
    Ok(())
}

#[tokio::test]
async fn sampled_traces_reach_a_collector() -> Result<()> {
    let sides = Sides::start().await?;
    let collector = Scripted::start(|_| Reply::new(200).into()).await?;
    let otlp = format!("otlp: {{ endpoint: \"{}\", sample: 100% }}\n", collector.url());
    let mut banyan = Banyan::start(&format!("{otlp}{}", sides.config("percent: 100%"))).await?;
    banyan.client().await?.get("/articles/7", "X-User-Id: ann\r\n").await?;
    let traceparent =
        sides.replacement.requests()[0].fields.get("traceparent").unwrap_or_default().to_owned();
    assert!(traceparent.ends_with("-01"), "{traceparent}");
    banyan.terminate()?;
    ends_well(&mut banyan).await?;
    let export = collector.wait_for_done(1).await?.remove(0);
    assert_eq!((export.method.as_str(), export.target.as_str()), ("POST", "/v1/traces"));
    assert_eq!(export.fields.get("content-type"), Some("application/x-protobuf"));
    let body = String::from_utf8_lossy(&export.body.bytes);
    for part in ["banyan", "GET /articles/{id}", "http.request.method", "replacement"] {
        assert!(body.contains(part), "{part}");
    }
    Ok(())
}
