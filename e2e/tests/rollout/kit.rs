//! Two sides that can turn bad, subjects that never stop asking, and a rollout that takes seconds.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use banyan_e2e::{Sides, Verdict};
use banyan_testkit::{Admin, Answer, RawClient, Received, Reply};
use serde_json::{Value, json};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

/// How long a whole rollout may take. Far more than it does.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// A unit whose replacement can be made bad.
pub(super) struct Trial {
    pub(super) sides: Sides,
    bad: Arc<AtomicBool>,
}

impl Trial {
    pub(super) async fn start() -> Result<Self> {
        let bad = Arc::<AtomicBool>::default();
        let is_bad = bad.clone();
        let legacy = |_: &Received| Answer::from(Reply::new(200).body("legacy"));
        let replacement = move |_: &Received| {
            let reply = if is_bad.load(Relaxed) { Reply::new(500) } else { Reply::new(200) };
            Answer::from(reply.body("replacement"))
        };
        Ok(Self { sides: Sides::of(legacy, replacement).await?, bad })
    }

    pub(super) fn turn_bad(&self) {
        self.bad.store(true, Relaxed);
    }

    /// Only errors are judged: how long answers take on a busy machine says nothing about either side. Reads only, so a
    /// rollback is safe, or it would have to say whose data is whose.
    pub(super) fn config(&self, stages: &str, hold: &str, more: &str) -> String {
        let rollout = format!(
            "percent: 0%\n\
             fallback: none\n\
             authority: {{ read: split, write: split, sync: shared }}\n\
             rollout:\n\
             \x20 stages: {stages}\n\
             \x20 hold: {hold}\n\
             \x20 advance_when: {{ requests: 20, excess_errors: 60%, latency_p99: \"+10000%\", degraded: \"+60%\" }}\n\
             \x20 roll_back: {{ metrics: [ errors ] }}\n\
             {more}"
        );
        self.sides.config(&rollout)
    }
}

/// Subjects that ask on a few connections, each subject once in a while, until this is dropped.
pub(super) struct Crowd {
    stop: Arc<AtomicBool>,
    pub(super) seen: Arc<Seen>,
    _clients: JoinSet<()>,
}

/// What came of it.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) answered: AtomicUsize,
    /// Requests without an answer, which no gateway that runs should leave behind.
    pub(super) unanswered: AtomicUsize,
    /// Buckets of subjects that met a failure.
    pub(super) hurt: Mutex<BTreeSet<u32>>,
}

const CLIENTS: u64 = 4;
const SUBJECTS: u64 = 20_000;

impl Crowd {
    /// Asks these gateways in turn, each at about `rate` requests a second and connection.
    pub(super) fn start(gateways: &[SocketAddr], rate: u64) -> Self {
        let (stop, seen) = (Arc::<AtomicBool>::default(), Arc::<Seen>::default());
        let next = Arc::<AtomicU64>::default();
        let mut clients = JoinSet::new();
        for &gateway in gateways {
            for _ in 0..CLIENTS {
                let (stop, seen, next) = (stop.clone(), seen.clone(), next.clone());
                clients.spawn(ask(gateway, Duration::from_micros(1_000_000 / rate), stop, seen, next));
            }
        }
        Self { stop, seen, _clients: clients }
    }

    pub(super) fn unanswered(&self) -> usize {
        self.seen.unanswered.load(Relaxed)
    }

    pub(super) fn answered(&self) -> usize {
        self.seen.answered.load(Relaxed)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
    }
}

async fn ask(
    gateway: SocketAddr,
    every: Duration,
    stop: Arc<AtomicBool>,
    seen: Arc<Seen>,
    next: Arc<AtomicU64>,
) {
    while !stop.load(Relaxed) {
        // A gateway that was killed refuses; it is on its way back.
        let Ok(mut client) = RawClient::connect(gateway).await else {
            sleep(Duration::from_millis(5)).await;
            continue;
        };
        while !stop.load(Relaxed) {
            let subject = next.fetch_add(7, Relaxed) % SUBJECTS;
            let Ok(response) = client.get("/articles", &format!("X-User-Id: user-{subject}\r\n")).await
            else {
                seen.unanswered.fetch_add(1, Relaxed);
                break;
            };
            seen.answered.fetch_add(1, Relaxed);
            if let (500.., Ok(verdict)) = (response.status, Verdict::of(&response)) {
                seen.hurt.lock().expect("no panic").insert(verdict.bucket);
            }
            sleep(every).await;
        }
    }
}

/// What a gateway says of the rollout.
pub(super) async fn rollout(admin: &Admin) -> Result<Value> {
    let answer = admin.get("/v1/rollouts/articles").await?;
    ensure!(answer.status == 200, "{} {}", answer.status, answer.text);
    Ok(answer.json)
}

/// Orders something of the rollout, which must be done.
pub(super) async fn order(admin: &Admin, command: &str) -> Result<Value> {
    let path = format!("/v1/rollouts/articles/{command}");
    let answer = admin.send("POST", &path, Some(&json!({ "by": "ada", "why": "a test" }))).await?;
    ensure!(answer.status == 200, "{command}: {} {}", answer.status, answer.text);
    Ok(answer.json)
}

/// The steps of the rollout, the first one first.
pub(super) async fn history(admin: &Admin) -> Result<Vec<Value>> {
    let answer = admin.get("/v1/rollouts/articles/history?limit=1000").await?;
    let mut entries = answer.json.as_array().cloned().context("a history")?;
    entries.reverse();
    Ok(entries)
}

/// Waits until the rollout is as wanted.
pub(super) async fn until(admin: &Admin, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let now = rollout(admin).await;
        match now {
            Ok(now) if wanted(&now) => return Ok(now),
            other if Instant::now() > deadline => bail!("it never came: {other:?}"),
            _ => sleep(Duration::from_millis(20)).await,
        }
    }
}

pub(super) fn phase(rollout: &Value) -> &str {
    rollout["phase"].as_str().unwrap_or_default()
}
