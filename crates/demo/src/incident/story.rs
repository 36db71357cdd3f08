//! The story of the night: when the load grows, when the database is slow, and what that is called.
//!
//! | phase | whole story | quick | load | the database |
//! |---|---|---|---|---|
//! | calm | 0 s to 15 s | 0 s to 6 s | 833/s | 68 % busy |
//! | surge | to 25 s | to 10 s | 1,167/s | 95 % busy |
//! | blip | to 35 s | to 14 s | 1,167/s | three times slower: it can do 409/s |
//! | after | to 90 s | to 30 s | 1,167/s | as before the blip |

use std::time::Duration;

/// Requests a minute on a usual day.
const USUAL_A_MINUTE: u32 = 50_000;
/// Requests a minute in the surge: 40 % more, as on any good day.
const SURGE_A_MINUTE: u32 = 70_000;
/// How many times slower the database is in the blip.
pub(super) const SLOWNESS: u32 = 3;
/// How late a request may be sent.
///
/// A machine that stands still for a tenth of a second would otherwise send a tenth of a second's requests at once,
/// which is more than the naive caller survives: the machine would tell the story and not the database.
const LATE: Duration = Duration::from_millis(25);
const NANOS_A_MINUTE: u128 = 60_000_000_000;

/// How big the story is played.
///
/// Load, pool and database shrink by the same factor, so that the curves keep their shape. A small machine, which plays
/// callers, gateway and both databases at once, can then still keep the times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// As it was: 1,167 requests a second, twice.
    Whole,
    /// A quarter of it.
    Quarter,
}

/// A stretch of the story.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// A usual day.
    Calm,
    /// 40 % more requests.
    Surge,
    /// The database is slow, and the surge goes on.
    Blip,
    /// The database is well again, and the surge goes on.
    After,
}

/// What happens when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Story {
    size: Size,
    /// First seconds after calm, surge, blip and all.
    ends: [u32; 4],
}

impl Size {
    /// What everything is divided by.
    #[must_use]
    pub const fn divisor(self) -> u32 {
        match self {
            Self::Whole => 1,
            Self::Quarter => 4,
        }
    }
}

impl Phase {
    /// In their order.
    pub(super) const ALL: [Self; 4] = [Self::Calm, Self::Surge, Self::Blip, Self::After];
}

impl Story {
    /// The story in 90 seconds.
    #[must_use]
    pub const fn new(size: Size) -> Self {
        Self { size, ends: [15, 25, 35, 90] }
    }

    /// The story in 30 seconds: the blip is shorter, what follows from it is the same.
    #[must_use]
    pub const fn quick(size: Size) -> Self {
        Self { size, ends: [6, 10, 14, 30] }
    }

    /// How big it is played.
    #[must_use]
    pub const fn size(&self) -> Size {
        self.size
    }

    /// When it is over, since its start.
    #[must_use]
    pub const fn end(&self) -> Duration {
        Duration::from_secs(self.ends[3] as u64)
    }

    /// The first second of a phase, and the first after it.
    pub(super) const fn seconds(&self, phase: Phase) -> (u32, u32) {
        let [calm, surge, blip, after] = self.ends;
        match phase {
            Phase::Calm => (0, calm),
            Phase::Surge => (calm, surge),
            Phase::Blip => (surge, blip),
            Phase::After => (blip, after),
        }
    }

    /// The phase at a time since the start; the last one for ever.
    pub(super) fn phase(&self, at: Duration) -> Phase {
        let begun = |phase: &Phase| Duration::from_secs(self.seconds(*phase).0.into()) <= at;
        Phase::ALL.into_iter().rev().find(begun).unwrap_or(Phase::Calm)
    }

    /// When the `number`th request is due, counted from 0; `None` once the story is over.
    ///
    /// Requests come evenly spaced and whether or not those before were answered. Whole nanoseconds from the number: no
    /// error adds up.
    pub(super) fn due(&self, number: u64) -> Option<Duration> {
        let calm_ends = self.seconds(Phase::Calm).1;
        let divisor = u128::from(self.size.divisor());
        let calm = u128::from(USUAL_A_MINUTE) * u128::from(calm_ends) / 60 / divisor;
        let (from, rest, a_minute) = match u128::from(number) {
            number if number < calm => (0, number, USUAL_A_MINUTE),
            number => (calm_ends, number - calm, SURGE_A_MINUTE),
        };
        let nanos = rest * NANOS_A_MINUTE * divisor / u128::from(a_minute);
        let due = Duration::from_secs(from.into()) + Duration::from_nanos(u64::try_from(nanos).ok()?);
        (due < self.end()).then_some(due)
    }

    /// Whether it is too late to send a request that was due. It is left out for all callers alike.
    pub(super) fn is_missed(due: Duration, now: Duration) -> bool {
        now > due + LATE
    }

    /// Requests a second in a phase, rounded.
    pub(super) const fn rate(&self, phase: Phase) -> u32 {
        let a_minute = match phase {
            Phase::Calm => USUAL_A_MINUTE,
            _ => SURGE_A_MINUTE,
        };
        let seconds = 60 * self.size.divisor();
        (a_minute + seconds / 2) / seconds
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STORIES: [Story; 4] = [
        Story::new(Size::Whole),
        Story::new(Size::Quarter),
        Story::quick(Size::Whole),
        Story::quick(Size::Quarter),
    ];

    #[test]
    fn every_second_gets_its_requests() {
        for story in STORIES {
            let mut seconds = vec![0_u32; usize::try_from(story.end().as_secs()).unwrap()];
            for due in (0..).map_while(|number| story.due(number)) {
                seconds[usize::try_from(due.as_secs()).unwrap()] += 1;
            }
            for phase in Phase::ALL {
                let (from, to) = story.seconds(phase);
                for second in from..to {
                    let (found, expected) = (seconds[second as usize], story.rate(phase));
                    assert!(found.abs_diff(expected) <= 1, "{story:?} {second}: {found} {expected}");
                }
            }
        }
    }

    #[test]
    fn phases_follow_one_another_without_gaps() {
        for story in STORIES {
            let at = |second: u32| story.phase(Duration::from_secs(second.into()));
            let mut expected = 0;
            for phase in Phase::ALL {
                let (from, to) = story.seconds(phase);
                assert_eq!((from, at(from), at(to - 1)), (expected, phase, phase));
                expected = to;
            }
            assert_eq!(Duration::from_secs(expected.into()), story.end());
            assert_eq!(story.phase(story.end() * 2), Phase::After);
        }
    }

    #[test]
    fn a_machine_that_stood_still_leaves_requests_out_and_sends_no_burst() {
        let story = Story::new(Size::Whole);
        let now = Duration::from_millis(20_500);
        let due = (0..).map_while(|number| story.due(number)).skip_while(|due| due.as_secs() < 20);
        let at_once = due.take_while(|due| *due <= now).filter(|due| !Story::is_missed(*due, now));
        // 25 ms of 1,167 a second, and not 500 ms of them.
        assert_eq!(at_once.count(), 29);
    }

    #[test]
    fn the_rates_are_those_of_the_night() {
        let [whole, quarter] = [Size::Whole, Size::Quarter].map(Story::new);
        assert_eq!((whole.rate(Phase::Calm), whole.rate(Phase::After)), (833, 1_167));
        assert_eq!((quarter.rate(Phase::Calm), quarter.rate(Phase::Blip)), (208, 292));
    }

    proptest! {
        #[test]
        fn requests_come_one_after_the_other_until_the_end(story in 0..STORIES.len(), number in 0u64..200_000) {
            let story = STORIES[story];
            match (story.due(number), story.due(number + 1)) {
                (Some(one), Some(next)) => prop_assert!(one < next && next < story.end()),
                (None, next) => prop_assert_eq!(next, None),
                (Some(_), None) => {}
            }
        }
    }
}
