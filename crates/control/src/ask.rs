//! Asking the store from an asynchronous task: calls block, so they go to a thread that may.

use std::sync::Arc;

use banyan_state::{Store, StoreError};
use tokio::task::spawn_blocking;

/// Runs `question` on a thread that may block. It is finished even when nobody waits for it any more.
///
/// # Errors
/// The store's own, and [`StoreError::Failed`] when the question panicked.
pub(crate) async fn ask<T: Send + 'static>(
    store: &Arc<dyn Store>,
    question: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let store = store.clone();
    match spawn_blocking(move || question(&*store)).await {
        Ok(answer) => answer,
        Err(failed) => Err(StoreError::Failed(failed.to_string())),
    }
}
