//! The thread that drives the connections, and waiting for what it does with an end.
//!
//! Callers block, and a server that hangs must not make them hang with it. A server that was stopped still acknowledges
//! bytes, since its kernel does, so neither its own timeouts nor TCP's end such a wait: only a clock on this side does. So
//! connections live on one thread with a runtime, and who calls waits on a thread of their own, until an instant. Waiting
//! needs no runtime, and may be done from any thread, also from one that runs a runtime.

use std::{
    future::Future,
    io,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, JoinHandle, Thread},
    time::Instant,
};

use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
};

/// The thread. It ends, and what it drives is cut off, with this value.
#[derive(Debug)]
pub(super) struct Reactor {
    handle: Handle,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Reactor {
    /// Starts it.
    pub(super) fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        let run = move || {
            // An error says that the sender is gone, which asks for the same.
            runtime.block_on(stopped).ok();
            // Looking up a name may take long, and nobody waits for it any more.
            runtime.shutdown_background();
        };
        let thread = thread::Builder::new().name("postgres".to_owned()).spawn(run)?;
        Ok(Self { handle, stop: Some(stop), thread: Some(thread) })
    }

    /// Where its tasks are spawned.
    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Reactor {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            // A panic there was reported when it happened.
            thread.join().ok();
        }
    }
}

/// The value of `future`, or `None` if it has none at `until`.
pub(super) fn wait<T>(until: Instant, future: impl Future<Output = T>) -> Option<T> {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return Some(value);
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return None;
        }
        thread::park_timeout(left);
    }
}

/// Wakes a thread that waits.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

#[cfg(test)]
mod tests {
    use std::{future::pending, time::Duration};

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[test]
    fn what_the_thread_does_wakes_who_waits() {
        let reactor = Reactor::start().unwrap();
        let task = reactor.handle().spawn(async {
            tokio::task::yield_now().await;
            7
        });
        assert_eq!(wait(soon(), task).unwrap().unwrap(), 7);
    }

    #[test]
    fn waiting_has_an_end() {
        assert_eq!(wait(Instant::now(), pending::<()>()), None);
        assert_eq!(wait(Instant::now(), async { 7 }), Some(7));
    }

    #[tokio::test]
    async fn one_may_wait_on_a_thread_that_runs_a_runtime() {
        let reactor = Reactor::start().unwrap();
        let (ready, wanted) = oneshot::channel();
        reactor.handle().spawn(async { ready.send(7) });
        assert_eq!(wait(soon(), wanted).unwrap().unwrap(), 7);
    }
}
