//! Substitutes for a call that failed.

use super::{Absence::Means, Field, Kind, Object, bounds::FINAL_STATUS, formats};

/// A substitute.
pub(super) static FALLBACK: Object = Object {
    id: "fallback",
    name: "a fallback",
    doc: "A substitute for a call that failed: an answer with `status`, or with `to` what another upstream answers.",
    misplaced: &[
        ("body", "write 'json', any value, or 'text'"),
        ("upstream", "write 'to', the name of an upstream"),
    ],
    fields: &[
        Field {
            key: "to",
            kind: Kind::Text(&formats::UPSTREAM),
            absence: Means("the answer stands here"),
            doc: "Another upstream. Only on a route with `effect: read`, and no other key stands beside it.",
        },
        Field {
            key: "status",
            kind: FINAL_STATUS,
            absence: Means("an error, unless there is `to`"),
            doc: "The status of the answer.",
        },
        Field {
            key: "json",
            kind: Kind::Json,
            absence: Means("no body, or `text`"),
            doc: "The body: any value, sent as JSON.",
        },
        Field {
            key: "text",
            kind: Kind::Text(&formats::BODY_TEXT),
            absence: Means("no body, or `json`"),
            doc: "The body as it is.",
        },
        Field {
            key: "content_type",
            kind: Kind::Text(&formats::CONTENT_TYPE),
            absence: Means("`application/json` for `json`, `text/plain; charset=utf-8` for `text`"),
            doc: "What the body is.",
        },
        Field {
            key: "headers",
            kind: Kind::Map { key: &formats::ANSWER_FIELD, of: &Kind::Text(&formats::HEADER_VALUE) },
            absence: Means("none"),
            doc: "Further header fields of the answer.",
        },
    ],
};
