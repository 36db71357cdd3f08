//! Waiting for another process, which sends no event when it is ready.

use std::time::{Duration, Instant};

use anyhow::Context;

/// Calls `attempt` until it succeeds.
///
/// # Errors
/// The last error of `attempt`, when `limit` has passed.
pub(crate) fn until<T>(limit: Duration, mut attempt: impl FnMut() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let deadline = Instant::now() + limit;
    loop {
        match attempt() {
            Ok(value) => return Ok(value),
            Err(error) if Instant::now() >= deadline => {
                return Err(error).context(format!("gave up after {limit:?}"));
            }
            Err(_) => pause(Duration::from_millis(20)),
        }
    }
}

/// Lets time pass, where passing time is what is measured or nothing announces the event.
#[expect(clippy::disallowed_methods, reason = "one thread, and nothing to be woken by")]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}
