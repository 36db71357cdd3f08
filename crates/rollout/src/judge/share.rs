//! The candidate's share of the requests.
//!
//! It decides whose the next failure would be if both failed alike, so it must be known before that failure. The
//! configured percentage is a share of *subjects*, and one who asks a hundred times as often as others moves the share of
//! requests. So requests are counted, beginning with a few that the percentage would give.
//!
//! Why that is sound: let the unknown share be drawn from Beta(a, b), with a and b in the proportion of the percentage. Then
//! (a + candidate's) / (a + b + all) is exactly the chance that the next request is the candidate's, given those before
//! it; which request fails next does not depend on its side under equal rates; so the expected factor of the next failure
//! is exactly 1, and the bets are a fair game. A share that moves (heavy users come and go) is followed by forgetting: when
//! the side that is asked less often has 1,024, half of everything is forgotten. What is left of the error is a few percent
//! of the share, of either sign; the simulated rate of false rollbacks has it in.

use banyan_flags::Percent;

use crate::Side;

/// How many requests of the side that is asked less often the percentage counts as.
const BELIEF: f64 = 4.0;
/// With so many of it, half is forgotten. The share is known to 1/sqrt(512), some 4 %.
const ENOUGH: f64 = 1024.0;

/// Requests of each side.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Share {
    candidate: f64,
    control: f64,
}

impl Share {
    /// Nothing but the percentage is known.
    pub(crate) fn expected(percent: Percent) -> Self {
        let ratio = percent.ratio();
        let rarer = ratio.min(1.0 - ratio);
        let all = if rarer > 0.0 { BELIEF / rarer } else { BELIEF };
        Self { candidate: all * ratio, control: all * (1.0 - ratio) }
    }

    /// The chance that the next request is the candidate's.
    pub(crate) fn of_candidate(self) -> f64 {
        self.candidate / (self.candidate + self.control)
    }

    /// One more.
    pub(crate) fn count(&mut self, side: Side) {
        match side {
            Side::Candidate => self.candidate += 1.0,
            Side::Control => self.control += 1.0,
        }
        if self.candidate.min(self.control) >= ENOUGH {
            self.candidate *= 0.5;
            self.control *= 0.5;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn percent(points: u16) -> Percent {
        Percent::from_basis_points(points).unwrap()
    }

    #[test]
    fn it_begins_with_the_percentage() {
        for points in [0, 1, 100, 5_000, 9_999, 10_000] {
            let share = Share::expected(percent(points)).of_candidate();
            assert!((share - f64::from(points) / 10_000.0).abs() < 1e-12, "{points}: {share}");
        }
    }

    #[test]
    fn heavy_users_are_seen_and_forgotten() {
        let mut share = Share::expected(percent(100));
        let mut play = |every: u32, requests: u32| {
            (0..requests).for_each(|n| {
                share.count(if n.is_multiple_of(every) { Side::Candidate } else { Side::Control });
            });
            share.of_candidate()
        };
        let heavy = play(20, 20_000);
        assert!((heavy - 0.05).abs() < 0.003, "{heavy}");
        let usual = play(100, 500_000);
        assert!((usual - 0.01).abs() < 0.001, "{usual}");
    }
}
