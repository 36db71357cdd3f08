//! The level, and how workers get at it.

use std::sync::Arc;

use redis::Value;

use crate::{
    call::call, counters::Counts, line::Line, reason::Reason, script::Run, settings::Settings,
    shared::Shared, subscribe::Subscription,
};

/// The shared level of a cache. It opens no connection by itself, so an absent Redis keeps nothing from starting.
#[derive(Clone, Debug)]
pub struct Level {
    shared: Arc<Shared>,
}

/// A way to ask the level, with a connection of its own that is opened when it is first needed. Take one for each worker
/// and use it in that worker's runtime, where the connection is driven; clones share the connection.
#[derive(Clone, Debug)]
pub struct Handle {
    pub(crate) shared: Arc<Shared>,
    pub(crate) line: Arc<Line>,
}

impl Level {
    /// The level these settings name.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { shared: Arc::new(Shared::new(settings)) }
    }

    /// A handle for one worker.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle { shared: Arc::clone(&self.shared), line: Arc::default() }
    }

    /// Hears what any node invalidates; of what this level does itself, the echo.
    #[must_use]
    pub fn subscribe(&self) -> Subscription {
        Subscription::new(Arc::clone(&self.shared))
    }

    /// What happened so far on all handles.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.shared.counters.read()
    }

    /// How many invalidations Redis does not know yet.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.shared.pending().len()
    }
}

impl Handle {
    pub(crate) async fn call<T>(
        &self,
        script: &Run<'_>,
        understand: impl Fn(Value) -> Option<T>,
    ) -> Result<T, Reason> {
        call(&self.shared, &self.line, script, understand).await
    }
}
