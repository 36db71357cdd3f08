//! Spans over the wire: a real exporter against a small collector.
mod collector;

use std::{
    net::TcpListener,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use banyan_telemetry::spans::{BATCH_SPANS, FinishedSpan, QUEUE_SPANS, Spans, SpansError};
use collector::attribute;

fn span(id: u64) -> FinishedSpan {
    let start = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    FinishedSpan {
        trace_id: 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736,
        span_id: id,
        parent_id: Some(0x00f0_67aa_0ba9_02b7),
        name: "GET /articles/{id}".to_owned(),
        start,
        end: start + Duration::from_millis(12),
        method: "GET".to_owned(),
        route: "/articles/{id}".to_owned(),
        status: 200,
        ending: "OK",
        upstream: Some("articles".to_owned()),
        unit: Some("articles".to_owned()),
        side: Some("replacement"),
    }
}

#[test]
fn a_span_arrives_with_everything_that_is_known_of_it() {
    let (endpoint, exports) = collector::start("200 OK");
    let (spans, guard) = Spans::start(&endpoint).unwrap();
    spans.offer(span(7));
    drop(guard);

    let export = collector::next(&exports);
    assert_eq!(export.request_line, "POST /v1/traces HTTP/1.1");
    assert_eq!(export.content_type, "application/x-protobuf");
    assert_eq!(export.resource("service.name").as_deref(), Some("banyan"));
    assert_eq!(export.resource("service.version").as_deref(), Some(env!("CARGO_PKG_VERSION")));
    let [span] = export.spans()[..] else { panic!("one span: {export:?}") };
    assert_eq!(span.trace_id, 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736_u128.to_be_bytes());
    assert_eq!(span.span_id, 7_u64.to_be_bytes());
    assert_eq!(span.parent_span_id, 0x00f0_67aa_0ba9_02b7_u64.to_be_bytes());
    assert_eq!(span.kind, 2, "a server span");
    assert_eq!(span.name, "GET /articles/{id}");
    assert_eq!(span.start_time_unix_nano, 1_700_000_000_000_000_000);
    assert_eq!(span.end_time_unix_nano - span.start_time_unix_nano, 12_000_000);
    for (key, value) in [
        ("http.request.method", "GET"),
        ("http.route", "/articles/{id}"),
        ("http.response.status_code", "200"),
        ("banyan.ending", "OK"),
        ("banyan.upstream", "articles"),
        ("banyan.unit", "articles"),
        ("banyan.side", "replacement"),
    ] {
        assert_eq!(attribute(span, key).as_deref(), Some(value), "{key}");
    }
    assert_eq!(attribute(span, "error.type"), None);
    assert_eq!(spans.dropped(), 0);
}

#[test]
fn errors_are_those_of_the_server_side() {
    let (endpoint, exports) = collector::start("200 OK");
    let (spans, guard) = Spans::start(&endpoint).unwrap();
    let cases = [
        (502, "UC", Some("UC")),
        (500, "OK", Some("500")),
        (404, "NR", None),
        (404, "OK", None),
        (200, "MR", Some("MR")),
        (0, "CA", Some("CA")),
    ];
    for (id, (status, ending, _)) in (1..).zip(cases) {
        spans.offer(FinishedSpan { status, ending, parent_id: None, unit: None, side: None, ..span(id) });
    }
    drop(guard);
    let export = collector::next(&exports);
    assert_eq!(export.spans().len(), cases.len());
    for (span, (status, ending, expected)) in export.spans().into_iter().zip(cases) {
        assert_eq!(attribute(span, "error.type").as_deref(), expected, "{status} {ending}");
        let failed = span.status.as_ref().is_some_and(|status| status.code == 2);
        assert_eq!(failed, expected.is_some(), "{status} {ending}");
        assert_eq!(attribute(span, "banyan.unit"), None);
        assert!(span.parent_span_id.is_empty());
    }
    let without_status = export.spans()[5];
    assert_eq!(attribute(without_status, "http.response.status_code"), None);
}

#[test]
fn many_spans_go_in_batches_and_none_is_lost() {
    let (endpoint, exports) = collector::start("200 OK");
    let (spans, guard) = Spans::start(&endpoint).unwrap();
    let offered = 1300;
    (1..=offered).for_each(|id| spans.offer(span(id)));
    let mut ids = Vec::new();
    while ids.len() < 1300 {
        let export = collector::next(&exports);
        assert!(export.spans().len() <= BATCH_SPANS);
        ids.extend(
            export
                .spans()
                .iter()
                .map(|span| u64::from_be_bytes(span.span_id.as_slice().try_into().expect("8 bytes"))),
        );
    }
    assert!(ids.into_iter().eq(1..=offered));
    drop(guard);
    assert_eq!(spans.dropped(), 0);
}

#[test]
fn spans_for_a_collector_that_is_away_are_counted() {
    let away = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (spans, guard) = Spans::start(&format!("http://{away}")).unwrap();
    (1..=10).for_each(|id| spans.offer(span(id)));
    drop(guard);
    assert_eq!(spans.dropped(), 10);
    spans.offer(span(11));
    assert_eq!(spans.dropped(), 11, "nobody takes a span after the end");
}

#[test]
fn spans_a_collector_refuses_are_counted() {
    let (endpoint, exports) = collector::start("400 Bad Request");
    let (spans, guard) = Spans::start(&endpoint).unwrap();
    spans.offer(span(1));
    collector::next(&exports);
    drop(guard);
    assert_eq!(spans.dropped(), 1);
}

/// A collector that accepts and never answers fills the queue; the gateway goes on and the end is not held up.
#[test]
fn a_hanging_collector_costs_spans_and_nothing_else() {
    let hanging = TcpListener::bind("127.0.0.1:0").unwrap();
    let (spans, guard) = Spans::start(&format!("http://{}", hanging.local_addr().unwrap())).unwrap();
    let offered = (QUEUE_SPANS + 2 * BATCH_SPANS) as u64;
    (1..=offered).for_each(|id| spans.clone().offer(span(id)));
    assert!(spans.dropped() > 0, "more than the queue and one batch hold");
    drop(guard);
    assert_eq!(spans.dropped(), offered);
}

#[test]
fn an_endpoint_that_cannot_work_is_refused_at_once() {
    for endpoint in
        ["", "collector:4318", "ftp://127.0.0.1", "http://", "http://a b", "http://127.0.0.1/?x=1"]
    {
        let refused = Spans::start(endpoint).map(|_| ()).unwrap_err();
        assert!(matches!(refused, SpansError::Endpoint { .. }), "{endpoint:?}: {refused}");
    }
    for endpoint in ["http://127.0.0.1:4318", "http://127.0.0.1:4318/otlp/", "https://collector.example"] {
        assert!(Spans::start(endpoint).is_ok(), "{endpoint}");
    }
}

#[test]
fn a_base_url_with_a_path_keeps_it() {
    let (endpoint, exports) = collector::start("200 OK");
    let (spans, guard) = Spans::start(&format!("{endpoint}/otlp/")).unwrap();
    spans.offer(FinishedSpan { start: SystemTime::now(), end: SystemTime::now(), ..span(1) });
    drop(guard);
    assert_eq!(collector::next(&exports).request_line, "POST /otlp/v1/traces HTTP/1.1");
}
