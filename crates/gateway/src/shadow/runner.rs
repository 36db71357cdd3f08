//! The shadow's own thread: asks the other side and compares.

use std::{
    cell::RefCell,
    collections::HashMap,
    rc::Rc,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use banyan_compare::{Answer, Difference, compare, redact, shown};
use banyan_config::plan::ShadowLimits;
use banyan_state::shadow::{DropReason, Sample};
use bytes::{Bytes, BytesMut};
use http::{HeaderValue, header};
use http_body_util::BodyExt as _;
use rand::{SeedableRng as _, rngs::SmallRng};
use tokio::{
    sync::{Semaphore, mpsc, watch},
    time::{Instant, MissedTickBehavior, interval, timeout},
};

use super::{tap::Job, unit::ShadowUnit};
use crate::{
    forward,
    outcome::Ending,
    upstream::{
        ask::{Question, Trail, ask},
        h1::AttemptLimits,
        local::LocalUpstream,
    },
    wire::body::{Reply, ReqBody},
};

/// How often drops that workers noted are moved into the reports, and idle connections are swept.
const HOUSEKEEPING: Duration = Duration::from_millis(500);

/// The units of the newest plan, whose drops are folded.
pub(crate) type Known = Arc<RwLock<Vec<Arc<ShadowUnit>>>>;

struct Runner {
    limits: ShadowLimits,
    rng: RefCell<SmallRng>,
    /// Connections of its own, by the address of the shared upstream: a new plan's upstream is another one.
    upstreams: RefCell<HashMap<*const (), Rc<LocalUpstream>>>,
}

/// Works off the queue until it is closed or `stop` says so.
pub(crate) async fn run(
    mut queue: mpsc::Receiver<Job>,
    known: Known,
    limits: ShadowLimits,
    mut stop: watch::Receiver<bool>,
) {
    let runner =
        Rc::new(Runner { limits, rng: RefCell::new(SmallRng::from_os_rng()), upstreams: RefCell::default() });
    let slots = Arc::new(Semaphore::new(limits.concurrency));
    let mut ticks = interval(HOUSEKEEPING);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let next = async {
            // The slot first: what cannot run yet stays in the queue, whose bound is the config's.
            let slot = Arc::clone(&slots).acquire_owned().await.ok()?;
            Some((slot, queue.recv().await?))
        };
        tokio::select! {
            next = next => {
                let Some((slot, job)) = next else { return };
                let runner = runner.clone();
                tokio::task::spawn_local(async move {
                    runner.run(job).await;
                    drop(slot);
                });
            }
            _ = ticks.tick() => runner.keep_house(&known),
            _ = stop.wait_for(|&stop| stop) => return,
        }
    }
}

impl Runner {
    fn keep_house(&self, known: &Known) {
        known.read().unwrap_or_else(PoisonError::into_inner).iter().for_each(|unit| unit.fold());
        let now = Instant::now();
        // Nobody else holds an upstream that no plan has any more.
        self.upstreams.borrow_mut().retain(|_, upstream| Arc::strong_count(&upstream.shared) > 1);
        self.upstreams.borrow().values().for_each(|upstream| upstream.sweep(now));
    }

    async fn run(&self, mut job: Job) {
        let unit = job.unit.clone();
        match timeout(self.limits.timeout, self.candidate(&mut job)).await {
            Ok(Ok((response, body))) => self.judge(&job, &response, &body),
            Ok(Err(reason)) => unit.note_drop(reason),
            Err(_) => unit.note_drop(DropReason::Timeout),
        }
    }

    /// Asks the other side.
    async fn candidate(&self, job: &mut Job) -> Result<(http::response::Parts, Bytes), DropReason> {
        let upstream = self.local(job);
        job.fields.say(forward::SHADOW, HeaderValue::from_static("1"));
        let now = Instant::now();
        let deadline = now + self.limits.timeout;
        let limits = AttemptLimits {
            first_byte: self.limits.timeout,
            deadline,
            idle: self.limits.timeout,
            whole: Some(deadline),
        };
        let question = Question {
            method: &job.method,
            target: &job.target,
            fields: &job.fields,
            host: &job.host,
            upgrade: None,
            body: if job.body.is_empty() { ReqBody::Empty } else { ReqBody::Held(job.body.clone()) },
            limits,
            pass_deadline: false,
        };
        let response = ask(&upstream, &self.rng, question, &Trail::default(), now).await;
        let response = response.map_err(|broken| reason_of(broken.ending))?;
        self.collect(response).await
    }

    async fn collect(&self, response: Reply) -> Result<(http::response::Parts, Bytes), DropReason> {
        let (parts, mut body) = (*response).into_parts();
        let mut whole = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|broken| reason_of(broken.ending))?;
            if let Some(data) = frame.data_ref() {
                if whole.len() + data.len() > self.limits.body {
                    return Err(DropReason::BodyTooLarge);
                }
                whole.extend_from_slice(data);
            }
        }
        Ok((parts, whole.freeze()))
    }

    fn local(&self, job: &Job) -> Rc<LocalUpstream> {
        let key = Arc::as_ptr(&job.upstream).cast::<()>();
        let mut upstreams = self.upstreams.borrow_mut();
        let make = || Rc::new(LocalUpstream::new(job.upstream.clone(), Instant::now()));
        upstreams.entry(key).or_insert_with(make).clone()
    }

    fn judge(&self, job: &Job, candidate: &http::response::Parts, candidate_body: &[u8]) {
        let control_body = job.answer.concat();
        let control =
            Answer { status: job.status, content_type: job.content_type.as_deref(), body: &control_body };
        let candidate = Answer {
            status: candidate.status.as_u16(),
            content_type: candidate.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()),
            body: candidate_body,
        };
        let differences = compare(&control, &candidate, &job.unit.rules);
        job.unit.live.with_shadow(|report| {
            if differences.is_empty() {
                report.record_match();
            } else {
                report.record_mismatch(differences.into_iter().map(|difference| sample(job, difference)));
            }
        });
    }
}

const fn reason_of(ending: Ending) -> DropReason {
    match ending {
        Ending::Deadline
        | Ending::FirstByteTimeout
        | Ending::ConnectTimeout
        | Ending::IdleTimeout
        | Ending::WholeTimeout => DropReason::Timeout,
        _ => DropReason::Failed,
    }
}

fn sample(job: &Job, difference: Difference) -> (String, Sample) {
    let show = |value: Option<&serde_json::Value>| if job.unit.redact { redact(value) } else { shown(value) };
    let sample = Sample {
        route: job.route.clone(),
        trace_id: job.trace_id.clone(),
        control: show(difference.control.as_ref()),
        candidate: show(difference.candidate.as_ref()),
    };
    (difference.path, sample)
}
