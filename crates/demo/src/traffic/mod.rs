//! Visitors: requests at a constant rate, and a look at every answer.
//!
//! The load is open-loop: requests come when they are due, whether or not earlier ones have been answered, as people do.

mod latency;
mod ledger;
mod mix;
mod side;
mod sticky;
#[cfg(test)]
mod tests;

use std::{
    fmt, io,
    net::SocketAddr,
    num::NonZeroU32,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Semaphore, oneshot},
    time::{Instant, sleep_until},
};

pub(crate) use self::latency::Times;
pub use self::{
    latency::Latency,
    ledger::{Sides, Snapshot},
};
use self::{
    ledger::{Entry, Ledger},
    mix::Visit,
    sticky::Passage,
};
use crate::{
    background::Background,
    client::{Answer, AskError, Client},
    seed::Seed,
};

/// Requests per second when nobody says otherwise: enough to see percentages move, little enough for any laptop.
pub const RATE: NonZeroU32 = NonZeroU32::new(150).unwrap();
/// Requests under way at once: two seconds of the usual rate with a server that stands still. Beyond it those that are
/// due are counted as missed.
const MAX_OUTSTANDING: u32 = 300;
/// When a visitor gives up.
const PATIENCE: Duration = Duration::from_secs(10);
/// The response field that says which side answered.
const UNIT_FIELD: &str = "banyan-unit";
/// The response field that says what is missing in an answer.
const DEGRADED_FIELD: &str = "banyan-degraded";

/// What is asked of the traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// The gateway.
    pub target: SocketAddr,
    /// Requests per second.
    pub rate: NonZeroU32,
    /// One seed makes one row of requests.
    pub seed: u64,
}

/// The present share of a unit on its replacement, in basis points.
type Share = dyn Fn(&str) -> Option<u16> + Send + Sync;

/// The running traffic. Ends when it is dropped.
#[derive(Debug)]
pub struct Traffic {
    run: Arc<Run>,
    background: Background,
}

/// What the tasks of the traffic share.
struct Run {
    load: Load,
    client: Client,
    ledger: Mutex<Ledger>,
    share: Box<Share>,
    start: Instant,
}

impl Traffic {
    /// Starts asking.
    ///
    /// `share` gives the present share of a unit on its replacement in basis points (0 to 10,000), and nothing for a unit
    /// it does not know. With it, a subject that goes back to legacy is told from one that was sent back. It is called
    /// twice per request, on the traffic's thread.
    ///
    /// # Errors
    /// When there is no thread.
    pub fn start(
        load: Load,
        share: impl Fn(&str) -> Option<u16> + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let run = Arc::new(Run {
            load,
            client: Client::new(load.target),
            ledger: Mutex::new(Ledger::new()),
            share: Box::new(share),
            start: Instant::now(),
        });
        let visitors = run.clone();
        let background = Background::start("demo-traffic", move |stopped| visitors.arrive(stopped))?;
        Ok(Self { run, background })
    }

    /// What came of it so far.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.run.snapshot()
    }

    /// Sends no more, waits for what is under way (10 s at most) and gives what came of it all. Blocks.
    #[must_use]
    pub fn finish(mut self) -> Snapshot {
        self.background.end();
        self.run.snapshot()
    }
}

impl Run {
    async fn arrive(self: Arc<Self>, mut stopped: oneshot::Receiver<()>) {
        let slots = Arc::new(Semaphore::new(MAX_OUTSTANDING as usize));
        for number in 0.. {
            let due = self.start + due(self.load.rate, number);
            tokio::select! {
                biased;
                _ = &mut stopped => break,
                () = sleep_until(due) => {}
            }
            match slots.clone().try_acquire_owned() {
                Ok(slot) => {
                    let run = self.clone();
                    tokio::spawn(async move {
                        run.visit(number).await;
                        drop(slot);
                    });
                }
                Err(_) => self.lock().miss(),
            }
        }
        // All slots are free when all visits have ended, and each ends within the visitor's patience.
        drop(slots.acquire_many(MAX_OUTSTANDING).await);
    }

    async fn visit(&self, number: u64) {
        let visit = Visit::draw(Seed(self.load.seed), number);
        let sent = self.start.elapsed();
        let share = || visit.unit.and_then(|unit| (self.share)(unit));
        let share_before = share();
        let answer = match visit.request() {
            Ok(request) => self.client.ask(request, PATIENCE).await.map_err(Failure::Unanswered),
            Err(invalid) => Err(Failure::Invalid(invalid)),
        };
        let passage = Passage { sent, received: self.start.elapsed(), share_before, share_after: share() };
        let field = answer.as_ref().ok().and_then(|answer| answer.headers.get(UNIT_FIELD));
        let answered = field.and_then(|field| side::read(field.to_str().ok()?));
        let degraded = answer.as_ref().is_ok_and(|answer| answer.headers.contains_key(DEGRADED_FIELD));
        let failure = judge(&answer).map(|why| format!("{} {} {why}", visit.method, visit.path));
        let due = due(self.load.rate, number);
        self.lock().record(Entry { due, passage, user: visit.user, failure, degraded, answered });
    }

    fn snapshot(&self) -> Snapshot {
        let now = self.start.elapsed();
        self.lock().snapshot(now)
    }

    fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("load", &self.load).finish_non_exhaustive()
    }
}

/// Why a visit has no answer.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Unanswered(AskError),
    #[error("is no request: {0}")]
    Invalid(http::Error),
}

/// Why an answer is a failure, if it is one.
fn judge(answer: &Result<Answer, Failure>) -> Option<String> {
    match answer {
        Ok(answer) if answer.status.is_success() => None,
        Ok(answer) => Some(format!("answered {}", answer.status.as_u16())),
        Err(failure) => Some(format!("failed: {failure}")),
    }
}

/// When the `number`th request is due, since the start. Whole nanoseconds from the number: no error adds up.
fn due(rate: NonZeroU32, number: u64) -> Duration {
    let nanos = u128::from(number) * 1_000_000_000 / u128::from(rate.get());
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}
