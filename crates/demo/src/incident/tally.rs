//! What became of the requests, second by second. Knows no clock: times are handed to it.

use std::time::Duration;

use super::story::{Phase, Story};
use crate::traffic::Times;

/// How a request ended for whoever made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// 200 within the caller's patience.
    Good,
    /// 429 or 503: turned away at once.
    Refused,
    /// Anything else, giving up included.
    Failed,
}

/// One second. Requests belong to the second in which they were due, ends to the one in which they came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Requests that were due.
    pub offered: u32,
    /// Good answers.
    pub good: u32,
    /// Refusals.
    pub refused: u32,
    /// Everything else.
    pub failed: u32,
    /// 99 % of the good answers came within this time of when they were due; `None` when there were none.
    pub p99: Option<Duration>,
}

impl Row {
    /// All of some seconds; without a latency, which cannot be added up.
    pub(super) fn sum(rows: &[Self]) -> Self {
        rows.iter().fold(Self::default(), |sum, row| Self {
            offered: sum.offered + row.offered,
            good: sum.good + row.good,
            refused: sum.refused + row.refused,
            failed: sum.failed + row.failed,
            p99: None,
        })
    }
}

/// What became of the requests of one kind of caller.
#[derive(Debug)]
pub(super) struct Tally {
    story: Story,
    /// By second; the last one is under way.
    rows: Vec<Row>,
    second: Times,
    phases: [Times; 4],
}

impl Tally {
    pub(super) fn new(story: Story) -> Self {
        let phases = Phase::ALL.map(|_| Times::new());
        Self { story, rows: vec![Row::default()], second: Times::new(), phases }
    }

    /// A request is due.
    pub(super) fn offered(&mut self, due: Duration) {
        self.turn(due).offered += 1;
    }

    /// A request that was due at one time ended at another.
    pub(super) fn ended(&mut self, due: Duration, now: Duration, end: End) {
        let row = self.turn(now);
        match end {
            End::Refused => row.refused += 1,
            End::Failed => row.failed += 1,
            End::Good => {
                row.good += 1;
                let took = now.saturating_sub(due);
                self.second.record(took);
                self.phases[self.story.phase(now) as usize].record(took);
            }
        }
    }

    /// The seconds that are over.
    pub(super) fn rows(&mut self, now: Duration) -> Vec<Row> {
        self.turn(now);
        let mut rows = self.rows.clone();
        rows.pop();
        rows
    }

    /// 99 % of the good answers of a phase came within this time; `None` when there were none.
    pub(super) fn p99(&self, phase: Phase) -> Option<Duration> {
        let p99 = self.phases[phase as usize].latency().p99;
        (p99 > Duration::ZERO).then_some(p99)
    }

    /// The row of a time, after ending those before it. What comes late counts for the second under way.
    fn turn(&mut self, now: Duration) -> &mut Row {
        let over = self.rows.len();
        while self.rows.len() as u64 <= now.as_secs() {
            self.rows.push(Row::default());
        }
        if self.rows.len() > over {
            let ended = &mut self.rows[over - 1];
            ended.p99 = (ended.good > 0).then(|| self.second.latency().p99);
            self.second.clear();
        }
        let last = self.rows.len() - 1;
        &mut self.rows[last]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incident::story::Size;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn ends_count_for_the_second_in_which_they_came() {
        let mut tally = Tally::new(Story::new(Size::Quarter));
        (0..3).for_each(|n| tally.offered(ms(n * 100)));
        tally.ended(ms(0), ms(40), End::Good);
        tally.offered(ms(1_100));
        tally.ended(ms(100), ms(1_200), End::Refused);
        tally.ended(ms(200), ms(5_200), End::Failed);
        let rows = tally.rows(ms(6_000));
        assert_eq!(rows.len(), 6);
        let p99 = rows[0].p99.unwrap();
        assert!((39..=41).contains(&p99.as_millis()), "{p99:?}");
        assert_eq!(rows[0], Row { offered: 3, good: 1, p99: Some(p99), ..Row::default() });
        assert_eq!(rows[1], Row { offered: 1, refused: 1, ..Row::default() });
        assert_eq!(rows[5], Row { failed: 1, ..Row::default() });
        assert_eq!(Row::sum(&rows), Row { offered: 4, good: 1, refused: 1, failed: 1, p99: None });
    }

    #[test]
    fn the_second_under_way_is_not_shown() {
        let mut tally = Tally::new(Story::new(Size::Quarter));
        tally.offered(ms(999));
        assert_eq!(tally.rows(ms(999)), []);
        assert_eq!(tally.rows(ms(1_000)).len(), 1);
    }

    #[test]
    fn latencies_are_those_of_their_second_and_of_their_phase() {
        let mut tally = Tally::new(Story::new(Size::Quarter));
        tally.ended(ms(0), ms(900), End::Good);
        tally.ended(ms(1_000), ms(1_050), End::Good);
        let rows = tally.rows(ms(2_000));
        let [first, second] = [0, 1].map(|second: usize| rows[second].p99.unwrap().as_millis());
        assert!((899..=901).contains(&first) && (49..=51).contains(&second), "{first} {second}");
        assert!(tally.p99(Phase::Calm).is_some_and(|p99| p99 >= ms(899)));
        assert_eq!(tally.p99(Phase::After), None);
    }
}
