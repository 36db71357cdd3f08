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
    net::TcpListener,
    sync::{Notify, mpsc},
    task::JoinSet,
    time::timeout,
};

use super::bench::Bench;
use crate::alerts::{Letter, Occasion, Pace, Sender, Target};

pub(super) const PATIENCE: Duration = Duration::from_secs(10);

pub(super) fn quick() -> Pace {
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
pub(super) fn tell(bench: &Bench, version: u64, key: &str, targets: &[Target]) {
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

pub(super) fn sender(bench: &Bench, wake: &Arc<Notify>, pace: Pace) -> JoinSet<()> {
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
async fn why_a_webhook_cannot_be_connected_to_is_said_without_its_key() {
    let bench = Bench::new();
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    tell(&bench, 0, "a", &[Target::Webhook(format!("http://{closed}/hook?key=S3CRET"))]);
    let pace =
        Pace { timeout: PATIENCE, first: Duration::from_secs(3600), longest: PATIENCE * 600, ..quick() };
    let _sender = sender(&bench, &Arc::<Notify>::default(), pace);
    let noted = async {
        loop {
            let due = bench.store.alerts_due(SystemTime::now() + PATIENCE * 1_000, 9).unwrap();
            if let Some(alert) = due.first().filter(|alert| !alert.failure.is_empty()) {
                return alert.failure.clone();
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let why = timeout(PATIENCE, noted).await.unwrap();
    assert!(why.contains("refused") && !why.contains("S3CRET"), "{why}");
}
