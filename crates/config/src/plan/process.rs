//! What holds for the whole process.

use std::{path::PathBuf, time::Duration};

use banyan_flags::Percent;

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

/// What a gateway is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Environment {
    /// It serves people (the default).
    #[default]
    Production,
    /// A rehearsal of production.
    Staging,
    /// Somebody's own machine.
    Development,
}

impl Environment {
    /// Whether requests may be broken on purpose here ([`super::Chaos`]).
    #[must_use]
    pub const fn allows_chaos(self) -> bool {
        !matches!(self, Self::Production)
    }
}

/// Shedding by criticality: what matters least is refused first when calls wait (DAGOR, Zhou et al., SoCC 2018).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shed {
    /// Average wait above which less is admitted. Default 20 ms.
    pub wait: Duration,
    /// Requests over which the wait is averaged, if they come before `within` has passed. Default 2,000; at least 1.
    pub over: u32,
    /// The longest time over which it is averaged. Default 1 s.
    pub within: Duration,
}
