//! Hearing of changes that other nodes make.

use std::{io, thread, time::Duration};

use banyan_state::{StoreError, Watch};
use tokio::sync::watch;

/// How long one wait lasts, and so how long the thread outlives the last who listens.
const AT_MOST: Duration = Duration::from_secs(1);

/// Counts up whenever the store may have changed.
///
/// Waiting blocks, so it is done on a thread of its own, which ends soon after the last receiver is gone. Nobody waits
/// for its end: it holds nothing that has to be closed.
///
/// # Errors
/// When there is no thread to be had.
pub(super) fn changes(mut store: Box<dyn Watch>) -> io::Result<watch::Receiver<u64>> {
    let (sender, receiver) = watch::channel(0);
    let run = move || {
        let mut last = None;
        while !sender.is_closed() {
            let now = store.wait(AT_MOST);
            if let Err(StoreError::Unreachable(_)) = &now {
                tracing::debug!("the state store cannot be reached; flags stay as they are");
            } else if now.is_err() {
                // What comes back at once must not turn this into a busy loop.
                thread::park_timeout(AT_MOST);
            }
            let now = now.ok();
            if now.is_some() && now != last {
                sender.send_modify(|count| *count += 1);
            }
            // After trouble the store is looked at, whatever its revision: it may be another store's.
            last = now;
        }
    };
    thread::Builder::new().name("flags-watch".into()).spawn(run)?;
    Ok(receiver)
}
