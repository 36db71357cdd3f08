//! The shadow's own thread: asks the other side and compares.

use std::{
    cell::RefCell,
    collections::HashMap,
    rc::Rc,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use banyan_config::plan::ShadowLimits;
use banyan_state::shadow::DropReason;
use bytes::{Bytes, BytesMut};
use http::HeaderValue;
use http_body_util::BodyExt as _;
use rand::{Rng as _, SeedableRng as _, rngs::SmallRng};
use tokio::{
    sync::{Semaphore, mpsc, watch},
    time::{Instant, MissedTickBehavior, interval, timeout},
};

use super::{tap::Job, unit::ShadowUnit, verdict};
use crate::{
    forward,
    outcome::Ending,
    upstream::{
        ask::{Question, Trail, ask},
        h1::AttemptLimits,
        host::SharedUpstream,
        local::LocalUpstream,
    },
    wire::body::{Reply, ReqBody},
};

/// How often drops that workers noted are moved into the reports, and idle connections are swept.
const HOUSEKEEPING: Duration = Duration::from_millis(500);

/// The units of the newest plan, whose drops are folded.
pub(crate) type Known = Arc<RwLock<Vec<Arc<ShadowUnit>>>>;

/// What a side said to a copy.
pub(super) struct Answered {
    pub(super) parts: http::response::Parts,
    pub(super) body: Bytes,
}

/// The same, or why there is nothing to compare.
pub(super) type Asked = Result<Answered, DropReason>;

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
        job.fields.say(forward::SHADOW, HeaderValue::from_static("1"));
        let again = async {
            match &job.again {
                Some(upstream) => Some(self.asked(&job, upstream).await),
                None => None,
            }
        };
        // At the same time: what changes meanwhile would else look like a fault of whoever is asked last. And whoever is
        // asked first gets the better of two connections, the first of two turns: so that is drawn.
        let other = self.asked(&job, &job.upstream);
        let other_first = self.rng.borrow_mut().random();
        let (other, again) = if other_first {
            tokio::join!(other, again)
        } else {
            let (again, other) = tokio::join!(again, other);
            (other, again)
        };
        if let Err(reason) = &other {
            job.unit.note_drop(*reason);
        }
        let compared = other.as_ref().ok().map(|other| verdict::compare(&job, other, again.as_ref()));
        if let Some(again) = &again {
            verdict::tell(&job, &other, again, compared.flatten());
        }
    }

    /// Asks a side, within the shadow's time.
    async fn asked(&self, job: &Job, upstream: &Arc<SharedUpstream>) -> Asked {
        let asked = timeout(self.limits.timeout, self.ask(job, upstream)).await;
        asked.unwrap_or(Err(DropReason::Timeout))
    }

    async fn ask(&self, job: &Job, upstream: &Arc<SharedUpstream>) -> Asked {
        let upstream = self.local(upstream);
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

    async fn collect(&self, response: Reply) -> Asked {
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
        Ok(Answered { parts, body: whole.freeze() })
    }

    fn local(&self, upstream: &Arc<SharedUpstream>) -> Rc<LocalUpstream> {
        let key = Arc::as_ptr(upstream).cast::<()>();
        let mut upstreams = self.upstreams.borrow_mut();
        let make = || Rc::new(LocalUpstream::new(upstream.clone(), Instant::now()));
        upstreams.entry(key).or_insert_with(make).clone()
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
