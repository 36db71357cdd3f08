//! A deadline that is moved for every request and hardly ever fires.
//!
//! Registering and cancelling a timer costs more than everything else a deadline does. So a connection keeps one timer:
//! moving the deadline *later* is a store, and the timer, when it wakes too early, is set again for what is left.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

/// A movable deadline.
#[derive(Debug, Default)]
pub(crate) struct Deadline {
    sleep: Option<Pin<Box<Sleep>>>,
    at: Option<Instant>,
}

impl Deadline {
    /// Sets or, with `None`, lifts the deadline.
    pub(crate) fn set(&mut self, at: Option<Instant>) {
        self.at = at;
    }

    /// Sets the deadline to `duration` from now unless one is running: a wait that is woken for other reasons must not
    /// begin anew.
    pub(crate) fn start(&mut self, duration: Duration) {
        if self.at.is_none() {
            self.at = Some(Instant::now() + duration);
        }
    }

    /// The same, counted from `from`: the clock need not be read again when the time is known well enough.
    pub(crate) fn start_at(&mut self, from: Instant, duration: Duration) {
        if self.at.is_none() {
            self.at = Some(from + duration);
        }
    }

    /// Moves the deadline to `at` if it is later or there is none.
    pub(crate) fn cap(&mut self, at: Instant) {
        if self.at.is_none_or(|current| current > at) {
            self.at = Some(at);
        }
    }

    /// Moves the deadline to `duration` from now if it is later.
    pub(crate) fn shorten(&mut self, duration: Duration) {
        self.cap(Instant::now() + duration);
    }

    /// Ready once the deadline has passed. Pending for ever without one.
    pub(crate) fn poll_passed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(at) = self.at else { return Poll::Pending };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if sleep.deadline() > at {
            sleep.as_mut().reset(at);
        }
        loop {
            ready!(sleep.as_mut().poll(cx));
            if sleep.deadline() >= at {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    async fn passed_at(deadline: &mut Deadline, start: Instant) -> Duration {
        poll_fn(|cx| deadline.poll_passed(cx)).await;
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn fires_at_the_deadline_however_it_was_moved() {
        let start = Instant::now();
        let mut deadline = Deadline::default();
        deadline.set(Some(start + Duration::from_secs(75)));
        assert!(futures_util::poll!(poll_fn(|cx| deadline.poll_passed(cx))).is_pending());
        deadline.set(Some(start + Duration::from_secs(3)));
        assert!(futures_util::poll!(poll_fn(|cx| deadline.poll_passed(cx))).is_pending());
        deadline.set(Some(start + Duration::from_secs(10)));
        assert_eq!(passed_at(&mut deadline, start).await.as_secs(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn never_fires_when_lifted() {
        let mut deadline = Deadline::default();
        deadline.set(Some(Instant::now()));
        deadline.set(None);
        assert!(futures_util::poll!(poll_fn(|cx| deadline.poll_passed(cx))).is_pending());
    }
}
