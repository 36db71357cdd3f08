//! Against a real Redis, and against what is none.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod cutter;
mod helpers;
mod server;

mod faults;
mod garbage;
mod invalidate;
mod lease;
mod subscribe;
mod values;
