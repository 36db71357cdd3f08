//! The shadow's own thread: asks the other side and compares.

use std::{
    cell::RefCell,
    collections::HashMap,
    rc::Rc,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use banyan_config::plan::ShadowLimits;
use banyan_resilience::Dice;
use banyan_telemetry::timeline::{Kind, Timeline};
use http::HeaderValue;
use rand::{Rng as _, SeedableRng as _, rngs::SmallRng};
use tokio::{
    sync::{Semaphore, mpsc, watch},
    time::{Instant, MissedTickBehavior, interval},
};

use super::{
    pause::{self, Pause},
    tap::Job,
    target::{Asked, Means, Target},
    unit::ShadowUnit,
    verdict,
};
use crate::{forward, upstream::host::SharedUpstream};

/// How often drops that workers noted are moved into the reports, and idle connections are swept.
const HOUSEKEEPING: Duration = Duration::from_millis(500);

/// The units of the newest plan, whose drops are folded.
pub(crate) type Known = Arc<RwLock<Vec<Arc<ShadowUnit>>>>;

/// Works off copies.
pub(crate) struct Runner {
    known: Known,
    timeline: Arc<Timeline>,
    means: Means,
    /// By the address of the shared upstream: a new plan's upstream is another one.
    targets: RefCell<HashMap<*const (), Rc<Target>>>,
    /// By the name of the unit: a new plan's unit goes on where the one before was.
    pauses: RefCell<HashMap<Arc<str>, Pause>>,
}

impl Runner {
    pub(crate) fn new(known: Known, limits: ShadowLimits, timeline: Arc<Timeline>) -> Self {
        let rng = RefCell::new(SmallRng::from_os_rng());
        let means = Means { limits, rng, dice: Dice::unpredictable() };
        Self { known, timeline, means, targets: RefCell::default(), pauses: RefCell::default() }
    }

    /// Works off the queue until it is closed or `stop` says so.
    pub(crate) async fn run(self, mut queue: mpsc::Receiver<Job>, mut stop: watch::Receiver<bool>) {
        let runner = Rc::new(self);
        let slots = Arc::new(Semaphore::new(runner.means.limits.concurrency));
        let mut ticks = interval(HOUSEKEEPING);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut readings = interval(pause::STEP);
        readings.set_missed_tick_behavior(MissedTickBehavior::Delay);
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
                        runner.play(job).await;
                        drop(slot);
                    });
                }
                _ = ticks.tick() => runner.keep_house(),
                _ = readings.tick() => runner.read_latencies(),
                _ = stop.wait_for(|&stop| stop) => return,
            }
        }
    }

    fn keep_house(&self) {
        let now = Instant::now();
        self.known.read().unwrap_or_else(PoisonError::into_inner).iter().for_each(|unit| unit.fold());
        // Nobody else holds an upstream that no plan has any more.
        self.targets.borrow_mut().retain(|_, target| Arc::strong_count(&target.upstream.shared) > 1);
        self.targets.borrow().values().for_each(|target| target.upstream.sweep(now));
    }

    /// Looks at the live answers of each unit, whether they are slow.
    fn read_latencies(&self) {
        let now = Instant::now();
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut pauses = self.pauses.borrow_mut();
        pauses.retain(|name, _| known.iter().any(|unit| unit.live.name == *name));
        for unit in known.iter() {
            let pause = pauses.entry(unit.live.name.clone()).or_insert_with(|| Pause::new(now));
            let p99 = unit.live_latency.quantile(0.99, pause::FEWEST, now);
            if let Some(change) = pause.step(p99, unit.pause_above, now) {
                self.say(&format!("{}: {change}", unit.live.name));
                let why = pause.is_paused().then(|| change.to_string());
                unit.live.with_shadow(|report| report.paused = why);
            }
            // A unit of a new plan has not heard of it yet.
            unit.set_paused(pause.is_paused());
        }
    }

    fn say(&self, what: &str) {
        tracing::warn!(what, "shadow");
        self.timeline.note(Kind::Shadow, what);
    }

    async fn play(&self, mut job: Job) {
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
        let other_first = self.means.rng.borrow_mut().random();
        let (other, again) = if other_first {
            tokio::join!(other, again)
        } else {
            let (again, other) = tokio::join!(again, other);
            (other, again)
        };
        let most = self.means.limits.body;
        let compared = other.as_ref().map_err(|lost| lost.reason);
        let compared = compared.and_then(|other| verdict::compare(&job, other, again.as_ref(), most));
        if let Err(reason) = &compared {
            job.unit.note_drop(*reason);
        }
        if let Some(again) = &again {
            verdict::tell(&job, &other, again, compared.ok().flatten());
        }
    }

    async fn asked(&self, job: &Job, upstream: &Arc<SharedUpstream>) -> Asked {
        let name = &upstream.config.name;
        let told = |change| self.say(&format!("{}: copies to {name}: {change}", job.unit.live.name));
        self.target(upstream).ask(job, &self.means, told).await
    }

    fn target(&self, upstream: &Arc<SharedUpstream>) -> Rc<Target> {
        let key = Arc::as_ptr(upstream).cast::<()>();
        let mut targets = self.targets.borrow_mut();
        let make = || Rc::new(Target::new(upstream.clone(), Instant::now()));
        targets.entry(key).or_insert_with(make).clone()
    }
}

#[cfg(test)]
mod tests {
    use banyan_config::plan::Shadow;
    use banyan_flags::Percent;
    use banyan_state::live::Units;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn shadow() -> Shadow {
        Shadow {
            sample: Percent::FULL,
            again: true,
            pause_above: 0.5,
            writes_to: None,
            headers: Vec::new(),
            ignore: Vec::new(),
            rules: banyan_compare::Rules::default(),
            redact: true,
        }
    }

    /// A unit of a plan, and a reading after each five seconds in which it was as slow as this.
    struct Scene {
        units: Units,
        runner: Runner,
    }

    impl Scene {
        fn new() -> Self {
            let limits =
                ShadowLimits { concurrency: 1, queue: 1, timeout: Duration::from_secs(1), body: 1_000 };
            let runner = Runner::new(Known::default(), limits, Arc::default());
            Self { units: Units::default(), runner }
        }

        fn apply_plan(&self) -> Arc<ShadowUnit> {
            let live = self.units.get_or_insert(&"articles".into(), Percent::ZERO);
            let unit = Arc::new(ShadowUnit::new(live, &shadow()));
            *self.runner.known.write().unwrap() = vec![unit.clone()];
            unit
        }

        async fn live_for(&self, steps: u32, took: Duration) {
            for _ in 0..steps {
                tokio::time::advance(pause::STEP).await;
                let now = Instant::now();
                let known = self.runner.known.read().unwrap().clone();
                known.iter().for_each(|unit| (0..300).for_each(|_| unit.live_latency.observe(took, now)));
                self.runner.read_latencies();
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn live_answers_that_become_slow_pause_the_copies_of_their_unit() {
        let scene = Scene::new();
        let unit = scene.apply_plan();
        scene.live_for(8, 20 * MS).await;
        assert!(!unit.is_paused());
        scene.live_for(4, 60 * MS).await;
        assert!(unit.is_paused());
        let why = unit.live.with_shadow(|report| report.paused.clone()).unwrap();
        assert!(why.contains("20 ms is usual"), "{why}");
        let noted = scene.runner.timeline.since(0);
        assert!(noted.len() == 1 && noted[0].kind == Kind::Shadow, "{noted:?}");
        // A new plan changes nothing about it.
        let unit = scene.apply_plan();
        scene.live_for(2, 20 * MS).await;
        assert!(unit.is_paused());
        scene.live_for(5, 20 * MS).await;
        assert!(!unit.is_paused() && unit.live.with_shadow(|report| report.paused.is_none()));
    }
}
