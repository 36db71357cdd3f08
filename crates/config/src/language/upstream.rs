//! A service behind the gateway.

use super::{
    Absence::{Default, Means, Refused},
    Choice, Field, Kind, Object,
    bounds::{LIMIT, STREAM},
    chaos::CHAOS,
    formats,
    policy::{BREAKER, CONCURRENCY, HEDGE, RETRY, THROTTLE, VALID_IF},
};

/// A service behind the gateway.
pub(super) static UPSTREAM: Object = Object {
    id: "upstream",
    name: "an upstream",
    doc: "A service behind the gateway. One that no route uses is no mistake.",
    misplaced: &[
        ("url", "write 'endpoints: [URL, ...]'"),
        ("cert", "an upstream takes 'tls: { ca: FILE }'"),
        ("ca", "write 'tls: { ca: FILE }'"),
        ("retries", "write 'retry: { attempts: 3 }'"),
        ("fallback", "what answers instead is said by each route: 'routes: [ { fallback: [...] } ]'"),
        (
            "criticality",
            "how much requests matter is said by each route: 'routes: [ { criticality: high } ]'",
        ),
        ("cache", "what is kept of answers is said by each route: 'routes: [ { cache: { ttl: 5m } } ]'"),
        ("shed", "shedding holds for the whole gateway: 'shed' stands at the top"),
    ],
    fields: &[
        Field {
            key: "endpoints",
            kind: Kind::List { of: &Kind::Text(&formats::ENDPOINT), min: 1 },
            absence: Refused,
            doc: "Its addresses. A host name is resolved again and again, and every address it has is used.",
        },
        Field {
            key: "isolated",
            kind: Kind::Bool,
            absence: Default("false"),
            doc: "That nothing which is written there reaches users or other systems, so that copies of writes may be sent there (`shadow: { writes_to }`). Neither side of a unit is isolated.",
        },
        Field {
            key: "protocol",
            kind: Kind::Choice(&[
                Choice { word: "auto", doc: "for https what ALPN agrees on, for http HTTP/1.1" },
                Choice { word: "http1", doc: "HTTP/1.1 only" },
                Choice { word: "http2", doc: "HTTP/2 only; for http with prior knowledge" },
            ]),
            absence: Default("auto"),
            doc: "The HTTP version spoken to it.",
        },
        Field {
            key: "tls",
            kind: Kind::Object(&UPSTREAM_TLS),
            absence: Means("certificates are checked against the public web's roots"),
            doc: "How certificates of https endpoints are checked.",
        },
        Field {
            key: "host",
            kind: Kind::Choice(&[
                Choice { word: "preserve", doc: "what the caller sent" },
                Choice { word: "endpoint", doc: "the endpoint's own authority" },
            ]),
            absence: Default("preserve"),
            doc: "What the `Host` field says.",
        },
        Field {
            key: "health",
            kind: Kind::Object(&HEALTH),
            absence: Means("endpoints are not checked"),
            doc: "Active health check of each endpoint.",
        },
        Field {
            key: "eject",
            kind: Kind::Object(&EJECT),
            absence: Default("{}"),
            doc: "Passive ejection of endpoints that fail live requests.",
        },
        Field {
            key: "connect",
            kind: LIMIT,
            absence: Default("2s"),
            doc: "Limit for a connect, TLS included.",
        },
        Field {
            key: "timeout",
            kind: LIMIT,
            absence: Default("3s"),
            doc: "Limit for one attempt, from the request sent to the answer's head.",
        },
        Field {
            key: "deadline",
            kind: LIMIT,
            absence: Default("15s"),
            doc: "Limit for the whole call, all attempts, to the answer's head; at least `timeout`.",
        },
        Field {
            key: "idle",
            kind: LIMIT,
            absence: Default("60s"),
            doc: "No byte of a body in either direction.",
        },
        Field {
            key: "whole",
            kind: STREAM,
            absence: Means("streams may go on for ever"),
            doc: "Limit from the request to the last byte of the answer.",
        },
        Field {
            key: "keep_alive",
            kind: LIMIT,
            absence: Default("4s"),
            doc: "How long an idle pooled connection is kept. Keep it below the server's own limit: common servers close theirs after 5 s, and a request sent at that moment is lost.",
        },
        Field {
            key: "idle_connections",
            kind: Kind::Integer { min: 0, max: 65_536 },
            absence: Default("256"),
            doc: "Idle pooled connections kept per worker and endpoint.",
        },
        Field {
            key: "retry",
            kind: Kind::OffOrObject(&RETRY),
            absence: Means("a failed attempt is not followed by another"),
            doc: "Further attempts after one that failed.",
        },
        Field {
            key: "breaker",
            kind: Kind::OffOrObject(&BREAKER),
            absence: Default("{}"),
            doc: "Circuit breaker. It does nothing until most calls fail.",
        },
        Field {
            key: "concurrency",
            kind: Kind::OffOrObject(&CONCURRENCY),
            absence: Means("no limit"),
            doc: "Limit of calls under way.",
        },
        Field {
            key: "hedge",
            kind: Kind::OffOrObject(&HEDGE),
            absence: Means("no second attempt"),
            doc: "A second attempt beside one that takes long.",
        },
        Field {
            key: "valid_if",
            kind: Kind::OffOrObject(&VALID_IF),
            absence: Means("any answer but a 5xx is good"),
            doc: "What an answer has to be.",
        },
        Field {
            key: "throttle",
            kind: Kind::OffOrObject(&THROTTLE),
            absence: Means("no throttle"),
            doc: "Refuses some requests while the upstream refuses many.",
        },
        Field {
            key: "chaos",
            kind: Kind::OffOrObject(&CHAOS),
            absence: Means("no faults are made"),
            doc: "Faults made on purpose.",
        },
    ],
};

static UPSTREAM_TLS: Object = Object {
    id: "upstream_tls",
    name: "the TLS of an upstream",
    doc: "How certificates of https endpoints are checked.",
    misplaced: &[],
    fields: &[Field {
        key: "ca",
        kind: Kind::Text(&formats::FILE),
        absence: Refused,
        doc: "The file with the PEM roots that certificates are checked against. A relative path starts at the config file's directory.",
    }],
};

static HEALTH: Object = Object {
    id: "health",
    name: "a health check",
    doc: "Active health check of each endpoint: a GET that answers 2xx or 3xx when well.",
    misplaced: &[("interval", "the interval is called 'every'")],
    fields: &[
        Field {
            key: "path",
            kind: Kind::Text(&formats::URL_PATH),
            absence: Refused,
            doc: "The path that is asked for.",
        },
        Field { key: "every", kind: LIMIT, absence: Default("10s"), doc: "The interval." },
        Field {
            key: "timeout",
            kind: LIMIT,
            absence: Default("2s"),
            doc: "Limit of one check; at most `every`.",
        },
        Field {
            key: "unhealthy_after",
            kind: Kind::Integer { min: 1, max: 100 },
            absence: Default("3"),
            doc: "Failures in a row before an endpoint is taken out.",
        },
        Field {
            key: "healthy_after",
            kind: Kind::Integer { min: 1, max: 100 },
            absence: Default("2"),
            doc: "Successes in a row before it is put back.",
        },
    ],
};

static EJECT: Object = Object {
    id: "eject",
    name: "the ejection of an upstream",
    doc: "Passive ejection of endpoints that fail live requests.",
    misplaced: &[],
    fields: &[
        Field {
            key: "errors",
            kind: Kind::Integer { min: 1, max: 1000 },
            absence: Default("5"),
            doc: "Failures in a row.",
        },
        Field {
            key: "base",
            kind: LIMIT,
            absence: Default("30s"),
            doc: "The first ejection. It doubles with each one that follows.",
        },
        Field {
            key: "max",
            kind: LIMIT,
            absence: Default("300s"),
            doc: "The longest ejection; at least `base`.",
        },
    ],
};
