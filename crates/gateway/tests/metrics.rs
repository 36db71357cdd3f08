//! docs/metrics.md names every metric and its labels, and no other.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

use banyan_gateway::{Deps, Gateway};
use banyan_state::live::Units;
use banyan_telemetry::metrics::{
    AlertLabels, AttemptLabels, CacheLabels, ChaosLabels, DegradedLabels, EndingLabels, FlagLabels, Metrics,
    OfrepLabels, RequestLabels, RolloutLabels, UnitLabels,
};

/// Kind and labels, by name.
type Families = BTreeMap<String, (String, BTreeSet<String>)>;

const CONFIG: &str = r#"
version: 1
listen: 127.0.0.1:0
workers: 1
log: { access: off }
cache: { memory: 1MiB, redis: "redis://127.0.0.1:1" }
upstreams:
  old: { endpoints: ["http://127.0.0.1:1"], retry: {}, concurrency: {} }
  new: { endpoints: ["http://127.0.0.1:1"] }
units:
  articles:
    legacy: old
    replacement: new
    routes: [ { match: "GET /articles" } ]
"#;

#[test]
fn the_metrics_page_names_what_is_exposed() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md");
    let page = std::fs::read_to_string(path).unwrap();
    assert_eq!(documented(&page), exposed(&exposition()));
}

/// What a running gateway exposes once each family has a series.
fn exposition() -> String {
    let plan = banyan_config::parse("banyan.yaml", CONFIG).expect("a valid config");
    let deps = Deps {
        units: Arc::new(Units::default()),
        cookie_secret: [7; 32],
        metrics: Metrics::default(),
        spans: None,
        timeline: Arc::default(),
    };
    let gateway = Gateway::start(Arc::new(plan), deps).expect("a gateway on a free port");
    let metrics = gateway.metrics();
    let request = RequestLabels {
        http_request_method: "GET",
        http_route: "/articles".to_owned(),
        http_response_status_code: 200,
    };
    metrics.request_duration.get_or_create(&request).observe(0.1);
    metrics.endings.get_or_create(&EndingLabels { reason: "OK" }).inc();
    let unit = UnitLabels { unit: "articles".to_owned(), side: "legacy", reason: "percent" };
    metrics.unit_requests.get_or_create(&unit).inc();
    let attempt = AttemptLabels { upstream: "old".to_owned(), outcome: "ok" };
    metrics.upstream_attempts.get_or_create(&attempt).inc();
    patterns(&metrics);
    let text = metrics.render();
    gateway.drain();
    text
}

/// A series of each family that counts what the patterns do.
fn patterns(metrics: &Metrics) {
    let upstream = || "old".to_owned();
    metrics
        .degraded
        .get_or_create(&DegradedLabels { http_route: "/articles".to_owned(), missing: upstream() })
        .inc();
    metrics.cache.get_or_create(&CacheLabels { result: "hit" }).inc();
    metrics.rollout_steps.get_or_create(&RolloutLabels { unit: "articles".to_owned(), step: "start" }).inc();
    metrics.alerts.get_or_create(&AlertLabels { target: "webhook", result: "sent" }).inc();
    metrics.chaos.get_or_create(&ChaosLabels { upstream: upstream(), fault: "slow" }).inc();
    metrics.flag_evaluations.get_or_create(&FlagLabels { flag: "theme".to_owned(), reason: "SPLIT" }).inc();
    metrics
        .ofrep_requests
        .get_or_create(&OfrepLabels { operation: "bulk", http_response_status_code: 200 })
        .inc();
}

/// Families of an OpenMetrics exposition.
fn exposed(text: &str) -> Families {
    let mut families = Families::new();
    let mut current = (String::new(), String::new());
    for line in text.lines() {
        if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            current = (name.to_owned(), kind.to_owned());
        } else if !line.starts_with('#') {
            let suffix = if current.1 == "counter" { "_total" } else { "" };
            let family = families.entry(format!("{}{suffix}", current.0));
            family.or_insert_with(|| (current.1.clone(), BTreeSet::new())).1.extend(labels(line));
        }
    }
    families
}

/// Names of a sample's labels, without the bounds of a histogram's buckets. No value here holds a quote.
fn labels(sample: &str) -> impl Iterator<Item = String> {
    let inside =
        sample.split_once('{').and_then(|(_, rest)| rest.rsplit_once('}')).map_or("", |(inside, _)| inside);
    let names =
        inside.split('"').step_by(2).filter_map(|text| text.trim_start_matches(',').strip_suffix('='));
    names.filter(|name| *name != "le").map(ToOwned::to_owned).collect::<Vec<_>>().into_iter()
}

/// The rows of the page's tables: `| name | kind | labels | meaning |`, names in backticks.
fn documented(page: &str) -> Families {
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let names =
            |cell: &str| cell.split('`').skip(1).step_by(2).map(ToOwned::to_owned).collect::<Vec<_>>();
        let name = names(cells[1]).concat();
        (name, (cells[2].to_owned(), names(cells[3]).into_iter().collect()))
    })
    .collect()
}
