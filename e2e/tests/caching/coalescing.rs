//! Identical requests at the same time share one call; what becomes of that call is each one's own affair.

use anyhow::Result;
use banyan_testkit::{
    Answer, Banyan, Gate, Pattern, RawClient, Received, Reply, Response, Scripted, eventually,
};
use tokio::task::JoinSet;

use super::kit::{Counts, HOUR, cache_status, keeping, keeping_with, metric, reply, text};

/// Clients that have all sent this request, and wait.
async fn crowd(banyan: &Banyan, count: usize, target: &str, fields: &str) -> Result<Vec<RawClient>> {
    let mut clients = Vec::new();
    for _ in 0..count {
        let mut client = banyan.client().await?;
        client.write(format!("GET {target} HTTP/1.1\r\nHost: test.example\r\n{fields}\r\n")).await?;
        clients.push(client);
    }
    Ok(clients)
}

async fn all(clients: Vec<RawClient>) -> Result<Vec<Response>> {
    let mut answers = JoinSet::new();
    for mut client in clients {
        answers.spawn(async move { client.read_response("GET").await });
    }
    Ok(answers.join_all().await.into_iter().collect::<std::io::Result<_>>()?)
}

/// Waits until so many requests have been answered or wait; only those that are under way are counted as such.
async fn waiting(banyan: &Banyan, count: usize) -> Result<()> {
    let admin = banyan.admin()?;
    eventually(async || {
        let now = admin.metric("http_server_active_requests").await?;
        anyhow::ensure!(now == Some(count as f64), "{now:?} requests are under way");
        Ok(())
    })
    .await
}

/// An upstream that answers `/` when the gate opens.
async fn gated(
    gate: &Gate,
    answer: impl Fn(&Received, usize) -> Answer + Send + Sync + 'static,
) -> Result<Scripted> {
    let (gate, counts) = (gate.clone(), Counts::default());
    Ok(Scripted::start(move |request| {
        let answer = answer(request, counts.next(request));
        Answer::new().wait(&gate).followed_by(answer)
    })
    .await?)
}

#[tokio::test]
async fn a_hundred_identical_requests_make_one_call() -> Result<()> {
    let gate = Gate::new();
    let upstream = gated(&gate, |_, _| reply(200, &[HOUR]).body("body").into()).await?;
    let banyan = keeping(&upstream.url(), &[]).await?;
    let clients = crowd(&banyan, 100, "/", "").await?;
    waiting(&banyan, 100).await?;
    gate.open();
    let answers = all(clients).await?;
    assert!(answers.iter().all(|answer| answer.status == 200 && answer.text() == "body"));
    assert_eq!(upstream.requests().len(), 1);
    let collapsed = answers.iter().filter(|answer| cache_status(answer).contains("collapsed")).count();
    assert_eq!(collapsed, 99);
    Ok(())
}

/// The bytes reach all of them while they still come.
#[tokio::test]
async fn a_large_answer_streams_to_everybody_at_once() -> Result<()> {
    const SIZE: u64 = 3 << 20;
    let gate = Gate::new();
    let waits = gate.clone();
    let upstream = Scripted::start(move |_| {
        let head = reply(200, &[HOUR]).length(SIZE).head();
        Answer::new().wait(&waits).send(head).pattern(Pattern::new(SIZE, 1))
    })
    .await?;
    let banyan = keeping(&upstream.url(), &[]).await?;
    let clients = crowd(&banyan, 20, "/", "").await?;
    waiting(&banyan, 20).await?;
    gate.open();
    for answer in all(clients).await? {
        assert_eq!((answer.body.length, answer.body.sha256), (SIZE, Pattern::new(SIZE, 1).sha256()));
    }
    assert_eq!(upstream.requests().len(), 1);
    Ok(())
}

#[tokio::test]
async fn the_first_one_may_leave_and_the_others_get_their_answer() -> Result<()> {
    let gate = Gate::new();
    let upstream = gated(&gate, |_, _| reply(200, &[HOUR]).body("body").into()).await?;
    let banyan = keeping(&upstream.url(), &[]).await?;
    let first = crowd(&banyan, 1, "/", "").await?;
    upstream.wait_for_requests(1).await?;
    let others = crowd(&banyan, 9, "/", "").await?;
    waiting(&banyan, 10).await?;
    first.into_iter().try_for_each(RawClient::reset)?;
    waiting(&banyan, 9).await?;
    gate.open();
    assert!(all(others).await?.iter().all(|answer| answer.text() == "body"));
    assert_eq!(upstream.requests().len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_any_more_is_given_up() -> Result<()> {
    let upstream = Scripted::start(|_| Answer::new().hang()).await?;
    let banyan = keeping(&upstream.url(), &[]).await?;
    let clients = crowd(&banyan, 5, "/", "").await?;
    waiting(&banyan, 5).await?;
    upstream.wait_for_requests(1).await?;
    clients.into_iter().try_for_each(RawClient::reset)?;
    upstream.wait_for_open_connections(0).await?;
    assert_eq!(upstream.requests().len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_failure_is_shared_and_not_kept() -> Result<()> {
    let gate = Gate::new();
    let upstream = gated(&gate, |_, count| match count {
        0 => Answer::new().reset(),
        1 => Reply::new(500).body("broken").into(),
        _ => reply(200, &[HOUR]).body("body").into(),
    })
    .await?;
    let banyan = keeping(&upstream.url(), &[]).await?;
    let clients = crowd(&banyan, 10, "/", "").await?;
    waiting(&banyan, 10).await?;
    gate.open();
    let answers = all(clients).await?;
    assert!(answers.iter().all(|answer| answer.status == 502), "{answers:?}");
    assert_eq!(upstream.requests().len(), 1);
    let mut client = banyan.client().await?;
    assert_eq!(client.get("/", "").await?.status, 500);
    assert_eq!(text(&mut client, "/", "").await?, "body");
    Ok(())
}

/// What was sent cannot be taken back, so everybody's answer breaks off; nobody takes it for whole.
#[tokio::test]
async fn an_answer_that_breaks_off_breaks_off_for_all_and_is_not_kept() -> Result<()> {
    let gate = Gate::new();
    let upstream = gated(&gate, |_, count| match count {
        0 => Answer::new().send(reply(200, &[HOUR]).length(100).head()).send("half").reset(),
        _ => reply(200, &[HOUR]).body("body").into(),
    })
    .await?;
    let banyan = keeping(&upstream.url(), &[]).await?;
    let clients = crowd(&banyan, 10, "/", "").await?;
    waiting(&banyan, 10).await?;
    gate.open();
    for mut client in clients {
        // Either the break is seen before the head left, or within the body.
        if let Ok(answer) = client.read_response("GET").await {
            assert!(answer.status == 502 || !answer.body.complete, "{} {}", answer.status, answer.text());
        }
    }
    assert_eq!(text(&mut banyan.client().await?, "/", "").await?, "body");
    Ok(())
}

/// After `wait` they go alone, and the one that hangs holds up nobody but itself.
#[tokio::test]
async fn who_has_waited_long_enough_asks_for_itself() -> Result<()> {
    let counts = Counts::default();
    let upstream = Scripted::start(move |request| match counts.next(request) {
        0 => Answer::new().hang(),
        _ => reply(200, &[HOUR]).body("body").into(),
    })
    .await?;
    let banyan = keeping_with(&upstream.url(), "{ wait: 100ms }", &[]).await?;
    let first = crowd(&banyan, 1, "/", "").await?;
    upstream.wait_for_requests(1).await?;
    let others = crowd(&banyan, 3, "/", "").await?;
    for answer in all(others).await? {
        assert_eq!((answer.status, answer.text().as_str()), (200, "body"));
    }
    assert_eq!(all(first).await?[0].status, 504);
    Ok(())
}

/// Who turns out to have asked for another variant gets its own, and those who want the same still share.
#[tokio::test]
async fn other_values_of_what_it_varies_by_are_not_answered_by_it() -> Result<()> {
    let gate = Gate::new();
    let upstream = gated(&gate, |request, _| {
        let language = request.fields.get("accept-language").unwrap_or_default().to_owned();
        reply(200, &[HOUR, ("Vary", "Accept-Language")]).body(language).into()
    })
    .await?;
    let banyan = keeping(&upstream.url(), &[]).await?;
    let mut crowds = Vec::new();
    for language in ["de", "en", "fr", "it"] {
        crowds.push((language, crowd(&banyan, 10, "/", &format!("Accept-Language: {language}\r\n")).await?));
    }
    waiting(&banyan, 40).await?;
    gate.open();
    for (language, clients) in crowds {
        let answers = all(clients).await?;
        assert!(answers.iter().all(|answer| answer.text() == language), "{language}");
    }
    assert!(upstream.requests().len() < 20, "{} calls", upstream.requests().len());
    Ok(())
}

/// Whatever the answers say: two names never wait for the same call.
#[tokio::test]
async fn different_names_never_share() -> Result<()> {
    let gate = Gate::new();
    let upstream = gated(&gate, |request, _| {
        let name = request.fields.get("authorization").unwrap_or("nobody").to_owned();
        reply(200, &[("Cache-Control", "max-age=60")]).body(name).into()
    })
    .await?;
    let banyan =
        keeping(&upstream.url(), &["match: \"GET /zero\", cache: { ttl: 0s, allow: [ authorization ] }"])
            .await?;
    for target in ["/", "/zero"] {
        let mut crowds = vec![("nobody".to_owned(), crowd(&banyan, 3, target, "").await?)];
        for name in ["a", "b", "c"] {
            let fields = format!("Authorization: {name}\r\n");
            crowds.push((name.to_owned(), crowd(&banyan, 3, target, &fields).await?));
        }
        if target == "/" {
            waiting(&banyan, 12).await?;
            gate.open();
        }
        for (name, clients) in crowds {
            for answer in all(clients).await? {
                assert_eq!(answer.text(), name, "{target}");
            }
        }
    }
    Ok(())
}

/// What is nobody else's is fetched by each; and from then on nobody waits for another's.
#[tokio::test]
async fn what_cannot_be_shared_is_not_waited_for_again() -> Result<()> {
    let gate = Gate::new();
    let upstream =
        gated(&gate, |_, count| reply(200, &[("Cache-Control", "private")]).body(count.to_string()).into())
            .await?;
    let banyan = keeping(&upstream.url(), &[]).await?;
    let clients = crowd(&banyan, 10, "/", "").await?;
    waiting(&banyan, 10).await?;
    assert_eq!(upstream.wait_for_requests(1).await?.len(), 1, "nothing is known of it yet");
    gate.open();
    let mut bodies: Vec<usize> =
        all(clients).await?.iter().filter_map(|answer| answer.text().parse().ok()).collect();
    bodies.sort_unstable();
    assert_eq!(bodies, (0..10).collect::<Vec<_>>(), "each has its own");
    Ok(())
}

#[tokio::test]
async fn once_it_is_known_that_it_cannot_be_shared_all_are_asked_at_once() -> Result<()> {
    let gate = Gate::new();
    let (waits, counts) = (gate.clone(), Counts::default());
    let upstream = Scripted::start(move |request| {
        let answer = reply(200, &[("Cache-Control", "no-store")]).body("mine");
        if counts.next(request) == 0 { answer.into() } else { Answer::new().wait(&waits).reply(answer) }
    })
    .await?;
    let banyan = keeping(&upstream.url(), &[]).await?;
    text(&mut banyan.client().await?, "/", "").await?;
    let clients = crowd(&banyan, 10, "/", "").await?;
    upstream.wait_for_requests(11).await?;
    gate.open();
    assert!(all(clients).await?.iter().all(|answer| answer.text() == "mine"));
    Ok(())
}

/// `ttl: 0s` keeps nothing, and still makes one call of many.
#[tokio::test]
async fn what_is_not_kept_can_be_shared_all_the_same() -> Result<()> {
    let gate = Gate::new();
    let upstream = gated(&gate, |_, count| Reply::new(200).body(count.to_string()).into()).await?;
    let banyan = keeping(
        &upstream.url(),
        &[
            "match: \"GET /zero\", cache: { ttl: 0s }",
            "match: \"GET /each\", cache: { ttl: 1h, coalesce: false }",
        ],
    )
    .await?;
    let (zero, each) = (crowd(&banyan, 10, "/zero", "").await?, crowd(&banyan, 5, "/each", "").await?);
    waiting(&banyan, 15).await?;
    upstream.wait_for_requests(6).await?;
    gate.open();
    assert!(all(zero).await?.iter().all(|answer| answer.text() == "0"));
    all(each).await?;
    assert_eq!(upstream.requests().len(), 6);
    assert_eq!(text(&mut banyan.client().await?, "/zero", "").await?, "1", "it was not kept");
    Ok(())
}

/// A slow reader gets its bytes when it wants them, and holds up neither the others nor much memory.
#[tokio::test]
async fn one_that_does_not_read_does_not_stop_the_others() -> Result<()> {
    const SIZE: u64 = 6 << 20;
    let gate = Gate::new();
    let waits = gate.clone();
    let upstream = Scripted::start(move |_| {
        let head = reply(200, &[HOUR]).length(SIZE).head();
        Answer::new().wait(&waits).send(head).pattern(Pattern::new(SIZE, 2))
    })
    .await?;
    let banyan = keeping(&upstream.url(), &[]).await?;
    let mut slow = crowd(&banyan, 1, "/", "").await?;
    upstream.wait_for_requests(1).await?;
    let others = crowd(&banyan, 4, "/", "").await?;
    waiting(&banyan, 5).await?;
    gate.open();
    let sum = Pattern::new(SIZE, 2).sha256();
    assert!(all(others).await?.iter().all(|answer| answer.body.sha256 == sum));
    let late = slow.pop().unwrap().read_response("GET").await?;
    assert_eq!(late.body.sha256, sum);
    eventually(async || {
        let held = metric(&banyan, "banyan_cache_fetch_bytes").await?;
        anyhow::ensure!(held.abs() < 1.0, "{held} bytes are held");
        Ok(())
    })
    .await?;
    Ok(())
}

/// What is too large to be kept is not held for a slow reader either: it is slowed down, or broken off, and never wrong.
#[tokio::test]
async fn a_slow_reader_of_what_is_too_large_to_keep_costs_no_memory() -> Result<()> {
    const SIZE: u64 = 64 << 20;
    let gate = Gate::new();
    let waits = gate.clone();
    let upstream = Scripted::start(move |_| {
        let head = reply(200, &[HOUR]).length(SIZE).head();
        Answer::new().wait(&waits).send(head).pattern(Pattern::new(SIZE, 3))
    })
    .await?;
    let banyan = keeping_with(&upstream.url(), "{ max_object: 1MiB }", &[]).await?;
    let mut slow = crowd(&banyan, 1, "/", "").await?;
    upstream.wait_for_requests(1).await?;
    let others = crowd(&banyan, 3, "/", "").await?;
    waiting(&banyan, 4).await?;
    let before = banyan.memory_kib()?;
    gate.open();
    let reading = tokio::spawn(all(others));
    let sum = Pattern::new(SIZE, 3).sha256();
    let head = slow[0].read_response_head().await?;
    assert_eq!(head.status, 200);
    let answers = reading.await??;
    let grown = banyan.memory_kib()?.saturating_sub(before);
    assert!(grown < 32 * 1024, "{grown} KiB more");
    assert!(answers.iter().all(|answer| answer.body.sha256 == sum), "the others have it all");
    let late = slow[0].read_response_body("GET", &head).await?;
    assert!(!late.complete || late.sha256 == sum, "{} bytes", late.length);
    Ok(())
}

/// What is not kept has a `Vary` too: who is somebody else gets an answer of their own.
#[tokio::test]
async fn s4_1_what_is_shared_and_not_kept_is_shared_by_its_vary() -> Result<()> {
    let gate = Gate::new();
    let upstream = gated(&gate, |request, _| {
        let status = if request.target == "/zero" { 200 } else { 503 };
        let cookie = request.fields.get("cookie").unwrap_or_default().to_owned();
        reply(status, &[("Vary", "Cookie")]).body(cookie).into()
    })
    .await?;
    let banyan = keeping(&upstream.url(), &["match: \"GET /zero\", cache: { ttl: 0s }"]).await?;
    let mut crowds = Vec::new();
    for (target, name) in [("/zero", "a"), ("/zero", "b"), ("/down", "a"), ("/down", "b")] {
        crowds.push((name, crowd(&banyan, 5, target, &format!("Cookie: {name}\r\n")).await?));
    }
    waiting(&banyan, 20).await?;
    gate.open();
    for (name, clients) in crowds {
        let answers = all(clients).await?;
        assert!(answers.iter().all(|answer| answer.text() == name), "{name}");
    }
    assert!(upstream.requests().len() < 12, "{} calls", upstream.requests().len());
    Ok(())
}

/// What turns out to be larger than may be kept is of no use to anybody once its readers are gone, however long it goes on.
#[tokio::test]
async fn what_never_ends_ends_with_its_last_reader() -> Result<()> {
    const MORE_THAN_MAY_BE_KEPT: usize = 256 << 10;
    let upstream = Scripted::start(|_| {
        let head = reply(200, &[HOUR]).field("Transfer-Encoding", "chunked").head();
        let chunk = format!("{:x}\r\n{}\r\n", MORE_THAN_MAY_BE_KEPT, "x".repeat(MORE_THAN_MAY_BE_KEPT));
        Answer::new().send(head).send(chunk).hang()
    })
    .await?;
    let banyan = keeping_with(&upstream.url(), "{ max_object: 64KiB }", &[]).await?;
    for _ in 0..3 {
        let mut clients = crowd(&banyan, 1, "/", "").await?;
        assert_eq!(clients[0].read_response_head().await?.status, 200);
        clients[0].read_exact(MORE_THAN_MAY_BE_KEPT / 2).await?;
        clients.into_iter().try_for_each(RawClient::reset)?;
    }
    upstream.wait_for_open_connections(0).await?;
    Ok(())
}
