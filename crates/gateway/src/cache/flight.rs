//! One fetch that several requests wait for.
//!
//! Identical misses that come together would each ask the upstream, and what was a hit a moment ago becomes a stampede.
//! So the first one's fetch is a *flight* that belongs to nobody: it runs in a task of its own, whoever wants the same
//! joins it, on whichever core, and reads the answer's bytes as they arrive. It ends early only when nobody waits any
//! more. Each waiter keeps its own deadline; what the flight waits for has another, so a first caller whose time is nearly
//! over does not fail those who came after it.
//!
//! | verdict | what a waiter gets |
//! |---|---|
//! | `Shared` | the answer's head, and its body as it comes |
//! | `Entry` | an answer that is in the cache: found at the second level, validated, or stale in place of an error |
//! | `Alone` | nothing: the answer is for the first one only, or the fetch is gone; the others ask for themselves |
//! | `Failed` | the same failure for all |

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll, Waker},
};

use banyan_httpcache::{Names, Variant};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body::Frame;
use slab::Slab;

use super::entry::Entry;
use crate::{exchange::Asked, outcome::Ending, wire::body::Broken};

/// What a flight that is too large to be kept holds of its body at a time.
const WINDOW: usize = 256 * 1024;

/// What came of a flight.
#[derive(Clone, Debug)]
pub(crate) enum Verdict {
    /// An answer on its way to everybody.
    Shared(Arc<Head>),
    /// An answer that is in the cache.
    Entry(Arc<Entry>, Found),
    /// Whoever waits asks for itself.
    Alone,
    /// It failed, for everybody alike.
    Failed(Broken, Arc<Asked>),
}

/// How a flight came to an answer of the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Another fetch had just brought it.
    Landed,
    /// Another node, or this one before its restart, had it.
    SharedLevel,
    /// The upstream says that it still holds.
    Validated,
    /// The upstream failed, and this is better than that. With its status, if it had one.
    InsteadOf(Option<u16>),
}

/// The head of an answer that is shared.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// Whether it is meant to be kept.
    pub(crate) stored: bool,
    /// The request fields that decided it.
    pub(crate) vary: Names,
    /// What the request had for them.
    pub(crate) variant: Variant,
    /// How it was come by.
    pub(crate) asked: Asked,
}

/// Memory that all flights together may take.
#[derive(Debug)]
pub(crate) struct Room {
    held: AtomicUsize,
    limit: usize,
}

impl Room {
    pub(crate) fn new(limit: usize) -> Self {
        Self { held: AtomicUsize::new(0), limit }
    }

    /// Bytes held at the moment.
    pub(crate) fn held(&self) -> usize {
        self.held.load(Relaxed)
    }
}

/// A fetch under way.
#[derive(Debug)]
pub(crate) struct Flight {
    room: Arc<Room>,
    /// Most bytes of a body that are kept.
    largest: usize,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    verdict: Option<Verdict>,
    /// What is held of the body; chunks that everybody has read are gone once it is `narrow`.
    chunks: VecDeque<Bytes>,
    /// Chunks that are gone.
    passed: usize,
    bytes: usize,
    /// It will not be kept, so that nothing is held longer than the slowest reader needs.
    narrow: bool,
    end: Option<Result<Option<HeaderMap>, Broken>>,
    readers: Slab<Reading>,
    leader: Option<Waker>,
    /// It goes on without anybody who waits.
    background: bool,
}

/// How far a waiter is.
#[derive(Debug, Default)]
struct Reading {
    next: usize,
    has_trailers: bool,
    /// It was so slow that the others do not wait for it any longer.
    is_cut_off: bool,
    waker: Option<Waker>,
}

impl Flight {
    pub(crate) fn new(room: Arc<Room>, largest: usize, background: bool) -> Arc<Self> {
        let inner = Inner {
            verdict: None,
            chunks: VecDeque::new(),
            passed: 0,
            bytes: 0,
            narrow: false,
            end: None,
            readers: Slab::new(),
            leader: None,
            background,
        };
        Arc::new(Self { room, largest, inner: Mutex::new(inner) })
    }

    /// One that somebody waits for from the start.
    pub(crate) fn joined(room: Arc<Room>, largest: usize) -> (Arc<Self>, Waiter) {
        let flight = Self::new(room, largest, false);
        let slot = flight.lock().readers.insert(Reading::default());
        let waiter = Waiter { flight: flight.clone(), slot };
        (flight, waiter)
    }

    /// From now on it goes on, whoever waits.
    pub(crate) fn go_on_alone(&self) {
        self.lock().background = true;
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits from now on. `None` once part of the body is gone.
    pub(crate) fn join(self: &Arc<Self>) -> Option<Waiter> {
        let mut inner = self.lock();
        if inner.passed > 0 {
            return None;
        }
        let slot = inner.readers.insert(Reading::default());
        drop(inner);
        Some(Waiter { flight: self.clone(), slot })
    }

    /// Says what came of it, unless that was said before.
    pub(crate) fn settle(&self, verdict: Verdict) {
        let mut inner = self.lock();
        if inner.verdict.is_none() {
            inner.verdict = Some(verdict);
            inner.wake_readers();
        }
    }

    /// Takes a piece of the body. Pending while the slowest reader is too far behind. `Ready(false)` says that it will not
    /// be kept.
    pub(crate) fn poll_push(&self, cx: &mut Context<'_>, data: &mut Option<Bytes>) -> Poll<bool> {
        let mut inner = self.lock();
        let size = data.as_ref().map_or(0, Bytes::len);
        if !inner.narrow && (inner.bytes + size > self.largest || self.room.held() + size > self.room.limit) {
            inner.narrow = true;
            // Nothing of it will be kept, so that nobody has any use for it once its readers are gone; it may never end.
            inner.background = false;
            self.forget_what_was_read(&mut inner);
        }
        if inner.narrow && inner.bytes > WINDOW {
            inner.cut_off_the_slowest();
            self.forget_what_was_read(&mut inner);
        }
        if inner.narrow && inner.bytes > WINDOW {
            inner.leader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        if let Some(data) = data.take() {
            inner.bytes += size;
            self.room.held.fetch_add(size, Relaxed);
            inner.chunks.push_back(data);
            inner.wake_readers();
        }
        Poll::Ready(!inner.narrow)
    }

    /// The body has ended.
    pub(crate) fn end(&self, end: Result<Option<HeaderMap>, Broken>) {
        let mut inner = self.lock();
        if inner.end.is_none() {
            inner.end = Some(end);
            inner.wake_readers();
        }
    }

    /// All of the body, if all of it is held.
    pub(crate) fn whole(&self) -> Option<Bytes> {
        let inner = self.lock();
        if inner.narrow || inner.passed > 0 {
            return None;
        }
        // What was read lies in larger buffers, which must not be kept for its sake.
        let mut whole = Vec::with_capacity(inner.bytes);
        inner.chunks.iter().for_each(|chunk| whole.extend_from_slice(chunk));
        Some(whole.into())
    }

    /// Ready when nobody waits any more, unless it goes on without.
    pub(crate) fn poll_deserted(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut inner = self.lock();
        if inner.readers.is_empty() && !inner.background {
            return Poll::Ready(());
        }
        inner.leader = Some(cx.waker().clone());
        Poll::Pending
    }

    /// The fetch is gone: who still waits for a verdict asks for itself, who reads is cut off.
    pub(crate) fn abandon(&self) {
        self.settle(Verdict::Alone);
        self.end(Err(Ending::BodyReset.into()));
    }

    fn forget_what_was_read(&self, inner: &mut Inner) {
        let reads = inner.readers.iter().filter(|(_, reading)| !reading.is_cut_off);
        let slowest = reads.map(|(_, reading)| reading.next).min().unwrap_or(usize::MAX);
        while inner.passed < slowest
            && let Some(chunk) = inner.chunks.pop_front()
        {
            inner.passed += 1;
            inner.bytes -= chunk.len();
            self.room.held.fetch_sub(chunk.len(), Relaxed);
        }
        inner.wake_leader();
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let bytes = self.inner.get_mut().unwrap_or_else(PoisonError::into_inner).bytes;
        self.room.held.fetch_sub(bytes, Relaxed);
    }
}

impl Inner {
    /// Breaks off those who are a whole window behind somebody who has read everything: one client that does not read must
    /// not hold up the others.
    fn cut_off_the_slowest(&mut self) {
        let (first, end) = (self.passed, self.passed + self.chunks.len());
        let is_waited_for = self.readers.iter().any(|(_, reading)| reading.next == end);
        for (_, reading) in &mut self.readers {
            if is_waited_for && reading.next == first {
                reading.is_cut_off = true;
                if let Some(waker) = reading.waker.take() {
                    waker.wake();
                }
            }
        }
    }

    fn wake_readers(&mut self) {
        for (_, reading) in &mut self.readers {
            if let Some(waker) = reading.waker.take() {
                waker.wake();
            }
        }
    }

    fn wake_leader(&mut self) {
        if let Some(waker) = self.leader.take() {
            waker.wake();
        }
    }
}

/// Somebody who waits for a flight, and then reads its body. Dropped, it waits no more.
#[derive(Debug)]
pub(crate) struct Waiter {
    flight: Arc<Flight>,
    slot: usize,
}

impl Waiter {
    /// What came of the flight, once that is known.
    pub(crate) fn poll_settled(&self, cx: &mut Context<'_>) -> Poll<Verdict> {
        let mut inner = self.flight.lock();
        if let Some(verdict) = &inner.verdict {
            return Poll::Ready(verdict.clone());
        }
        inner.readers[self.slot].waker = Some(cx.waker().clone());
        Poll::Pending
    }

    /// The next piece of the body.
    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let inner = &mut *self.flight.lock();
        let reading = &mut inner.readers[self.slot];
        if reading.is_cut_off {
            return Poll::Ready(Some(Err(Ending::ClientStalled.into())));
        }
        if let Some(chunk) = inner.chunks.get(reading.next - inner.passed) {
            let chunk = chunk.clone();
            reading.next += 1;
            if inner.narrow {
                self.flight.forget_what_was_read(inner);
            }
            return Poll::Ready(Some(Ok(Frame::data(chunk))));
        }
        match &inner.end {
            None => {
                reading.waker = Some(cx.waker().clone());
                Poll::Pending
            }
            Some(Err(broken)) => Poll::Ready(Some(Err(*broken))),
            Some(Ok(Some(trailers))) if !reading.has_trailers => {
                reading.has_trailers = true;
                Poll::Ready(Some(Ok(Frame::trailers(trailers.clone()))))
            }
            Some(Ok(_)) => Poll::Ready(None),
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let inner = &mut *self.flight.lock();
        inner.readers.remove(self.slot);
        if inner.narrow {
            self.flight.forget_what_was_read(inner);
        } else if inner.readers.is_empty() {
            inner.wake_leader();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use futures_util::{FutureExt as _, poll};

    use super::*;

    fn flight(largest: usize) -> Arc<Flight> {
        Flight::new(Arc::new(Room::new(1 << 20)), largest, false)
    }

    fn head() -> Verdict {
        Verdict::Shared(Arc::new(Head {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            stored: true,
            vary: Names::default(),
            variant: Variant::default(),
            asked: Asked::default(),
        }))
    }

    fn push(flight: &Flight, data: &'static [u8]) -> Poll<bool> {
        let mut cx = Context::from_waker(Waker::noop());
        flight.poll_push(&mut cx, &mut Some(Bytes::from_static(data)))
    }

    async fn settled(waiter: &Waiter) -> Verdict {
        poll_fn(|cx| waiter.poll_settled(cx)).await
    }

    /// What comes without waiting, and how it ended if it did.
    fn read(waiter: &mut Waiter) -> (Vec<u8>, Option<Result<(), Ending>>) {
        let mut all = Vec::new();
        loop {
            let mut cx = Context::from_waker(Waker::noop());
            match waiter.poll_frame(&mut cx) {
                Poll::Pending => return (all, None),
                Poll::Ready(None) => return (all, Some(Ok(()))),
                Poll::Ready(Some(Err(broken))) => return (all, Some(Err(broken.ending))),
                Poll::Ready(Some(Ok(frame))) => all.extend(frame.into_data().unwrap_or_default()),
            }
        }
    }

    #[tokio::test]
    async fn everybody_reads_all_of_it_whenever_they_came() {
        let flight = flight(1000);
        let mut first = flight.join().unwrap();
        assert!(poll!(Box::pin(settled(&first))).is_pending());
        flight.settle(head());
        assert!(matches!(settled(&first).await, Verdict::Shared(_)));
        assert_eq!(push(&flight, b"one "), Poll::Ready(true));
        assert_eq!(read(&mut first), (b"one ".to_vec(), None));
        let mut second = flight.join().unwrap();
        assert_eq!(push(&flight, b"two"), Poll::Ready(true));
        flight.end(Ok(None));
        assert_eq!(read(&mut first), (b"two".to_vec(), Some(Ok(()))));
        assert_eq!(read(&mut second), (b"one two".to_vec(), Some(Ok(()))));
        assert_eq!(flight.whole().unwrap(), "one two");
    }

    #[tokio::test]
    async fn a_fetch_that_is_gone_sends_those_who_wait_away_and_cuts_off_those_who_read() {
        let gone = flight(1000);
        let waiting = gone.join().unwrap();
        gone.abandon();
        assert!(matches!(settled(&waiting).await, Verdict::Alone));
        let cut = flight(1000);
        let mut reader = cut.join().unwrap();
        cut.settle(head());
        assert_eq!(push(&cut, b"half"), Poll::Ready(true));
        cut.abandon();
        assert!(matches!(settled(&reader).await, Verdict::Shared(_)));
        assert_eq!(read(&mut reader), (b"half".to_vec(), Some(Err(Ending::BodyReset))));
    }

    #[tokio::test]
    async fn it_is_deserted_when_the_last_one_leaves() {
        let lonely = flight(10);
        let (first, second) = (lonely.join().unwrap(), lonely.join().unwrap());
        let mut deserted = Box::pin(poll_fn(|cx| lonely.poll_deserted(cx)));
        drop(first);
        assert!(poll!(deserted.as_mut()).is_pending());
        drop(second);
        assert!(deserted.now_or_never().is_some());
        let background = Flight::new(Arc::new(Room::new(10)), 10, true);
        assert!(poll!(poll_fn(|cx| background.poll_deserted(cx))).is_pending());
    }

    #[tokio::test]
    async fn what_will_not_be_kept_does_not_go_on_without_readers() {
        let large = flight(4);
        let reader = large.join().unwrap();
        large.go_on_alone();
        assert_eq!(push(&large, b"1234"), Poll::Ready(true));
        let mut deserted = Box::pin(poll_fn(|cx| large.poll_deserted(cx)));
        assert_eq!(push(&large, b"5"), Poll::Ready(false));
        assert!(poll!(deserted.as_mut()).is_pending(), "somebody reads it");
        drop(reader);
        assert!(deserted.now_or_never().is_some());
    }

    #[tokio::test]
    async fn what_is_too_large_is_not_kept_and_waits_for_nobody_who_is_far_behind() {
        let data = Box::leak(vec![7_u8; WINDOW].into_boxed_slice());
        let room = Arc::new(Room::new(1 << 30));
        let large = Flight::new(room.clone(), 1000, false);
        let (mut fast, mut slow) = (large.join().unwrap(), large.join().unwrap());
        large.settle(head());
        assert_eq!(push(&large, data), Poll::Ready(false));
        assert_eq!(push(&large, b"more"), Poll::Ready(false));
        assert_eq!(push(&large, b"too much"), Poll::Pending, "nobody has read anything yet");
        assert_eq!(read(&mut fast).0.len(), WINDOW + 4);
        assert_eq!(push(&large, b"more yet"), Poll::Ready(false), "one does not wait for the other");
        assert_eq!(read(&mut fast), (b"more yet".to_vec(), None));
        assert_eq!(read(&mut slow), (Vec::new(), Some(Err(Ending::ClientStalled))));
        assert_eq!(room.held(), 0);
        assert!(large.join().is_none() && large.whole().is_none());
        drop((fast, slow, large));
        assert_eq!(room.held(), 0);
    }

    #[test]
    fn a_full_room_keeps_nothing_more() {
        let room = Arc::new(Room::new(6));
        let flights = [(); 2].map(|()| Flight::new(room.clone(), 1000, true));
        assert_eq!(push(&flights[0], b"full"), Poll::Ready(true));
        assert_eq!(push(&flights[1], b"full"), Poll::Ready(false));
        assert_eq!(room.held(), 8);
    }
}
