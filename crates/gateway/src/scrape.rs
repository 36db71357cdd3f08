//! Metrics that are read off when somebody asks, rather than counted as things happen.

use std::{fmt, sync::Arc};

use arc_swap::ArcSwap;
use banyan_resilience::breaker::State;
use banyan_state::{live::Units, shadow::DropReason};
use banyan_telemetry::{access::AccessLog, spans::Spans};
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, NoLabelSet},
    metrics::MetricType,
};
use tokio::{sync::mpsc::WeakSender, time::Instant};

use crate::{compiled::Compiled, shadow::tap::Job, status};

/// Where the figures are.
pub(crate) struct Scrape {
    pub(crate) units: Arc<Units>,
    pub(crate) compiled: Arc<ArcSwap<Compiled>>,
    pub(crate) access: Option<Arc<AccessLog>>,
    pub(crate) spans: Option<Spans>,
    pub(crate) shadow: WeakSender<Job>,
}

impl fmt::Debug for Scrape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scrape").finish_non_exhaustive()
    }
}

/// One figure of a family.
struct Value {
    labels: Vec<(&'static str, String)>,
    value: f64,
}

/// A family of figures, encoded by hand since its labels are known only now.
struct Figures {
    kind: MetricType,
    values: Vec<Value>,
}

impl Figures {
    fn write(&self, encoder: &mut MetricEncoder<'_>, value: f64) -> fmt::Result {
        match self.kind {
            MetricType::Counter => encoder.encode_counter::<NoLabelSet, f64, f64>(&value, None),
            _ => encoder.encode_gauge(&value),
        }
    }
}

impl EncodeMetric for Figures {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        for Value { labels, value } in &self.values {
            if labels.is_empty() {
                self.write(&mut encoder, *value)?;
                continue;
            }
            let mut family = encoder.encode_family(labels)?;
            self.write(&mut family, *value)?;
        }
        Ok(())
    }

    fn metric_type(&self) -> MetricType {
        self.kind
    }
}

fn put(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    kind: MetricType,
    values: Vec<Value>,
) -> fmt::Result {
    let figures = Figures { kind, values };
    let metric = encoder.encode_descriptor(name, help, None, kind)?;
    figures.encode(metric)
}

/// Counts far below 2^53 are exact.
#[expect(clippy::cast_precision_loss, reason = "a count of events; Prometheus holds 64-bit floats too")]
fn float(count: u64) -> f64 {
    count as f64
}

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.units(&mut encoder)?;
        self.shadow(&mut encoder)?;
        self.upstreams(&mut encoder)?;
        self.breakers(&mut encoder)?;
        self.limits(&mut encoder)?;
        self.cache(&mut encoder)?;
        self.queues(&mut encoder)
    }
}

impl Scrape {
    fn units(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let percent = self.units.all().into_iter().map(|unit| Value {
            labels: vec![("unit", unit.name.to_string())],
            value: unit.percent().ratio() * 100.0,
        });
        let help = "Share of subjects on the replacement, in percent";
        put(encoder, "banyan_rollout_percent", help, MetricType::Gauge, percent.collect())
    }

    fn shadow(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let mut values = Vec::new();
        for unit in self.units.all() {
            let (matched, mismatched, dropped) =
                unit.with_shadow(|report| (report.matched, report.mismatched, report.dropped.clone()));
            let mut value = |result: String, count: u64| {
                let labels = vec![("unit", unit.name.to_string()), ("result", result)];
                values.push(Value { labels, value: float(count) });
            };
            value("match".into(), matched);
            value("mismatch".into(), mismatched);
            for reason in DropReason::ALL {
                value(format!("dropped_{}", reason.as_str()), dropped.get(&reason).copied().unwrap_or(0));
            }
        }
        let help = "Copies compared with the live answer, by result";
        put(encoder, "banyan_shadow_comparisons", help, MetricType::Counter, values)
    }

    fn upstreams(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let (mut up, mut in_flight) = (Vec::new(), Vec::new());
        for upstream in status::read(&self.compiled.load().upstreams) {
            for endpoint in upstream.endpoints {
                let labels =
                    vec![("upstream", upstream.name.to_string()), ("endpoint", endpoint.address.to_string())];
                let fit = endpoint.health == "up" && endpoint.ejected_for.is_none();
                up.push(Value { labels: labels.clone(), value: if fit { 1.0 } else { 0.0 } });
                in_flight.push(Value { labels, value: f64::from(endpoint.in_flight) });
            }
        }
        put(
            encoder,
            "banyan_endpoint_up",
            "1 while an endpoint is healthy and not ejected",
            MetricType::Gauge,
            up,
        )?;
        put(encoder, "banyan_endpoint_in_flight", "Calls under way", MetricType::Gauge, in_flight)
    }

    fn breakers(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let (mut states, mut budgets) = (Vec::new(), Vec::new());
        let now = Instant::now();
        for upstream in &self.compiled.load().upstreams {
            let name = || ("upstream", upstream.config.name.to_string());
            if let Some(breaker) = &upstream.patterns.breaker {
                let current = breaker.status(now).state;
                states.extend([State::Closed, State::Open, State::HalfOpen].map(|state| Value {
                    labels: vec![name(), ("state", state.as_str().to_owned())],
                    value: f64::from(u8::from(state == current)),
                }));
            }
            if let Some(budget) = &upstream.patterns.budget {
                budgets.push(Value { labels: vec![name()], value: budget.remaining_ratio(now) });
            }
        }
        let help = "1 for the state that the upstream's circuit breaker is in";
        put(encoder, "banyan_breaker_state", help, MetricType::Gauge, states)?;
        let help = "Share of the retry budget that is left";
        put(encoder, "banyan_retry_budget_remaining_ratio", help, MetricType::Gauge, budgets)
    }

    fn limits(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let (mut limits, mut in_flight, mut waiting) = (Vec::new(), Vec::new(), Vec::new());
        for upstream in &self.compiled.load().upstreams {
            let Some(limit) = &upstream.patterns.limit else { continue };
            let status = limit.status();
            let value = |value: u32| Value {
                labels: vec![("upstream", upstream.config.name.to_string())],
                value: f64::from(value),
            };
            limits.push(value(status.limit));
            in_flight.push(value(status.in_flight));
            waiting.push(value(status.waiting));
        }
        let gauge = MetricType::Gauge;
        put(encoder, "banyan_concurrency_limit", "Calls that may be under way at once", gauge, limits)?;
        let help = "Calls under way, as the concurrency limit counts them";
        put(encoder, "banyan_concurrency_in_flight", help, MetricType::Gauge, in_flight)?;
        let help = "Calls that wait for a place in the concurrency limit";
        put(encoder, "banyan_concurrency_waiting", help, MetricType::Gauge, waiting)
    }

    fn cache(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let compiled = self.compiled.load();
        let Some(report) = compiled.cache.as_ref().map(|cache| cache.report()) else { return Ok(()) };
        let one = |value: f64| vec![Value { labels: Vec::new(), value }];
        let size = |size: usize| float(u64::try_from(size).unwrap_or(u64::MAX));
        for (name, help, value) in [
            ("banyan_cache_bytes", "Bytes that kept answers take", float(report.used)),
            ("banyan_cache_bytes_limit", "Bytes that kept answers may take", float(report.memory)),
            ("banyan_cache_items", "Kept answers, and what they vary by", size(report.items)),
            ("banyan_cache_fetches", "Fetches under way", size(report.fetches)),
            ("banyan_cache_fetch_bytes", "Bytes of answers on their way that are held", size(report.held)),
            (
                "banyan_cache_invalidated_tags",
                "Invalidated tags remembered until the next sweep",
                size(report.invalidated),
            ),
        ] {
            put(encoder, name, help, MetricType::Gauge, one(value))?;
        }
        let help = "Kept answers that had to go for others";
        put(encoder, "banyan_cache_evictions", help, MetricType::Counter, one(float(report.evictions)))?;
        let by = |label: &'static str, counts: Vec<(&'static str, u64)>| {
            let value = |(name, count): (&str, u64)| Value {
                labels: vec![(label, name.to_owned())],
                value: float(count),
            };
            counts.into_iter().map(value).collect::<Vec<_>>()
        };
        let help = "Answers kept, by kind";
        put(encoder, "banyan_cache_stored", help, MetricType::Counter, by("kind", report.stored))?;
        let Some(second) = report.second else { return Ok(()) };
        let help = "What happened at the level of the cache that nodes share";
        put(encoder, "banyan_cache_second_level", help, MetricType::Counter, by("event", second.counts))?;
        let help = "Invalidations that the level that nodes share does not know of yet";
        let queued = one(size(second.queued));
        put(encoder, "banyan_cache_second_level_queue", help, MetricType::Gauge, queued)
    }

    fn queues(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let one = |value: f64| vec![Value { labels: Vec::new(), value }];
        if let Some(queue) = self.shadow.upgrade() {
            let (limit, free) = (queue.max_capacity(), queue.capacity());
            let waiting = u32::try_from(limit - free).unwrap_or(u32::MAX);
            let limit = u32::try_from(limit).unwrap_or(u32::MAX);
            put(encoder, "banyan_shadow_queue", "Copies waiting", MetricType::Gauge, one(waiting.into()))?;
            put(
                encoder,
                "banyan_shadow_queue_limit",
                "Most copies that may wait",
                MetricType::Gauge,
                one(limit.into()),
            )?;
        }
        let lines = self.access.as_ref().map_or(0, |access| access.dropped());
        let help = "Access lines lost because their writer fell behind or failed";
        put(encoder, "banyan_access_lines_dropped", help, MetricType::Counter, one(float(lines)))?;
        let spans = self.spans.as_ref().map_or(0, Spans::dropped);
        put(
            encoder,
            "banyan_spans_dropped",
            "Spans lost on their way to the collector",
            MetricType::Counter,
            one(float(spans)),
        )
    }
}
