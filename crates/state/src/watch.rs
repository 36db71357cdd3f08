//! Waiting for a change, by whomever it was made.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::StoreError;

/// A number that differs whenever what a store holds differs: units, flags and rollouts. It says nothing else; a store that
/// one process owns may begin anew with each opening.
///
/// Beats, evidence, secrets, hot URLs and what became of an alert do not move it: they come all the time, and nobody has to
/// act on them at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Revision(pub u64);

/// Waits for changes of a store. Changes that come between two waits are not missed: the next wait returns at once.
pub trait Watch: Send {
    /// Returns when the revision has moved since this was last called (at first: since this was made), or, with the same
    /// revision, after `at_most`. It may also return when nothing has moved, as the first call of a store on a server does:
    /// who reads then has read once too often.
    ///
    /// # Errors
    /// [`StoreError::Unreachable`] as soon as the store cannot be reached, and then each time that `at_most` ends without
    /// that having changed. When it can be reached again this returns at once.
    fn wait(&mut self, at_most: Duration) -> Result<Revision, StoreError>;
}

/// What wakes those who wait.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    heard: Mutex<Heard>,
    rung: Condvar,
}

#[derive(Clone, Debug, Default)]
struct Heard {
    revision: u64,
    /// Why the store cannot be reached, if it cannot.
    trouble: Option<String>,
}

impl Bell {
    /// A change was made by this process, which is the only one to make changes.
    pub(crate) fn ring(&self) {
        self.lock().revision += 1;
        self.rung.notify_all();
    }

    /// The store is at this revision, whoever has brought it there. It may be lower than before when the server was set
    /// back to an earlier state.
    pub(crate) fn at(&self, revision: u64) {
        *self.lock() = Heard { revision, trouble: None };
        self.rung.notify_all();
    }

    /// The store was at this revision when somebody looked, and may have been seen at a higher one since.
    pub(crate) fn at_least(&self, revision: u64) {
        let mut heard = self.lock();
        *heard = Heard { revision: heard.revision.max(revision), trouble: None };
        self.rung.notify_all();
    }

    /// The store cannot be reached.
    pub(crate) fn trouble(&self, why: String) {
        self.lock().trouble = Some(why);
        self.rung.notify_all();
    }

    /// Somebody who waits from now on.
    pub(crate) fn listener(self: &Arc<Self>) -> Listener {
        let seen = self.lock().clone();
        Listener { bell: self.clone(), revision: seen.revision, trouble: seen.trouble.is_some() }
    }

    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One who waits, and what they know.
#[derive(Debug)]
pub(crate) struct Listener {
    bell: Arc<Bell>,
    revision: u64,
    trouble: bool,
}

impl Watch for Listener {
    fn wait(&mut self, at_most: Duration) -> Result<Revision, StoreError> {
        let until = Instant::now() + at_most;
        let mut heard = self.bell.lock();
        while heard.revision == self.revision && heard.trouble.is_some() == self.trouble {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            heard = self.bell.rung.wait_timeout(heard, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        self.trouble = heard.trouble.is_some();
        match &heard.trouble {
            Some(why) => Err(StoreError::Unreachable(why.clone())),
            None => {
                self.revision = heard.revision;
                Ok(Revision(heard.revision))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_change_between_two_waits_is_not_missed() {
        let bell = Arc::new(Bell::default());
        let mut listener = bell.listener();
        bell.ring();
        bell.ring();
        assert_eq!(listener.wait(LONG).unwrap(), Revision(2));
        assert_eq!(listener.wait(Duration::ZERO).unwrap(), Revision(2));
    }

    #[test]
    fn everybody_who_waits_is_woken() {
        let bell = Arc::new(Bell::default());
        let waiting: Vec<_> = (0..3)
            .map(|_| bell.listener())
            .map(|mut listener| thread::spawn(move || listener.wait(LONG).unwrap()))
            .collect();
        bell.at(7);
        assert!(waiting.into_iter().all(|waiting| waiting.join().unwrap() == Revision(7)));
    }

    #[test]
    fn trouble_is_told_when_it_begins_and_its_end_is_a_reason_to_wake() {
        let bell = Arc::new(Bell::default());
        let mut listener = bell.listener();
        bell.trouble("gone".to_owned());
        assert!(matches!(listener.wait(LONG), Err(StoreError::Unreachable(why)) if why == "gone"));
        assert!(listener.wait(Duration::ZERO).is_err());
        bell.at(0);
        assert_eq!(listener.wait(LONG).unwrap(), Revision(0));
    }
}
