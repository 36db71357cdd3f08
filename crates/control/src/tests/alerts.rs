//! Alerts on their way.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, SystemTime},
};

use axum::{Json, Router, routing::post};
use banyan_state::{Alert, RolloutStep, Store};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpListener,
    sync::{Notify, mpsc},
    task::JoinSet,
    time::timeout,
};

use super::bench::Bench;
use crate::alerts::{Letter, Occasion, Pace, Sender, Target};

const PATIENCE: Duration = Duration::from_secs(10);

fn quick() -> Pace {
    Pace { timeout: Duration::from_millis(200), first: Duration::from_millis(20), ..Pace::default() }
}

fn letter() -> Letter {
    Letter {
        unit: "articles".to_owned(),
        occasion: Occasion::RolledBack,
        at: SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis().try_into().unwrap(),
        node: "gw-1".to_owned(),
        text: "articles: rolled back".to_owned(),
        details: Value::Null,
    }
}

/// A step that tells these targets.
fn tell(bench: &Bench, version: u64, key: &str, targets: &[Target]) {
    let alert =
        |target: &Target| Alert { key: key.to_owned(), target: target.to_text(), body: letter().to_text() };
    let step = RolloutStep {
        unit: "articles".to_owned(),
        expected_version: version,
        state: "{}".to_owned(),
        what: "rolled back".to_owned(),
        percent: None,
        alerts: targets.iter().map(alert).collect(),
        term: None,
        at: SystemTime::now(),
        by: "banyan".to_owned(),
        why: String::new(),
    };
    bench.store.step_rollout(&step).unwrap();
}

fn sender(bench: &Bench, wake: &Arc<Notify>, pace: Pace) -> JoinSet<()> {
    let nodes = bench.control.shared.nodes.clone();
    let sender = Sender::new(bench.store.clone(), nodes, bench.metrics.clone(), wake.clone(), pace);
    let mut tasks = JoinSet::new();
    tasks.spawn(sender.run());
    tasks
}

/// A webhook that hangs for the first `hangs` requests. Its URL, and what came.
async fn hook(hangs: usize, tasks: &mut JoinSet<()>) -> (Target, mpsc::Receiver<Value>) {
    let (sender, received) = mpsc::channel(16);
    let count = Arc::new(AtomicUsize::new(0));
    let handle = move |Json(body): Json<Value>| {
        let (sender, count) = (sender.clone(), count.clone());
        async move {
            if count.fetch_add(1, Relaxed) < hangs {
                std::future::pending::<()>().await;
            }
            sender.send(body).await.unwrap();
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let router = Router::new().route("/hook", post(handle));
    tasks.spawn(async move { axum::serve(listener, router).await.unwrap() });
    (Target::Webhook(url), received)
}

async fn next(received: &mut mpsc::Receiver<Value>) -> Value {
    timeout(PATIENCE, received.recv()).await.expect("an alert").expect("a webhook")
}

#[tokio::test]
async fn a_webhook_that_hangs_first_is_told_once_and_delays_nobody() {
    let bench = Bench::new();
    let mut tasks = JoinSet::new();
    let (hanging, mut late) = hook(1, &mut tasks).await;
    let (prompt, mut at_once) = hook(0, &mut tasks).await;
    let wake = Arc::<Notify>::default();
    let _sender = sender(&bench, &wake, quick());
    tell(&bench, 0, "articles/1/rolled_back", &[hanging.clone(), prompt.clone()]);
    // Told of again, as by a step that was tried again: the key says that it is the same.
    tell(&bench, 1, "articles/1/rolled_back", &[hanging, prompt]);
    wake.notify_one();
    let body = next(&mut at_once).await;
    assert_eq!(
        (&body["text"], &body["banyan"]["event"]),
        (&"articles: rolled back".into(), &"rolled_back".into())
    );
    assert_eq!(next(&mut late).await["banyan"]["unit"], "articles");
    // Waits until both are noted as sent; then nothing is due, and so nothing can come a second time.
    while !bench.store.alerts_due(SystemTime::now() + PATIENCE, 9).unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(late.try_recv().is_err() && at_once.try_recv().is_err());
    let metrics = bench.metrics.render();
    for line in [
        r#"banyan_alerts_total{target="webhook",result="sent"} 2"#,
        r#"banyan_alerts_total{target="webhook",result="failed"} 1"#,
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
}

#[tokio::test]
async fn what_is_a_day_old_is_given_up() {
    let bench = Bench::new();
    let wake = Arc::<Notify>::default();
    let nobody = Target::Webhook("http://127.0.0.1:1/hook".to_owned());
    tell(&bench, 0, "a", &[nobody]);
    let _sender = sender(&bench, &wake, Pace { whole: Duration::ZERO, ..quick() });
    while !bench.store.alerts_due(SystemTime::now() + PATIENCE, 9).unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(bench.metrics.render().contains(r#"result="given_up"} 1"#));
}

#[tokio::test]
async fn mail_is_handed_over_as_the_standard_says() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(mail_server(listener));
    let bench = Bench::new();
    let wake = Arc::<Notify>::default();
    let target = Target::Smtp {
        host: "127.0.0.1".to_owned(),
        port,
        from: "banyan@example.org".to_owned(),
        to: vec!["ops@example.org".to_owned()],
    };
    tell(&bench, 0, "a/1/rolled_back", &[target]);
    let _sender = sender(&bench, &wake, Pace { timeout: PATIENCE, ..quick() });
    let mail = timeout(PATIENCE, server).await.unwrap().unwrap();
    for part in [
        "MAIL FROM:<banyan@example.org>",
        "RCPT TO:<ops@example.org>",
        "Subject: [banyan] articles: rolled back",
    ] {
        assert!(mail.contains(part), "{part}: {mail}");
    }
}

/// One mail, by RFC 5321: all that the client said.
async fn mail_server(listener: TcpListener) -> String {
    let (stream, _) = listener.accept().await.unwrap();
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    let (mut said, mut data) = (String::new(), false);
    writer.write_all(b"220 test\r\n").await.unwrap();
    while let Some(line) = lines.next_line().await.unwrap() {
        said.push_str(&line);
        said.push('\n');
        let answer: &[u8] = match line.as_str() {
            "." => {
                data = false;
                b"250 kept\r\n"
            }
            _ if data => continue,
            "DATA" => {
                data = true;
                b"354 go on\r\n"
            }
            "QUIT" => {
                writer.write_all(b"221 bye\r\n").await.unwrap();
                break;
            }
            _ => b"250 well\r\n",
        };
        writer.write_all(answer).await.unwrap();
    }
    said
}
