//! SIGHUP.

use std::io;

use tokio::signal::unix::{SignalKind, signal};

use super::{Reloader, Trigger};

/// Asks for a reload with each SIGHUP, for ever.
///
/// # Errors
/// When the signal cannot be handled. Until this is called, SIGHUP ends the process.
pub(crate) fn on_hangup(reloader: Reloader) -> io::Result<impl Future<Output = ()> + Send> {
    let mut hangups = signal(SignalKind::hangup())?;
    Ok(async move {
        while hangups.recv().await.is_some() {
            reloader.ask(Trigger::Signal);
        }
    })
}
