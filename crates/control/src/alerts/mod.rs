//! Telling people what became of a rollout.
//!
//! Whoever is told at night must be able to rely on being told: an alert is written in the transaction of the step that it
//! tells about, so it is neither forgotten by a process that dies right afterwards nor told of a step that was never made.
//! It is sent by a task of its own. What is at the other end may hang for as long as it likes: neither a request nor a
//! rollback waits for it.
mod letter;
mod mail;
mod pace;
mod sender;
mod target;
mod webhook;

use std::time::Duration;

pub(crate) use self::{
    letter::{Letter, Occasion},
    pace::Pace,
    sender::Sender,
    target::{Login, Target, Tls},
};

/// Why somebody was not told.
#[derive(Debug)]
struct Failure {
    /// In words, without what lets one in.
    why: String,
    /// How long they asked to be left alone.
    retry_after: Option<Duration>,
}

impl From<String> for Failure {
    fn from(why: String) -> Self {
        Self { why, retry_after: None }
    }
}
