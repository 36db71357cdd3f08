//! One at a time, and nobody queues for ever.

use std::{
    ops::{Deref, DerefMut},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Instant,
};

/// What one at a time may use. A mutex would do, if waiting for it could end: with a server that hangs, the tenth caller
/// would wait ten times as long as one call may take.
#[derive(Debug, Default)]
pub(super) struct Desk<T> {
    /// `None` while somebody has it.
    free: Mutex<Option<T>>,
    given_back: Condvar,
}

impl<T> Desk<T> {
    pub(super) fn new(thing: T) -> Self {
        Self { free: Mutex::new(Some(thing)), given_back: Condvar::new() }
    }

    /// The thing, or `None` if nobody gave it back until then.
    pub(super) fn take(&self, until: Instant) -> Option<Turn<'_, T>>
    where
        T: Default,
    {
        let mut free = self.lock();
        loop {
            if let Some(thing) = free.take() {
                return Some(Turn { desk: self, thing });
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            free = self.given_back.wait_timeout(free, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<T>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Using it; it is given back with this value.
pub(super) struct Turn<'a, T: Default> {
    desk: &'a Desk<T>,
    thing: T,
}

impl<T: Default> Deref for Turn<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.thing
    }
}

impl<T: Default> DerefMut for Turn<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.thing
    }
}

impl<T: Default> Drop for Turn<'_, T> {
    /// What a panic left half done is not used again.
    fn drop(&mut self) {
        let thing = std::mem::take(&mut self.thing);
        let thing = if thread::panicking() { T::default() } else { thing };
        *self.desk.lock() = Some(thing);
        self.desk.given_back.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Barrier, time::Duration};

    use super::*;

    fn later() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[test]
    fn nobody_queues_for_longer_than_they_said() {
        let desk = Desk::new(1);
        let turn = desk.take(later()).unwrap();
        assert!(desk.take(Instant::now()).is_none());
        drop(turn);
        assert_eq!(*desk.take(Instant::now()).unwrap(), 1);
    }

    #[test]
    fn each_turn_sees_what_the_one_before_left() {
        let (desk, start) = (Desk::new(0), Barrier::new(4));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    start.wait();
                    for _ in 0..100 {
                        *desk.take(later()).unwrap() += 1;
                    }
                });
            }
        });
        assert_eq!(*desk.take(later()).unwrap(), 400);
    }

    #[test]
    fn what_a_panic_left_half_done_is_thrown_away() {
        let desk = Desk::new(7);
        thread::scope(|scope| {
            let broken = scope.spawn(|| {
                let _turn = desk.take(later()).unwrap();
                panic!("on purpose");
            });
            assert!(broken.join().is_err());
        });
        assert_eq!(*desk.take(later()).unwrap(), 0);
    }
}
