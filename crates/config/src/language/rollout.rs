//! How a unit goes up by itself, and what takes it back.

use super::{
    Absence::{Default, Means},
    Choice, Field, Kind, Object,
    alert::ALERT,
    bounds::{HOLD, SOME},
    formats,
};

const GATE: &str = "what must hold before the next stage stands under 'advance_when'";
const METRIC: &str = "what takes a rollout back stands under 'roll_back'";

/// A share that a gate allows.
const EXCESS: Kind = Kind::Because {
    of: &SOME,
    hint: "no number of requests can show that there is no excess at all, so such a gate would hold for ever",
};

/// What a rollout may be rolled back for.
const METRICS: &[Choice] = &[
    Choice { word: "errors", doc: "5xx, timeouts and connections that break" },
    Choice { word: "latency", doc: "answers slower than the other side's 99th percentile" },
    Choice { word: "mismatches", doc: "answers that differ from the other side's" },
    Choice { word: "degraded", doc: "answers with a part missing or stale" },
];

/// A staged rollout.
pub(super) static ROLLOUT: Object = Object {
    id: "rollout",
    name: "a rollout",
    doc: "The unit goes up in stages, each held until the replacement has shown to be no worse, and back to 0 % at once when it has shown to be worse. It is started by a person. `{}` is all defaults.",
    misplaced: &[
        ("alerts", "it is called 'alert' here; 'alerts' at the top holds for all rollouts"),
        ("requests", GATE),
        ("excess_errors", GATE),
        ("latency_p99", GATE),
        ("alpha", METRIC),
        ("subjects", METRIC),
        ("metrics", METRIC),
        ("steps", "they are called 'stages'"),
        ("interval", "it is called 'hold'"),
    ],
    fields: &[
        Field {
            key: "stages",
            kind: Kind::List {
                of: &Kind::Because { of: &SOME, hint: "a stage is a share of subjects, from 0.01% to 100%" },
                min: 1,
            },
            absence: Default("[ 1%, 5%, 10%, 25%, 50%, 100% ]"),
            doc: "Shares of subjects on the replacement, each larger than the one before. The last may be less than 100 %.",
        },
        Field {
            key: "hold",
            kind: HOLD,
            absence: Default("60s"),
            doc: "How long each stage lasts at least.",
        },
        Field {
            key: "advance_when",
            kind: Kind::Object(&ADVANCE_WHEN),
            absence: Default("{}"),
            doc: "What must be shown before the next stage. Without data a stage is held.",
        },
        Field {
            key: "roll_back",
            kind: Kind::Object(&ROLL_BACK),
            absence: Default("{}"),
            doc: "What takes it back.",
        },
        Field {
            key: "alert",
            kind: Kind::List { of: &Kind::Object(&ALERT), min: 0 },
            absence: Means("`alerts` at the top"),
            doc: "Who is told. It replaces `alerts` at the top, all of it; `[]` tells nobody.",
        },
    ],
};

static ADVANCE_WHEN: Object = Object {
    id: "advance_when",
    name: "the advance_when section",
    doc: "What must hold before the next stage, all of it, of the requests of this stage. Bounds, not averages: the worst that the figures allow, at 95 %.",
    misplaced: &[
        ("errors", "write 'excess_errors'"),
        ("latency", "write 'latency_p99'"),
        ("p99", "write 'latency_p99'"),
        ("hold", "it stands beside 'advance_when'"),
    ],
    fields: &[
        Field {
            key: "requests",
            kind: Kind::Because {
                of: &Kind::Integer { min: 1, max: 1_000_000_000 },
                hint: "without requests there is nothing to judge by; 'rollout promote' goes on without waiting",
            },
            absence: Default("300"),
            doc: "Requests that the replacement has answered.",
        },
        Field {
            key: "excess_errors",
            kind: EXCESS,
            absence: Default("1%"),
            doc: "How many more of the replacement's requests may fail than of legacy's. No failure in 300 requests shows at most 1 %, in 3,000 at most 0.1 %.",
        },
        Field {
            key: "latency_p99",
            kind: Kind::Text(&formats::RISE),
            absence: Default("+30%"),
            doc: "How much longer the replacement's 99th percentile may be than legacy's.",
        },
        Field {
            key: "mismatches",
            kind: EXCESS,
            absence: Means("`0.1%` if the unit has a `shadow`, otherwise nothing is asked"),
            doc: "How many of the compared answers may differ, beyond the noise. Only with a `shadow`.",
        },
        Field {
            key: "degraded",
            kind: Kind::Text(&formats::RISE),
            absence: Default("+1%"),
            doc: "How many more of the replacement's answers may be degraded than of legacy's.",
        },
    ],
};

static ROLL_BACK: Object = Object {
    id: "roll_back",
    name: "the roll_back section",
    doc: "What takes a rollout back to 0 %: evidence that the replacement is worse than legacy, judged with each request, side by side over the same time.",
    misplaced: &[("errors", "write 'metrics: [ errors ]'"), ("confidence", "write 'alpha', such as 0.001")],
    fields: &[
        Field {
            key: "alpha",
            kind: Kind::Because {
                of: &Kind::Number { max: 0.1 },
                hint: "it is the chance that a replacement which is as good as legacy is rolled back, such as 0.001",
            },
            absence: Default("0.001"),
            doc: "The chance that a replacement which is as good as legacy is rolled back, over the whole rollout and all metrics.",
        },
        Field {
            key: "subjects",
            kind: Kind::Because {
                of: &Kind::Integer { min: 1, max: 64 },
                hint: "as many as evidence remembers, at most; 1 lets one user alone take a rollout back",
            },
            absence: Default("3"),
            doc: "How many distinct subjects must have failed on the replacement besides, so that one user alone takes nothing back.",
        },
        Field {
            key: "metrics",
            kind: Kind::List { of: &Kind::Choice(METRICS), min: 1 },
            absence: Means("all of them; `mismatches` only if the unit has a `shadow`"),
            doc: "What it may be rolled back for: `errors` are 5xx, timeouts and connections that break, `latency` is answers slower than legacy's 99th percentile, `mismatches` answers that differ from legacy's, `degraded` answers with a part missing or stale.",
        },
    ],
};

/// Where the data of a unit is.
pub(super) static AUTHORITY: Object = Object {
    id: "authority",
    name: "the authority of a unit",
    doc: "Where the data of the unit is, which the gateway cannot see. It decides whether going back is safe: a subject that has written on the replacement must find it again.",
    misplaced: &[("reads", "write 'read'"), ("writes", "write 'write'"), ("shared", "write 'sync: shared'")],
    fields: &[
        Field {
            key: "read",
            kind: Kind::Choice(&[
                Choice { word: "split", doc: "from the side of the subject" },
                Choice { word: "legacy", doc: "from legacy's data, whichever side is asked" },
                Choice { word: "replacement", doc: "from the replacement's data, whichever side is asked" },
            ]),
            absence: Default("split"),
            doc: "Whose data is read.",
        },
        Field {
            key: "write",
            kind: Kind::Choice(&[
                Choice { word: "split", doc: "on the side of the subject" },
                Choice { word: "legacy", doc: "in legacy's data, whichever side is asked" },
                Choice { word: "replacement", doc: "in the replacement's data, whichever side is asked" },
                Choice { word: "both", doc: "in the data of both" },
            ]),
            absence: Default("split"),
            doc: "Where writes end.",
        },
        Field {
            key: "sync",
            kind: Kind::Choice(&[
                Choice { word: "none", doc: "neither" },
                Choice { word: "to_legacy", doc: "legacy learns what is written in the replacement's data" },
                Choice {
                    word: "to_replacement",
                    doc: "the replacement learns what is written in legacy's data",
                },
                Choice { word: "both", doc: "each learns from the other" },
                Choice { word: "shared", doc: "both have the same data" },
            ]),
            absence: Default("none"),
            doc: "What the sides learn of each other's writes.",
        },
    ],
};
