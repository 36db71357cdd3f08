//! A thread with a runtime of its own, ended by its owner.

use std::{io, thread::JoinHandle};

use tokio::sync::oneshot;

/// Work on a thread of its own. Dropping it asks the work to end and waits until it has.
///
/// The demo's site and traffic must not share threads with the gateway between them: a busy gateway would slow them
/// down, and its numbers would look better for it.
#[derive(Debug)]
pub(crate) struct Background {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Background {
    /// Runs `work` until it ends by itself. It is handed what resolves when it should.
    ///
    /// # Errors
    /// When the system gives no thread or no event queue.
    pub(crate) fn start<F>(
        name: &str,
        work: impl FnOnce(oneshot::Receiver<()>) -> F + Send + 'static,
    ) -> io::Result<Self>
    where
        F: Future<Output = ()>,
    {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || runtime.block_on(async move { work(stopped).await }))?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }

    /// Asks the work to end and waits until it has.
    pub(crate) fn end(&mut self) {
        // Dropping the sender is the signal.
        self.stop.take();
        if let Some(thread) = self.thread.take()
            && let Err(panic) = thread.join()
            && !std::thread::panicking()
        {
            std::panic::resume_unwind(panic);
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.end();
    }
}
