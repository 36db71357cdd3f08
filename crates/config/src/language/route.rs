//! Routes, within a unit and outside.

use super::{
    Absence::{Means, Refused},
    Choice, Field, Kind, Object,
    bounds::BODY,
    formats,
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
    ],
    fields: &[MATCH, PATH, HOST, HEADERS, EFFECT, BODY_LIMIT],
};
