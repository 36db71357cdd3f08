//! How the two sides of a unit are compared.

use super::{
    Absence::{self, Default, Means, Refused},
    Field, Kind, Object,
    bounds::{SKEW, share},
    formats,
};

const OF_ROOT: &str = "the bounds of the shadow hold for all units: they stand at the top, under 'shadow'";
const A_RULE: &str = "it is a rule: 'rules: [ { path: ..., ... } ]'";

/// The shadow of a unit.
pub(super) static UNIT_SHADOW: Object = Object {
    id: "unit_shadow",
    name: "the shadow of a unit",
    doc: "Comparison of the two sides: the side that does not answer gets a copy of requests with `effect: read`, and its answer is compared with the one that was given, as JSON, by path.",
    misplaced: &[
        ("concurrency", OF_ROOT),
        ("queue", OF_ROOT),
        ("timeout", OF_ROOT),
        ("body", OF_ROOT),
        ("set_by", A_RULE),
        ("tolerance", A_RULE),
        ("relative", A_RULE),
        ("skew", A_RULE),
        ("ids", A_RULE),
        ("type_only", A_RULE),
        ("normalise", A_RULE),
        ("isolated", "it is said by the upstream: 'upstreams: { NAME: { isolated: true } }'"),
    ],
    fields: &[
        Field {
            key: "sample",
            kind: Kind::Percent,
            absence: Refused,
            doc: "Share of requests that are copied.",
        },
        Field {
            key: "again",
            kind: Kind::Bool,
            absence: Default("true"),
            doc: "Whether the side that answered is asked a second time, so that what differs between its own two answers is known to be noise. Without it every timestamp is a difference unless a rule says otherwise.",
        },
        Field {
            key: "pause_above",
            kind: Kind::Text(&formats::RISE),
            absence: Default("+50%"),
            doc: "How much above the usual the 99th percentile of the unit's live answers may be before copies pause by themselves, for 30 seconds at first. The usual is the median of the last two minutes.",
        },
        Field {
            key: "writes_to",
            kind: Kind::Text(&formats::UPSTREAM),
            absence: Means("requests with `effect: write` are not copied"),
            doc: "The upstream that gets copies of requests with `effect: write`, without the caller's credentials. Only one with `isolated: true`.",
        },
        Field {
            key: "headers",
            kind: Kind::List { of: &Kind::Text(&formats::COMPARED_FIELD), min: 0 },
            absence: Default("[]"),
            doc: "Header fields that are compared besides `content-type`.",
        },
        Field {
            key: "ignore",
            kind: Kind::List { of: &Kind::Text(&formats::JSON_PATH), min: 0 },
            absence: Default("[]"),
            doc: "Paths that may differ.",
        },
        Field {
            key: "rules",
            kind: Kind::List { of: &Kind::Object(&RULE), min: 0 },
            absence: Default("[]"),
            doc: "How values at some paths are compared.",
        },
        Field {
            key: "redact",
            kind: Kind::Bool,
            absence: Default("true"),
            doc: "Whether the values of sampled differences are hidden. They are your users' data.",
        },
    ],
};

const NOT_THIS: Absence = Means("another rule");

static RULE: Object = Object {
    id: "rule",
    name: "a rule",
    doc: "How the values at a path are compared: exactly one way, but that `tolerance` and `relative` go together.",
    misplaced: &[
        ("ignore", "it is a list of its own beside 'rules': 'ignore: [ PATH ]'"),
        ("normalize", "it is called 'normalise'"),
        ("regex", "it is called 'normalise', with what is put in its place under 'with'"),
        ("key", "write 'set_by', such as set_by: /id"),
        ("percent", "write 'relative', such as relative: 0.1%"),
    ],
    fields: &[
        Field {
            key: "path",
            kind: Kind::Text(&formats::JSON_PATH),
            absence: Refused,
            doc: "What it is about.",
        },
        Field {
            key: "type_only",
            kind: Kind::Bool,
            absence: NOT_THIS,
            doc: "The values only have to be of the same type: texts, numbers, and so on.",
        },
        Field {
            key: "set_by",
            kind: Kind::Text(&formats::DOCUMENT_POINTER),
            absence: NOT_THIS,
            doc: "The list is a set: its elements are matched by what stands at this place in each, wherever they stand. `\"\"` is the whole element.",
        },
        Field {
            key: "tolerance",
            kind: Kind::Number { max: f64::MAX },
            absence: NOT_THIS,
            doc: "Numbers may be this far apart.",
        },
        Field {
            key: "relative",
            kind: share(1, 9_999),
            absence: NOT_THIS,
            doc: "Numbers may be this far apart, as a share of the larger one. Beside `tolerance` either is enough.",
        },
        Field {
            key: "skew",
            kind: SKEW,
            absence: NOT_THIS,
            doc: "Times may be this far apart: RFC 3339, HTTP dates, and seconds or milliseconds since 1970.",
        },
        Field {
            key: "ids",
            kind: Kind::Text(&formats::ID_CLASS),
            absence: NOT_THIS,
            doc: "The sides have ids of their own. An id of one side must always stand for the same id of the other, at all paths with this name.",
        },
        Field {
            key: "normalise",
            kind: Kind::Text(&formats::REGEX),
            absence: NOT_THIS,
            doc: "Whatever fits this regular expression is replaced by `with` in both texts before they are compared.",
        },
        Field {
            key: "with",
            kind: Kind::Text(&formats::REPLACEMENT_TEXT),
            absence: Means("nothing is put in its place"),
            doc: "What is put in the place of what `normalise` finds.",
        },
    ],
};
