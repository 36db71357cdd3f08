//! When the shadow stops by itself: live answers of the unit have become slow.
//!
//! Copies are asked of the very systems that answer the live requests, and share their databases. Nobody can see from
//! outside whether live answers are slow *because* of them, so the order is: copies stop first, as they are what nobody
//! waits for; then one looks whether it helped. If live answers are as slow without copies, the copies were not the
//! reason: this is how things are now, and comparing goes on.
//!
//! - What is **usual** is the median of the last two minutes' readings of the live 99th percentile, while none was raised.
//! - A reading is **raised** if it is over the usual by the share that the config allows, and by 10 ms besides: below that
//!   it is the machine's own unrest.
//! - Three raised readings in a row pause the copies. Readings are 5 s apart and look back 10 s, so the first and the third
//!   have no answer in common, and one hiccup pauses nothing.
//! - A pause is 30 s; twice as long each time it is needed again within ten minutes, and 15 minutes at most.

use std::{collections::VecDeque, fmt, time::Duration};

use tokio::time::Instant;

/// Time between readings.
pub(super) const STEP: Duration = Duration::from_secs(5);
/// How far a reading looks back.
pub(super) const WINDOW: Duration = Duration::from_secs(10);
/// Fewer answers say nothing about a tail.
pub(super) const FEWEST: u32 = 200;
/// Readings that say what is usual.
const USUAL: usize = 24;
/// With fewer, nothing is judged.
const ENOUGH: usize = 6;
/// Raised readings in a row that pause the copies.
const IN_A_ROW: u32 = 3;
/// What is less above the usual than this is never raised.
const UNREST: Duration = Duration::from_millis(10);
const FIRST_PAUSE: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);
/// Copying for so long without a pause forgets how long the last one was.
const FORGIVEN_AFTER: Duration = Duration::from_secs(10 * 60);

/// Whether copies of a unit's requests are made, by how live answers are.
#[derive(Debug)]
pub(super) struct Pause {
    /// Oldest first.
    readings: VecDeque<Duration>,
    phase: Phase,
    /// How long the next pause is.
    next: Duration,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Copying { raised: u32, since: Instant },
    Paused { until: Instant, usual: Duration },
}

/// What a step brought about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Live answers are slow: no copies for a while.
    Paused {
        /// The 99th percentile now.
        p99: Duration,
        /// What it usually is.
        usual: Duration,
        /// How long.
        pause: Duration,
    },
    /// Copies are made again.
    Resumed {
        /// The 99th percentile without copies, if it is known.
        p99: Option<Duration>,
        /// Whether it is still raised, so that copies were not the reason.
        still_raised: bool,
    },
}

impl Pause {
    pub(super) fn new(now: Instant) -> Self {
        Self { readings: VecDeque::new(), phase: Phase::Copying { raised: 0, since: now }, next: FIRST_PAUSE }
    }

    /// Takes a reading of the live 99th percentile; `None` with too few answers, which says nothing. `rise` is what it may be
    /// above the usual, as a share of it.
    pub(super) fn step(&mut self, p99: Option<Duration>, rise: f64, now: Instant) -> Option<Change> {
        match self.phase {
            Phase::Copying { raised, since } => self.copying(p99?, rise, (raised, since), now),
            Phase::Paused { until, .. } if now < until => None,
            Phase::Paused { usual, .. } => Some(self.resume(p99, usual, rise, now)),
        }
    }

    pub(super) const fn is_paused(&self) -> bool {
        matches!(self.phase, Phase::Paused { .. })
    }

    fn copying(
        &mut self,
        p99: Duration,
        rise: f64,
        (raised, since): (u32, Instant),
        now: Instant,
    ) -> Option<Change> {
        if now.saturating_duration_since(since) >= FORGIVEN_AFTER {
            self.next = FIRST_PAUSE;
        }
        let usual = self.usual();
        let Some(usual) = usual.filter(|usual| is_raised(p99, *usual, rise)) else {
            self.read(p99);
            self.phase = Phase::Copying { raised: 0, since };
            return None;
        };
        if raised + 1 < IN_A_ROW {
            self.phase = Phase::Copying { raised: raised + 1, since };
            return None;
        }
        let pause = self.next;
        self.next = (pause * 2).min(LONGEST_PAUSE);
        self.phase = Phase::Paused { until: now + pause, usual };
        Some(Change::Paused { p99, usual, pause })
    }

    fn resume(&mut self, p99: Option<Duration>, usual: Duration, rise: f64, now: Instant) -> Change {
        let still_raised = p99.is_some_and(|p99| is_raised(p99, usual, rise));
        if still_raised {
            // What is usual must be learned anew, and nobody is to blame for the last pause.
            self.readings.clear();
            self.next = FIRST_PAUSE;
        }
        self.phase = Phase::Copying { raised: 0, since: now };
        Change::Resumed { p99, still_raised }
    }

    fn read(&mut self, p99: Duration) {
        if self.readings.len() == USUAL {
            self.readings.pop_front();
        }
        self.readings.push_back(p99);
    }

    fn usual(&self) -> Option<Duration> {
        if self.readings.len() < ENOUGH {
            return None;
        }
        let mut sorted = self.readings.iter().copied().collect::<Vec<_>>();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied()
    }
}

fn is_raised(p99: Duration, usual: Duration, rise: f64) -> bool {
    p99 > usual + UNREST && p99.as_secs_f64() > usual.as_secs_f64() * (1.0 + rise)
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Paused { p99, usual, pause } => write!(
                f,
                "no copies for {} s: the 99th percentile of live answers rose to {} ms, {} ms is usual",
                pause.as_secs(),
                p99.as_millis(),
                usual.as_millis()
            ),
            Self::Resumed { p99: Some(p99), still_raised: true } => write!(
                f,
                "copies again: without them the 99th percentile of live answers is {} ms still, so they are not the reason",
                p99.as_millis()
            ),
            Self::Resumed { p99: Some(p99), .. } => {
                write!(
                    f,
                    "copies again: the 99th percentile of live answers is {} ms without them",
                    p99.as_millis()
                )
            }
            Self::Resumed { p99: None, .. } => write!(f, "copies again: too few live answers to say more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RISE: f64 = 0.5;
    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// A pause, and a clock that goes on by a step with each reading.
    struct Scene {
        pause: Pause,
        now: Instant,
    }

    impl Scene {
        /// Who is used to 20 ms.
        fn used_to_20_ms() -> Self {
            let now = Instant::now();
            let mut scene = Self { pause: Pause::new(now), now };
            assert_eq!(scene.all(20, USUAL), []);
            scene
        }

        fn reads(&mut self, p99: Option<Duration>) -> Option<Change> {
            self.now += STEP;
            self.pause.step(p99, RISE, self.now)
        }

        /// What changes over so many readings that are alike.
        fn all(&mut self, millis: u64, times: usize) -> Vec<Change> {
            (0..times).filter_map(|_| self.reads(Some(ms(millis)))).collect()
        }
    }

    #[test]
    fn three_raised_readings_in_a_row_pause() {
        let mut scene = Scene::used_to_20_ms();
        assert_eq!(scene.all(31, 2), []);
        assert_eq!(scene.all(20, 1), [], "and one that is not begins anew");
        assert_eq!(scene.all(31, 2), []);
        let change = scene.reads(Some(ms(40))).unwrap();
        assert_eq!(change, Change::Paused { p99: ms(40), usual: ms(20), pause: ms(30_000) });
        assert!(scene.pause.is_paused());
        assert_eq!(
            change.to_string(),
            "no copies for 30 s: the 99th percentile of live answers rose to 40 ms, 20 ms is usual"
        );
    }

    #[test]
    fn where_nothing_is_known_nothing_is_judged() {
        let now = Instant::now();
        let mut scene = Scene { pause: Pause::new(now), now };
        assert_eq!(scene.all(20, ENOUGH - 1), []);
        assert_eq!(scene.all(900, 1), [], "the reading that completes what is usual");
        let mut scene = Scene::used_to_20_ms();
        assert_eq!(scene.all(90, 2), []);
        assert_eq!(scene.reads(None), None, "too few answers are no reading");
        assert!(scene.reads(Some(ms(90))).is_some());
    }

    #[test]
    fn a_few_milliseconds_are_no_rise() {
        let now = Instant::now();
        let mut scene = Scene { pause: Pause::new(now), now };
        assert_eq!(scene.all(1, USUAL), []);
        assert_eq!(scene.all(11, USUAL / 2 + 1), [], "ten times as slow, and nobody notices");
        assert_eq!(scene.all(20, 20), [], "that is usual by now");
    }

    #[test]
    fn a_pause_that_helped_ends_and_the_next_is_longer() {
        let mut scene = Scene::used_to_20_ms();
        let mut pauses = Vec::new();
        for _ in 0..8 {
            let changes = scene.all(40, 3);
            let [Change::Paused { pause, .. }] = changes[..] else { panic!("{changes:?}") };
            pauses.push(pause.as_secs());
            let steps = usize::try_from(pause.as_secs() / STEP.as_secs()).unwrap();
            assert_eq!(scene.all(20, steps - 1), []);
            let resumed = Change::Resumed { p99: Some(ms(20)), still_raised: false };
            assert_eq!(scene.all(20, 1), [resumed]);
        }
        assert_eq!(pauses, [30, 60, 120, 240, 480, 900, 900, 900]);
        assert_eq!(scene.all(20, 121), [], "ten minutes without one");
        assert!(matches!(scene.all(40, 3)[..], [Change::Paused { pause: FIRST_PAUSE, .. }]));
    }

    #[test]
    fn if_it_does_not_help_copies_were_not_the_reason() {
        let mut scene = Scene::used_to_20_ms();
        assert_eq!(scene.all(40, 3).len(), 1);
        let resumed = Change::Resumed { p99: Some(ms(40)), still_raised: true };
        assert_eq!(scene.all(40, 6), [resumed]);
        assert!(resumed.to_string().contains("not the reason"));
        assert_eq!(scene.all(40, 100), [], "40 ms is what is usual now");
        assert_eq!(scene.all(80, 3).len(), 1, "and is judged by");
    }

    #[test]
    fn nobody_asks_for_a_while_and_copies_are_made_again() {
        let mut scene = Scene::used_to_20_ms();
        assert_eq!(scene.all(40, 3).len(), 1);
        let changes = (0..6).filter_map(|_| scene.reads(None)).collect::<Vec<_>>();
        assert_eq!(changes, [Change::Resumed { p99: None, still_raised: false }]);
    }

    proptest! {
        /// Pauses and resumptions take turns, and a pause never lasts longer than the longest.
        #[test]
        fn it_never_stays_paused(readings in prop::collection::vec(prop::option::of(0u64..200), 0..600)) {
            let now = Instant::now();
            let mut scene = Scene { pause: Pause::new(now), now };
            let mut paused_at = None;
            for reading in readings {
                let before = scene.pause.is_paused();
                let change = scene.reads(reading.map(ms));
                match change {
                    Some(Change::Paused { .. }) => {
                        prop_assert!(!before);
                        paused_at = Some(scene.now);
                    }
                    Some(Change::Resumed { .. }) => {
                        prop_assert!(before);
                        paused_at = None;
                    }
                    None => {}
                }
                prop_assert_eq!(scene.pause.is_paused(), paused_at.is_some());
                if let Some(at) = paused_at {
                    prop_assert!(scene.now - at < LONGEST_PAUSE + STEP);
                }
            }
        }
    }
}
