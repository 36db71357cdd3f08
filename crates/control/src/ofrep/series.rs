//! What is counted about applications.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use banyan_telemetry::metrics::{FlagLabels, Metrics, OfrepLabels};

use super::Shared;
use crate::flags::Said;

/// Flags with series of their own. The label comes from what people have defined and never from requests; this bounds it
/// when they define very many.
const MOST: usize = 1_000;
/// All other flags, and keys that are none.
const OTHER: &str = "_OTHER";

/// Counts evaluations.
pub(super) struct Series {
    metrics: Arc<Metrics>,
    named: Mutex<BTreeSet<String>>,
}

impl Series {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics, named: Mutex::default() }
    }

    /// Counts what a flag said.
    pub(super) fn evaluated(&self, said: &Said<'_>) {
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        let is_named =
            named.contains(said.key()) || (named.len() < MOST && named.insert(said.key().to_owned()));
        drop(named);
        let flag = if is_named { said.key() } else { OTHER };
        self.count(flag, said.reason().as_str());
    }

    /// Counts a question for a flag that there is not.
    pub(super) fn not_found(&self) {
        self.count(OTHER, "ERROR");
    }

    fn count(&self, flag: &str, reason: &'static str) {
        self.metrics.flag_evaluations.get_or_create(&FlagLabels { flag: flag.to_owned(), reason }).inc();
    }
}

/// Counts requests by how they are answered.
pub(super) async fn count(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let operation = match request.uri().path().strip_prefix(super::FLAGS) {
        Some("") => "bulk",
        Some(key) if key.starts_with('/') => "single",
        _ => "other",
    };
    let response = next.run(request).await;
    let labels = OfrepLabels { operation, http_response_status_code: response.status().as_u16() };
    shared.series.metrics.ofrep_requests.get_or_create(&labels).inc();
    response
}
