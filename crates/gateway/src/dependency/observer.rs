//! What the engine tells, turned into metrics and log lines.

use std::sync::Arc;

use banyan_resilience::{Event, Observer, Refuser, breaker::State, shed::Criticality};
use banyan_telemetry::{
    metrics::{BreakerLabels, Metrics, ShedLabels, UpstreamLabels},
    timeline::{Kind, Timeline},
};
use prometheus_client::metrics::counter::Counter;

/// Where what happens to calls is made known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ears<'a> {
    pub(crate) metrics: &'a Metrics,
    pub(crate) timeline: &'a Arc<Timeline>,
}

/// The ear of one upstream. Its handles are looked up once.
pub(super) struct Ear {
    upstream: Arc<str>,
    retries: Counter,
    hedges: Counter,
    /// By refuser: breaker, throttle, limit.
    refusals: [Counter; 3],
    /// By criticality.
    sheds: [Counter; 4],
    /// By the state that was gone into: closed, open, half-open.
    transitions: [Counter; 3],
    timeline: Arc<Timeline>,
}

impl Ear {
    pub(super) fn new(upstream: Arc<str>, ears: &Ears<'_>) -> Self {
        let metrics = ears.metrics;
        let name = || upstream.to_string();
        let refusal = |reason| metrics.shed.get_or_create(&ShedLabels { upstream: name(), reason }).clone();
        let transition =
            |to| metrics.breaker_transitions.get_or_create(&BreakerLabels { upstream: name(), to }).clone();
        let labels = UpstreamLabels { upstream: name() };
        Self {
            retries: metrics.retries.get_or_create(&labels).clone(),
            hedges: metrics.hedges.get_or_create(&labels).clone(),
            refusals: [Refuser::Breaker, Refuser::Throttle, Refuser::Limit]
                .map(|refuser| refusal(refuser.as_str())),
            sheds: Criticality::ALL.map(|criticality| refusal(criticality.as_str())),
            transitions: [State::Closed, State::Open, State::HalfOpen]
                .map(|state| transition(state.as_str())),
            timeline: ears.timeline.clone(),
            upstream,
        }
    }
}

impl Ear {
    /// A request was refused since others matter more.
    pub(super) fn shed(&self, criticality: Criticality) {
        self.sheds[criticality as usize].inc();
    }
}

impl Observer for Ear {
    fn observe(&self, _policy: &str, event: &Event<'_>) {
        match event {
            Event::Retry { .. } => {
                self.retries.inc();
            }
            Event::Hedge { .. } => {
                self.hedges.inc();
            }
            Event::Refused(refused) => {
                self.refusals[refused.by as usize].inc();
            }
            Event::Breaker(change) => {
                self.transitions[change.to as usize].inc();
                let (from, to) = (change.from.as_str(), change.to.as_str());
                let upstream = &*self.upstream;
                tracing::warn!(upstream, from, to, why = %change.why, "breaker");
                let text = format!("{upstream}: {change}");
                self.timeline.note(Kind::Breaker, text);
            }
            // Attempts are counted where their endpoint is known; a substitute, where its route is.
            _ => {}
        }
    }
}
