//! What is kept of answers.

use super::{
    Absence::{Default, Means, Refused},
    Choice, Field, Kind, Object,
    bounds::{AGE, CACHE_CALL, LEASE, OBJECT, QUEUE, RAM, REFRESH, WAIT, share},
    formats,
};

const OF_ROUTES: &str =
    "how long answers are kept is said by each route: 'routes: [ { match: ..., cache: { ttl: 5m } } ]'";

/// Where answers are kept.
pub(crate) static CACHE: Object = Object {
    id: "cache",
    name: "the cache section",
    doc: "Where answers are kept. It turns the cache on for GET and HEAD on all routes but those with `effect: write`, which then keep what the answers allow by their own fields (RFC 9111); a route says more with a `cache` of its own. `{}` is all defaults.",
    misplaced: &[
        ("ttl", OF_ROUTES),
        ("negative", OF_ROUTES),
        ("degraded", OF_ROUTES),
        ("stale_while_revalidate", OF_ROUTES),
        ("stale_if_error", OF_ROUTES),
        ("key", "what makes two requests the same is said by each route: 'cache: { key: [ path ] }'"),
        ("tags", "tags are said by each route: 'cache: { tags: [ \"user:{id}\" ] }'"),
        ("size", "write 'memory'"),
        ("url", "write 'redis: URL'"),
    ],
    fields: &[
        Field {
            key: "memory",
            kind: RAM,
            absence: Default("64MiB"),
            doc: "What kept answers may take in memory. Beyond it those leave that are asked for least.",
        },
        Field {
            key: "max_object",
            kind: OBJECT,
            absence: Means("`8MiB`, or a quarter of `memory` if that is less"),
            doc: "The largest answer that is kept; at most a quarter of `memory`.",
        },
        Field {
            key: "redis",
            kind: Kind::TextOrObject { short: "url", object: &REDIS },
            absence: Means("each gateway keeps answers by itself"),
            doc: "A Redis that several gateways share, behind the memory of each. When it fails or is slow, requests go on without it.",
        },
        Field {
            key: "wait",
            kind: QUEUE,
            absence: Default("5s"),
            doc: "The longest a request waits for the answer that another one has asked for, before it asks for its own. `0s` does not wait.",
        },
        Field {
            key: "warm",
            kind: Kind::OffOrObject(&WARM),
            absence: Means("an answer is fetched when somebody asks for it"),
            doc: "Fetches what is asked for most before it is asked for. It costs the upstreams requests, so it is off unless written.",
        },
    ],
};

static REDIS: Object = Object {
    id: "redis",
    name: "the redis section",
    doc: "A second level of the cache that gateways share: Redis, or what speaks its protocol. In short its URL.",
    misplaced: &[
        ("timeout", "write 'deadline', the limit for one call"),
        ("ttl", OF_ROUTES),
        ("host", "write 'url', such as redis://127.0.0.1:6379"),
        ("password", "write it in 'url', such as redis://:PASSWORD@127.0.0.1:6379; reports do not show it"),
    ],
    fields: &[
        Field {
            key: "url",
            kind: Kind::Text(&formats::REDIS_URL),
            absence: Refused,
            doc: "Where it is: `redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]`, or `rediss` for TLS. Characters that have a meaning in a URL are percent-encoded in a password. Reports and logs leave it out; who may read the file, may read it.",
        },
        Field {
            key: "deadline",
            kind: CACHE_CALL,
            absence: Default("50ms"),
            doc: "Limit for one call to it; at most `lease`. Then the request goes on without it.",
        },
        Field {
            key: "lease",
            kind: LEASE,
            absence: Default("10s"),
            doc: "How long one gateway may take to fetch an answer, before another one may.",
        },
        Field {
            key: "prefix",
            kind: Kind::Text(&formats::REDIS_PREFIX),
            absence: Default("banyan"),
            doc: "What all of its keys begin with. Gateways with different configs need different ones.",
        },
    ],
};

static WARM: Object = Object {
    id: "warm",
    name: "the warm section",
    doc: "Fetches the answers that are asked for most before anybody asks: at the start and again and again. Live requests come first. `{}` is all defaults.",
    misplaced: &[("interval", "the interval is called 'every'")],
    fields: &[
        Field {
            key: "top",
            kind: Kind::Because {
                of: &Kind::Integer { min: 1, max: 100_000 },
                hint: "for none, leave 'warm' out",
            },
            absence: Default("1000"),
            doc: "How many answers.",
        },
        Field { key: "every", kind: REFRESH, absence: Default("1h"), doc: "The interval." },
        Field {
            key: "rate",
            kind: Kind::Because {
                of: &Kind::Integer { min: 1, max: 10_000 },
                hint: "it is how many a second; for none, leave 'warm' out",
            },
            absence: Default("20"),
            doc: "Requests a second, at most.",
        },
        Field {
            key: "ready_within",
            kind: WAIT,
            absence: Default("10s"),
            doc: "How long a start waits for it before `/readyz` says that the gateway is ready. `0s` does not wait.",
        },
    ],
};

const OF_ROOT: &str = "it holds for the whole gateway: 'cache' at the top";

/// What is kept of the answers of a route.
pub(super) static ROUTE_CACHE: Object = Object {
    id: "route_cache",
    name: "the cache section of a route",
    doc: "What is kept of a route's answers to GET and HEAD. Where it says nothing, the answers' own fields do (RFC 9111). A route with it turns the cache on, with defaults where the top says nothing of it.",
    misplaced: &[
        ("memory", OF_ROOT),
        ("max_object", OF_ROOT),
        ("redis", OF_ROOT),
        ("wait", OF_ROOT),
        ("warm", OF_ROOT),
        ("max_age", "write 'ttl'"),
        ("vary", "write 'key', such as key: [ path, query, \"header:accept-language\" ]"),
        ("invalidates", "it stands beside 'cache' on the route that writes"),
    ],
    fields: &[
        Field {
            key: "ttl",
            kind: AGE,
            absence: Means("what the answer says"),
            doc: "How long a good answer is fresh, whatever it says itself. `0s` keeps nothing; identical requests at the same time still share one call.",
        },
        Field {
            key: "negative",
            kind: AGE,
            absence: Means("what the answer says"),
            doc: "The same for an answer that there is nothing: 404 and 410, and what `empty` says. `0s` keeps none.",
        },
        Field {
            key: "degraded",
            kind: AGE,
            absence: Means("it is not kept"),
            doc: "The same for an answer that is not all it should be: one of its `parts` is missing. A better answer replaces it at once.",
        },
        Field {
            key: "stale_while_revalidate",
            kind: AGE,
            absence: Means("what the answer says"),
            doc: "How long an answer that is no longer fresh is still given while a new one is fetched (RFC 5861).",
        },
        Field {
            key: "stale_if_error",
            kind: AGE,
            absence: Means("what the answer says"),
            doc: "How long an answer that is no longer fresh is still given when there is no new one because of an error (RFC 5861).",
        },
        Field {
            key: "early_refresh",
            kind: Kind::Decimal { min: 0, max: 1000 },
            absence: Default("1.0"),
            doc: "How early an answer that is asked for often is refreshed before it expires, so that nobody waits for it: more is earlier, `0` never.",
        },
        Field {
            key: "jitter",
            kind: share(0, 5000),
            absence: Default("10%"),
            doc: "By how much of itself `ttl` or `negative` or `degraded` may be shortened, so that what was fetched together does not expire together.",
        },
        Field {
            key: "coalesce",
            kind: Kind::Bool,
            absence: Default("true"),
            doc: "Whether identical requests at the same time share one call.",
        },
        Field {
            key: "key",
            kind: Kind::List { of: &Kind::Text(&formats::KEY_PART), min: 1 },
            absence: Means("`[ path, query ]`"),
            doc: "What makes two requests the same, besides host and side: `path`, `query` (all of it), `query:NAME`, `header:NAME`, `cookie:NAME`, `jwt:CLAIM` (not verified), and in a unit `subject`. What is left out is ignored, so `path` is left out only where the path has no parameters.",
        },
        Field {
            key: "tags",
            kind: Kind::List { of: &Kind::Text(&formats::TAG), min: 0 },
            absence: Default("[]"),
            doc: "Names by which answers are invalidated, with the parameters of `match`; at most 16 of at most 128 bytes.",
        },
        Field {
            key: "allow",
            kind: Kind::List {
                of: &Kind::Choice(&[
                    Choice { word: "set-cookie", doc: "answers with `Set-Cookie`, without that field" },
                    Choice { word: "authorization", doc: "answers to requests with `Authorization`" },
                ]),
                min: 0,
            },
            absence: Default("[]"),
            doc: "What is kept although it looks personal: answers with `Set-Cookie` (without that field), and answers to requests with `Authorization`, each for these very credentials alone unless it says that it is for all. Whoever sends the same `key` gets the same answer, so what differs between people in another way (a cookie, a header) needs that in it.",
        },
        Field {
            key: "empty",
            kind: Kind::Text(&formats::DOCUMENT_POINTER),
            absence: Means("only the status says that there is nothing"),
            doc: "Where a JSON answer says that there is nothing: an empty list or object there, or null, counts as 'not found'. `\"\"` is the whole document.",
        },
        Field {
            key: "parts",
            kind: Kind::List { of: &Kind::Text(&formats::JSON_POINTER), min: 0 },
            absence: Default("[]"),
            doc: "Parts of a JSON answer. One in which any of them is missing or null is degraded.",
        },
    ],
};
