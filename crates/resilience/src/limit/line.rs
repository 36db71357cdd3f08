//! The queue for a place: short, and honest about whether waiting can help.
//!
//! A queue is there to absorb a burst. It cannot make a dependency faster, so a queue that stands only adds its own
//! length to every answer (Maurer: "Fail at Scale", ACM Queue 2015; Nichols and Jacobson: "Controlling Queue Delay",
//! 2012). So the line has two moods:
//!
//! | mood | who is next | how long one may wait | becomes the other when |
//! |---|---|---|---|
//! | moving | the oldest | the queue wait, if the place would come within it | somebody who waits has to give up, or waits have been above 5 ms for a second without shrinking |
//! | standing | the newest | 5 ms | nobody was refused for the queue wait or a round trip, whichever is longer |
//!
//! The newest goes first in a standing queue because its caller is the likeliest still to be there. A newcomer who would
//! wait for too long is refused at once, and changes nothing for the others: a burst fills the line for a moment, and is
//! served in order.
//!
//! How long a wait would be is known from Little's law: `limit` places that are each taken for a round trip become free
//! at `limit / round trip`. Silence lowers that: if nothing became free for longer than a round trip, the dependency has
//! become slower than it is known to be, or hangs.

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

use super::Why;

/// How long one may wait in a standing queue.
pub(super) const STANDING: Duration = Duration::from_millis(5);
/// How long one may wait before it is asked whether waiting still has a point. A refusal is to be made within 50 ms;
/// this leaves 10 ms for timers and threads that are late.
const SECOND_THOUGHT: Duration = Duration::from_millis(40);
/// The share of the longest wait from which on, if it is foreseen, nobody joins the line.
const FULL: f64 = 0.7;
/// The shortest silence that means anything.
const SILENCE: Duration = Duration::from_millis(50);
/// How long waits may stay above [`STANDING`] without shrinking, in two halves.
const PATIENCE: Duration = Duration::from_millis(500);
/// The most that may wait, whatever is foreseen: bounds memory.
const MOST_WAITING: usize = 4096;

/// How fast places become free.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) limit: u32,
    /// Unknown before the first answers.
    pub(super) round_trip: Option<Duration>,
}

/// Those who wait. `T` is how one of them is told.
#[derive(Debug)]
pub(super) struct Line<T> {
    wait: Duration,
    waiting: VecDeque<Waiter<T>>,
    numbers: u64,
    /// The latest time anybody told.
    latest: Option<Instant>,
    /// When the line last moved, or began.
    moved: Option<Instant>,
    /// While it stands: when somebody was last refused.
    standing: Option<Instant>,
    half: Option<Half>,
}

#[derive(Debug)]
struct Waiter<T> {
    number: u64,
    since: Instant,
    tell: T,
}

/// The shortest wait within half of [`PATIENCE`], and within the half before.
#[derive(Clone, Copy, Debug)]
struct Half {
    from: Instant,
    least: Duration,
    before: Option<Duration>,
}

/// What somebody who waits learns when it asks whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prospect {
    /// It is no longer in the line, for it was told something.
    Told,
    /// Ask again then.
    Wait(Instant),
    /// It has been taken out of the line.
    Leave(Why),
}

impl<T> Line<T> {
    pub(super) const fn new(wait: Duration) -> Self {
        Self {
            wait,
            waiting: VecDeque::new(),
            numbers: 0,
            latest: None,
            moved: None,
            standing: None,
            half: None,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn is_standing(&self) -> bool {
        self.standing.is_some()
    }

    /// Takes note of the time, and of what it ends. Clocks of several threads may come in out of order; the latest counts.
    pub(super) fn at(&mut self, now: Instant, pace: Pace) -> Instant {
        let now = self.latest.map_or(now, |latest| latest.max(now));
        self.latest = Some(now);
        let calm = self.wait.max(pace.round_trip.unwrap_or_default());
        if self.standing.is_some_and(|refused| now.saturating_duration_since(refused) > calm) {
            self.standing = None;
            self.half = None;
        }
        now
    }

    /// The latest time anybody told.
    pub(super) const fn latest(&self) -> Option<Instant> {
        self.latest
    }

    /// Whether somebody who comes now may wait; if not, why.
    pub(super) fn admits(&mut self, until: Option<Instant>, pace: Pace, now: Instant) -> Result<(), Why> {
        if self.wait.is_zero() || self.waiting.len() >= MOST_WAITING {
            return Err(Why::QueueFull);
        }
        let left = until.map_or(Duration::MAX, |until| until.saturating_duration_since(now));
        let ahead = if self.is_standing() { 0 } else { self.waiting.len() };
        let expected = self.expected(ahead, pace, now);
        if left.is_zero() || expected.is_some_and(|expected| expected > left) {
            return Err(Why::Deadline);
        }
        if expected.is_some_and(|expected| expected > self.wait.mul_f64(FULL)) {
            return Err(Why::QueueFull);
        }
        Ok(())
    }

    /// Puts somebody into the line. Says its number, and when to ask for its prospect.
    pub(super) fn join(&mut self, tell: T, now: Instant) -> (u64, Instant) {
        if self.waiting.is_empty() {
            self.moved = Some(now);
        }
        let number = self.numbers;
        self.numbers += 1;
        self.waiting.push_back(Waiter { number, since: now, tell });
        let patience = if self.is_standing() { STANDING } else { SECOND_THOUGHT };
        (number, now + patience.min(self.wait))
    }

    /// Who gets the next place.
    pub(super) fn next(&mut self) -> Option<T> {
        let next = if self.is_standing() { self.waiting.pop_back() } else { self.waiting.pop_front() }?;
        let now = self.latest.unwrap_or(next.since);
        self.moved = Some(now);
        self.note(now.saturating_duration_since(next.since), now);
        Some(next.tell)
    }

    /// Those whose time is over, taken out of the line. Only a standing line hurries anybody.
    pub(super) fn overdue(&mut self, now: Instant) -> Vec<T> {
        let mut overdue = Vec::new();
        while self.is_standing()
            && let Some(oldest) = self.waiting.front()
            && now.saturating_duration_since(oldest.since) >= STANDING
            && let Some(oldest) = self.waiting.pop_front()
        {
            self.standing = Some(now);
            overdue.push(oldest.tell);
        }
        overdue
    }

    /// Whether it makes sense for this one to wait on.
    pub(super) fn prospect(
        &mut self,
        number: u64,
        until: Option<Instant>,
        pace: Pace,
        now: Instant,
    ) -> Prospect {
        let Some(index) = self.find(number) else { return Prospect::Told };
        let age = self
            .waiting
            .get(index)
            .map_or(Duration::ZERO, |waiter| now.saturating_duration_since(waiter.since));
        let standing = self.is_standing();
        let most = if standing { STANDING.min(self.wait) } else { self.wait };
        if until.is_some_and(|until| until <= now) {
            self.leave(number);
            return Prospect::Leave(Why::Deadline);
        }
        let silent = self.silence(now) >= SECOND_THOUGHT && pace.round_trip.is_none();
        let too_late = |expected: Duration| expected > most.saturating_sub(age) / 2;
        let hopeless = !standing && (silent || self.expected(index, pace, now).is_some_and(too_late));
        if age >= most || (hopeless && age >= SECOND_THOUGHT) {
            self.leave(number);
            self.standing = Some(now);
            return Prospect::Leave(Why::TimedOut);
        }
        let first = if age < SECOND_THOUGHT.min(most) { SECOND_THOUGHT.min(most) } else { most };
        Prospect::Wait(now + (first - age))
    }

    /// Takes somebody out of the line. Whether it was in it.
    pub(super) fn leave(&mut self, number: u64) -> bool {
        self.find(number).and_then(|index| self.waiting.remove(index)).is_some()
    }

    /// How long it takes until so many before and one more have got a place, if that can be known.
    pub(super) fn expected(&self, ahead: usize, pace: Pace, now: Instant) -> Option<Duration> {
        let round_trip = pace.round_trip?.as_secs_f64();
        let silence = self.silence(now).as_secs_f64();
        let meaningful = SILENCE.as_secs_f64().max(1.25 * round_trip);
        let alive = (2.0 * (1.0 - silence / meaningful)).clamp(0.0, 1.0);
        let rate = f64::from(pace.limit) / round_trip.max(1e-6) * alive;
        let people = f64::from(u32::try_from(ahead).unwrap_or(u32::MAX)) + 1.0;
        Some(Duration::try_from_secs_f64(people / rate).unwrap_or(Duration::MAX))
    }

    /// How long the line has not moved.
    fn silence(&self, now: Instant) -> Duration {
        match self.moved {
            Some(moved) if !self.waiting.is_empty() => now.saturating_duration_since(moved),
            _ => Duration::ZERO,
        }
    }

    /// Numbers grow from front to back.
    fn find(&self, number: u64) -> Option<usize> {
        self.waiting.binary_search_by_key(&number, |waiter| waiter.number).ok()
    }

    /// Takes in how long somebody waited, and finds a queue that stands without being too long.
    fn note(&mut self, waited: Duration, now: Instant) {
        if self.waiting.is_empty() || waited <= STANDING {
            self.half = None;
            return;
        }
        let Some(half) = &mut self.half else {
            self.half = Some(Half { from: now, least: waited, before: None });
            return;
        };
        half.least = half.least.min(waited);
        if now.saturating_duration_since(half.from) < PATIENCE {
            return;
        }
        let shrinks = half.before.is_none_or(|before| half.least < before.mul_f64(0.9));
        if !shrinks {
            self.standing = Some(now);
        }
        self.half = Some(Half { from: now, least: waited, before: Some(half.least) });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const WAIT: Duration = Duration::from_millis(100);
    /// Ten places that are each taken for 10 ms: one becomes free each millisecond.
    const PACE: Pace = Pace { limit: 10, round_trip: Some(Duration::from_millis(10)) };
    const UNKNOWN: Pace = Pace { limit: 10, round_trip: None };

    /// A line of so many, numbered from 0, who all came at `now`.
    fn line(waiting: u64, now: Instant) -> Line<u64> {
        let mut line = Line::new(WAIT);
        for number in 0..waiting {
            assert_eq!(line.join(number, now).0, number);
        }
        line
    }

    /// A line that stands, as somebody waited for too long; of the two who came then.
    fn standing(now: Instant) -> (Line<u64>, Instant) {
        let mut line = line(1, now);
        let later = line.at(now + WAIT, UNKNOWN);
        assert_eq!(line.prospect(0, None, UNKNOWN, later), Prospect::Leave(Why::TimedOut));
        line.join(1, later);
        line.join(2, later);
        (line, later)
    }

    #[test]
    fn while_it_moves_the_oldest_is_next() {
        let mut line = line(3, Instant::now());
        assert_eq!([line.next(), line.next(), line.next(), line.next()], [Some(0), Some(1), Some(2), None]);
    }

    #[test]
    fn who_gives_up_makes_it_stand_and_then_the_newest_is_next() {
        let (mut line, _) = standing(Instant::now());
        assert!(line.is_standing());
        assert_eq!([line.next(), line.next(), line.next()], [Some(2), Some(1), None]);
    }

    #[test]
    fn when_nobody_was_refused_for_the_queue_wait_it_moves_again() {
        let (mut line, now) = standing(Instant::now());
        line.at(now + WAIT, PACE);
        assert!(line.is_standing());
        line.at(now + WAIT + MS, PACE);
        assert!(!line.is_standing());
        assert_eq!(line.next(), Some(1));
    }

    #[test]
    fn in_a_line_that_stands_nobody_waits_for_longer_than_5_ms() {
        let (mut line, now) = standing(Instant::now());
        assert!(line.overdue(now + 4 * MS).is_empty());
        assert_eq!(line.overdue(now + STANDING), [1, 2]);
        assert_eq!(line.len(), 0);
        let now = now + STANDING;
        let (number, ask) = line.join(3, now);
        assert_eq!(ask, now + STANDING);
        assert_eq!(line.prospect(number, None, PACE, ask), Prospect::Leave(Why::TimedOut));
    }

    #[test]
    fn waits_that_stay_above_5_ms_without_shrinking_make_it_stand() {
        let start = Instant::now();
        let (mut now, mut line) = (start, line(0, start));
        for number in 0..300 {
            line.join(number, now);
            // Somebody is served each 10 ms, and five are always ahead.
            now = line.at(now + 10 * MS, PACE);
            if number >= 5 {
                assert!(line.next().is_some());
            }
            if line.is_standing() {
                break;
            }
        }
        let stood_after = now - start;
        assert!((2 * PATIENCE..3 * PATIENCE).contains(&stood_after), "{stood_after:?}");
    }

    #[test]
    fn who_would_wait_for_too_long_is_refused_at_once() {
        let now = Instant::now();
        // Each one in the line is a millisecond; 70 are what the wait allows for.
        assert_eq!(line(69, now).admits(None, PACE, now), Ok(()));
        assert_eq!(line(70, now).admits(None, PACE, now), Err(Why::QueueFull));
        assert_eq!(line(70, now).admits(None, UNKNOWN, now), Ok(()), "nothing can be foreseen");
        assert_eq!(line(20, now).admits(Some(now + 20 * MS), PACE, now), Err(Why::Deadline));
        assert_eq!(line(20, now).admits(Some(now + 22 * MS), PACE, now), Ok(()));
        assert_eq!(line(0, now).admits(Some(now), PACE, now), Err(Why::Deadline));
        assert_eq!(Line::<u64>::new(Duration::ZERO).admits(None, PACE, now), Err(Why::QueueFull));
    }

    #[test]
    fn silence_makes_the_foreseen_wait_longer() {
        let now = Instant::now();
        let line = line(10, now);
        let expected = |after| line.expected(10, PACE, now + after).unwrap();
        assert_eq!(expected(Duration::ZERO), 11 * MS);
        assert_eq!(expected(25 * MS), 11 * MS);
        assert!(expected(40 * MS) > 20 * MS);
        assert_eq!(expected(50 * MS), Duration::MAX);
    }

    #[test]
    fn whoever_was_told_or_has_left_is_no_longer_in_it() {
        let now = Instant::now();
        let mut line = line(3, now);
        assert!(line.leave(1) && !line.leave(1));
        assert_eq!(line.next(), Some(0));
        assert_eq!(line.prospect(0, None, PACE, now), Prospect::Told);
        assert!(matches!(line.prospect(2, None, PACE, now), Prospect::Wait(_)));
        assert_eq!(line.prospect(2, Some(now), PACE, now), Prospect::Leave(Why::Deadline));
        assert_eq!(line.len(), 0);
    }

    proptest! {
        #[test]
        fn everybody_comes_out_once_and_time_never_goes_back(
            steps in proptest::collection::vec((0_u8..5, 0_u64..30), 1..200),
        ) {
            let start = Instant::now();
            let (mut now, mut latest, mut line) = (start, start, Line::new(WAIT));
            let (mut came, mut gone) = (0_u64, std::collections::HashSet::new());
            for (deed, time) in steps {
                now = line.at(start + Duration::from_millis(time * came.min(10)), PACE).max(now);
                prop_assert!(now >= latest);
                latest = now;
                let out = match deed {
                    0 | 1 => {
                        line.join(came, now);
                        came += 1;
                        vec![]
                    }
                    2 => line.next().into_iter().collect(),
                    3 => line.overdue(now),
                    _ => {
                        let number = came / 2;
                        let is_gone = matches!(line.prospect(number, None, PACE, now), Prospect::Leave(_));
                        if is_gone { vec![number] } else { vec![] }
                    }
                };
                for number in out {
                    prop_assert!(number < came && gone.insert(number));
                }
                prop_assert_eq!(line.len() + gone.len(), usize::try_from(came).unwrap());
            }
        }
    }
}
