//! Every work: who takes part, and what people read.

use clap::ValueEnum;

use super::{self as work, Comparison, Shape, Work, method::Method};
use crate::{
    peers::{DIRECT, banyan, floor, haproxy, nginx, varnish},
    server::{Candidate, Requests},
};

/// Every work, in the order of the README.
pub(crate) fn all() -> Vec<Work> {
    let mut all = vec![pass_through(), unit(), resilience(), routes(), idle(), latency(), breaker()];
    all.extend(caches(&[]));
    all.push(coalesce());
    all.extend(stampedes());
    all
}

/// Plain proxying.
pub(crate) fn pass_through() -> Work {
    Work {
        name: "pass-through",
        title: "1 KiB of JSON, 64 connections",
        columns: work::throughput::COLUMNS,
        baselines: &["nginx", "HAProxy"],
        comparison: Comparison::Ratio,
        candidates: vec![banyan::BANYAN, nginx::NGINX, nginx::NGINX_LOG, haproxy::HAPROXY, nginx::NGINX_LUA],
        bar: None,
        method: Method::Throughput,
    }
}

/// A sticky split, with all that is on when it is used.
pub(crate) fn unit() -> Work {
    let users = |candidate| Candidate { requests: Requests::Users, ..candidate };
    Work {
        name: "unit",
        title: "Sticky split of 1,000 users",
        columns: work::throughput::COLUMNS,
        baselines: &["Banyan", "nginx, split, log"],
        comparison: Comparison::Ratio,
        candidates: vec![
            banyan::BANYAN_UNIT,
            users(banyan::BANYAN),
            nginx::NGINX_SPLIT,
            users(nginx::NGINX),
            users(nginx::NGINX_LOG),
        ],
        bar: None,
        method: Method::Throughput,
    }
}

/// What the patterns of calling an upstream add.
pub(crate) fn resilience() -> Work {
    Work {
        name: "resilience",
        title: "1 KiB of JSON, 64 connections",
        columns: work::throughput::COLUMNS,
        baselines: &["Banyan, no patterns"],
        comparison: Comparison::Added,
        candidates: vec![
            banyan::BANYAN_BARE,
            banyan::BANYAN,
            banyan::BANYAN_PATTERNS,
            banyan::BANYAN_HEDGED,
            banyan::BANYAN_VALID,
        ],
        bar: None,
        method: Method::Throughput,
    }
}

/// Few routes and many.
pub(crate) fn routes() -> Work {
    Work {
        name: "routes",
        title: "All routes in turn",
        columns: work::throughput::COLUMNS,
        baselines: &["Banyan, 10 routes"],
        comparison: Comparison::Ratio,
        candidates: vec![banyan::BANYAN_10, banyan::BANYAN_10000],
        bar: None,
        method: Method::Throughput,
    }
}

/// Connections that have made one request and are kept open.
pub(crate) fn idle() -> Work {
    Work {
        name: "idle",
        title: "Idle keep-alive connections",
        columns: work::idle::COLUMNS,
        baselines: &[],
        comparison: Comparison::Ratio,
        candidates: vec![banyan::BANYAN, nginx::NGINX, haproxy::HAPROXY],
        bar: None,
        method: Method::Idle,
    }
}

/// What a proxy adds when it is not busy.
pub(crate) fn latency() -> Work {
    Work {
        name: "latency",
        title: "500 requests/s, open loop",
        columns: work::latency::COLUMNS,
        baselines: &["direct"],
        comparison: Comparison::Added,
        candidates: vec![DIRECT, banyan::BANYAN, nginx::NGINX, haproxy::HAPROXY],
        bar: None,
        method: Method::Latency,
    }
}

/// What circuit breakers cost the calls they let pass.
pub(crate) fn breaker() -> Work {
    Work {
        name: "breaker",
        title: "A call that passes a closed breaker",
        columns: work::breaker::COLUMNS,
        baselines: &["Banyan"],
        comparison: Comparison::Ratio,
        candidates: Vec::new(),
        bar: None,
        method: Method::Breaker,
    }
}

/// Answers from memory: these shapes, or all of them when none is named.
pub(crate) fn caches(shapes: &[Shape]) -> Vec<Work> {
    let shapes = if shapes.is_empty() { Shape::value_variants() } else { shapes };
    shapes.iter().map(|shape| cache(*shape)).collect()
}

fn cache(shape: Shape) -> Work {
    let (name, title) = shape.name();
    let candidates = [
        floor::FLOOR,
        banyan::BANYAN_CACHE,
        nginx::NGINX_LRUCACHE,
        haproxy::HAPROXY_CACHE,
        nginx::NGINX_CACHE,
        varnish::VARNISH,
    ];
    Work {
        name,
        title,
        columns: work::throughput::COLUMNS,
        baselines: &["floor", "nginx + Lua lrucache"],
        comparison: Comparison::Ratio,
        candidates: sent(shape.requests(), candidates),
        bar: None,
        method: Method::Cache(shape),
    }
}

/// Many requests for the same at the same time, of which nothing may be kept.
pub(crate) fn coalesce() -> Work {
    let requests = Requests::Items { keys: work::coalesce::ITEMS, bytes: work::coalesce::BYTES };
    let candidates = [banyan::BANYAN_NO_COALESCING, banyan::BANYAN_COALESCING, nginx::NGINX];
    Work {
        name: "coalesce",
        title: "2,000 requests/s, 60 % within 5 ms of a twin, 20 ms each",
        columns: work::coalesce::COLUMNS,
        baselines: &[work::coalesce::ALONE],
        comparison: Comparison::Spared,
        candidates: sent(requests, candidates),
        bar: Some(work::coalesce::judge),
        method: Method::Coalesce,
    }
}

/// A hot item whose time is over again and again, at two rates.
pub(crate) fn stampedes() -> Vec<Work> {
    vec![
        stampede("stampede", "1,000 requests/s for one item: good for 2 s, 300 ms to make", 1_000),
        stampede("stampede-10k", "10,000 requests/s for one item: good for 2 s, 300 ms to make", 10_000),
    ]
}

fn stampede(name: &'static str, title: &'static str, per_second: u32) -> Work {
    let peers = [nginx::NGINX_CACHE, nginx::NGINX_CACHE_LOCK, nginx::NGINX_CACHE_UPDATING];
    let candidates = banyan::BANYAN_STAMPEDE.into_iter().chain(peers);
    Work {
        name,
        title,
        columns: work::stampede::COLUMNS,
        baselines: &[],
        comparison: Comparison::Ratio,
        candidates: sent(Requests::Items { keys: 1, bytes: work::stampede::BYTES }, candidates),
        bar: None,
        method: Method::Stampede { per_second },
    }
}

/// These candidates, sent something else.
fn sent(requests: Requests, candidates: impl IntoIterator<Item = Candidate>) -> Vec<Candidate> {
    candidates.into_iter().map(|candidate| Candidate { requests, ..candidate }).collect()
}
