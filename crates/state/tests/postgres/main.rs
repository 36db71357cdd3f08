//! What only a store on a server can meet: restarts, silence, other nodes, other people's tables.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod encrypted;
mod faults;
mod hearing;
mod helpers;
mod opening;
mod taking_over;
