//! How calls to an upstream are made.

use super::{
    Absence::{Default, Means, Unless},
    Field, Kind, Object,
    bounds::{BACKOFF, CALLS, FINAL_STATUS, LIMIT, LONG_WINDOW, QUEUE, SOME, WINDOW, share},
    formats,
};

/// Further attempts.
pub(super) static RETRY: Object = Object {
    id: "retry",
    name: "the retry section",
    doc: "Further attempts after one that failed: with an idempotent method, with an `Idempotency-Key`, or when nothing was sent. The wait before each is drawn from zero to a bound that doubles, and what the answer says with `Retry-After` is kept to. `{}` is all defaults.",
    misplaced: &[
        ("max_attempts", "write 'attempts', which counts the first one too"),
        ("retries", "write 'attempts', which counts the first one too"),
    ],
    fields: &[
        Field {
            key: "attempts",
            kind: Kind::Because {
                of: &Kind::Integer { min: 2, max: 10 },
                hint: "it counts the first attempt too: 3 is two retries; for none, leave 'retry' out or write 'retry: off'",
            },
            absence: Default("3"),
            doc: "Attempts in all, the first included.",
        },
        Field {
            key: "base",
            kind: BACKOFF,
            absence: Default("50ms"),
            doc: "The bound of the first wait; at most `cap`.",
        },
        Field { key: "cap", kind: BACKOFF, absence: Default("1s"), doc: "The bound of any wait." },
        Field {
            key: "budget",
            kind: Kind::Because {
                of: &SOME,
                hint: "it is the share of requests that may be retried; for no retries, leave 'retry' out or write 'retry: off'",
            },
            absence: Default("20%"),
            doc: "Retries as a share of requests, so that retries never become the load. Hedges draw on it too.",
        },
        Field {
            key: "per_second",
            kind: Kind::Integer { min: 0, max: 10_000 },
            absence: Default("2"),
            doc: "Retries a second beside the share, so that little traffic has some too.",
        },
    ],
};

const NEVER_OPENS: &str = "for no breaker write 'breaker: off'";

/// The circuit breaker.
pub(super) static BREAKER: Object = Object {
    id: "breaker",
    name: "the breaker section",
    doc: "Refuses calls for a while when most of the recent ones failed, so that a sick upstream can recover and callers do not wait for it. Then it lets a few probes through, and closes when they succeed. It counts shares of recent calls, or with `consecutive` failures in a row.",
    misplaced: &[
        ("errors", "write 'failures', a share such as 50%, or 'consecutive', a number in a row"),
        ("threshold", "write 'failures', a share such as 50%, or 'consecutive', a number in a row"),
    ],
    fields: &[
        Field {
            key: "failures",
            kind: Kind::Because { of: &SOME, hint: NEVER_OPENS },
            absence: Unless { yaml: "50%", key: "consecutive" },
            doc: "Share of recent calls that failed, at which it opens. Time-outs are failures.",
        },
        Field {
            key: "of_at_least",
            kind: Kind::Because {
                of: &Kind::Integer { min: 1, max: 1_000_000 },
                hint: "of no calls there is no share; 1 lets a single call open it",
            },
            absence: Unless { yaml: "20", key: "consecutive" },
            doc: "With fewer recent calls, no share opens it.",
        },
        Field {
            key: "within",
            kind: WINDOW,
            absence: Unless { yaml: "10s", key: "consecutive" },
            doc: "How long a call is recent. The window slides in ten steps.",
        },
        Field {
            key: "slow",
            kind: Kind::Object(&BREAKER_SLOW),
            absence: Means("slow calls do not open it, as long as they succeed"),
            doc: "Opens it for slow calls too.",
        },
        Field {
            key: "consecutive",
            kind: Kind::Because { of: &Kind::Integer { min: 1, max: 10_000 }, hint: NEVER_OPENS },
            absence: Means("shares are counted"),
            doc: "Opens it after this many failures in a row, instead of by shares: none of the keys above stands beside it.",
        },
        Field {
            key: "open_for",
            kind: LIMIT,
            absence: Default("5s"),
            doc: "How long it refuses, before it probes. Doubles each time the probes fail.",
        },
        Field {
            key: "open_at_most",
            kind: LIMIT,
            absence: Means("8s, or `open_for` if that is longer"),
            doc: "The longest it refuses; at least `open_for`. An upstream that is well again waits for up to that long.",
        },
        Field {
            key: "probes",
            kind: Kind::Because {
                of: &Kind::Integer { min: 1, max: 1000 },
                hint: "without a probe nobody learns that the upstream is well again; more than a thousand are load",
            },
            absence: Default("3"),
            doc: "Calls it lets through at once while it probes.",
        },
        Field {
            key: "close_after",
            kind: Kind::Because {
                of: &Kind::Integer { min: 1, max: 1000 },
                hint: "1 closes it at the first success",
            },
            absence: Default("2"),
            doc: "Probes that must succeed before it closes. One that fails opens it again.",
        },
        Field {
            key: "probe_timeout",
            kind: LIMIT,
            absence: Means("`deadline`, which no call outlives"),
            doc: "A probe that takes longer gives its place to another.",
        },
    ],
};

static BREAKER_SLOW: Object = Object {
    id: "breaker_slow",
    name: "the slow section",
    doc: "When calls are too slow.",
    misplaced: &[],
    fields: &[
        Field {
            key: "over",
            kind: LIMIT,
            absence: Default("2s"),
            doc: "A call is slow when it takes longer; less than the upstream's `timeout`, beyond which it has failed.",
        },
        Field {
            key: "share",
            kind: Kind::Because { of: &SOME, hint: "leave 'slow' out if slow calls do not matter" },
            absence: Default("80%"),
            doc: "Share of recent calls that were slow, at which the breaker opens.",
        },
    ],
};

/// The limit of calls under way.
pub(super) static CONCURRENCY: Object = Object {
    id: "concurrency",
    name: "the concurrency section",
    doc: "Limit of calls under way, over all workers. It follows what the upstream can take: up while answers come as fast as ever, down when they slow down or fail for overload. With `fixed` it stays. `{}` is all defaults.",
    misplaced: &[
        ("limit", "write 'fixed' for a limit that stays, or 'max' for the most it may grow to"),
        ("max_connections", "write 'fixed' for a limit that stays, or 'max' for the most it may grow to"),
    ],
    fields: &[
        Field {
            key: "start",
            kind: CALLS,
            absence: Unless { yaml: "20", key: "fixed" },
            doc: "The limit at first.",
        },
        Field {
            key: "min",
            kind: CALLS,
            absence: Unless { yaml: "1", key: "fixed" },
            doc: "It never falls below; at most `start`.",
        },
        Field {
            key: "max",
            kind: CALLS,
            absence: Unless { yaml: "200", key: "fixed" },
            doc: "It never grows beyond; at least `start`.",
        },
        Field {
            key: "fixed",
            kind: CALLS,
            absence: Means("the limit adapts"),
            doc: "A limit that stays: none of the keys above stands beside it.",
        },
        Field {
            key: "queue",
            kind: QUEUE,
            absence: Default("100ms"),
            doc: "The longest a call waits for a place. It is refused at once when it would wait longer than that. `0s` never waits.",
        },
    ],
};

/// A second attempt.
pub(super) static HEDGE: Object = Object {
    id: "hedge",
    name: "the hedge section",
    doc: "A second attempt beside one that takes long, on another endpoint where there is one; the first answer counts. Only requests with `effect: read` and an idempotent method are hedged. `{}` is all defaults.",
    misplaced: &[("delay", "write 'after', such as p95 or 300ms")],
    fields: &[
        Field {
            key: "after",
            kind: Kind::Because {
                of: &Kind::Text(&formats::HEDGE_AFTER),
                hint: "write p95 for the time that 95 % of calls take, or a duration such as 300ms",
            },
            absence: Default("p95"),
            doc: "When it starts: `p95` is as long as 95 % of recent calls took.",
        },
        Field {
            key: "extra",
            kind: Kind::Because {
                of: &SOME,
                hint: "for no hedging, leave 'hedge' out or write 'hedge: off'",
            },
            absence: Default("2%"),
            doc: "The most it may add to the upstream's load, as a share of calls.",
        },
    ],
};

/// What an answer has to be.
pub(super) static VALID_IF: Object = Object {
    id: "valid_if",
    name: "the valid_if section",
    doc: "What an answer has to be. One that is not is a failure like a 5xx: it is retried, counted by the breaker, and replaced by a fallback. At least one key.",
    misplaced: &[("body", "write 'json: true', and 'required' or 'schema' for what must be in it")],
    fields: &[
        Field {
            key: "status",
            kind: Kind::OneOrMany(&FINAL_STATUS),
            absence: Means("any but a 5xx"),
            doc: "The statuses that are good.",
        },
        Field {
            key: "content_type",
            kind: Kind::Text(&formats::MEDIA_TYPE),
            absence: Means("any"),
            doc: "The media type of a 2xx answer, whatever its parameters.",
        },
        Field {
            key: "json",
            kind: Kind::Bool,
            absence: Default("false"),
            doc: "Whether the body of a 2xx answer must be JSON, whole. Such an answer is held until it was checked.",
        },
        Field {
            key: "required",
            kind: Kind::List { of: &Kind::Text(&formats::JSON_POINTER), min: 0 },
            absence: Default("[]"),
            doc: "What must be in the JSON.",
        },
        Field {
            key: "schema",
            kind: Kind::Text(&formats::FILE),
            absence: Means("any shape"),
            doc: "The file with a JSON Schema that the JSON must fit. It is read with the config, and at most 1 MiB. A relative path starts at the config file's directory.",
        },
    ],
};

/// The client throttle.
pub(super) static THROTTLE: Object = Object {
    id: "throttle",
    name: "the throttle section",
    doc: "Client throttle of the SRE book: while an upstream refuses, requests are refused here with a probability that grows with the share it refused. `{}` is all defaults.",
    misplaced: &[],
    fields: &[
        Field {
            key: "k",
            kind: Kind::Because {
                of: &Kind::Decimal { min: 110, max: 10_000 },
                hint: "near 1 a few failures are enough to refuse requests that would succeed",
            },
            absence: Default("2"),
            doc: "Requests that are let through for one that was accepted. Smaller is stricter.",
        },
        Field {
            key: "within",
            kind: LONG_WINDOW,
            absence: Default("120s"),
            doc: "How long a request is recent.",
        },
        Field {
            key: "cap",
            kind: Kind::Because {
                of: &share(100, 9_900),
                hint: "some requests must come through, or nobody learns that the upstream is well again",
            },
            absence: Default("90%"),
            doc: "The most that is refused.",
        },
    ],
};
