//! Slowness, moment by moment.
//!
//! Errors come one by one; slow answers come together. A process that stops for a tenth of a second makes thirty answers slow
//! at once, all of one side. To take each of them for a draw of its own would be to win the same bet thirty times, and
//! nobody's chance of being wrong would be what it is said to be. So it is not the answers that are bet on but the moments:
//! in each, the share of slow answers of the candidate against that of the control.
//!
//! ```text
//! excess = (min(candidate's share, 5 %) - min(control's share, 5 %)) / 5 %       -1 to 1
//! a bet of stake s is multiplied by 1 + s * excess
//! ```
//!
//! If both sides are slow alike, however long and however seldom they stop, the expected excess is not above 0. Cutting
//! shares off keeps it so: of two shares with the same mean, cutting takes more from the one that scatters more, which is
//! that of fewer answers, and the candidate is never counted more often than the control. What was slow in one moment,
//! be it a single answer or all of them, is one bet won; and because what stops does so on all routes at once, the routes of
//! a unit are taken together.

use std::time::Duration;

use super::Count;
use crate::{Millis, Side, Sides};

/// A moment lasts at least so long: longer than what is called a hiccup.
const LASTS: Duration = Duration::from_millis(250);
/// And until each side has answered so often.
const ANSWERS: u64 = 20;
/// More than this share of slow answers is no worse than this.
const MOST: f64 = 0.05;

/// The moment that goes on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Moment {
    began: Option<Millis>,
    slow: Sides<Count>,
}

impl Moment {
    /// An answer came. The excess of the moment that is over with that, if one is; the answer belongs to the next.
    pub(crate) fn add(&mut self, side: Side, slow: bool, now: Millis) -> Option<f64> {
        let began = *self.began.get_or_insert(now);
        let is_over =
            now.since(began) >= LASTS && self.slow.candidate.of.min(self.slow.control.of) >= ANSWERS;
        let excess = is_over.then(|| self.excess());
        if is_over {
            *self = Self { began: Some(now), slow: Sides::default() };
        }
        // Which of the candidate's answers count is known before they are.
        if side == Side::Control || self.slow.candidate.of <= self.slow.control.of {
            self.slow.of_mut(side).add(slow);
        }
        excess
    }

    fn excess(&self) -> f64 {
        let cut = |count: Count| count.share().unwrap_or_default().min(MOST);
        (cut(self.slow.candidate) - cut(self.slow.control)) / MOST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One moment: how often each side answers, and which of the answers are slow.
    fn moment(candidate: impl Fn(u64) -> bool, control: impl Fn(u64) -> bool) -> f64 {
        let mut moment = Moment::default();
        for at in 0..240 {
            assert_eq!(moment.add(Side::Control, control(at), Millis(at)), None);
            if at % 6 == 0 {
                assert_eq!(moment.add(Side::Candidate, candidate(at / 6), Millis(at)), None);
            }
        }
        moment.add(Side::Control, false, Millis(250)).unwrap()
    }

    #[test]
    fn a_moment_is_one_bet_however_many_answers_are_slow_in_it() {
        let (never, always) = (|_| false, |_| true);
        assert_eq!(moment(never, never), 0.0);
        assert_eq!(moment(always, never), 1.0);
        assert_eq!(moment(never, always), -1.0);
        assert_eq!(moment(always, always), 0.0);
        assert_eq!(moment(|number| number < 2, never), 1.0, "2 of 40 are as much as is counted");
        assert!(
            (moment(|number| number == 0, |number| number < 3) - 0.25).abs() < 1e-9,
            "2.5 % against 1.25 %"
        );
    }

    #[test]
    fn a_moment_lasts_and_has_answers_of_both() {
        let mut moment = Moment::default();
        for at in 0..10_000 {
            assert_eq!(moment.add(Side::Control, at % 2 == 0, Millis(at)), None, "nobody else answered");
        }
        let mut moment = Moment::default();
        for number in 0..1_000 {
            let side = if number % 2 == 0 { Side::Candidate } else { Side::Control };
            assert_eq!(moment.add(side, true, Millis(number / 5)), None, "a hiccup goes on");
        }
    }

    #[test]
    fn the_candidate_is_never_counted_more_often() {
        let mut moment = Moment::default();
        for at in 0..1_000 {
            if at % 20 == 0 && moment.add(Side::Control, false, Millis(at)).is_some() {
                continue;
            }
            assert_eq!(moment.add(Side::Candidate, true, Millis(at)).map(f64::signum).unwrap_or(1.0), 1.0);
            assert!(moment.slow.candidate.of <= moment.slow.control.of + 1);
        }
    }
}
