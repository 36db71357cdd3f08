//! Routes, within a unit and outside.

use super::{
    Absence::{Default, Means, Refused},
    Choice, Field, Kind, Object,
    bounds::{BODY, LIMIT},
    cache::ROUTE_CACHE,
    chaos::CHAOS,
    fallback::FALLBACK,
    formats,
    policy::{HEDGE, RETRY, VALID_IF},
};

const MATCH: Field = Field {
    key: "match",
    kind: Kind::Text(&formats::MATCH),
    absence: Refused,
    doc: "Methods (`*` for any, several with `|` between), a space, and a path. In the path `{name}` is one segment that is not empty, and `{name...}` at the end is whatever is left. GET also answers HEAD, unless another route like this one names HEAD.",
};

const PATH: Field = Field {
    key: "path",
    kind: Kind::Text(&formats::TEMPLATE),
    absence: Means("the caller's path is sent"),
    doc: "The path sent upstream instead of the caller's. It may use the parameters of `match`.",
};

const HOST: Field = Field {
    key: "host",
    kind: Kind::Text(&formats::HOST),
    absence: Means("any host"),
    doc: "The host a request must be addressed to, without port. `*.example.com` is any host below `example.com`.",
};

const HEADERS: Field = Field {
    key: "headers",
    kind: Kind::Map { key: &formats::HEADER_NAME, of: &Kind::Text(&formats::HEADER_VALUE) },
    absence: Means("any"),
    doc: "Header fields that must be present with exactly these values.",
};

const EFFECT: Field = Field {
    key: "effect",
    kind: Kind::Choice(&[
        Choice { word: "read", doc: "safe to repeat and to copy (RFC 9110 section 9.2.1)" },
        Choice { word: "write", doc: "changes something: never copied, never answered twice" },
    ]),
    absence: Means("`read` when every method is GET, HEAD or OPTIONS, otherwise `write`"),
    doc: "What a request does to the world.",
};

const BODY_LIMIT: Field = Field {
    key: "body_limit",
    kind: BODY,
    absence: Means("`limits.body`"),
    doc: "A request's body. Beyond it the answer is 413.",
};

const TIMEOUT: Field = Field {
    key: "timeout",
    kind: LIMIT,
    absence: Means("the upstream's"),
    doc: "Limit for one attempt, from the request sent to the answer's head.",
};

const DEADLINE: Field = Field {
    key: "deadline",
    kind: LIMIT,
    absence: Means("the upstream's"),
    doc: "Limit for the whole call, all attempts, to the answer's head; at least the `timeout` that holds.",
};

const RETRIES: Field = Field {
    key: "retry",
    kind: Kind::OffOrObject(&RETRY),
    absence: Means("the upstream's"),
    doc: "Further attempts after one that failed. It replaces the upstream's, all of it.",
};

const HEDGING: Field = Field {
    key: "hedge",
    kind: Kind::OffOrObject(&HEDGE),
    absence: Means("the upstream's, if the route reads by idempotent methods"),
    doc: "A second attempt beside one that takes long. It replaces the upstream's, all of it.",
};

const VALIDITY: Field = Field {
    key: "valid_if",
    kind: Kind::OffOrObject(&VALID_IF),
    absence: Means("the upstream's"),
    doc: "What an answer has to be. It replaces the upstream's, all of it.",
};

const CRITICALITY: Field = Field {
    key: "criticality",
    kind: Kind::Choice(&[
        Choice { word: "critical", doc: "shed last" },
        Choice { word: "high", doc: "shed after normal ones" },
        Choice { word: "normal", doc: "shed after low ones" },
        Choice { word: "low", doc: "shed first" },
    ]),
    absence: Default("normal"),
    doc: "How much its requests matter when not all can be served.",
};

const FALLBACKS: Field = Field {
    key: "fallback",
    kind: Kind::List { of: &Kind::Object(&FALLBACK), min: 0 },
    absence: Default("[]"),
    doc: "What answers when the call has failed, and legacy too where the unit falls back to it: the first of these that succeeds. Without any the failure is answered.",
};

const FAULTS: Field = Field {
    key: "chaos",
    kind: Kind::OffOrObject(&CHAOS),
    absence: Means("the upstream's"),
    doc: "Faults made on purpose. It replaces the upstream's, all of it.",
};

const KEPT: Field = Field {
    key: "cache",
    kind: Kind::OffOrObject(&ROUTE_CACHE),
    absence: Means("what the answers allow is kept if the top has `cache`, otherwise nothing"),
    doc: "What is kept of its answers to GET and HEAD. Not with `effect: write`.",
};

const INVALIDATES: Field = Field {
    key: "invalidates",
    kind: Kind::List { of: &Kind::Text(&formats::TAG), min: 0 },
    absence: Default("[]"),
    doc: "Tags of kept answers that its requests make wrong, with the parameters of `match`; at most 16. Only on a route that writes or that a method reaches that is not safe.",
};

/// A route that belongs to no unit.
pub(super) static ROUTE: Object = Object {
    id: "route",
    name: "a route",
    doc: "Sends matching requests to one upstream.",
    misplaced: &[
        ("legacy", "a route goes to one upstream with 'to'; two sides make a unit, under 'units'"),
        ("replacement", "a route goes to one upstream with 'to'; two sides make a unit, under 'units'"),
        ("methods", "methods stand in 'match', such as match: \"GET|HEAD /articles\""),
        ("method", "methods stand in 'match', such as match: \"GET|HEAD /articles\""),
        (
            "breaker",
            "it belongs to the upstream, and all its routes share it: 'upstreams: { NAME: { breaker: ... } }'",
        ),
        (
            "concurrency",
            "it belongs to the upstream, and all its routes share it: 'upstreams: { NAME: { concurrency: ... } }'",
        ),
        (
            "throttle",
            "it belongs to the upstream, and all its routes share it: 'upstreams: { NAME: { throttle: ... } }'",
        ),
        ("ttl", "write 'cache: { ttl: 5m }'"),
        ("tags", "write 'cache: { tags: [ \"user:{id}\" ] }'"),
        ("invalidate", "write 'invalidates'"),
        ("shed", "write 'criticality' here; when to shed stands at the top, under 'shed'"),
    ],
    fields: &[
        MATCH,
        Field {
            key: "to",
            kind: Kind::Text(&formats::UPSTREAM),
            absence: Refused,
            doc: "The upstream that answers.",
        },
        PATH,
        HOST,
        HEADERS,
        EFFECT,
        BODY_LIMIT,
        TIMEOUT,
        DEADLINE,
        RETRIES,
        HEDGING,
        VALIDITY,
        CRITICALITY,
        FALLBACKS,
        FAULTS,
        KEPT,
        INVALIDATES,
    ],
};

/// A route of a unit.
pub(super) static UNIT_ROUTE: Object = Object {
    id: "unit_route",
    name: "a route of a unit",
    doc: "Sends matching requests to the side of its unit that the subject belongs to.",
    misplaced: &[
        ("to", "remove it: a route of a unit goes to the unit's legacy or replacement"),
        ("methods", "methods stand in 'match', such as match: \"GET|HEAD /articles\""),
        ("method", "methods stand in 'match', such as match: \"GET|HEAD /articles\""),
        (
            "breaker",
            "it belongs to the upstream, and all its routes share it: 'upstreams: { NAME: { breaker: ... } }'",
        ),
        (
            "concurrency",
            "it belongs to the upstream, and all its routes share it: 'upstreams: { NAME: { concurrency: ... } }'",
        ),
        (
            "throttle",
            "it belongs to the upstream, and all its routes share it: 'upstreams: { NAME: { throttle: ... } }'",
        ),
        ("ttl", "write 'cache: { ttl: 5m }'"),
        ("tags", "write 'cache: { tags: [ \"user:{id}\" ] }'"),
        ("invalidate", "write 'invalidates'"),
        ("shed", "write 'criticality' here; when to shed stands at the top, under 'shed'"),
    ],
    fields: &[
        MATCH,
        PATH,
        HOST,
        HEADERS,
        EFFECT,
        BODY_LIMIT,
        TIMEOUT,
        DEADLINE,
        RETRIES,
        HEDGING,
        VALIDITY,
        CRITICALITY,
        FALLBACKS,
        FAULTS,
        KEPT,
        INVALIDATES,
    ],
};
