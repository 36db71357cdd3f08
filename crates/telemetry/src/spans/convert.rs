//! A finished span in OpenTelemetry's shape and words (semantic conventions for HTTP, server spans).

use std::borrow::Cow;

use opentelemetry::{
    InstrumentationScope, KeyValue, SpanId, TraceFlags, TraceId, Value,
    trace::{SpanContext, SpanKind, Status, TraceState},
};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};

use super::FinishedSpan;

/// Every request passes here only when it was sampled, so that is what the flags say.
pub(super) fn span_data(span: FinishedSpan) -> SpanData {
    let error = error_type(&span);
    SpanData {
        span_context: SpanContext::new(
            TraceId::from(span.trace_id),
            SpanId::from(span.span_id),
            TraceFlags::SAMPLED,
            false,
            TraceState::default(),
        ),
        parent_span_id: span.parent_id.map_or(SpanId::INVALID, SpanId::from),
        parent_span_is_remote: span.parent_id.is_some(),
        span_kind: SpanKind::Server,
        start_time: span.start,
        end_time: span.end,
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        // The description stays empty: what it would say is in error.type.
        status: if error.is_some() { Status::error("") } else { Status::Unset },
        instrumentation_scope: InstrumentationScope::builder("banyan")
            .with_version(env!("CARGO_PKG_VERSION"))
            .build(),
        attributes: attributes(&span, error),
        name: Cow::Owned(span.name),
    }
}

fn attributes(span: &FinishedSpan, error: Option<Cow<'static, str>>) -> Vec<KeyValue> {
    let mut attributes = Vec::with_capacity(10);
    let mut add = |key: &'static str, value: Value| attributes.push(KeyValue::new(key, value));
    add("http.request.method", span.method.clone().into());
    if !span.route.is_empty() {
        add("http.route", span.route.clone().into());
    }
    if span.status != 0 {
        add("http.response.status_code", i64::from(span.status).into());
    }
    if let Some(error) = error {
        add("error.type", error.into());
    }
    add("banyan.ending", span.ending.into());
    if let Some(upstream) = &span.upstream {
        add("banyan.upstream", upstream.clone().into());
    }
    if let Some(unit) = &span.unit {
        add("banyan.unit", unit.clone().into());
    }
    if let Some(side) = span.side {
        add("banyan.side", side.into());
    }
    attributes
}

/// What went wrong on this side of the exchange. A 4xx is the client's own affair and no error of a server span.
fn error_type(span: &FinishedSpan) -> Option<Cow<'static, str>> {
    match (span.ending, span.status) {
        ("OK", 500..) => Some(Cow::Owned(span.status.to_string())),
        ("OK", _) | (_, 400..=498) => None,
        (ending, _) => Some(Cow::Borrowed(ending)),
    }
}
