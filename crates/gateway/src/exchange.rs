//! One request, and the facts learned about it so far.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use http::{HeaderValue, Method, Uri, Version};
use prometheus_client::metrics::gauge::Gauge;
use smallvec::SmallVec;
use tokio::time::Instant;

use crate::{
    cache::outcome::Outcome,
    forward::{Client, Seen},
    outcome::Ending,
    stages::decide::Decision,
    trace::TraceContext,
};

/// The facts of one exchange. Stages add to it; at the end it becomes metrics, an access line and a span.
#[derive(Debug)]
pub(crate) struct Exchange {
    /// When the head was complete.
    pub(crate) started: Instant,
    /// Who is connected to us: the address as text.
    pub(crate) client: HeaderValue,
    /// Whether the client's connection is encrypted.
    pub(crate) secure: bool,
    /// As spoken by the client.
    pub(crate) version: Version,
    /// As sent; `None` when the head was refused before it was known.
    pub(crate) method: Option<Method>,
    /// As sent; its query may hold secrets and is never logged.
    pub(crate) target: Option<Uri>,
    /// Ours or the caller's.
    pub(crate) trace: TraceContext,
    /// Which fields of interest it has.
    pub(crate) seen: Seen,
    /// Index into the plan's routes.
    pub(crate) route: Option<usize>,
    /// For routes of a unit.
    pub(crate) decision: Option<Decision>,
    /// What came of asking upstreams.
    pub(crate) asked: Asked,
    /// What the cache did, where there is one.
    pub(crate) cache: Option<Outcome>,
    /// Whether what was fetched for it is kept for others.
    pub(crate) kept: bool,
    /// Status sent.
    pub(crate) status: u16,
    /// Bytes of the answer's body that were handed to the client's connection.
    pub(crate) sent: u64,
    /// How it ended, as far as is known.
    pub(crate) ending: Ending,
    /// More on a refusal: static, so that nothing of the request leaks.
    pub(crate) detail: Option<&'static str>,
    /// For an answer that is a substitute.
    pub(crate) degraded: Option<Degraded>,
    /// Status and ending of the replacement's call, where legacy answered instead.
    pub(crate) gave_up: Option<(u16, Ending)>,
    /// How long the answer's head took, where somebody wants to know.
    pub(crate) answered: Option<Duration>,
    /// When the caller gives up, if it said so.
    pub(crate) caller_deadline: Option<Instant>,
    /// Generation of the plan it was served by.
    pub(crate) generation: u64,
    /// Counts it among the requests under way.
    _active: Active,
}

/// What came of asking upstreams, for one exchange.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    /// Who answered, or was asked last.
    pub(crate) upstream: Option<Arc<str>>,
    /// Its address.
    pub(crate) endpoint: Option<SocketAddr>,
    /// Attempts made.
    pub(crate) attempts: u32,
    /// When asking again may help, for a refusal.
    pub(crate) retry_after: Option<Duration>,
    /// How the last call failed; [`Ending::Ok`] when it did not.
    pub(crate) trouble: Ending,
    /// Faults made on purpose.
    pub(crate) chaos: SmallVec<[&'static str; 2]>,
}

/// What a substitute stands in for.
#[derive(Clone, Debug)]
pub(crate) struct Degraded {
    /// The upstream whose answer is missing, or the part of an answer.
    pub(crate) missing: Arc<str>,
    /// Why.
    pub(crate) why: Lack,
}

/// Why something is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lack {
    /// How the call ended; [`Ending::Ok`] when it answered that it had failed.
    Call(Ending),
    /// The answer lacked this part.
    Part,
}

/// Counted among the requests under way for as long as it lives.
#[derive(Debug)]
struct Active(Gauge);

impl Drop for Active {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Exchange {
    /// A new exchange of which only the head is known, counted in `active` until it ends.
    pub(crate) fn new(
        client: &Client,
        version: Version,
        trace: TraceContext,
        seen: Seen,
        active: &Gauge,
        now: Instant,
    ) -> Self {
        active.inc();
        Self {
            started: now,
            client: client.address.clone(),
            secure: client.secure,
            version,
            method: None,
            target: None,
            trace,
            seen,
            route: None,
            decision: None,
            asked: Asked::default(),
            cache: None,
            kept: false,
            status: 0,
            sent: 0,
            ending: Ending::ClientGone,
            detail: None,
            degraded: None,
            gave_up: None,
            answered: None,
            caller_deadline: None,
            generation: 0,
            _active: Active(active.clone()),
        }
    }
}
