//! A thread that waits for the store to change, and wakes whoever waits for that.
//!
//! Waiting blocks, and it does so for as long as the process lives; so it has a thread of its own and takes none of those
//! that are there for short calls.

use std::{io, sync::Arc, thread, time::Duration};

use banyan_state::Store;
use tokio::sync::watch;

/// How long the thread outlives those who wait.
const AT_MOST: Duration = Duration::from_millis(250);

/// A receiver that changes whenever the store does. The thread ends after the last receiver is gone.
///
/// # Errors
/// When there can be no thread.
pub(crate) fn changes(store: &Arc<dyn Store>) -> io::Result<watch::Receiver<u64>> {
    let (sender, receiver) = watch::channel(0);
    let mut watch = store.watch();
    thread::Builder::new().name("store-watch".into()).spawn(move || {
        let mut last = None;
        while !sender.is_closed() {
            match watch.wait(AT_MOST) {
                Ok(revision) if last == Some(revision) => {}
                Ok(revision) => {
                    last = Some(revision);
                    sender.send_modify(|count| *count += 1);
                }
                // It is said where the store is asked. Waiting for it to be there again takes its time.
                Err(error) => tracing::trace!(%error, "the store cannot be watched"),
            }
        }
    })?;
    Ok(receiver)
}
