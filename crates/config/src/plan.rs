//! What a config means: checked, resolved, immutable.
//!
//! Everything here is valid by construction: names are resolved to indexes, units are parsed, ranges are checked.
//! The data plane compiles it into its own tables; nobody changes it. A request keeps the plan it started with.

use std::{net::SocketAddr, num::NonZeroUsize, path::PathBuf, sync::Arc, time::Duration};

use banyan_flags::Percent;
use http::{HeaderName, HeaderValue, Method};
use ipnet::IpNet;

use crate::{pattern::Pattern, source::Span};

/// A whole config.
#[derive(Clone, Debug)]
pub struct Plan {
    /// SHA-256 of the source text, hex. Equal on every node that runs the same config.
    pub hash: String,
    /// Where clients connect. At least one.
    pub listeners: Vec<Listener>,
    /// The admin API.
    pub admin: Admin,
    /// Where `/healthz`, `/readyz` and `/metrics` are served apart from the admin API, if anywhere.
    pub probes: Option<SocketAddr>,
    /// The embedded store.
    pub state: PathBuf,
    /// Worker threads; `None` means one per core.
    pub workers: Option<NonZeroUsize>,
    /// Peers whose `Forwarded`, `X-Forwarded-*` fields are believed and passed on.
    pub trusted_proxies: Vec<IpNet>,
    /// Size limits towards clients.
    pub limits: Limits,
    /// Time limits towards clients.
    pub timeouts: Timeouts,
    /// Log output.
    pub log: Log,
    /// Trace export, when configured.
    pub otlp: Option<Otlp>,
    /// Bounds of the shadow.
    pub shadow: ShadowLimits,
    /// Logical services, indexed by [`UpstreamId`].
    pub upstreams: Vec<Upstream>,
    /// Units of migration, indexed by [`UnitId`].
    pub units: Vec<Unit>,
    /// All routes, those of units included, in the order of the file, indexed by position.
    pub routes: Vec<Route>,
}

/// Index into [`Plan::upstreams`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UpstreamId(pub usize);

/// Index into [`Plan::units`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UnitId(pub usize);

/// One address where clients connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Where to listen.
    pub address: SocketAddr,
    /// Certificate and key, for TLS with ALPN `h2` and `http/1.1`.
    pub tls: Option<ListenerTls>,
}

/// PEM files of a TLS listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerTls {
    /// Certificate chain, leaf first.
    pub cert: PathBuf,
    /// Private key.
    pub key: PathBuf,
}

/// The admin API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    /// Where to listen; loopback unless the config insists (`allow_remote: true`).
    pub listen: SocketAddr,
    /// File that holds the bearer token; created with mode 0600 when absent. Default: the state path + `.admin-token`.
    pub token_file: PathBuf,
}

/// Size limits towards clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Request head, request line included, in bytes; beyond it 431. Default 32 KiB.
    pub head: usize,
    /// Request target in bytes; beyond it 414. Default 8 KiB.
    pub uri: usize,
    /// Header fields in a head; beyond it 431. Default 100.
    pub headers: usize,
    /// Request body in bytes; beyond it 413. `None`: unlimited (bodies are streamed, never held).
    pub body: Option<u64>,
    /// Open client connections per process; beyond it new ones wait in the kernel's backlog. Default 20,000.
    pub connections: usize,
    /// Times one request may pass the gateway; beyond it 508. Default 8.
    pub hops: u32,
}

/// Time limits towards clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// First byte of a request to the end of its head; then 408. Default 10 s.
    pub head: Duration,
    /// A connection without a request. Default 75 s.
    pub keep_alive: Duration,
    /// No progress on a request body; then 408. Default 30 s.
    pub body: Duration,
    /// A client that takes no byte of its answer; then the connection is dropped. Default 30 s.
    pub write: Duration,
    /// An upgraded connection (a WebSocket) without traffic in either direction. Default 1 h.
    pub tunnel: Duration,
    /// How long a drain waits for open exchanges. Default 30 s.
    pub drain: Duration,
}

/// Log output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// A tracing filter such as `info` or `banyan_gateway=debug`. Default `info`.
    pub level: String,
    /// Where access lines go.
    pub access: AccessLog,
}

/// Where access lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessLog {
    /// Nowhere.
    Off,
    /// Standard output (the default).
    Stdout,
    /// Appended to a file, which is opened again on SIGHUP.
    File(PathBuf),
}

/// Trace export by OTLP over HTTP.
#[derive(Clone, Debug, PartialEq)]
pub struct Otlp {
    /// Collector base URL such as `http://127.0.0.1:4318`.
    pub endpoint: String,
    /// Share of new traces that are sampled; a caller's sampling decision is respected. Default 1 %.
    pub sample: Percent,
}

/// Bounds of the shadow, over all units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShadowLimits {
    /// Comparisons under way at once. Default 16.
    pub concurrency: usize,
    /// Copies waiting; the newest is dropped when full. Default 128.
    pub queue: usize,
    /// Bytes of a request or answer body; larger ones are not compared. Default 256 KiB.
    pub body: usize,
    /// One shadow call. Default 5 s.
    pub timeout: Duration,
}

/// A logical service called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// Its name in the config.
    pub name: Arc<str>,
    /// At least one.
    pub endpoints: Vec<Endpoint>,
    /// HTTP version spoken to it.
    pub protocol: Protocol,
    /// File with the PEM roots its certificate is checked against; `None`: the public web's.
    pub ca: Option<PathBuf>,
    /// What the `Host` field says: the caller's, or the endpoint's authority.
    pub host: HostField,
    /// Active health check.
    pub health: Option<Health>,
    /// Passive ejection.
    pub eject: Eject,
    /// Limit for a TCP and TLS connect. Default 2 s.
    pub connect: Duration,
    /// Limit for one attempt, from the request sent to the answer's head. Default 3 s.
    pub timeout: Duration,
    /// Limit for the whole call, all attempts, to the answer's head. Default 15 s; at least `timeout`.
    pub deadline: Duration,
    /// No byte of a body in either direction. Default 60 s.
    pub idle: Duration,
    /// From the request to the last byte of the answer; `None` (default): streams may go on for ever.
    pub whole: Option<Duration>,
    /// How long an idle pooled connection is kept. Default 4 s: less than the 5 s after which common servers close theirs.
    pub keep_alive: Duration,
    /// Idle pooled connections kept per worker and endpoint. Default 256.
    pub idle_connections: usize,
}

/// One address of an upstream.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// `true` for `https`.
    pub tls: bool,
    /// Host name or address literal (an IPv6 literal without brackets).
    pub host: String,
    /// Port, the scheme's default when the URL names none.
    pub port: u16,
}

/// HTTP version spoken to an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// `https`: what ALPN agrees on. `http`: HTTP/1.1.
    Auto,
    /// HTTP/1.1 only.
    Http1,
    /// HTTP/2 only; over `http` with prior knowledge.
    Http2,
}

/// What an upstream's `Host` field says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostField {
    /// What the caller sent (default).
    Preserve,
    /// The endpoint's own authority.
    Endpoint,
}

/// Active health check of an upstream's endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Path of a GET that answers 2xx or 3xx when well.
    pub path: String,
    /// Interval. Default 10 s.
    pub every: Duration,
    /// Limit of one check; less than or equal to the interval. Default 2 s.
    pub timeout: Duration,
    /// Failures in a row before an endpoint is taken out. Default 3.
    pub unhealthy_after: u32,
    /// Successes in a row before it is put back. Default 2.
    pub healthy_after: u32,
}

/// Passive ejection of endpoints that fail live requests (after Envoy's outlier detection).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Eject {
    /// Failures in a row. Default 5.
    pub errors: u32,
    /// First ejection; doubles with each one that follows. Default 30 s.
    pub base: Duration,
    /// Longest ejection. Default 300 s.
    pub max: Duration,
}

/// The smallest part of the business that migrates as one.
#[derive(Clone, Debug)]
pub struct Unit {
    /// Its name in the config.
    pub name: Arc<str>,
    /// The old side.
    pub legacy: UpstreamId,
    /// The new side.
    pub replacement: UpstreamId,
    /// Share on the replacement until one is set at run time.
    pub percent: Percent,
    /// Salt of the sticky bucket; the unit's name unless set.
    pub salt: Arc<str>,
    /// Where the subject is looked for, in order.
    pub subject: Vec<SubjectSource>,
    /// Answer failed safe requests of the replacement from legacy.
    pub fallback: bool,
    /// Comparison of both sides.
    pub shadow: Option<Shadow>,
    /// Say side and reason in the `Banyan-Unit` response field. Default true.
    pub side_header: bool,
}

/// Where a subject may be found in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubjectSource {
    /// `jwt:CLAIM`: a string or number claim of the bearer token. Not verified: it decides a side, never a right.
    Jwt(String),
    /// `header:NAME`.
    Header(HeaderName),
    /// `cookie:NAME`.
    Cookie(String),
}

/// Comparison of the two sides of a unit.
#[derive(Clone, Debug)]
pub struct Shadow {
    /// Share of requests that are copied.
    pub sample: Percent,
    /// JSON paths that may differ, see `banyan_compare::PathPattern`.
    pub ignore: Vec<String>,
    /// Whether sampled values are hidden. Default true.
    pub redact: bool,
}

/// What a route does to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Safe to repeat and to copy (RFC 9110 section 9.2.1).
    Read,
    /// Changes something: never copied, never answered twice.
    Write,
}

/// Match rule and policy.
#[derive(Clone, Debug)]
pub struct Route {
    /// The path template, as text the metric label `http_route`.
    pub pattern: Pattern,
    /// Methods accepted; empty means any.
    pub methods: Vec<Method>,
    /// Host accepted; `None` means any.
    pub host: Option<HostMatch>,
    /// Header fields that must be present with exactly these values.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Who answers.
    pub target: Target,
    /// Path sent upstream instead of the caller's, with the parameters of `pattern` filled in.
    pub path: Option<Pattern>,
    /// Declared, or `Read` when every method is GET, HEAD or OPTIONS and `Write` otherwise.
    pub effect: Effect,
    /// Overrides [`Limits::body`].
    pub body_limit: Option<u64>,
    /// Where it stands in the config.
    pub span: Span,
}

/// Host rule of a route, lower case, without port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostMatch {
    /// This host.
    Exact(String),
    /// `*.example.com`: any host below (the stored text is `example.com`).
    Below(String),
}

/// Who answers a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// One upstream.
    Upstream(UpstreamId),
    /// The side of a unit that the subject belongs to.
    Unit(UnitId),
}
