//! What tests put around the real binary.
//!
//! - [`Scripted`]: an upstream that does exactly what a test says, well or badly, and records exactly what it got;
//! - [`RawClient`]: a client that writes any bytes, so that what is malformed stays malformed;
//! - [`Banyan`]: the real program with a config, a folder and ports of its own;
//! - [`Postgres`]: a real PostgreSQL, which can be made to hang and to crash.
//!
//! HTTP is read here by a few lines that share nothing with the gateway's codec: two readings of the standard that
//! agree mean more than one that agrees with itself. Nothing waits for a fixed time: waits end with an event, or fail
//! after [`PATIENCE`].
mod banyan;
mod client;
mod message;
mod pattern;
mod port;
mod postgres;
mod scripted;
mod wait;
mod wire;

pub use banyan::{Admin, AdminAnswer, Banyan, Setup, command};
pub use client::RawClient;
pub use message::{Body, Fields, KEPT_BODY, Received, Response};
pub use pattern::{Pattern, sha256_hex};
pub use port::Port;
pub use postgres::Postgres;
pub use scripted::{Answer, Gate, Reply, Scripted};
pub use wait::{PATIENCE, eventually, soon};
