//! What a dependency is told about a question beside the question itself.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use axum::http::HeaderMap;
use banyan_resilience::Attempt;

/// Carries the number of the request on whose behalf a question is asked.
pub(crate) const REQUEST: &str = "x-request-id";
/// Carries the number of the leg.
pub(crate) const LEG: &str = "x-leg";

/// Which of the questions that one request leads to this is. The chaos goes by it, so that a seed means the same faults in
/// every run and for both variants, in whatever order questions arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    /// The request of the outside on whose behalf it is asked.
    pub(crate) request: u64,
    /// How manieth time that is: attempts have the odd numbers from 1, the hedge of each has the even one that follows.
    pub(crate) leg: u32,
}

impl Question {
    /// The first time that it is asked for this request.
    pub(crate) const fn first(request: u64) -> Self {
        Self { request, leg: 1 }
    }

    /// The one that this attempt asks.
    pub(crate) fn of(request: u64, attempt: &Attempt) -> Self {
        let first = attempt.number().saturating_mul(2).saturating_sub(1);
        Self { request, leg: first.saturating_add(u32::from(attempt.is_hedge())) }
    }

    /// As a dependency finds it in the fields of a request. Whoever says nothing asks for the first time.
    pub(crate) fn read(fields: &HeaderMap) -> Option<Self> {
        let request = number(fields, REQUEST)?;
        Some(Self { request, leg: number(fields, LEG).unwrap_or(1) })
    }
}

/// Numbers requests that came without a number.
#[derive(Debug, Default)]
pub(crate) struct Numbers(AtomicU64);

impl Numbers {
    /// The number that a request brought along, or else a new one.
    pub(crate) fn of(&self, fields: &HeaderMap) -> u64 {
        number(fields, REQUEST).unwrap_or_else(|| self.0.fetch_add(1, Relaxed))
    }
}

fn number<N: std::str::FromStr>(fields: &HeaderMap, name: &str) -> Option<N> {
    fields.get(name)?.to_str().ok()?.parse().ok()
}
