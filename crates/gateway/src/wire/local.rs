//! Running hyper's HTTP/2 on a worker's own thread.

use std::future::Future;

/// Spawns on the current worker; nothing of a worker ever moves to another thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LocalExecutor;

impl<F> hyper::rt::Executor<F> for LocalExecutor
where
    F: Future + 'static,
    F::Output: 'static,
{
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}
