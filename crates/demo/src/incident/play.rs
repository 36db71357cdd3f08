//! The night, played: the same load on two kinds of callers, each with a database of its own.
//!
//! The load is open-loop: requests come when they are due, whether or not earlier ones were answered, as people do. A
//! caller waits five seconds and leaves.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::join;
use http::{HeaderValue, Request, StatusCode};
use http_body_util::Full;
use tokio::{
    sync::oneshot,
    time::{Instant, sleep_until, timeout},
};

use super::{
    naive::{self, Naive},
    story::{Phase, SLOWNESS, Story},
    stub::{self, Stub},
    tally::{End, Row, Tally},
};
use crate::{background::Background, client::Client};

/// When a caller leaves. Requests under way are bounded by it: no more than come within this time.
const PATIENCE: Duration = Duration::from_secs(5);
/// Time for threads to begin, before the story does.
const LEAD: Duration = Duration::from_millis(250);
/// What is asked for.
const PATH: &str = "/posts";

/// Both databases, running. They end when this is dropped.
#[derive(Debug)]
pub struct Stage {
    story: Story,
    naive: (Arc<Stub>, SocketAddr),
    banyan: (Arc<Stub>, SocketAddr),
    background: Background,
}

/// The story under way. Ends when it is dropped.
#[derive(Debug)]
pub struct Play {
    shared: Arc<Shared>,
    // The callers end before the databases do.
    _callers: Background,
    _databases: Background,
}

/// What was seen so far.
#[derive(Clone, Debug, PartialEq)]
pub struct Scene {
    /// Which story.
    pub story: Story,
    /// Since its start.
    pub elapsed: Duration,
    /// Callers with a pool and retries.
    pub naive: Seen,
    /// The same callers, behind the gateway.
    pub banyan: Seen,
    /// Requests that neither was asked, for the machine was too busy to send them when they were due.
    pub missed: u64,
}

/// What was seen of one kind of caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Every second that is over.
    pub rows: Vec<Row>,
    /// Queries in flight at its database.
    pub in_flight: u32,
    /// Most of them so far.
    pub peak: u32,
    /// 99 % of the good answers after the blip came within this time; `None` when there were none.
    pub p99_after: Option<Duration>,
}

#[derive(Debug)]
struct Shared {
    story: Story,
    start: Instant,
    naive: Lane,
    banyan: Lane,
    missed: AtomicU64,
}

/// One kind of caller.
#[derive(Debug)]
struct Lane {
    database: Arc<Stub>,
    tally: Mutex<Tally>,
}

impl Stage {
    /// Starts both databases on free ports. When it returns, connections are accepted.
    ///
    /// # Errors
    /// When there is no free port or no thread.
    pub fn start(story: Story) -> io::Result<Self> {
        let [naive, banyan] = [(); 2].map(|()| Arc::new(Stub::new(story.size())));
        let ((naive_listener, naive_at), (banyan_listener, banyan_at)) = (stub::listen()?, stub::listen()?);
        let (first, second) = (naive.clone(), banyan.clone());
        let serve = move |stopped: oneshot::Receiver<()>| async move {
            tokio::select! {
                _ = join(first.serve(naive_listener), second.serve(banyan_listener)) => {}
                _ = stopped => {}
            }
        };
        let background = Background::start("demo-databases", serve)?;
        Ok(Self { story, naive: (naive, naive_at), banyan: (banyan, banyan_at), background })
    }

    /// Where the database behind the gateway listens.
    #[must_use]
    pub const fn database(&self) -> SocketAddr {
        self.banyan.1
    }

    /// Plays the story, with a gateway at this address.
    ///
    /// # Errors
    /// When there is no thread.
    pub fn play(self, gateway: SocketAddr) -> io::Result<Play> {
        let Self { story, naive: (naive, naive_at), banyan: (banyan, _), background } = self;
        let lane = |database| Lane { database, tally: Mutex::new(Tally::new(story)) };
        let shared = Arc::new(Shared {
            story,
            start: Instant::now() + LEAD,
            naive: lane(naive),
            banyan: lane(banyan),
            missed: AtomicU64::new(0),
        });
        let played = shared.clone();
        let callers = Background::start("demo-callers", move |stopped| async move {
            tokio::select! {
                () = played.clone().call(naive_at, gateway) => {}
                () = played.direct() => {}
                _ = stopped => {}
            }
        })?;
        Ok(Play { shared, _callers: callers, _databases: background })
    }
}

impl Play {
    /// What was seen so far.
    #[must_use]
    pub fn scene(&self) -> Scene {
        let elapsed = self.shared.start.elapsed();
        let Shared { story, naive, banyan, missed, .. } = &*self.shared;
        let missed = missed.load(Relaxed);
        Scene { story: *story, elapsed, naive: naive.seen(elapsed), banyan: banyan.seen(elapsed), missed }
    }
}

impl Shared {
    /// Sends every request when it is due, on both ways. Then waits for its end, which comes from outside.
    async fn call(self: Arc<Self>, naive_at: SocketAddr, gateway: SocketAddr) {
        let gateway = Arc::new(Client::new(gateway));
        let database = Arc::new(Client::new(naive_at));
        let query = move || {
            let database = database.clone();
            async move { ask(&database, naive::PATIENCE).await == End::Good }
        };
        let naive = Arc::new(Naive::new(self.story.size(), query));
        for due in (0..).map_while(|number| self.story.due(number)) {
            sleep_until(self.start + due).await;
            if Story::is_missed(due, self.start.elapsed()) {
                self.missed.fetch_add(1, Relaxed);
                continue;
            }
            let (shared, gateway) = (self.clone(), gateway.clone());
            shared.banyan.lock().offered(due);
            tokio::spawn(async move {
                let end = ask(&gateway, PATIENCE).await;
                shared.banyan.lock().ended(due, shared.start.elapsed(), end);
            });
            let (shared, naive) = (self.clone(), naive.clone());
            shared.naive.lock().offered(due);
            tokio::spawn(async move {
                let answered = timeout(PATIENCE, naive.call()).await == Ok(true);
                let end = if answered { End::Good } else { End::Failed };
                shared.naive.lock().ended(due, shared.start.elapsed(), end);
            });
        }
        std::future::pending().await
    }

    /// Makes the databases slow, and well again.
    async fn direct(&self) {
        let (from, to) = self.story.seconds(Phase::Blip);
        for (second, times) in [(from, SLOWNESS), (to, 1)] {
            sleep_until(self.start + Duration::from_secs(second.into())).await;
            self.naive.database.slow_down(times);
            self.banyan.database.slow_down(times);
        }
        std::future::pending().await
    }
}

impl Lane {
    fn seen(&self, now: Duration) -> Seen {
        let (in_flight, peak) = self.database.in_flight();
        let mut tally = self.lock();
        Seen { rows: tally.rows(now), in_flight, peak, p99_after: tally.p99(Phase::After) }
    }

    fn lock(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn ask(client: &Client, patience: Duration) -> End {
    let mut request = Request::new(Full::<Bytes>::default());
    *request.uri_mut() = http::Uri::from_static(PATH);
    request.headers_mut().insert(http::header::ACCEPT, HeaderValue::from_static("application/json"));
    match client.ask(request, patience).await.map(|answer| answer.status) {
        Ok(StatusCode::OK) => End::Good,
        Ok(StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) => End::Refused,
        _ => End::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incident::story::Size;

    /// Both ways answer a usual day; here nothing but a second database stands in for the gateway.
    #[tokio::test]
    async fn both_kinds_of_callers_are_answered_on_a_usual_day() {
        let stage = Stage::start(Story::quick(Size::Quarter)).unwrap();
        let database = stage.database();
        let play = stage.play(database).unwrap();
        let scene = loop {
            let scene = play.scene();
            if scene.naive.rows.iter().any(|row| row.good > 0)
                && scene.banyan.rows.iter().any(|row| row.good > 0)
            {
                break scene;
            }
            tokio::task::yield_now().await;
        };
        for seen in [&scene.naive, &scene.banyan] {
            assert!(seen.peak > 0 && seen.rows[0].offered > 0, "{seen:?}");
            assert_eq!(Row::sum(&seen.rows).refused, 0);
        }
        tokio::task::spawn_blocking(|| drop(play)).await.unwrap();
    }
}
