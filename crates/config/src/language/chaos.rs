//! Faults made on purpose.

use super::{
    Absence::{Default, Means},
    Choice, Field, Kind, Object,
    bounds::SOME,
    formats,
};

const NONE: &str = "leave the key out for none";

/// A share of requests or answers.
const fn fault(key: &'static str, doc: &'static str) -> Field {
    Field { key, kind: Kind::Because { of: &SOME, hint: NONE }, absence: Means("none"), doc }
}

/// Faults made on purpose.
pub(crate) static CHAOS: Object = Object {
    id: "chaos",
    name: "the chaos section",
    doc: "Faults made on purpose, so that one sees what an incident will do before there is one. Refused in production: only with `environment: staging` or `development`. The shares of `fail`, `reset`, `truncate` and `corrupt` add up to at most 100 %, since a request is struck by one of them at most; it may be slowed besides.",
    misplaced: &[
        ("headers", "write 'when: { headers: { NAME: VALUE } }'"),
        ("subjects", "write 'when: { subjects: 5% }'"),
        ("delay", "write 'slow', the share of requests, and 'by', the delay"),
        ("error", "write 'fail', the share of requests, and 'status'"),
    ],
    fields: &[
        fault("fail", "Share of requests that fail before the upstream is asked."),
        Field {
            key: "fail_with",
            kind: Kind::Choice(&[
                Choice { word: "status", doc: "as if the upstream had answered with `status`" },
                Choice { word: "reset", doc: "as if it had reset the connection" },
            ]),
            absence: Means("`status`"),
            doc: "How they fail; only with `fail`.",
        },
        Field {
            key: "status",
            kind: Kind::Because {
                of: &Kind::Integer { min: 400, max: 599 },
                hint: "only these say that a request failed",
            },
            absence: Means("`503`"),
            doc: "The status they fail with; only with `fail`.",
        },
        fault("slow", "Share of requests that are slowed; only with `by`."),
        Field {
            key: "by",
            kind: Kind::Text(&formats::DELAY),
            absence: Means("nothing is slowed"),
            doc: "By how much; of two durations, by something between them.",
        },
        fault("reset", "Share of answers whose connection is reset within the body."),
        fault("truncate", "Share of answers whose body ends early and seems complete."),
        fault("corrupt", "Share of answers with changed bytes in the body."),
        Field {
            key: "when",
            kind: Kind::Object(&CHAOS_WHEN),
            absence: Default("{}"),
            doc: "Which requests it is about.",
        },
    ],
};

static CHAOS_WHEN: Object = Object {
    id: "chaos_when",
    name: "the when section",
    doc: "Which requests faults are made for: those for which all of this holds.",
    misplaced: &[("header", "write 'headers: { NAME: VALUE }'")],
    fields: &[
        Field {
            key: "subjects",
            kind: Kind::Because { of: &SOME, hint: "leave the key out for everybody" },
            absence: Means("everybody"),
            doc: "Share of subjects, always the same ones. Only requests to a unit have a subject.",
        },
        Field {
            key: "headers",
            kind: Kind::Map { key: &formats::HEADER_NAME, of: &Kind::Text(&formats::HEADER_VALUE) },
            absence: Means("any"),
            doc: "Header fields that must be present with exactly these values.",
        },
    ],
};
