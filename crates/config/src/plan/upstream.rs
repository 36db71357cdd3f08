//! The services behind the gateway.

use std::{sync::Arc, time::Duration};

use super::{Breaker, Chaos, Concurrency, File, Hedge, Retry, Throttle, ValidIf};

/// A logical service called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// Its name in the config.
    pub name: Arc<str>,
    /// At least one.
    pub endpoints: Vec<Endpoint>,
    /// Nothing that is written there reaches users or other systems: copies of writes may be sent there. Never a side of a
    /// unit. Default false.
    pub isolated: bool,
    /// HTTP version spoken to it.
    pub protocol: Protocol,
    /// File with the PEM roots its certificate is checked against; `None`: the public web's.
    pub ca: Option<File>,
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
    /// Further attempts after a failed one; `None` (default): none.
    pub retry: Option<Retry>,
    /// Circuit breaker; on unless the config says `off`.
    pub breaker: Option<Breaker>,
    /// Limit of calls under way; `None` (default): none.
    pub concurrency: Option<Concurrency>,
    /// A second attempt beside one that takes long; `None` (default): none.
    pub hedge: Option<Hedge>,
    /// What an answer has to be; `None` (default): anything but a 5xx.
    pub valid_if: Option<ValidIf>,
    /// Client throttle; `None` (default): none.
    pub throttle: Option<Throttle>,
    /// Faults made on purpose; always `None` in production.
    pub chaos: Option<Chaos>,
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
