//! A trial: does the round trip follow the limit?
//!
//! The limit goes down a little and up again, several times, and the round trips of calls that began at either level are
//! compared. Since we move the limit ourselves, a difference is its doing: a dependency that becomes slower by itself
//! meanwhile is as slow at both levels. The answer is the elasticity, the logarithm of the ratio of round trips over the
//! logarithm of the ratio of calls in flight: 0 below the knee, 1 above it, more when calls thrash.
//!
//! The limit goes down for it and not up, so that finding out never asks more of a dependency than before. Levels follow
//! one another as high, low, low, high, so that a steady drift falls out of the mean.

use std::time::Duration;

use tokio::time::Instant;

/// How far down, where round trips do not vary; and how much further, times their standard deviation over their mean.
const STEP: f64 = 0.88;
const VARIED_STEP: f64 = 0.04;
/// Samples per phase, at least.
const SAMPLES: f64 = 50.0;
/// Samples per phase on top, times the variance of round trips.
const VARIED_SAMPLES: f64 = 150.0;
/// Pairs of phases, at least and at most.
const FEWEST: f64 = 3.0;
const MOST: f64 = 16.0;
/// The elasticity that tells our doing from the dependency's own.
const DIVIDE: f64 = 0.5;
/// How small the standard error must be for the trial to end without a clear answer.
const SURE: f64 = 0.08;
/// How many standard errors make an answer clear.
const CLEAR: f64 = 2.5;
/// Phases of which late samples are still taken in.
const OPEN: usize = 4;

/// A trial under way.
#[derive(Clone, Debug)]
pub(super) struct Trial {
    began: Instant,
    late: bool,
    high: u32,
    low: u32,
    /// Samples per phase.
    samples: f64,
    /// The current phase and those before it, by number modulo [`OPEN`].
    phases: [Phase; OPEN],
    number: usize,
    pairs: Pairs,
    variance: f64,
    /// Sums over the low phases: for the round trip there.
    low_samples: f64,
    low_seconds: f64,
}

#[derive(Clone, Copy, Debug)]
struct Phase {
    /// When the level was set.
    set: Instant,
    /// Calls that began from here on count.
    from: Instant,
    /// Up to here; open in the current phase.
    to: Option<Instant>,
    samples: f64,
    seconds: f64,
    in_flight: f64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Pairs {
    count: f64,
    mean: f64,
    squares: f64,
}

/// What a trial found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Finding {
    /// How the round trip follows the level: 0 not at all, 1 in proportion.
    pub(super) elasticity: f64,
    /// Its standard error.
    pub(super) error: f64,
    /// The levels compared.
    pub(super) high: f64,
    pub(super) low: f64,
    /// The mean round trip at the lower level, seconds.
    pub(super) round_trip: f64,
    /// How many samples stand behind that.
    pub(super) samples: f64,
}

/// How a trial goes on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Progress {
    /// As before.
    Same,
    /// With another level.
    Level(u32),
    /// It is over.
    Found(Finding),
    /// The limit did not govern how many were in flight, so nothing can be found.
    Void,
}

impl Phase {
    fn begin(now: Instant, settle: Duration) -> Self {
        Self { set: now, from: now + settle, to: None, samples: 0.0, seconds: 0.0, in_flight: 0.0 }
    }

    fn takes(&self, began: Instant) -> bool {
        began >= self.from && self.to.is_none_or(|to| began < to)
    }
}

impl Trial {
    pub(super) fn begin(
        (level, least): (u32, u32),
        round_trip: Duration,
        variance: f64,
        late: bool,
        now: Instant,
    ) -> Self {
        let high = level.max(least + 1);
        let step = STEP - VARIED_STEP * variance.sqrt().min(1.0);
        let low = super::tuner::rounded(f64::from(high) * step).min(high - 1).max(least);
        let phase = Phase::begin(now, round_trip);
        Self {
            began: now,
            late,
            high,
            low,
            samples: VARIED_SAMPLES.mul_add(variance.min(2.0), SAMPLES),
            phases: [phase; OPEN],
            number: 0,
            pairs: Pairs::default(),
            variance,
            low_samples: 0.0,
            low_seconds: 0.0,
        }
    }

    pub(super) const fn began(&self) -> Instant {
        self.began
    }

    /// Whether it is about answers that are late.
    pub(super) const fn of_late_answers(&self) -> bool {
        self.late
    }

    /// Between the levels.
    pub(super) fn middle(&self) -> f64 {
        f64::midpoint(f64::from(self.high), f64::from(self.low))
    }

    pub(super) const fn level(&self) -> u32 {
        // high, low, low, high, high, low, low, ...
        if self.number.div_ceil(2).is_multiple_of(2) { self.high } else { self.low }
    }

    /// Takes in a call that began at `began` with so many in flight.
    pub(super) fn sample(&mut self, began: Instant, seconds: f64, in_flight: u32) {
        let seen = self.number.min(OPEN - 1);
        for back in 0..=seen {
            let Some(phase) = self.phases.get_mut((self.number - back) % OPEN) else { continue };
            if phase.takes(began) {
                phase.samples += 1.0;
                phase.seconds += seconds;
                phase.in_flight += f64::from(in_flight);
                return;
            }
        }
    }

    /// Looks whether the phase is over, and what that means.
    pub(super) fn advance(&mut self, round_trip: Duration, now: Instant) -> Progress {
        let Some(phase) = self.phases.get_mut(self.number % OPEN) else { return Progress::Void };
        if phase.samples < self.samples || now < phase.set + round_trip * 2 {
            return Progress::Same;
        }
        phase.to = Some(now);
        let before = self.level();
        self.number += 1;
        if self.number >= OPEN && self.number.is_multiple_of(2) {
            match self.close() {
                Some(elasticity) => self.pairs.add(elasticity),
                None => return Progress::Void,
            }
            if let Some(finding) = self.finding() {
                return Progress::Found(finding);
            }
        }
        if let Some(phase) = self.phases.get_mut(self.number % OPEN) {
            *phase = Phase::begin(now, round_trip);
        }
        if self.level() == before { Progress::Same } else { Progress::Level(self.level()) }
    }

    /// The elasticity that the two oldest phases show.
    fn close(&mut self) -> Option<f64> {
        let (first, second) =
            (*self.phases.get(self.number % OPEN)?, *self.phases.get((self.number + 1) % OPEN)?);
        // The pair's phases are `number - 4` and `number - 3`: one of them is high, and which one alternates.
        let high_first = (self.number - OPEN).div_ceil(2).is_multiple_of(2);
        let (high, low) = if high_first { (first, second) } else { (second, first) };
        self.low_samples += low.samples;
        self.low_seconds += low.seconds;
        let levels = ((high.in_flight / high.samples) / (low.in_flight / low.samples)).ln();
        let times = ((high.seconds / high.samples) / (low.seconds / low.samples)).ln();
        let wanted = (f64::from(self.high) / f64::from(self.low)).ln();
        (levels > wanted / 3.0 && times.is_finite()).then(|| times / levels)
    }

    fn finding(&self) -> Option<Finding> {
        let Pairs { count, mean, squares } = self.pairs;
        if count < FEWEST {
            return None;
        }
        // A few pairs may agree by chance, so the error is at least what the variance of round trips makes of it.
        let span = (f64::from(self.high) / f64::from(self.low)).ln();
        let least = (2.0 * self.variance / (count * self.samples)).sqrt() / span;
        let error = (squares / (count - 1.0) / count).sqrt().max(least);
        let clear = (mean - DIVIDE).abs() > CLEAR * error;
        (clear || error < SURE || count >= MOST).then(|| Finding {
            elasticity: mean,
            error,
            high: f64::from(self.high),
            low: f64::from(self.low),
            round_trip: self.low_seconds / self.low_samples,
            samples: self.low_samples,
        })
    }
}

impl Pairs {
    /// Welford's running mean and sum of squares.
    fn add(&mut self, value: f64) {
        self.count += 1.0;
        let off = value - self.mean;
        self.mean += off / self.count;
        self.squares += off * (value - self.mean);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Plays a trial from a level of 100 at which calls take `seconds(in flight, since the beginning)`. Says what came of
    /// it, and which levels there were.
    fn play(in_flight: impl Fn(u32) -> u32, seconds: impl Fn(u32, f64) -> f64) -> (Progress, Vec<u32>) {
        let start = Instant::now();
        let mut trial = Trial::begin((100, 1), 10 * MS, 0.0, true, start);
        let (mut now, mut levels) = (start, vec![trial.level()]);
        for _ in 0..100_000 {
            now += MS / 5;
            let flying = in_flight(trial.level());
            let took = seconds(flying, (now - start).as_secs_f64());
            let began = now.checked_sub(Duration::from_secs_f64(took)).unwrap_or(now);
            trial.sample(began, took, flying);
            match trial.advance(10 * MS, now) {
                Progress::Same => {}
                Progress::Level(level) => levels.push(level),
                end => return (end, levels),
            }
        }
        panic!("it never ends");
    }

    fn found(progress: Progress) -> Finding {
        match progress {
            Progress::Found(finding) => finding,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_round_trip_that_does_not_follow_has_no_elasticity() {
        let finding = found(play(|level| level, |_, _| 0.010).0);
        assert!(finding.elasticity.abs() < 1e-9, "{finding:?}");
        assert!((finding.round_trip - 0.010).abs() < 1e-9);
        assert_eq!((finding.high, finding.low), (100.0, 88.0));
    }

    #[test]
    fn a_round_trip_that_grows_with_the_calls_in_flight_has_one_of_one() {
        let finding = found(play(|level| level, |flying, _| f64::from(flying) * 1e-4).0);
        assert!((finding.elasticity - 1.0).abs() < 0.01, "{finding:?}");
    }

    #[test]
    fn a_dependency_that_becomes_slower_by_itself_meanwhile_is_not_our_doing() {
        // By a tenth each second: more than the step would make of it within a pair of phases.
        let finding = found(play(|level| level, |_, since| 0.010 * (1.0 + since / 10.0)).0);
        assert!(finding.elasticity.abs() < 0.1, "{finding:?}");
    }

    #[test]
    fn it_asks_no_more_than_before_and_levels_come_in_pairs() {
        let (_, levels) = play(|level| level, |_, _| 0.010);
        assert!(levels.iter().all(|level| [100, 88].contains(level)), "{levels:?}");
        assert!(levels.len() >= 3 && levels.windows(2).all(|pair| pair[0] != pair[1]), "{levels:?}");
        let mut trial = Trial::begin((100, 1), 10 * MS, 0.0, false, Instant::now());
        let order: Vec<_> = (0..8)
            .map(|number| {
                trial.number = number;
                trial.level() == trial.high
            })
            .collect();
        assert_eq!(order, [true, false, false, true, true, false, false, true]);
    }

    #[test]
    fn when_the_limit_does_not_govern_the_calls_in_flight_nothing_is_found() {
        assert_eq!(play(|_| 40, |_, _| 0.010).0, Progress::Void);
    }

    #[test]
    fn there_is_always_a_lower_level_and_never_one_below_the_least() {
        for (level, least) in [(1, 1), (2, 1), (5, 5), (20, 19), (1_000, 1)] {
            let trial = Trial::begin((level, least), MS, 4.0, true, Instant::now());
            assert!(trial.low >= least && trial.low < trial.high, "{level} {least}");
            assert!(trial.high == level.max(least + 1));
            assert!(trial.middle() > f64::from(trial.low) && trial.middle() < f64::from(trial.high));
        }
    }
}
