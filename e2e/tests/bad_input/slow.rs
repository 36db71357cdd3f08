//! Those who take their time, alone and in crowds. The bounds on memory are many times what is used, and a fraction of
//! what a buffer for each of them would take.

use std::time::Duration;

use anyhow::{Result, ensure};
use banyan_e2e::assert_problem;
use banyan_testkit::{Answer, Banyan, Pattern, Reply, eventually};
use tokio::{net::TcpStream, task::JoinSet};

use super::{behind, others_are_served, pass_through, upstream_with};

/// Between two bytes of those who send a byte a second.
const SECOND: Duration = Duration::from_secs(1);
/// Of slow ones at a time.
const CROWD: usize = 200;

/// Raises this process's limit on open files as far as it may; the program inherits it. Returns how many connections
/// that leaves room for.
fn room_for_connections() -> Result<usize> {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit)?;
    Ok(limit
        .maximum
        .map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX))
        .saturating_sub(500))
}

#[tokio::test]
async fn ten_thousand_connections_that_say_nothing() -> Result<()> {
    let count = room_for_connections()?.min(10_000);
    let (_upstream, banyan) = pass_through("").await?;
    others_are_served(&banyan).await?;
    let before = banyan.memory_kib()?;
    let mut silent = Vec::new();
    for _ in 0..count {
        silent.push(TcpStream::connect(banyan.address()).await?);
    }
    let admin = banyan.admin()?;
    eventually(async || {
        let open = admin.metric("banyan_client_connections").await?;
        ensure!(open >= Some(count as f64), "{open:?} of {count} connections are open");
        Ok(())
    })
    .await?;
    others_are_served(&banyan).await?;
    let grown = banyan.memory_kib()?.saturating_sub(before);
    assert!(grown < 32 * count as u64, "{grown} KiB for {count} connections");
    Ok(())
}

#[tokio::test]
async fn a_silent_connection_is_closed_in_the_end() -> Result<()> {
    let (_upstream, banyan) = pass_through("timeouts: { keep_alive: 300ms }").await?;
    let mut silent = banyan.client().await?;
    assert_eq!(silent.read_to_end().await?, b"", "without a word: there was no request");
    let mut idle = banyan.client().await?;
    assert_eq!(idle.get("/others", "").await?.status, 200);
    assert_eq!(idle.read_to_end().await?, b"");
    Ok(())
}

#[tokio::test]
async fn a_head_that_does_not_end_in_time() -> Result<()> {
    let (upstream, banyan) = pass_through("timeouts: { head: 300ms }").await?;
    let mut client = banyan.client().await?;
    client.write("GET /bad HTTP/1.1\r\nHost: a\r\n").await?;
    assert_problem(&client.read_response("GET").await?, 408, "head-timeout");
    client.closed().await?;
    others_are_served(&banyan).await?;
    assert_eq!(upstream.requests().len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_body_that_stops() -> Result<()> {
    let (upstream, banyan) = pass_through("timeouts: { body: 300ms }").await?;
    let mut client = banyan.client().await?;
    client.write("POST /bad HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello").await?;
    assert_problem(&client.read_response("POST").await?, 408, "body-timeout");
    client.closed().await?;
    others_are_served(&banyan).await?;
    let requests = upstream.wait_for_done(1).await?;
    assert!(requests.iter().filter(|request| request.target == "/bad").all(|request| !request.body.complete));
    Ok(())
}

/// Progress does not buy time for a head: however steadily its bytes come, it ends with the limit.
#[tokio::test]
async fn clients_that_send_a_byte_of_their_head_a_second() -> Result<()> {
    let (upstream, banyan) = pass_through("timeouts: { head: 1500ms }").await?;
    let mut crowd = JoinSet::new();
    for _ in 0..CROWD {
        let mut client = banyan.client().await?;
        crowd.spawn(async move {
            client.dribble("GET", SECOND).await?;
            client.read_response("GET").await
        });
    }
    others_are_served(&banyan).await?;
    while let Some(answer) = crowd.join_next().await {
        assert_problem(&answer??, 408, "head-timeout");
    }
    others_are_served(&banyan).await?;
    assert!(upstream.requests().iter().all(|request| request.target == "/others"));
    Ok(())
}

/// A body may take its time as long as it moves.
#[tokio::test]
async fn clients_that_send_a_byte_of_their_body_a_second() -> Result<()> {
    let (upstream, banyan) = pass_through("timeouts: { body: 5s }").await?;
    others_are_served(&banyan).await?;
    let before = banyan.memory_kib()?;
    let mut crowd = JoinSet::new();
    for _ in 0..CROWD {
        let mut client = banyan.client().await?;
        crowd.spawn(async move {
            client.write("POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n").await?;
            client.dribble("abc", SECOND).await?;
            client.read_response("POST").await
        });
    }
    upstream.wait_for_requests(CROWD + 1).await?;
    others_are_served(&banyan).await?;
    assert_bounded(&banyan, before)?;
    while let Some(answer) = crowd.join_next().await {
        assert_eq!(answer??.status, 200);
    }
    let slow = upstream.requests().into_iter().filter(|request| request.target == "/slow");
    assert!(slow.map(|request| request.body.bytes).eq((0..CROWD).map(|_| b"abc".to_vec())));
    Ok(())
}

#[tokio::test]
async fn upstreams_that_send_a_byte_a_second() -> Result<()> {
    let slow = || Answer::new().send(Reply::new(200).length(3).head()).dribble("abc", SECOND);
    let upstream = upstream_with(slow).await?;
    let banyan = behind(&upstream, "").await?;
    others_are_served(&banyan).await?;
    let before = banyan.memory_kib()?;
    let mut crowd = JoinSet::new();
    for _ in 0..CROWD {
        let mut client = banyan.client().await?;
        crowd.spawn(async move { client.get("/slow", "").await });
    }
    upstream.wait_for_requests(CROWD + 1).await?;
    others_are_served(&banyan).await?;
    assert_bounded(&banyan, before)?;
    while let Some(answer) = crowd.join_next().await {
        assert_eq!(answer??.text(), "abc");
    }
    Ok(())
}

/// The head too may come a byte at a time; its limit is that of the attempt.
#[tokio::test]
async fn an_upstream_that_sends_a_byte_of_its_head_a_second() -> Result<()> {
    let slow = || Answer::new().dribble(Reply::new(200).head(), SECOND);
    let upstream = upstream_with(slow).await?;
    let config = format!(
        "upstreams: {{ only: {{ endpoints: [\"{}\"], timeout: 1500ms }} }}\nroutes: [ {{ match: \"* /{{rest...}}\", to: only }} ]\n",
        upstream.url()
    );
    let banyan = Banyan::start(&config).await?;
    let mut client = banyan.client().await?;
    client.write("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await?;
    others_are_served(&banyan).await?;
    assert_problem(&client.read_response("GET").await?, 504, "upstream-timeout");
    Ok(())
}

/// What is not taken is not fetched: the upstream waits, and the gateway holds next to nothing.
#[tokio::test]
async fn clients_that_take_nothing_of_their_answer() -> Result<()> {
    let size = 32 << 20;
    let large =
        move || Answer::new().send(Reply::new(200).length(size).head()).pattern(Pattern::new(size, 1));
    let upstream = upstream_with(large).await?;
    let banyan = behind(&upstream, "timeouts: { write: 1s }").await?;
    others_are_served(&banyan).await?;
    let before = banyan.memory_kib()?;
    let mut stuck = Vec::new();
    for _ in 0..20 {
        let mut client = banyan.client().await?;
        client.write("GET /large HTTP/1.1\r\nHost: a\r\n\r\n").await?;
        stuck.push(client);
    }
    upstream.wait_for_requests(21).await?;
    others_are_served(&banyan).await?;
    for _ in 0..20 {
        banyan.wait_for_line(|line| line.contains("\"flag\":\"CW\"")).await?;
    }
    assert_bounded(&banyan, before)?;
    upstream.wait_for_open_connections(2).await?;
    others_are_served(&banyan).await?;
    Ok(())
}

/// A few hundred slow ones: 64 MiB more at most, less than a buffer of 512 KiB for each.
fn assert_bounded(banyan: &Banyan, before: u64) -> Result<()> {
    let grown = banyan.memory_kib()?.saturating_sub(before);
    assert!(grown < 64 * 1024, "{grown} KiB more");
    Ok(())
}
