//! The whole file.

use super::{
    Absence::{Default, Means, Refused},
    Choice, Field, Kind, Object,
    alert::ALERT,
    cache::CACHE,
    flag::FLAG,
    formats,
    listen::{ADMIN, LISTENER, PROBES},
    process::{LIMITS, LOG, OTLP, SHADOW_LIMITS, SHED, TIMEOUTS},
    route::ROUTE,
    state::{OFREP, STATE},
    unit::UNIT,
    upstream::UPSTREAM,
};

/// The whole file.
pub(crate) static ROOT: Object = Object {
    id: "config",
    name: "a config",
    doc: "The whole file.",
    misplaced: &[
        (
            "retry",
            "how an upstream is called is said by that upstream: 'upstreams: { NAME: { retry: ... } }'",
        ),
        (
            "breaker",
            "how an upstream is called is said by that upstream: 'upstreams: { NAME: { breaker: ... } }'",
        ),
        (
            "concurrency",
            "how an upstream is called is said by that upstream: 'upstreams: { NAME: { concurrency: ... } }'",
        ),
        (
            "hedge",
            "how an upstream is called is said by that upstream: 'upstreams: { NAME: { hedge: ... } }'",
        ),
        (
            "valid_if",
            "how an upstream is called is said by that upstream: 'upstreams: { NAME: { valid_if: ... } }'",
        ),
        (
            "throttle",
            "how an upstream is called is said by that upstream: 'upstreams: { NAME: { throttle: ... } }'",
        ),
        (
            "chaos",
            "how an upstream is called is said by that upstream: 'upstreams: { NAME: { chaos: ... } }'",
        ),
        ("redis", "a Redis is the cache's second level: 'cache: { redis: URL }'"),
        ("invalidates", "it is said by each route that writes: 'routes: [ { invalidates: [...] } ]'"),
        ("fallback", "what answers instead is said by each route: 'routes: [ { fallback: [...] } ]'"),
        (
            "criticality",
            "how much requests matter is said by each route: 'routes: [ { criticality: high } ]'",
        ),
        ("rollout", "a rollout is said by each unit: 'units: { NAME: { rollout: {} } }'"),
        ("rollouts", "a rollout is said by each unit: 'units: { NAME: { rollout: {} } }'"),
        ("authority", "where the data is, is said by each unit: 'units: { NAME: { authority: ... } }'"),
        ("segments", "they stand in a flag: 'flags: { NAME: { segments: [...] } }'"),
        ("store", "it is called 'state'"),
        ("postgres", "write 'state: postgres://USER@HOST/DATABASE'"),
    ],
    fields: &[
        Field {
            key: "version",
            kind: Kind::Integer { min: 1, max: 1 },
            absence: Refused,
            doc: "The version of this language. A file without it may mean anything.",
        },
        Field {
            key: "node",
            kind: Kind::Text(&formats::NODE),
            absence: Means("the host's name"),
            doc: "The name of this gateway among those that share a `state`. No two have the same.",
        },
        Field {
            key: "environment",
            kind: Kind::Choice(&[
                Choice { word: "production", doc: "it serves people" },
                Choice { word: "staging", doc: "a rehearsal of production" },
                Choice { word: "development", doc: "somebody's own machine" },
            ]),
            absence: Default("production"),
            doc: "What this gateway is for. In production `chaos` is refused.",
        },
        Field {
            key: "listen",
            kind: Kind::OneOrMany(&Kind::TextOrObject { short: "address", object: &LISTENER }),
            absence: Refused,
            doc: "Where clients connect.",
        },
        Field {
            key: "admin",
            kind: Kind::Object(&ADMIN),
            absence: Default("{}"),
            doc: "The admin API, with `/healthz`, `/readyz` and `/metrics`.",
        },
        Field {
            key: "probes",
            kind: Kind::Object(&PROBES),
            absence: Means("the probes are served by the admin address only"),
            doc: "`/healthz`, `/readyz` and `/metrics` on an address of their own, for orchestrators and scrapers that must not reach the admin API.",
        },
        Field {
            key: "state",
            kind: Kind::TextOr { text: &formats::STATE, object: &STATE },
            absence: Default("./banyan.db"),
            doc: "Where that is kept which is set at run time, with its history: percentages, flags, rollouts. A file, for one gateway, or a PostgreSQL, for one or many. A relative path starts at the config file's directory.",
        },
        Field {
            key: "ofrep",
            kind: Kind::Object(&OFREP),
            absence: Means("applications are not served"),
            doc: "Flags for applications, by the OpenFeature Remote Evaluation Protocol.",
        },
        Field {
            key: "alerts",
            kind: Kind::List { of: &Kind::Object(&ALERT), min: 0 },
            absence: Default("[]"),
            doc: "Who is told about rollouts, unless a rollout says otherwise.",
        },
        Field {
            key: "workers",
            kind: Kind::Integer { min: 1, max: 1024 },
            absence: Means("one per core"),
            doc: "Threads that serve requests.",
        },
        Field {
            key: "trusted_proxies",
            kind: Kind::List { of: &Kind::Text(&formats::NETWORK), min: 0 },
            absence: Default("[]"),
            doc: "Peers whose `Forwarded` and `X-Forwarded-*` fields are believed and passed on. From all others they are discarded.",
        },
        Field {
            key: "limits",
            kind: Kind::Object(&LIMITS),
            absence: Default("{}"),
            doc: "Size limits towards clients.",
        },
        Field {
            key: "timeouts",
            kind: Kind::Object(&TIMEOUTS),
            absence: Default("{}"),
            doc: "Time limits towards clients.",
        },
        Field { key: "log", kind: Kind::Object(&LOG), absence: Default("{}"), doc: "Log output." },
        Field {
            key: "otlp",
            kind: Kind::Object(&OTLP),
            absence: Means("no traces are exported"),
            doc: "Trace export by OTLP over HTTP.",
        },
        Field {
            key: "shadow",
            kind: Kind::Object(&SHADOW_LIMITS),
            absence: Default("{}"),
            doc: "Bounds of the shadow, over all units together.",
        },
        Field {
            key: "shed",
            kind: Kind::OffOrObject(&SHED),
            absence: Default("{}"),
            doc: "Refuses what matters least while calls wait. Without waiting calls it does nothing.",
        },
        Field {
            key: "cache",
            kind: Kind::OffOrObject(&CACHE),
            absence: Means("off, unless a route has a `cache` of its own"),
            doc: "Where answers are kept. It turns the cache on for GET and HEAD on every route but those with `effect: write`.",
        },
        Field {
            key: "upstreams",
            kind: Kind::Map { key: &formats::NAME, of: &Kind::Object(&UPSTREAM) },
            absence: Default("{}"),
            doc: "The services behind the gateway, by name.",
        },
        Field {
            key: "flags",
            kind: Kind::Map { key: &formats::FLAG_KEY, of: &Kind::Foreign(&FLAG) },
            absence: Default("{}"),
            doc: "Flags by their keys. Each unit is besides seen as a flag `unit.NAME`.",
        },
        Field {
            key: "retired_flags",
            kind: Kind::List { of: &Kind::Text(&formats::FLAG_KEY), min: 0 },
            absence: Default("[]"),
            doc: "Keys that flags once had. None is used again: somewhere an old program may still ask for it and would get the new flag's answer.",
        },
        Field {
            key: "units",
            kind: Kind::Map { key: &formats::NAME, of: &Kind::Object(&UNIT) },
            absence: Default("{}"),
            doc: "The parts of the business that migrate, by name.",
        },
        Field {
            key: "routes",
            kind: Kind::List { of: &Kind::Object(&ROUTE), min: 0 },
            absence: Default("[]"),
            doc: "Routes that belong to no unit. There is at least one route in all, here or in a unit.",
        },
    ],
};
