//! The naive caller: a pool that is far too big, half a minute of patience, and three retries at once after any
//! failure.
//!
//! Nothing about it is unusual, and that is the point. Where the story says nothing, what is kindest to it was chosen.
//! A caller who has left is no longer waited for. And a free connection goes to the caller who came last: with a queue
//! every caller would have left by the time of the answer, and there would be no good answers at all in a jam.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::oneshot, time::timeout};

use super::story::Size;

/// Connections to a database of the whole size.
const POOL: u32 = 333;
/// Longest wait for a connection, and for an answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);
/// Further attempts after a failure.
const RETRIES: u32 = 3;
/// After so many more callers, those who have left are swept out.
const SWEEP: usize = 1_024;

/// A client of the database, shared by all its callers.
#[derive(Debug)]
pub(super) struct Naive<A> {
    ask: A,
    pool: Arc<Pool>,
}

/// Connections, as places: which one is used makes no difference.
#[derive(Debug)]
struct Pool(Mutex<Places>);

#[derive(Debug)]
struct Places {
    free: u32,
    /// Who waits; the one who came last is at the end.
    waiting: Vec<oneshot::Sender<Place>>,
}

/// A connection in use. Goes to who waits when it is dropped, else back to the pool.
#[derive(Debug)]
struct Place(Option<Arc<Pool>>);

impl<A, F> Naive<A>
where
    A: Fn() -> F,
    F: Future<Output = bool> + Send + 'static,
{
    /// `ask` makes one attempt and says whether it was answered well.
    pub(super) fn new(size: Size, ask: A) -> Self {
        let places = Places { free: POOL / size.divisor(), waiting: Vec::new() };
        Self { ask, pool: Arc::new(Pool(Mutex::new(places))) }
    }

    /// Makes a call; whether it was answered well. When this is dropped, an attempt under way goes on and keeps its
    /// place.
    pub(super) async fn call(&self) -> bool {
        for _ in 0..=RETRIES {
            let Ok(Some(place)) = timeout(PATIENCE, self.pool.clone().place()).await else { return false };
            let attempt = (self.ask)();
            let attempt = tokio::spawn(async move {
                let answered = timeout(PATIENCE, attempt).await;
                drop(place);
                answered.unwrap_or(false)
            });
            if attempt.await.unwrap_or(false) {
                return true;
            }
        }
        false
    }
}

impl Pool {
    /// Waits for a place, as long as it takes. Always gives one: whoever has one hands it on.
    async fn place(self: Arc<Self>) -> Option<Place> {
        let wait = {
            let mut places = self.lock();
            if let Some(free) = places.free.checked_sub(1) {
                places.free = free;
                return Some(Place(Some(self.clone())));
            }
            if places.waiting.len() % SWEEP == SWEEP - 1 {
                places.waiting.retain(|waiting| !waiting.is_closed());
            }
            let (give, wait) = oneshot::channel();
            places.waiting.push(give);
            wait
        };
        wait.await.ok()
    }

    /// Gives a place to the last who came and still waits.
    fn hand_on(self: Arc<Self>) {
        let mut place = Place(Some(self.clone()));
        loop {
            let waiting = {
                let mut places = self.lock();
                let waiting = places.waiting.pop();
                if waiting.is_none() {
                    places.free += 1;
                }
                waiting
            };
            let Some(waiting) = waiting else {
                place.0 = None;
                return;
            };
            match waiting.send(place) {
                Ok(()) => return,
                Err(back) => place = back,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Places> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(pool) = self.0.take() {
            pool.hand_on();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    use tokio::{task::JoinSet, time::Instant};

    use super::*;
    use crate::incident::{
        story::{Phase, SLOWNESS, Story},
        stub::Stub,
    };

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_tried_again_three_times() {
        for (fails, expected, attempts) in [(0, true, 1), (3, true, 4), (4, false, 4)] {
            let asked = Arc::new(AtomicU32::new(0));
            let counted = asked.clone();
            let naive = Naive::new(Size::Quarter, move || {
                let number = counted.fetch_add(1, Relaxed);
                async move { number >= fails }
            });
            assert_eq!(naive.call().await, expected);
            assert_eq!(asked.load(Relaxed), attempts);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn never_more_than_the_pool_are_asked_at_once_and_all_get_their_turn() {
        let (now, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let (running, peak) = (now.clone(), most.clone());
        let naive = Arc::new(Naive::new(Size::Quarter, move || {
            let (running, peak) = (running.clone(), peak.clone());
            async move {
                peak.fetch_max(running.fetch_add(1, Relaxed) + 1, Relaxed);
                tokio::time::sleep(Duration::from_millis(40)).await;
                running.fetch_sub(1, Relaxed);
                true
            }
        }));
        let mut calls = JoinSet::new();
        for _ in 0..1_000 {
            let naive = naive.clone();
            calls.spawn(async move { naive.call().await });
        }
        assert!(calls.join_all().await.into_iter().all(|answered| answered));
        assert_eq!(most.load(Relaxed), POOL / 4);
        let places = naive.pool.lock();
        assert_eq!((places.free, places.waiting.len()), (POOL / 4, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_who_leaves_keeps_no_place_but_that_of_the_attempt() {
        let naive = Naive::new(Size::Quarter, || async {
            tokio::time::sleep(Duration::from_secs(10)).await;
            true
        });
        let mut calls: Vec<_> = (0..POOL).map(|_| Box::pin(naive.call())).collect();
        let all = futures_util::future::join_all(calls.iter_mut());
        assert!(timeout(Duration::from_secs(1), all).await.is_err());
        drop(calls);
        assert_eq!(naive.pool.lock().free, 0);
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(naive.pool.lock().free, POOL / 4);
    }

    /// The night itself, under a clock that waits for nobody: a blip of ten seconds, and no way back.
    #[tokio::test(start_paused = true)]
    async fn the_naive_caller_never_comes_back_from_a_blip() {
        let story = Story::new(Size::Quarter);
        let stub = Arc::new(Stub::new(Size::Quarter));
        let driven = stub.clone();
        tokio::spawn(async move { driven.drive().await });
        let asked = stub.clone();
        let naive = Arc::new(Naive::new(Size::Quarter, move || {
            let stub = asked.clone();
            async move {
                stub.query().await;
                true
            }
        }));
        let good = Arc::new(Phase::ALL.map(|_| AtomicU32::new(0)));
        let start = Instant::now();
        for due in (0..).map_while(|number| story.due(number)) {
            tokio::time::sleep_until(start + due).await;
            let phase = story.phase(due);
            stub.slow_down(if phase == Phase::Blip { SLOWNESS } else { 1 });
            let (naive, good) = (naive.clone(), good.clone());
            tokio::spawn(async move {
                if timeout(Duration::from_secs(5), naive.call()).await == Ok(true) {
                    good[phase as usize].fetch_add(1, Relaxed);
                }
            });
        }
        let share = |phase: Phase| {
            let (from, to) = story.seconds(phase);
            let offered = story.rate(phase) * (to - from);
            f64::from(good[phase as usize].load(Relaxed)) / f64::from(offered)
        };
        assert!(share(Phase::Calm) > 0.99 && share(Phase::Surge) > 0.95, "{good:?}");
        assert!(share(Phase::After) < 0.15, "{good:?}");
        assert_eq!(stub.in_flight(), (POOL / 4, POOL / 4));
    }
}
