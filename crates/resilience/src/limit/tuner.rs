//! What joins samples, the climb and a trial.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    Mode, Settings,
    climb::{Climb, Effect, Summary},
    places::Counts,
    trial::{Progress, Trial},
};

/// Longer round trips count as this long, seconds.
const LONGEST: f64 = 600.0;

/// The share of calls that find no free place from which on the limit is what governs how many are in flight.
const PRESSED: f64 = 0.5;
/// For how many round trips nobody waits until a trial is given up.
const UNPRESSED: u32 = 3;
/// The share of calls refused that is worth a trial.
const REFUSED: f64 = 0.02;

/// One call that came to an end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    /// When it started, itself included.
    pub(super) in_flight: u32,
    pub(super) took: Duration,
    pub(super) now: Instant,
    /// Calls that found no free place, ever.
    pub(super) pressed: u64,
    /// Calls that were refused, ever.
    pub(super) refused: u64,
    /// Now.
    pub(super) counts: Counts,
}

/// What the limit is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tuned {
    pub(super) level: u32,
    /// If there is a new one.
    pub(super) round_trip: Option<Duration>,
}

/// Collects samples into windows and lets the climb decide.
#[derive(Debug)]
pub(super) struct Tuner {
    mode: Mode,
    min: u32,
    climb: Climb,
    trial: Option<Trial>,
    /// During a trial: since when nobody has had to wait.
    unpressed: Option<Instant>,
    window: Window,
    fixed: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Window {
    began: Option<Instant>,
    samples: f64,
    seconds: f64,
    squares: f64,
    in_flight: f64,
    most: u32,
    /// How many had been pressed and refused when it began.
    pressed: u64,
    refused: u64,
}

impl Tuner {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            mode: settings.mode(),
            min: settings.min(),
            climb: Climb::new(settings),
            trial: None,
            unpressed: None,
            window: Window::default(),
            fixed: settings.start(),
        }
    }

    /// Takes in a success.
    pub(super) fn sample(&mut self, sample: &Sample) -> Tuned {
        let seconds = sample.took.as_secs_f64().min(LONGEST);
        self.window.add(sample, seconds);
        if let Some(trial) = &mut self.trial {
            let began = sample.now.checked_sub(sample.took).unwrap_or(sample.now);
            trial.sample(began, seconds, sample.in_flight);
            match trial.advance(duration(self.climb.round_trip()), sample.now) {
                Progress::Same | Progress::Level(_) => {}
                Progress::Found(finding) => self.end_trial(Some(&finding), sample.now),
                Progress::Void => self.end_trial(None, sample.now),
            }
        }
        if !self.climb.is_enough(self.window.samples, self.window.seconds / self.window.samples) {
            return self.tuned(None);
        }
        let summary = self.window.close(sample);
        self.take_in(&summary);
        let known = self.climb.is_settled() || self.mode == Mode::Fixed;
        self.tuned(known.then(|| duration(summary.round_trip)))
    }

    /// Takes in an overload or a timeout.
    pub(super) fn congested(&mut self, told: bool, sample: &Sample) -> Tuned {
        let began = sample.now.checked_sub(sample.took).unwrap_or(sample.now);
        let (climb, counted) = self.climb.congested(told, began, sample.now);
        if counted {
            self.climb = climb;
            self.trial = None;
        }
        self.tuned(None)
    }

    fn take_in(&mut self, summary: &Summary) {
        let before = self.climb.level();
        let (climb, effect) = self.climb.step(summary);
        if let Some(trial) = &self.trial {
            // The trial decides; the windows only tell whether there is still something to decide.
            let over = trial.of_late_answers() && !climb.is_late() && summary.in_flight > trial.middle();
            self.climb = climb.at_level(before);
            if over {
                self.trial = None;
            } else if summary.pressed {
                self.unpressed = None;
            } else {
                // Answers come in bursts, so a window without a wait is nothing yet.
                let since = *self.unpressed.get_or_insert(summary.now);
                if summary.now >= since + duration(summary.round_trip) * UNPRESSED {
                    self.end_trial(None, summary.now);
                }
            }
            return;
        }
        self.climb = climb;
        if effect == Effect::BeginTrial {
            let round_trip = duration(summary.round_trip);
            self.unpressed = None;
            let levels = (rounded(climb.level()), self.min);
            self.trial =
                Some(Trial::begin(levels, round_trip, climb.variance(), climb.is_late(), summary.now));
        }
    }

    fn end_trial(&mut self, finding: Option<&super::trial::Finding>, now: Instant) {
        let began = self.trial.take().map_or(now, |trial| trial.began());
        self.climb = self.climb.found(finding, now.saturating_duration_since(began), now);
    }

    fn tuned(&self, round_trip: Option<Duration>) -> Tuned {
        let level = match (self.mode, &self.trial) {
            (Mode::Fixed, _) => self.fixed,
            (Mode::Adaptive, Some(trial)) => trial.level(),
            (Mode::Adaptive, None) => rounded(self.climb.level()),
        };
        Tuned { level, round_trip }
    }
}

impl Window {
    fn add(&mut self, sample: &Sample, seconds: f64) {
        if self.began.is_none() {
            *self = Self {
                began: Some(sample.now),
                pressed: sample.pressed,
                refused: sample.refused,
                ..Self::default()
            };
        }
        self.samples += 1.0;
        self.seconds += seconds;
        self.squares += seconds * seconds;
        self.in_flight += f64::from(sample.in_flight);
        self.most = self.most.max(sample.in_flight);
    }

    /// What it says; the next one begins.
    fn close(&mut self, last: &Sample) -> Summary {
        let mean = self.seconds / self.samples;
        let variance = (self.squares / self.samples - mean * mean).max(0.0) / (mean * mean).max(1e-18);
        let counted =
            |now: u64, then: u64| f64::from(u32::try_from(now.saturating_sub(then)).unwrap_or(u32::MAX));
        let waiting = f64::from(last.counts.waiting);
        let began = self.began.unwrap_or(last.now);
        let summary = Summary {
            now: last.now,
            seconds: last.now.saturating_duration_since(began).as_secs_f64(),
            samples: self.samples,
            round_trip: mean.max(1e-9),
            variance,
            in_flight: self.in_flight / self.samples,
            most: f64::from(self.most),
            pressed: counted(last.pressed, self.pressed).max(waiting) >= PRESSED * self.samples,
            refusing: counted(last.refused, self.refused) > REFUSED * self.samples,
            wanted: f64::from(last.counts.in_flight) + waiting,
        };
        *self =
            Self { began: Some(last.now), pressed: last.pressed, refused: last.refused, ..Self::default() };
        summary
    }
}

fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

/// As many whole places as a level has: what is not sure is not tried.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "levels are between 1 and a million; a cast from a float saturates"
)]
pub(super) fn rounded(level: f64) -> u32 {
    (level + 1e-6).floor() as u32
}
