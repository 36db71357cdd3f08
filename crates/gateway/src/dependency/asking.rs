//! One call to an upstream as the engine runs it: an attempt is a host, a connection and an exchange.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use banyan_config::plan::Chaos;
use banyan_flags::Bucket;
use banyan_resilience::Attempt;
use banyan_telemetry::metrics::ChaosLabels;
use http::{HeaderValue, StatusCode, header};
use smallvec::SmallVec;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::{UpstreamPolicy, guard::Guard, hold};
use crate::{
    chaos::{Fault, Faults, Spoiled, Strike, draw},
    outcome::Ending,
    stages::call::Call,
    upstream::{
        ask::{Question, Trail, ask},
        h1::AttemptLimits,
        local::LocalUpstream,
    },
    wire::{
        answer::{Answer, Reply},
        body::{Broken, ReqBody, ResBody, Source},
    },
    worker::Worker,
};

/// What the attempts of one call have in common.
pub(crate) struct Asking<'a> {
    pub(crate) worker: &'a Worker,
    pub(crate) upstream: Rc<LocalUpstream>,
    pub(crate) policy: &'a UpstreamPolicy,
    pub(crate) call: Call<'a>,
    /// Whether the upstream is told how long the caller still waits.
    pub(crate) pass_deadline: bool,
    /// For the first attempt.
    pub(crate) body: RefCell<Option<ReqBody>>,
    /// For those that follow.
    pub(crate) spare: Option<ReqBody>,
    /// Whom the attempts have asked.
    pub(crate) trail: Trail,
    /// Faults that the attempts are to have.
    pub(crate) chaos: Option<Chaos>,
    /// Of the subject, for faults that are for a share of subjects.
    pub(crate) bucket: Option<Bucket>,
    /// How long the first of them waited for its place.
    pub(crate) waited: Cell<Option<Duration>>,
    /// Faults that they had.
    pub(crate) made: RefCell<SmallVec<[&'static str; 2]>>,
}

impl Asking<'_> {
    /// One attempt: sends, waits for the head, and for the rest where that must be known before anything is sent on.
    pub(crate) async fn attempt(&self, mut attempt: Attempt) -> Result<Reply, Broken> {
        let config = &self.upstream.shared.config;
        let first = self.body.borrow_mut().take();
        let Some(body) = first.or_else(|| self.spare.as_ref()?.again()) else {
            return Err(Ending::Internal.into());
        };
        let (now, call) = (attempt.started(), &self.call);
        if attempt.number() == 1 && !attempt.is_hedge() {
            self.waited.set(Some(now.saturating_duration_since(call.now)));
        }
        let timeout = self.policy.calls.timeout().unwrap_or(config.timeout);
        let limits = AttemptLimits {
            first_byte: timeout,
            deadline: attempt.deadline().unwrap_or(now + config.deadline),
            idle: config.idle,
            whole: config.whole.map(|whole| call.now + whole),
        };
        let faults = self.faults();
        if let Some(delay) = faults.delay {
            self.wait(delay, &limits, now).await?;
        }
        if let Some(reply) = struck(faults.strike)? {
            return Ok(reply);
        }
        let question = Question {
            method: call.method,
            target: call.target,
            fields: call.fields,
            host: call.host,
            upgrade: call.upgrade,
            body,
            limits,
            pass_deadline: self.pass_deadline,
        };
        let reply = ask(&self.upstream, &self.worker.rng, question, &self.trail, now).await?;
        let reply = spoil(reply, faults.strike);
        let reply = self.look_into(reply, &attempt).await?;
        Ok(self.guarded(reply, &mut attempt))
    }

    /// The faults that this attempt is to have.
    fn faults(&self) -> Faults {
        let Some(chaos) = &self.chaos else { return Faults::default() };
        let faults = draw(chaos, self.bucket, self.call.fields.sent(), &mut self.worker.rng.borrow_mut());
        for fault in faults.names() {
            self.made.borrow_mut().push(fault);
            let upstream = self.upstream.shared.config.name.to_string();
            self.worker.meter.metrics.chaos.get_or_create(&ChaosLabels { upstream, fault }).inc();
        }
        faults
    }

    /// Waits as a slow upstream would make us wait: no longer than for one.
    async fn wait(&self, delay: Duration, limits: &AttemptLimits, now: Instant) -> Result<(), Broken> {
        let (over, patience) = (now + delay, limits.deadline.min(now + limits.first_byte));
        sleep_until(over.min(patience)).await;
        if over <= patience { Ok(()) } else { Err(limits.ending(Instant::now()).into()) }
    }

    /// Waits for the rest of an answer that something else could still take the place of.
    async fn look_into(&self, reply: Reply, attempt: &Attempt) -> Result<Reply, Broken> {
        let until =
            attempt.until().unwrap_or_else(|| attempt.started() + self.upstream.shared.config.timeout);
        let late = || Err(Ending::FirstByteTimeout.into());
        match &self.policy.promise {
            Some(promise) => timeout_at(until, hold::kept(reply, promise, self.call.method))
                .await
                .unwrap_or_else(|_| late()),
            None if self.policy.holds && hold::is_worth_holding(&reply) => {
                timeout_at(until, hold::whole(reply)).await.unwrap_or_else(|_| late())
            }
            None => Ok(reply),
        }
    }

    /// Lets an answer that is still on its way keep its place in the limit, and tell the breaker if it breaks off.
    fn guarded(&self, mut reply: Reply, attempt: &mut Attempt) -> Reply {
        let (slot, ticket) = (attempt.take_slot(), attempt.ticket());
        if slot.is_some() || ticket.is_some() {
            Guard::attach(&mut reply, &self.upstream, slot, ticket);
        }
        reply
    }
}

/// What a strike that needs no upstream makes of the attempt.
fn struck(strike: Option<Strike>) -> Result<Option<Reply>, Broken> {
    match strike {
        Some(Strike::Status(status)) => {
            let mut response = Answer::new(ResBody::held("a fault made on purpose\n".into()));
            *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
            let text = HeaderValue::from_static("text/plain");
            response.headers_mut().insert(header::CONTENT_TYPE, text);
            Ok(Some(response))
        }
        Some(Strike::Refused) => Err(Broken { ending: Ending::Reset, detail: Some("chaos") }),
        Some(Strike::Body(_)) | None => Ok(None),
    }
}

/// Spoils the body of an answer, if it has one.
fn spoil(mut reply: Reply, strike: Option<Strike>) -> Reply {
    use http_body::Body as _;
    let Some(Strike::Body(fault)) = strike else { return reply };
    if reply.status() == StatusCode::SWITCHING_PROTOCOLS || reply.body().is_end_stream() {
        return reply;
    }
    let length = reply.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|value| value.to_str().ok()?.parse().ok());
    if fault == Fault::Truncate {
        // It is to look complete: whoever trusts the length would notice.
        reply.headers_mut().remove(header::CONTENT_LENGTH);
    }
    let body = std::mem::replace(reply.body_mut(), ResBody::empty());
    *reply.body_mut() = ResBody::new(Source::Spoiled(Box::new(Spoiled::new(body, fault, length))));
    reply
}
