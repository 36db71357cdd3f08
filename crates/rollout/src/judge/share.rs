//! The candidate's share of the requests.
//!
//! It decides whose the next failure would be if both failed alike, so it must be known before that failure. The
//! configured percentage is a share of *subjects*, and one who asks a hundred times as often as others moves the share of
//! requests. So requests are counted, beginning with a few that the percentage would give.
//!
//! Why that is sound: let the unknown share be drawn from Beta(a, b), with a and b in the proportion of the percentage. Then
//! (a + candidate's) / (a + b + all) is exactly the chance that the next request is the candidate's, given those before
//! it; which request fails next does not depend on its side under equal rates; so the expected factor of the next failure
//! is exactly 1, and the bets are a fair game.
//!
//! A share moves when heavy users come and go. So it is counted twice, with a long memory and with a short one, and the
//! *larger* share is taken: every factor, the candidate's as well as the control's, gets smaller as the share gets larger,
//! so a share that is too large can only make the evidence smaller. One that is too small lasts for as long as the short
//! memory needs: a hundred requests of the candidate or so. What that and the error of counting do is in the simulated rate
//! of false rollbacks.

use banyan_flags::Percent;

use crate::Side;

/// How many requests of the side that is asked less often the percentage counts as.
const BELIEF: f64 = 16.0;
/// With so many of that side, half of everything is forgotten: by the long memory, which knows the share to some 4 %...
const LONG: f64 = 1024.0;
/// ... and by the short one.
const SHORT: f64 = 128.0;

/// Requests of each side.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Share {
    long: Counts,
    short: Counts,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Counts {
    candidate: f64,
    control: f64,
}

impl Share {
    /// Nothing but the percentage is known.
    pub(crate) fn expected(percent: Percent) -> Self {
        let ratio = percent.ratio();
        let rarer = ratio.min(1.0 - ratio);
        let all = if rarer > 0.0 { BELIEF / rarer } else { BELIEF };
        let counts = Counts { candidate: all * ratio, control: all * (1.0 - ratio) };
        Self { long: counts, short: counts }
    }

    /// The chance that the next request is the candidate's.
    pub(crate) fn of_candidate(&self) -> f64 {
        self.long.of_candidate().max(self.short.of_candidate())
    }

    /// One more.
    pub(crate) fn count(&mut self, side: Side) {
        self.long.count(side, LONG);
        self.short.count(side, SHORT);
    }
}

impl Counts {
    fn of_candidate(&self) -> f64 {
        self.candidate / (self.candidate + self.control)
    }

    fn count(&mut self, side: Side, enough: f64) {
        match side {
            Side::Candidate => self.candidate += 1.0,
            Side::Control => self.control += 1.0,
        }
        if self.candidate.min(self.control) >= enough {
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
        let heavy = play(20, 6_000);
        assert!((heavy - 0.05).abs() < 0.01, "soon: {heavy}");
        let usual = play(100, 500_000);
        assert!((usual - 0.01).abs() < 0.001, "{usual}");
    }
}
