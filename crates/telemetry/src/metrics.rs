//! Every metric of Banyan, in one registry, named after OpenTelemetry where it has a name.
//!
//! Label values come from the config or from fixed lists, never from traffic, so the number of series is bounded.
//! Whoever counts on the request path keeps the handle that [`Metrics`] gave it.

use std::fmt;

use prometheus_client::{
    collector::Collector,
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

/// Upper bounds in seconds: OpenTelemetry's advice for `http.server.request.duration`, plus 2 s, so that fast < 0.1 s <=
/// medium < 0.5 s <= slow < 2 s <= very slow is exact.
pub const DURATION_BOUNDS: [f64; 15] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.0, 2.5, 5.0, 7.5, 10.0];

/// Labels of a request's duration.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
    /// Method, `_OTHER` when unknown.
    pub http_request_method: &'static str,
    /// Template of the route; empty when none matched.
    pub http_route: String,
    /// Status of the answer.
    pub http_response_status_code: u16,
}

/// One label: how an exchange ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct EndingLabels {
    /// The short reason flag of the access line.
    pub reason: &'static str,
}

/// Labels of a unit's requests.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct UnitLabels {
    /// Name of the unit.
    pub unit: String,
    /// `legacy` or `replacement`.
    pub side: &'static str,
    /// Why that side.
    pub reason: &'static str,
}

/// Labels of an attempt on an upstream.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct AttemptLabels {
    /// Name of the upstream.
    pub upstream: String,
    /// `ok`, or the reason flag.
    pub outcome: &'static str,
}

/// One label: an upstream.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct UpstreamLabels {
    /// Name of the upstream.
    pub upstream: String,
}

/// Labels of what was refused to protect an upstream.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ShedLabels {
    /// Name of the upstream.
    pub upstream: String,
    /// What refused: `breaker`, `throttle`, `limit`, or the criticality that was shed.
    pub reason: &'static str,
}

/// Labels of a breaker's changes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct BreakerLabels {
    /// Name of the upstream.
    pub upstream: String,
    /// State that was gone into.
    pub to: &'static str,
}

/// Labels of answers that are substitutes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct DegradedLabels {
    /// Template of the route.
    pub http_route: String,
    /// Name of the upstream whose answer is missing.
    pub missing: String,
}

/// Labels of what the cache did.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct CacheLabels {
    /// What it did: `hit`, `miss` and so on.
    pub result: &'static str,
}

/// Labels of faults made on purpose.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct ChaosLabels {
    /// Name of the upstream.
    pub upstream: String,
    /// What was done.
    pub fault: &'static str,
}

/// Labels of a rollout's steps.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RolloutLabels {
    /// Name of the unit.
    pub unit: String,
    /// What was done: a command of a person, or what the system decided.
    pub step: &'static str,
}

/// Labels of tries to send an alert.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct AlertLabels {
    /// `webhook` or `smtp`.
    pub target: &'static str,
    /// `sent`, `failed` (and tried again), or `given_up`.
    pub result: &'static str,
}

/// Labels of evaluations of flags for applications.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct FlagLabels {
    /// Key of the flag; `_OTHER` for what is no flag, and for flags beyond a bound.
    pub flag: String,
    /// Why it said what it said, in OpenFeature's words.
    pub reason: &'static str,
}

/// Labels of requests for flags.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OfrepLabels {
    /// `single`, `bulk` or `other`.
    pub operation: &'static str,
    /// Status of the answer.
    pub http_response_status_code: u16,
}

/// All metrics that are counted as things happen. What can be read off at any time is added as a [`Collector`].
pub struct Metrics {
    registry: Registry,
    /// `http_server_request_duration_seconds`.
    pub request_duration: Family<RequestLabels, Histogram, fn() -> Histogram>,
    /// `http_server_active_requests`.
    pub active_requests: Gauge,
    /// `banyan_request_endings_total`.
    pub endings: Family<EndingLabels, Counter>,
    /// `banyan_unit_requests_total`.
    pub unit_requests: Family<UnitLabels, Counter>,
    /// `banyan_upstream_attempts_total`.
    pub upstream_attempts: Family<AttemptLabels, Counter>,
    /// `banyan_retries_total`.
    pub retries: Family<UpstreamLabels, Counter>,
    /// `banyan_hedges_total`.
    pub hedges: Family<UpstreamLabels, Counter>,
    /// `banyan_shed_total`.
    pub shed: Family<ShedLabels, Counter>,
    /// `banyan_breaker_transitions_total`.
    pub breaker_transitions: Family<BreakerLabels, Counter>,
    /// `banyan_degraded_responses_total`.
    pub degraded: Family<DegradedLabels, Counter>,
    /// `banyan_cache_requests_total`.
    pub cache: Family<CacheLabels, Counter>,
    /// `banyan_chaos_injected_total`.
    pub chaos: Family<ChaosLabels, Counter>,
    /// `banyan_client_connections`.
    pub connections: Gauge,
    /// `banyan_client_connections_limit`.
    pub connections_limit: Gauge,
    /// `banyan_config_generation`.
    pub generation: Gauge,
    /// `banyan_config_reload_failures_total`.
    pub reload_failures: Counter,
    /// `banyan_config_last_reload_failed`: 1 while the newest reload was refused.
    pub last_reload_failed: Gauge,
    /// `banyan_rollout_steps_total`.
    pub rollout_steps: Family<RolloutLabels, Counter>,
    /// `banyan_rollout_leader`: 1 while this node drives rollouts.
    pub rollout_leader: Gauge,
    /// `banyan_alerts_total`.
    pub alerts: Family<AlertLabels, Counter>,
    /// `banyan_store_cut_off`: 1 while the store cannot be reached.
    pub store_cut_off: Gauge,
    /// `banyan_flag_evaluations_total`.
    pub flag_evaluations: Family<FlagLabels, Counter>,
    /// `banyan_ofrep_requests_total`.
    pub ofrep_requests: Family<OfrepLabels, Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            request_duration: Family::new_with_constructor(duration_histogram as fn() -> Histogram),
            active_requests: Gauge::default(),
            endings: Family::default(),
            unit_requests: Family::default(),
            upstream_attempts: Family::default(),
            retries: Family::default(),
            hedges: Family::default(),
            shed: Family::default(),
            breaker_transitions: Family::default(),
            degraded: Family::default(),
            cache: Family::default(),
            chaos: Family::default(),
            connections: Gauge::default(),
            connections_limit: Gauge::default(),
            generation: Gauge::default(),
            reload_failures: Counter::default(),
            last_reload_failed: Gauge::default(),
            rollout_steps: Family::default(),
            rollout_leader: Gauge::default(),
            alerts: Family::default(),
            store_cut_off: Gauge::default(),
            flag_evaluations: Family::default(),
            ofrep_requests: Family::default(),
        };
        metrics.register();
        metrics.register_patterns();
        metrics.register_rollouts();
        metrics.register_flags();
        metrics
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

fn duration_histogram() -> Histogram {
    Histogram::new(DURATION_BOUNDS)
}

impl Metrics {
    fn register_patterns(&mut self) {
        let registry = &mut self.registry;
        registry.register("banyan_retries", "Attempts after one that failed", self.retries.clone());
        registry.register("banyan_hedges", "Second attempts beside one that took long", self.hedges.clone());
        registry.register(
            "banyan_shed",
            "Calls refused to protect an upstream, by what refused them",
            self.shed.clone(),
        );
        registry.register(
            "banyan_breaker_transitions",
            "Changes of a circuit breaker by the state gone into",
            self.breaker_transitions.clone(),
        );
        registry.register(
            "banyan_degraded_responses",
            "Answers that are substitutes, by what is missing",
            self.degraded.clone(),
        );
        registry.register(
            "banyan_cache_requests",
            "Requests to routes whose answers are kept, by what the cache did",
            self.cache.clone(),
        );
        registry.register("banyan_chaos_injected", "Faults made on purpose", self.chaos.clone());
    }

    fn register_flags(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "banyan_flag_evaluations",
            "Evaluations of flags for applications, by why they said what they said",
            self.flag_evaluations.clone(),
        );
        registry.register(
            "banyan_ofrep_requests",
            "Requests of applications for flags, by how they were answered",
            self.ofrep_requests.clone(),
        );
    }

    fn register_rollouts(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "banyan_rollout_steps",
            "Steps of rollouts, by people and by themselves",
            self.rollout_steps.clone(),
        );
        registry.register(
            "banyan_rollout_leader",
            "1 while this node drives rollouts",
            self.rollout_leader.clone(),
        );
        registry.register("banyan_alerts", "Tries to send an alert, by how they ended", self.alerts.clone());
        registry.register(
            "banyan_store_cut_off",
            "1 while the state store cannot be reached",
            self.store_cut_off.clone(),
        );
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "http_server_request_duration_seconds",
            "Duration of requests, from the end of the head to the last byte of the answer",
            self.request_duration.clone(),
        );
        registry.register("http_server_active_requests", "Requests under way", self.active_requests.clone());
        registry.register(
            "banyan_request_endings",
            "Requests by how they ended (banyan explain CODE)",
            self.endings.clone(),
        );
        registry.register(
            "banyan_unit_requests",
            "Requests of units by side and reason",
            self.unit_requests.clone(),
        );
        registry.register(
            "banyan_upstream_attempts",
            "Attempts on upstreams by outcome",
            self.upstream_attempts.clone(),
        );
        registry.register("banyan_client_connections", "Open client connections", self.connections.clone());
        registry.register(
            "banyan_client_connections_limit",
            "Most client connections that are accepted",
            self.connections_limit.clone(),
        );
        registry.register(
            "banyan_config_generation",
            "Configs applied since the start",
            self.generation.clone(),
        );
        registry.register("banyan_config_reload_failures", "Reloads refused", self.reload_failures.clone());
        registry.register(
            "banyan_config_last_reload_failed",
            "1 while the newest reload was refused",
            self.last_reload_failed.clone(),
        );
    }

    /// Adds what is read off when somebody asks. Only before the metrics are shared.
    pub fn collect_from(&mut self, collector: Box<dyn Collector>) {
        self.registry.register_collector(collector);
    }

    /// Everything as Prometheus (OpenMetrics) text.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        if encode(&mut text, &self.registry).is_err() {
            // Writing to a string fails only if a collector says so; half an exposition is worse than none.
            text.clear();
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_labels_are_those_of_the_docs() {
        let metrics = Metrics::default();
        let labels = RequestLabels {
            http_request_method: "GET",
            http_route: "/a/{id}".into(),
            http_response_status_code: 200,
        };
        metrics.request_duration.get_or_create(&labels).observe(1.9);
        metrics.endings.get_or_create(&EndingLabels { reason: "OK" }).inc();
        let text = metrics.render();
        assert!(text.contains(r#"http_server_request_duration_seconds_bucket{le="2.0",http_request_method="GET",http_route="/a/{id}",http_response_status_code="200"} 1"#), "{text}");
        assert!(text.contains(r#"le="1.0",http_request_method="GET",http_route="/a/{id}",http_response_status_code="200"} 0"#), "{text}");
        assert!(text.contains(r#"banyan_request_endings_total{reason="OK"} 1"#), "{text}");
    }
}
