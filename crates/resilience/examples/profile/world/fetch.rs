//! One question to a dependency, held to what was promised. Whether it is asked again is not decided here.

use std::{fmt, net::SocketAddr};

use banyan_resilience::{
    Cause, Verdict,
    promise::{Breach, Promise},
};
use serde::de::DeserializeOwned;

use super::{
    client::{self, AskError},
    question::Question,
};

/// A dependency as its caller sees it.
#[derive(Debug)]
pub(crate) struct Remote {
    /// Where it is.
    pub(crate) at: SocketAddr,
    /// What its answers must be to count as answers.
    pub(crate) promise: Promise,
}

/// Why there is no value.
#[derive(Debug)]
pub(crate) enum Fault {
    /// There was no answer.
    Ask(AskError),
    /// There was one, and it is not what was promised.
    Breach(Breach),
    /// It keeps every promise, and is about something else, or of another shape.
    Other,
}

impl Remote {
    /// Asks about a user. `None` is a good answer: there is no such user.
    pub(crate) async fn fetch<T: DeserializeOwned>(
        &self,
        user: u32,
        question: Question,
    ) -> Result<Option<T>, Fault> {
        let answer = client::get(self.at, &format!("/{user}"), question).await.map_err(Fault::Ask)?;
        let (status, content_type) = (answer.status.as_u16(), answer.content_type.as_deref());
        self.promise.check(status, content_type, &answer.body).map_err(Fault::Breach)?;
        if status == 404 {
            return Ok(None);
        }
        serde_json::from_slice(&answer.body).map(Some).map_err(|_| Fault::Other)
    }
}

impl Fault {
    /// What a result says about the dependency. This is all that the library knows of HTTP here.
    pub(crate) fn classify<T>(result: Result<&T, &Self>) -> Verdict {
        Verdict::retryable(match result {
            Ok(_) => return Verdict::Success,
            Err(Self::Ask(AskError::Connect(_))) => Cause::Unreachable,
            Err(Self::Ask(AskError::Broken(_))) => Cause::Reset,
            Err(Self::Breach(Breach::Status(500..))) => Cause::Error,
            Err(Self::Breach(_) | Self::Other) => Cause::Invalid,
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ask(error) => error.fmt(f),
            Self::Breach(breach) => breach.fmt(f),
            Self::Other => f.write_str("the answer is to another question"),
        }
    }
}

impl std::error::Error for Fault {}
