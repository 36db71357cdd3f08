//! What is kept of answers, so that not every request has to be asked again.
//!
//! Who may keep an answer, and for how long, is first of all for the one who gave it to say (RFC 9111). What stands here
//! says where answers are kept, and on which routes the config knows better than the answer does.

use std::{fmt, time::Duration};

use banyan_flags::Percent;
use http::HeaderName;

use super::{Secret, TagTemplate};

const MIB: u64 = 1024 * 1024;

/// Where answers are kept, for the whole process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cache {
    /// Bytes that kept answers may take in memory, keys and fields included; at least 1 MiB. Default 64 MiB.
    pub memory: u64,
    /// Bytes of the largest answer that is kept, at most a quarter of `memory`. Default 8 MiB, or a quarter of `memory`
    /// if that is less.
    pub max_object: u64,
    /// A second level that gateways share, when configured.
    pub redis: Option<Redis>,
    /// The longest a request waits for the answer that another one has asked for, before it asks for its own. Default
    /// 5 s, at most a minute; zero does not wait.
    pub wait: Duration,
    /// Filling the cache before it is asked. `None` when it is not configured, for it costs the upstreams requests.
    pub warm: Option<Warm>,
}

impl Cache {
    /// The default of `max_object` beside this much `memory`, both in bytes.
    #[must_use]
    pub const fn usual_max_object(memory: u64) -> u64 {
        let quarter = memory / 4;
        if quarter < 8 * MIB { quarter } else { 8 * MIB }
    }
}

impl Default for Cache {
    /// As `cache: {}`.
    fn default() -> Self {
        let memory = 64 * MIB;
        Self {
            memory,
            max_object: Self::usual_max_object(memory),
            redis: None,
            wait: Duration::from_secs(5),
            warm: None,
        }
    }
}

/// A Redis, or what speaks its protocol, as the second level of the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redis {
    /// Where it is.
    pub url: RedisUrl,
    /// Limit for one call to it; then the request goes on without. Default 50 ms; at most `lease`.
    pub deadline: Duration,
    /// How long one gateway may take to fill an entry, before another one may. Default 10 s.
    pub lease: Duration,
    /// What all of its keys begin with: 1 to 64 letters, digits and `._-`. Default `banyan`.
    pub prefix: String,
}

/// Where a Redis is. Its `Display` leaves the credentials out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisUrl {
    /// Name or address, lower case; an IPv6 address without brackets.
    pub host: String,
    /// Port, 1 to 65535. Default 6379.
    pub port: u16,
    /// Number of the database. Default 0.
    pub db: u32,
    /// Whether it is reached over TLS (`rediss`).
    pub tls: bool,
    /// Who logs in; `None` is Redis' default user.
    pub user: Option<String>,
    /// What with; there is one wherever there is a `user`.
    pub password: Option<Secret>,
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, db, tls, .. } = self;
        let scheme = if *tls { "rediss" } else { "redis" };
        if host.contains(':') {
            write!(f, "{scheme}://[{host}]:{port}/{db}")
        } else {
            write!(f, "{scheme}://{host}:{port}/{db}")
        }
    }
}

/// Filling the cache with what is asked for most, before it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Warm {
    /// How many entries. Default 1,000; 1 to 100,000.
    pub top: usize,
    /// How often, besides the start. Default 1 h; at least a minute.
    pub every: Duration,
    /// Requests a second, at most. Default 20; 1 to 10,000.
    pub rate: u32,
    /// How long a start waits for it before the process is ready. Default 10 s; zero does not wait.
    pub ready_within: Duration,
}

/// What is kept of the answers of a route.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum RouteCache {
    /// Nothing, and no request waits for another one's answer.
    #[default]
    Off,
    /// What the answers allow by their own fields (RFC 9111), for as long as they say.
    Origin,
    /// What these rules say, and where they say nothing, what the answers allow.
    Rules(CacheRules),
}

/// What the config says about the answers of a route. Only GET and HEAD are answered from a cache.
#[derive(Clone, Debug, PartialEq)]
pub struct CacheRules {
    /// How long a good answer is fresh, whatever it says itself. Zero keeps nothing; identical requests at the same time
    /// still share one call. `None`: what the answer says.
    pub ttl: Option<Duration>,
    /// The same for 'not found'. `None`: what the answer says.
    pub negative: Option<Duration>,
    /// The same for a degraded answer. `None`: it is not kept.
    pub degraded: Option<Duration>,
    /// How long an answer that is no longer fresh may still be given while a new one is fetched (RFC 5861 section 3).
    /// `None`: what the answer says.
    pub stale_while_revalidate: Option<Duration>,
    /// How long an answer that is no longer fresh may still be given when there is no new one (RFC 5861 section 4).
    /// `None`: what the answer says.
    pub stale_if_error: Option<Duration>,
    /// How early an answer that is asked for often is refreshed before it expires, from 0 to 10: the beta of XFetch
    /// (Vattani et al., VLDB 2015). Default 1; 0 never does.
    pub early_refresh: f64,
    /// By how much of itself a time to live may be shortened, so that what was fetched together does not expire together.
    /// Default 10 %, at most 50 %.
    pub jitter: Percent,
    /// Whether identical requests at the same time share one call. Default true.
    pub coalesce: bool,
    /// What makes two requests the same, besides host, side and route; distinct. `None`: the path and all of the query.
    /// Without [`KeyPart::Path`] only where the path has no parameters.
    pub key: Option<Vec<KeyPart>>,
    /// Names by which answers are invalidated; distinct, at most 16.
    pub tags: Vec<TagTemplate>,
    /// What is kept although it looks personal.
    pub allow: CacheAllow,
    /// JSON Pointer (RFC 6901) to what says 'not found' by being empty: an array or object without entries, or null. The
    /// empty pointer is the whole document.
    pub empty: Option<String>,
    /// JSON Pointers (RFC 6901) to parts: an answer in which one of them is missing or null is degraded.
    pub parts: Vec<String>,
}

impl Default for CacheRules {
    /// As `cache: {}` on a route.
    fn default() -> Self {
        Self {
            ttl: None,
            negative: None,
            degraded: None,
            stale_while_revalidate: None,
            stale_if_error: None,
            early_refresh: 1.0,
            jitter: Percent::from_basis_points(1000).unwrap_or(Percent::ZERO),
            coalesce: true,
            key: None,
            tags: Vec::new(),
            allow: CacheAllow::default(),
            empty: None,
            parts: Vec::new(),
        }
    }
}

/// What is kept although it looks personal. Without either, such an answer is kept for nobody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheAllow {
    /// Answers with `Set-Cookie`, without that field.
    pub set_cookie: bool,
    /// Answers to requests with `Authorization` that do not allow it themselves (RFC 9111 section 3.5): each for these very
    /// credentials.
    pub authorization: bool,
}

/// A part of what makes two requests the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KeyPart {
    /// `path`: the path.
    Path,
    /// `query`: all of the query, as it was sent.
    Query,
    /// `query:NAME`: the values of this parameter.
    QueryParam(String),
    /// `header:NAME`: the values of this header field.
    Header(HeaderName),
    /// `cookie:NAME`: the value of this cookie.
    Cookie(String),
    /// `subject`: who the request is about. Only on routes of units, whose requests have one.
    Subject,
    /// `jwt:CLAIM`: a claim of the bearer token. Not verified: it keeps answers apart and gives no right to them.
    Jwt(String),
}
