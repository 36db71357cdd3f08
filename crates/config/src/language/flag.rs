//! A flag, as editors and people are shown it. `banyan_flags::Definition` reads it, here and in the admin API, so that a
//! flag means the same wherever it is written; a test holds these tables against that reader.

use super::{
    Absence::{self, Default, Means, Refused},
    Choice, Field, Kind, Object, formats,
};

const A_CONDITION: &str = "it is a condition of a segment: 'segments: [ { name: ..., when: [ ... ] } ]'";

/// A flag.
pub(super) static FLAG: Object = Object {
    id: "flag",
    name: "a flag",
    doc: "What applications ask for by its key, and get one of its variants (OpenFeature's model). `{}` is a boolean flag that is off for everybody. [Flags](flags.md) says all of it.",
    misplaced: &[("attribute", A_CONDITION), ("when", A_CONDITION)],
    fields: &[
        Field {
            key: "description",
            kind: Kind::Text(&formats::FLAG_TEXT),
            absence: Means("none"),
            doc: "What it is for.",
        },
        Field {
            key: "enabled",
            kind: Kind::Bool,
            absence: Default("true"),
            doc: "Whether it is on at all. If not, everybody gets the variant `off`.",
        },
        Field {
            key: "variants",
            kind: Kind::Map { key: &formats::VARIANT, of: &Kind::Json },
            absence: Default("{ on: true, off: false }"),
            doc: "Its values by name: booleans, texts, numbers or objects, all of one type.",
        },
        Field {
            key: "default",
            kind: Kind::Text(&formats::VARIANT),
            absence: Means("what `percent` or `split` leaves, otherwise the variant that is `false`"),
            doc: "The variant of those whom no segment matches, and who are in no share.",
        },
        Field {
            key: "off",
            kind: Kind::Text(&formats::VARIANT),
            absence: Means("the variant that is `false`, otherwise `default`"),
            doc: "The variant that everybody gets while the flag is not enabled, or a prerequisite is not met.",
        },
        Field {
            key: "percent",
            kind: Kind::Percent,
            absence: Means("0 %"),
            doc: "Share of subjects that get the variant which is `true`. Only of a boolean flag; who is in stays in while it grows.",
        },
        Field {
            key: "split",
            kind: Kind::List { of: &Kind::Object(&SHARE), min: 1 },
            absence: Means("everybody gets `default`"),
            doc: "Shares of several variants, which add up to 100 %. Their order decides who moves when one grows.",
        },
        Field {
            key: "salt",
            kind: Kind::Text(&formats::FLAG_SALT),
            absence: Means("the flag's key"),
            doc: "What a subject is hashed with to find its bucket.",
        },
        Field {
            key: "segments",
            kind: Kind::List { of: &Kind::Object(&SEGMENT), min: 0 },
            absence: Default("[]"),
            doc: "Groups with rules of their own. The first that matches decides.",
        },
        Field {
            key: "overlap",
            kind: Kind::Choice(&[
                Choice { word: "refuse", doc: "a mistake" },
                Choice { word: "first", doc: "meant: the first decides" },
            ]),
            absence: Default("refuse"),
            doc: "What two segments are that can match the same context.",
        },
        Field {
            key: "prerequisites",
            kind: Kind::List { of: &Kind::Object(&PREREQUISITE), min: 0 },
            absence: Default("[]"),
            doc: "What other flags have to serve first. If one does not, everybody gets the variant `off`.",
        },
        Field {
            key: "metadata",
            kind: Kind::Map { key: &formats::METADATA, of: &Kind::Json },
            absence: Default("{}"),
            doc: "Texts, numbers and booleans that applications get along with the value.",
        },
    ],
};

static SHARE: Object = Object {
    id: "share",
    name: "a share of a flag",
    doc: "A variant and how many get it.",
    misplaced: &[],
    fields: &[
        Field { key: "variant", kind: Kind::Text(&formats::VARIANT), absence: Refused, doc: "The variant." },
        Field { key: "percent", kind: Kind::Percent, absence: Refused, doc: "How many subjects get it." },
    ],
};

static SEGMENT: Object = Object {
    id: "segment",
    name: "a segment",
    doc: "A group that conditions choose, and what it gets: one of `variant`, `percent` and `split`. That is final: who is outside of a percentage here is not looked at further.",
    misplaced: &[("attribute", "it belongs to a condition: 'when: [ { attribute: ... } ]'")],
    fields: &[
        Field {
            key: "name",
            kind: Kind::Text(&formats::SEGMENT),
            absence: Refused,
            doc: "Its name, which no other segment of the flag has.",
        },
        Field {
            key: "when",
            kind: Kind::List { of: &Kind::Object(&CONDITION), min: 1 },
            absence: Refused,
            doc: "What has to hold, all of it.",
        },
        Field {
            key: "variant",
            kind: Kind::Text(&formats::VARIANT),
            absence: Means("`percent` or `split`"),
            doc: "What everybody in it gets.",
        },
        Field {
            key: "percent",
            kind: Kind::Percent,
            absence: Means("`variant` or `split`"),
            doc: "How many in it get the variant that is `true`.",
        },
        Field {
            key: "split",
            kind: Kind::List { of: &Kind::Object(&SHARE), min: 1 },
            absence: Means("`variant` or `percent`"),
            doc: "Shares of several variants.",
        },
    ],
};

const NOT_ASKED: Absence = Means("another test");

static CONDITION: Object = Object {
    id: "condition",
    name: "a condition",
    doc: "A test of one attribute of the context; exactly one. What cannot be told, such as a prefix of a number, does not hold, with `not` or without.",
    misplaced: &[],
    fields: &[
        Field {
            key: "attribute",
            kind: Kind::Text(&formats::ATTRIBUTE),
            absence: Refused,
            doc: "The attribute; dots lead into objects.",
        },
        Field {
            key: "equals",
            kind: Kind::Json,
            absence: NOT_ASKED,
            doc: "It is this text, number or boolean.",
        },
        Field { key: "not_equals", kind: Kind::Json, absence: NOT_ASKED, doc: "It is something else." },
        Field {
            key: "in",
            kind: Kind::List { of: &Kind::Json, min: 1 },
            absence: NOT_ASKED,
            doc: "It is one of these.",
        },
        Field {
            key: "prefix",
            kind: Kind::Text(&formats::AFFIX),
            absence: NOT_ASKED,
            doc: "It is a text that begins with this one.",
        },
        Field {
            key: "suffix",
            kind: Kind::Text(&formats::AFFIX),
            absence: NOT_ASKED,
            doc: "It is a text that ends with this one.",
        },
        Field {
            key: "semver",
            kind: Kind::Text(&formats::VERSIONS),
            absence: NOT_ASKED,
            doc: "It is a version within this range (semver.org).",
        },
        Field {
            key: "range",
            kind: Kind::Object(&RANGE),
            absence: NOT_ASKED,
            doc: "It is a number within this range.",
        },
        Field { key: "exists", kind: Kind::Bool, absence: NOT_ASKED, doc: "It is there, or is not." },
        Field {
            key: "not",
            kind: Kind::Bool,
            absence: Default("false"),
            doc: "Whether the answer is turned round.",
        },
    ],
};

static RANGE: Object = Object {
    id: "range",
    name: "a range",
    doc: "Numbers from one to another.",
    misplaced: &[],
    fields: &[
        Field {
            key: "from",
            kind: Kind::Json,
            absence: Means("no limit"),
            doc: "The lowest that is inside.",
        },
        Field {
            key: "to",
            kind: Kind::Json,
            absence: Means("no limit"),
            doc: "The lowest above that is outside.",
        },
    ],
};

static PREREQUISITE: Object = Object {
    id: "prerequisite",
    name: "a prerequisite",
    doc: "What another flag has to serve to the same context.",
    misplaced: &[],
    fields: &[
        Field { key: "flag", kind: Kind::Text(&formats::FLAG_KEY), absence: Refused, doc: "The other flag." },
        Field {
            key: "variant",
            kind: Kind::Text(&formats::VARIANT),
            absence: Refused,
            doc: "The variant that it has to serve.",
        },
    ],
};
