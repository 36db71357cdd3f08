//! What holds for the whole process.

use super::{
    Absence::{Default, Means, Refused},
    Field, Kind, Object,
    bounds::{BODY, KIB, LIMIT, MIB, STREAM, WAIT, WINDOW},
    formats,
};

/// Size limits.
pub(super) static LIMITS: Object = Object {
    id: "limits",
    name: "the limits section",
    doc: "Size limits towards clients.",
    misplaced: &[],
    fields: &[
        Field {
            key: "head",
            kind: Kind::Size { min: KIB, max: MIB },
            absence: Default("32KiB"),
            doc: "A request's head, request line included. Beyond it the answer is 431.",
        },
        Field {
            key: "uri",
            kind: Kind::Size { min: 64, max: MIB },
            absence: Default("8KiB"),
            doc: "A request's target; at most `head`. Beyond it the answer is 414.",
        },
        Field {
            key: "headers",
            kind: Kind::Integer { min: 1, max: 1000 },
            absence: Default("100"),
            doc: "Header fields in a request's head. Beyond it the answer is 431.",
        },
        Field {
            key: "body",
            kind: BODY,
            absence: Means("unlimited; bodies are streamed, never held"),
            doc: "A request's body. Beyond it the answer is 413. A route may say otherwise with `body_limit`.",
        },
        Field {
            key: "connections",
            kind: Kind::Integer { min: 1, max: 1_000_000 },
            absence: Default("20000"),
            doc: "Open client connections of the process. Beyond it new ones wait in the kernel's backlog.",
        },
        Field {
            key: "hops",
            kind: Kind::Integer { min: 1, max: 255 },
            absence: Default("8"),
            doc: "Times one request may pass the gateway, so that systems that call each other through it cannot loop for ever. Beyond it the answer is 508.",
        },
    ],
};

/// Time limits.
pub(super) static TIMEOUTS: Object = Object {
    id: "timeouts",
    name: "the timeouts section",
    doc: "Time limits towards clients. Those towards upstreams are with each upstream.",
    misplaced: &[
        ("connect", "time limits towards an upstream are keys of that upstream"),
        ("idle", "time limits towards an upstream are keys of that upstream"),
    ],
    fields: &[
        Field {
            key: "head",
            kind: LIMIT,
            absence: Default("10s"),
            doc: "From the first byte of a request to the end of its head. Then the answer is 408.",
        },
        Field {
            key: "keep_alive",
            kind: LIMIT,
            absence: Default("75s"),
            doc: "A connection on which no request comes. Then it is closed.",
        },
        Field {
            key: "body",
            kind: LIMIT,
            absence: Default("30s"),
            doc: "No progress on a request's body. Then the answer is 408.",
        },
        Field {
            key: "write",
            kind: LIMIT,
            absence: Default("30s"),
            doc: "A client that takes no byte of its answer. Then the connection is dropped.",
        },
        Field {
            key: "tunnel",
            kind: STREAM,
            absence: Default("1h"),
            doc: "An upgraded connection, such as a WebSocket, without traffic in either direction. Then it is closed.",
        },
        Field {
            key: "drain",
            kind: WAIT,
            absence: Default("30s"),
            doc: "How long a shutdown waits for exchanges under way. `0s` does not wait.",
        },
    ],
};

/// Log output.
pub(super) static LOG: Object = Object {
    id: "log",
    name: "the log section",
    doc: "Log output. The log itself goes to standard error.",
    misplaced: &[],
    fields: &[
        Field {
            key: "level",
            kind: Kind::Text(&formats::LOG_FILTER),
            absence: Default("info"),
            doc: "A level (`off`, `error`, `warn`, `info`, `debug`, `trace`), or several `MODULE=LEVEL` with commas between.",
        },
        Field {
            key: "access",
            kind: Kind::Text(&formats::ACCESS),
            absence: Default("stdout"),
            doc: "Where the access lines go. A file is appended to, and opened again on SIGHUP. A file called `off` is written `./off`.",
        },
    ],
};

/// Trace export.
pub(super) static OTLP: Object = Object {
    id: "otlp",
    name: "the otlp section",
    doc: "Trace export by OTLP over HTTP.",
    misplaced: &[],
    fields: &[
        Field {
            key: "endpoint",
            kind: Kind::Text(&formats::COLLECTOR),
            absence: Refused,
            doc: "The collector's base URL.",
        },
        Field {
            key: "sample",
            kind: Kind::Percent,
            absence: Default("1%"),
            doc: "Share of new traces that are sampled. The decision of a caller that has made one is respected.",
        },
    ],
};

/// Bounds of the shadow.
pub(super) static SHADOW_LIMITS: Object = Object {
    id: "shadow",
    name: "the shadow section",
    doc: "Bounds of the shadow, over all units together. What does not fit is dropped and counted; live traffic never waits.",
    misplaced: &[
        ("sample", "what is shadowed is said by each unit: 'units: { NAME: { shadow: { sample: 10% } } }'"),
        ("ignore", "what is shadowed is said by each unit: 'units: { NAME: { shadow: { ignore: [...] } } }'"),
    ],
    fields: &[
        Field {
            key: "concurrency",
            kind: Kind::Integer { min: 1, max: 1024 },
            absence: Default("16"),
            doc: "Comparisons under way at once.",
        },
        Field {
            key: "queue",
            kind: Kind::Integer { min: 1, max: 65_536 },
            absence: Default("128"),
            doc: "Copies that wait. The newest is dropped when it is full.",
        },
        Field {
            key: "body",
            kind: Kind::Size { min: 1, max: 64 * MIB },
            absence: Default("256KiB"),
            doc: "A request's or an answer's body. Larger ones are not compared.",
        },
        Field { key: "timeout", kind: LIMIT, absence: Default("5s"), doc: "One shadow call." },
    ],
};

/// Shedding.
pub(super) static SHED: Object = Object {
    id: "shed",
    name: "the shed section",
    doc: "Shedding by `criticality`: while calls wait too long for a place (see `concurrency`), what matters least is refused first, for the same users over and over rather than for everybody now and then.",
    misplaced: &[],
    fields: &[
        Field {
            key: "wait",
            kind: LIMIT,
            absence: Default("20ms"),
            doc: "The average wait above which less is admitted.",
        },
        Field {
            key: "over",
            kind: Kind::Integer { min: 1, max: 1_000_000 },
            absence: Default("2000"),
            doc: "Requests over which it is averaged, if they come before `within` has passed.",
        },
        Field {
            key: "within",
            kind: WINDOW,
            absence: Default("1s"),
            doc: "The longest time over which it is averaged.",
        },
    ],
};
