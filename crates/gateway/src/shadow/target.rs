//! Who copies are sent to: connections of its own, and a breaker that lets it alone when it fails at them.
//!
//! The breaker asks another question than that of the live calls. An answer is what comparing is about, whatever it says:
//! only a side that does not answer, or says that it has too much to do, is spared copies.

use std::{cell::RefCell, rc::Rc, sync::Arc};

use banyan_config::plan::ShadowLimits;
use banyan_resilience::{
    Cause, Dice, Verdict,
    breaker::{Breaker, Change, Settings},
};
use banyan_state::shadow::DropReason;
use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http_body_util::BodyExt as _;
use rand::rngs::SmallRng;
use tokio::time::{Instant, timeout};

use super::tap::Job;
use crate::{
    outcome::Ending,
    upstream::{
        ask::{Question, Trail, ask},
        h1::AttemptLimits,
        host::SharedUpstream,
        local::LocalUpstream,
    },
    wire::{answer::Reply, body::ReqBody},
};

/// What a side said to a copy.
pub(super) struct Answered {
    pub(super) parts: http::response::Parts,
    pub(super) body: Bytes,
}

/// Why there is nothing to compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lost {
    pub(super) reason: DropReason,
    /// What that says about the side; `None` if nothing.
    cause: Option<Cause>,
}

/// An answer, or why there is none.
pub(super) type Asked = Result<Answered, Lost>;

/// What all copies share.
pub(super) struct Means {
    pub(super) limits: ShadowLimits,
    pub(super) rng: RefCell<SmallRng>,
    pub(super) dice: Dice,
}

/// One upstream, as the shadow knows it.
pub(super) struct Target {
    pub(super) upstream: LocalUpstream,
    breaker: Breaker,
}

impl Target {
    pub(super) fn new(shared: Arc<SharedUpstream>, now: Instant) -> Self {
        Self {
            upstream: LocalUpstream::new(shared, Rc::default(), now),
            breaker: Breaker::new(Settings::default()),
        }
    }

    /// Asks, within the shadow's time, unless the breaker is open. Each change of the breaker is `told`.
    pub(super) async fn ask(&self, job: &Job, means: &Means, told: impl Fn(Change)) -> Asked {
        let started = Instant::now();
        let permit = match self.breaker.acquire(started, &means.dice) {
            Ok(permit) => permit,
            Err(refusal) => {
                refusal.change.into_iter().for_each(&told);
                return Err(Lost { reason: DropReason::BreakerOpen, cause: None });
            }
        };
        permit.change().into_iter().for_each(&told);
        let asked = timeout(means.limits.timeout, self.answer(job, means, started)).await;
        let asked = asked.unwrap_or(Err(Lost::by(Ending::WholeTimeout)));
        let now = Instant::now();
        let change =
            permit.record(&verdict(&asked), now.saturating_duration_since(started), now, &means.dice);
        change.into_iter().for_each(told);
        asked
    }

    async fn answer(&self, job: &Job, means: &Means, now: Instant) -> Asked {
        let limits = means.limits;
        let deadline = now + limits.timeout;
        let question = Question {
            method: &job.method,
            target: &job.target,
            fields: &job.fields,
            host: &job.host,
            upgrade: None,
            body: if job.body.is_empty() { ReqBody::Empty } else { ReqBody::Held(job.body.clone()) },
            limits: AttemptLimits {
                first_byte: limits.timeout,
                deadline,
                idle: limits.timeout,
                whole: Some(deadline),
            },
            pass_deadline: false,
        };
        let response = ask(&self.upstream, &means.rng, question, &Trail::default(), now).await;
        collect(response.map_err(|broken| Lost::by(broken.ending))?, limits.body).await
    }
}

/// The answer with its whole body, of at most so many bytes.
async fn collect(response: Reply, most: usize) -> Asked {
    let (parts, mut body) = response.into_http().into_parts();
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|broken| Lost::by(broken.ending))?;
        if let Some(data) = frame.data_ref() {
            if whole.len() + data.len() > most {
                return Err(Lost { reason: DropReason::BodyTooLarge, cause: None });
            }
            whole.extend_from_slice(data);
        }
    }
    Ok(Answered { parts, body: whole.freeze() })
}

/// What it says about the side.
fn verdict(asked: &Asked) -> Verdict {
    match asked {
        Ok(answered) => of_status(answered.parts.status),
        Err(lost) => lost.cause.map_or(Verdict::Ignored, Verdict::fatal),
    }
}

fn of_status(status: StatusCode) -> Verdict {
    match status {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            Verdict::Overload { retry_after: None }
        }
        _ => Verdict::Success,
    }
}

impl Lost {
    /// Because the exchange ended like this.
    const fn by(ending: Ending) -> Self {
        let (reason, cause) = match ending {
            Ending::Deadline | Ending::FirstByteTimeout | Ending::IdleTimeout | Ending::WholeTimeout => {
                (DropReason::Timeout, Cause::Timeout)
            }
            Ending::ConnectTimeout => (DropReason::Timeout, Cause::Unreachable),
            Ending::ConnectRefused | Ending::DnsError | Ending::TlsError | Ending::NoEndpoint => {
                (DropReason::Failed, Cause::Unreachable)
            }
            Ending::BadGateway | Ending::InvalidAnswer => (DropReason::Failed, Cause::Invalid),
            _ => (DropReason::Failed, Cause::Reset),
        };
        Self { reason, cause: Some(cause) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_answer_is_worth_comparing_but_that_of_who_has_too_much_to_do() {
        for status in [200, 404, 500, 501, 502, 504] {
            assert_eq!(of_status(StatusCode::from_u16(status).unwrap()), Verdict::Success, "{status}");
        }
        for status in [429, 503] {
            let verdict = of_status(StatusCode::from_u16(status).unwrap());
            assert_eq!(verdict, Verdict::Overload { retry_after: None }, "{status}");
        }
        for (ending, cause) in [
            (Ending::WholeTimeout, Cause::Timeout),
            (Ending::ConnectRefused, Cause::Unreachable),
            (Ending::BodyReset, Cause::Reset),
        ] {
            assert_eq!(verdict(&Err(Lost::by(ending))), Verdict::fatal(cause), "{ending:?}");
        }
        let too_large = Lost { reason: DropReason::BodyTooLarge, cause: None };
        assert_eq!(verdict(&Err(too_large)), Verdict::Ignored, "it did answer");
    }
}
