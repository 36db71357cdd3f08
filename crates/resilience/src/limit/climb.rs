//! Where the limit goes, as a pure state machine over summaries of what was observed.
//!
//! The knee of a dependency is the level from which on more calls in flight only wait for one another. Below it the round
//! trip does not depend on the level; above it it grows with it, and nothing more gets done (Little's law). A round trip
//! alone cannot tell a dependency that is slow because of us from one that is slow by itself: a limiter that lowers its
//! limit whenever answers are late (Vegas, Gradient2) throws away work exactly when there is least of it. So three
//! things are kept apart:
//!
//! - what is *known*: the highest level at which answers took no longer than they do unloaded;
//! - what may be *tried*: a little more than that, so little that a dependency is never asked for 1.2 times what it can
//!   bear, even if the news come a round trip late;
//! - what must be *found out*: if answers are late and the limit is what calls wait for, a [trial](super::trial) moves
//!   the limit up and down and looks whether the round trip follows.
//!
//! | phase | event | becomes |
//! |---|---|---|
//! | start, follow | answers in time, calls wait for places | up to [`REACH`] above what is known (in the start: in larger steps, at most to what is wanted) |
//! | start, follow | answers late at a level never known to be good, calls wait | back to what is known |
//! | start, follow | answers late, calls wait, no rest | follow, and a trial begins |
//! | start, follow | calls do not wait | follow; a limit far above all use is forgotten slowly |
//! | any | a trial found the knee | follow, a little above the knee; rests if it was there already |
//! | any | overload or timeout | follow, nine tenths, once per round trip |

use std::time::Duration;

use tokio::time::Instant;

use super::{Settings, trial::Finding};

/// How far above the knee a level may get by trying. The promise is 1.2; some of that is left for chance.
const REACH: f64 = 1.15;
/// How much later than unloaded answers may be and still count as in time.
const IN_TIME: f64 = 0.03;
/// How many standard errors are put on top, for service times that vary.
const DOUBT: f64 = 1.5;
/// How many standard errors leave no doubt, so that a window ends early, and the samples that takes at least.
const OBVIOUS: f64 = 4.0;
const FEWEST_OBVIOUS: f64 = 30.0;
/// How much more than is known is tried while nothing bad has ever been seen.
const START_REACH: f64 = 1.3;
/// How far above a found knee the limit is put, so that the dependency never runs dry while a place changes hands.
const ABOVE_KNEE: f64 = 1.06;
/// Moves smaller than this are not made.
const WORTH_MOVING: f64 = 0.04;
/// From this elasticity on, late answers are our own doing.
const OURS: f64 = 0.5;
/// From this elasticity on, the higher level of a trial lay above the knee, be it a little, and none higher need be tried.
const ABOVE: f64 = 0.2;
/// What an overload leaves.
const AFTER_OVERLOAD: f64 = 0.9;
/// The precision aimed at for the mean of a window.
const PRECISION: f64 = 0.04;
/// The most samples of a window.
const LARGEST_WINDOW: f64 = 625.0;
/// How many samples the unloaded round trip remembers.
const MEMORY: f64 = 2000.0;
/// For how many round trips, and how many samples, everything counts as unloaded at first.
const WARM: f64 = 3.0;
const WARM_SAMPLES: f64 = 30.0;
const WARM_MEMORY: f64 = 150.0;
/// How much of the start may be grown blindly.
const BLIND: f64 = 2.5;
/// How many windows in a row are late before a trial begins.
const LATE_IN_A_ROW: u32 = 2;
/// How long the unloaded round trip takes to follow answers that became slower though nobody waits.
const PATIENCE: f64 = 30.0;
/// Share of the limit that is forgotten per second while it is far above all use.
const FORGET: f64 = 0.05;
/// After how many seconds half of the highest use is forgotten.
const USE_HALVES: f64 = 30.0;
/// How long nothing is tried after a trial that found everything in its place, at first and at most.
const REST: Duration = Duration::from_secs(5);
const LONGEST_REST: Duration = Duration::from_secs(60);
/// How many times as long as the trial took, at least.
const REST_PER_TRIAL: u32 = 6;

/// What a window of samples says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Summary {
    pub(super) now: Instant,
    /// Since the last one.
    pub(super) seconds: f64,
    pub(super) samples: f64,
    /// Mean round trip, seconds.
    pub(super) round_trip: f64,
    /// Variance of the round trip over its squared mean.
    pub(super) variance: f64,
    /// Mean number in flight when the calls started.
    pub(super) in_flight: f64,
    /// The most in flight when one of them started.
    pub(super) most: f64,
    /// Whether at least half of those who came found no free place.
    pub(super) pressed: bool,
    /// Whether more than a few of those who came were refused.
    pub(super) refusing: bool,
    /// In flight and waiting now.
    pub(super) wanted: f64,
}

/// Where the limit is and what is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Climb {
    min: f64,
    max: f64,
    /// The limit is not forgotten below this.
    floor: f64,
    /// What is not learned beyond this does not count as the start any more.
    blind: f64,
    level: f64,
    known: f64,
    /// The unloaded round trip, seconds, and how many samples stand behind it.
    unloaded: Option<(f64, f64)>,
    /// The latest round trip, seconds.
    latest: f64,
    /// Variance of the round trip over its squared mean, and how many samples stand behind it.
    variance: (f64, f64),
    used: f64,
    ceiling: f64,
    starting: bool,
    settled: bool,
    /// Since when samples come, until there are enough to tell anything: the first answers are the quickest, not the usual.
    warming: Option<(Option<Instant>, f64)>,
    /// Late windows in a row.
    late: u32,
    rest: Duration,
    rests_until: Option<Instant>,
    lowered: Option<Instant>,
}

/// What to do besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    None,
    BeginTrial,
}

impl Climb {
    pub(super) fn new(settings: &Settings) -> Self {
        let (start, min, max) =
            (f64::from(settings.start()), f64::from(settings.min()), f64::from(settings.max()));
        Self {
            min,
            max,
            floor: (start / 2.0).max(min),
            blind: start * BLIND,
            level: start,
            known: 0.0,
            unloaded: None,
            latest: 0.0,
            variance: (0.0, 0.0),
            used: start,
            ceiling: max,
            starting: true,
            settled: false,
            warming: Some((None, 0.0)),
            late: 0,
            rest: Duration::ZERO,
            rests_until: None,
            lowered: None,
        }
    }

    pub(super) const fn level(&self) -> f64 {
        self.level
    }

    /// Whether calls have ever not had to wait, or been refused. Before, those who wait do so because the limit is still
    /// being found, and nothing can be foreseen.
    pub(super) const fn is_settled(&self) -> bool {
        self.settled
    }

    /// Whether the latest answers were late.
    pub(super) const fn is_late(&self) -> bool {
        self.late > 0
    }

    /// The same knowledge at another level.
    pub(super) const fn at_level(self, level: f64) -> Self {
        Self { level, ..self }
    }

    /// The latest round trip, seconds.
    pub(super) const fn round_trip(&self) -> f64 {
        self.latest
    }

    /// The variance of round trips over their squared mean.
    pub(super) const fn variance(&self) -> f64 {
        self.variance.0
    }

    /// Whether so many samples with such a mean make a window: few where round trips hardly vary, so that news come early,
    /// and few if they are so late that it can hardly be chance.
    pub(super) fn is_enough(&self, samples: f64, round_trip: f64) -> bool {
        let least = (self.level / 3.0).clamp(4.0, 16.0);
        let wanted = (self.variance.0 / (PRECISION * PRECISION)).clamp(least, LARGEST_WINDOW);
        if self.starting || samples >= wanted {
            return samples >= least;
        }
        let obvious =
            |(mean, behind)| round_trip > mean * OBVIOUS.mul_add(self.error(samples, behind), 1.0 + IN_TIME);
        samples >= FEWEST_OBVIOUS && self.unloaded.is_some_and(obvious)
    }

    /// Takes in a window.
    pub(super) fn step(mut self, window: &Summary) -> (Self, Effect) {
        self.latest = window.round_trip;
        self.settled |= self.warming.is_none() && (!window.pressed || window.refusing);
        self.vary(window);
        let (unloaded, behind) = self.unloaded.unwrap_or((window.round_trip, window.samples));
        let error = self.error(window.samples, behind);
        let margin = DOUBT.mul_add(error, IN_TIME);
        let late = window.round_trip / unloaded - 1.0;
        self.learn(window, late, margin, error);
        self.used =
            window.most.max(self.used * (-window.seconds / USE_HALVES * std::f64::consts::LN_2).exp());
        let is_late = late > margin && self.warming.is_none();
        self.late = if is_late { self.late.saturating_add(1) } else { 0 };
        let effect = match (window.pressed, is_late) {
            (false, _) => self.relax(window),
            (true, false) => self.grow(window, margin),
            (true, true) => self.hold(window, late > 2.0_f64.mul_add(error, margin)),
        };
        self.level = self.level.clamp(self.min, self.max);
        (self, effect)
    }

    /// Takes in what a trial found. `None`: it had to be given up.
    pub(super) fn found(mut self, finding: Option<&Finding>, took: Duration, now: Instant) -> Self {
        let rest = REST.max(took * REST_PER_TRIAL);
        let Some(finding) = finding else {
            self.rests_until = Some(now + rest);
            return self;
        };
        let Finding { elasticity, error, high, low, round_trip, samples } = *finding;
        let span = (high / low).ln();
        // Of what is not sure, the part nearest to the divide counts: a trial that ends early ends on a lucky sample.
        let towards = (OURS - elasticity).clamp(-2.0 * error, 2.0 * error);
        // Answers that were quicker at the higher level were so by chance: it is not known that more can be borne than that.
        let fall = (elasticity + towards).clamp(0.0, 3.0);
        let knee = high * (-span * fall).exp();
        let goal = (ABOVE_KNEE * knee).clamp(self.min, self.max);
        if elasticity < 0.75 {
            // The lower level is below the knee, so this is how long work takes without us.
            self.unloaded = Some((round_trip, samples.min(MEMORY)));
        }
        self.known = knee.clamp(self.min, self.max);
        if elasticity - 2.0 * error > ABOVE {
            self.ceiling = goal;
        } else if elasticity + 2.0 * error < OURS {
            self.ceiling = self.max;
        }
        if (goal / self.level).ln().abs() > WORTH_MOVING {
            self.rest = rest;
            self.level = goal;
        } else {
            self.rest = (self.rest * 2).max(rest).min(LONGEST_REST);
        }
        self.rests_until = Some(now + self.rest);
        self
    }

    /// Takes in that a call that began at `began` met an overload, or timed out if the dependency `told` nothing. Whether it
    /// counted.
    pub(super) fn congested(mut self, told: bool, began: Instant, now: Instant) -> (Self, bool) {
        let round_trip = Duration::try_from_secs_f64(self.latest).unwrap_or_default();
        if self.lowered.is_some_and(|lowered| began < lowered || now < lowered + round_trip) {
            return (self, false);
        }
        if told {
            self.ceiling = self.ceiling.min(self.level);
        }
        self.level = (self.level * AFTER_OVERLOAD).max(self.min);
        self.known = self.known.min(self.level);
        self.starting = false;
        self.lowered = Some(now);
        (self, true)
    }

    /// How far the ratio of the means of so many samples may be off by chance, as a share.
    fn error(&self, samples: f64, behind: f64) -> f64 {
        (self.variance.0 * (1.0 / samples + 1.0 / behind)).sqrt()
    }

    fn vary(&mut self, window: &Summary) {
        let (mean, samples) = self.variance;
        let samples = (samples + window.samples).min(MEMORY);
        self.variance = ((window.variance - mean).mul_add(window.samples / samples, mean), samples);
    }

    /// What the window says of the unloaded round trip, and of levels known to be good.
    fn learn(&mut self, window: &Summary, late: f64, margin: f64, error: f64) {
        if let Some((since, count)) = self.warming {
            let (mean, samples) = self.unloaded.unwrap_or_default();
            let all = (samples + window.samples).min(WARM_MEMORY);
            let mean = (window.round_trip - mean).mul_add((window.samples / all).min(1.0), mean);
            self.unloaded = Some((mean, all));
            self.known = self.known.max(window.in_flight);
            let since = since.unwrap_or(window.now);
            let count = count + window.samples;
            let long = window.now.saturating_duration_since(since).as_secs_f64() >= WARM * mean;
            self.warming = (!long
                || count < (self.variance.0 * LARGEST_WINDOW).clamp(WARM_SAMPLES, LARGEST_WINDOW))
            .then_some((Some(since), count));
            return;
        }
        let (mean, samples) = self.unloaded.unwrap_or((window.round_trip, window.samples));
        if late < -(IN_TIME + 2.0 * error) {
            self.unloaded = Some((window.round_trip, window.samples));
        } else if late <= margin {
            let all = samples + window.samples;
            let pooled = (window.round_trip - mean).mul_add(window.samples / all, mean);
            // Above the known levels late answers may be our own doing, and must not become the measure.
            let pooled = if window.in_flight > self.known { pooled.min(mean) } else { pooled };
            self.unloaded = Some((pooled, all.min(MEMORY)));
        } else if !window.pressed {
            let share = 1.0 - (-window.seconds / PATIENCE).exp();
            self.unloaded = Some(((window.round_trip - mean).mul_add(share, mean), samples));
        }
        if late <= margin {
            self.known = self.known.max(window.in_flight);
        }
    }

    fn grow(&mut self, window: &Summary, margin: f64) -> Effect {
        let mut reach = window.in_flight * REACH / (1.0 + margin);
        if self.starting {
            reach = reach.max((window.in_flight * START_REACH).min(window.wanted));
            self.starting = self.level < self.blind;
            reach = reach.min(self.blind);
        }
        if self.level >= self.ceiling {
            self.starting = false;
        }
        // At least one more, or a small limit would never grow.
        let reach = reach.max(window.in_flight + 1.0).min(self.ceiling);
        self.level = self.level.max(reach);
        // What a trial or an overload forbade, only another trial may allow.
        if self.ceiling < self.max && self.level >= self.ceiling { self.ask(window) } else { Effect::None }
    }

    fn hold(&mut self, window: &Summary, surely: bool) -> Effect {
        self.starting = false;
        let safe = (self.known * ABOVE_KNEE).max(self.min);
        if surely && self.level > safe + 0.5 {
            self.level = safe;
            return Effect::None;
        }
        if self.late < LATE_IN_A_ROW { Effect::None } else { self.ask(window) }
    }

    /// A trial costs some of what could be done, so it is worth it only while calls are refused.
    fn ask(&self, window: &Summary) -> Effect {
        let rests = self.rests_until.is_some_and(|until| window.now < until);
        if rests || !window.refusing { Effect::None } else { Effect::BeginTrial }
    }

    fn relax(&mut self, window: &Summary) -> Effect {
        self.starting &= self.warming.is_some();
        let allowed = (self.used * REACH).max(self.floor);
        if self.level > allowed {
            self.level = allowed.max(self.level * FORGET.mul_add(-window.seconds, 1.0));
        }
        Effect::None
    }
}

#[cfg(test)]
mod tests;
