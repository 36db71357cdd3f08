//! A unit of migration.

use super::{
    Absence::{Default, Means, Refused},
    Choice, Field, Kind, Object, formats,
    rollout::{AUTHORITY, ROLLOUT},
    route::UNIT_ROUTE,
    shadow::UNIT_SHADOW,
};

/// A unit of migration.
pub(super) static UNIT: Object = Object {
    id: "unit",
    name: "a unit",
    doc: "The smallest part of the business that migrates as one: a set of routes that two systems can answer.",
    misplaced: &[
        ("to", "a unit has two sides: 'legacy' and 'replacement'"),
        ("timeout", "it stands on the upstreams, or on a route of the unit"),
        ("deadline", "it stands on the upstreams, or on a route of the unit"),
        ("retry", "it stands on the upstreams, or on a route of the unit"),
        ("hedge", "it stands on the upstreams, or on a route of the unit"),
        ("valid_if", "it stands on the upstreams, or on a route of the unit"),
        ("chaos", "it stands on the upstreams, or on a route of the unit"),
        ("breaker", "it belongs to the upstreams: 'upstreams: { NAME: { breaker: ... } }'"),
        ("concurrency", "it belongs to the upstreams: 'upstreams: { NAME: { concurrency: ... } }'"),
        ("throttle", "it belongs to the upstreams: 'upstreams: { NAME: { throttle: ... } }'"),
        ("cache", "it stands on each route of the unit"),
        ("invalidates", "it stands on each route of the unit that writes"),
        ("criticality", "it stands on each route of the unit"),
        ("stages", "write 'rollout: { stages: [ 1%, 100% ] }'"),
        ("hold", "write 'rollout: { hold: 60s }'"),
        ("advance_when", "it stands under 'rollout'"),
        ("roll_back", "it stands under 'rollout'"),
        ("alert", "it stands under 'rollout'"),
        ("alerts", "write 'rollout: { alert: [...] }', or 'alerts' at the top for all rollouts"),
        ("isolated", "it is said by the upstream: 'upstreams: { NAME: { isolated: true } }'"),
    ],
    fields: &[
        Field {
            key: "legacy",
            kind: Kind::Text(&formats::UPSTREAM),
            absence: Refused,
            doc: "The upstream that is the old side.",
        },
        Field {
            key: "replacement",
            kind: Kind::Text(&formats::UPSTREAM),
            absence: Refused,
            doc: "The upstream that is the new side; another one than `legacy`.",
        },
        Field {
            key: "percent",
            kind: Kind::Percent,
            absence: Default("0%"),
            doc: "Share of subjects on the replacement, until one is set at run time: that one stands from then on, over restarts and reloads.",
        },
        Field {
            key: "salt",
            kind: Kind::Text(&formats::SALT),
            absence: Means("the unit's name"),
            doc: "What a subject is hashed with to find its bucket. Changing it moves users, so set it to the old name when a unit is renamed. No two units share one: their subjects would move together.",
        },
        Field {
            key: "subject",
            kind: Kind::List { of: &Kind::Text(&formats::SUBJECT), min: 0 },
            absence: Default("[]"),
            doc: "Where the subject is looked for. The first that is present counts; without any, a signed first-party cookie. A `jwt` claim is not verified: it decides a side, never a right.",
        },
        Field {
            key: "fallback",
            kind: Kind::Choice(&[
                Choice { word: "none", doc: "the failure is answered" },
                Choice { word: "legacy", doc: "legacy answers instead" },
            ]),
            absence: Default("none"),
            doc: "What happens to a request with `effect: read` that failed on the replacement.",
        },
        Field {
            key: "authority",
            kind: Kind::Object(&AUTHORITY),
            absence: Default("{}"),
            doc: "Where the data of the unit is. It decides whether a rollback is safe.",
        },
        Field {
            key: "shadow",
            kind: Kind::Object(&UNIT_SHADOW),
            absence: Means("the sides are not compared"),
            doc: "Comparison of the two sides.",
        },
        Field {
            key: "rollout",
            kind: Kind::OffOrObject(&ROLLOUT),
            absence: Means("the percentage is set by people"),
            doc: "How the unit goes up by itself, stage by stage, once somebody starts it.",
        },
        Field {
            key: "side_header",
            kind: Kind::Bool,
            absence: Default("true"),
            doc: "Whether the `Banyan-Unit` response field says which side answered and why.",
        },
        Field {
            key: "routes",
            kind: Kind::List { of: &Kind::Object(&UNIT_ROUTE), min: 1 },
            absence: Refused,
            doc: "Its routes. All of them send one subject to one side.",
        },
    ],
};
