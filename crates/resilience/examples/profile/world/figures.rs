//! What came of all requests together.

use std::time::Duration;

use super::judge::Ending;

/// What came of all requests to one service.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    /// The right user, with everything.
    pub(crate) complete: usize,
    /// The right user, and what is missing is named.
    pub(crate) marked: usize,
    /// An error, or no answer.
    pub(crate) failed: usize,
    /// An answer that is not true.
    pub(crate) wrong: usize,
    /// How long the answers with the right user took.
    times: Vec<Duration>,
}

impl Figures {
    /// Counts one more.
    pub(crate) fn add(&mut self, ending: Ending, took: Duration) {
        match ending {
            Ending::Complete => self.complete += 1,
            Ending::Marked => self.marked += 1,
            Ending::Failed => self.failed += 1,
            Ending::Wrong => self.wrong += 1,
        }
        if matches!(ending, Ending::Complete | Ending::Marked) {
            self.times.push(took);
        }
    }

    /// Requests that were answered with the right user.
    pub(crate) const fn right_user(&self) -> usize {
        self.complete + self.marked
    }

    /// Requests.
    pub(crate) const fn all(&self) -> usize {
        self.right_user() + self.failed + self.wrong
    }

    /// The time within which so many per cent of the right answers came. `None` when there was none.
    pub(crate) fn percentile(&self, percent: usize) -> Option<Duration> {
        let mut times = self.times.clone();
        times.sort_unstable();
        let rank = (times.len() * percent).div_ceil(100).max(1);
        times.get(rank - 1).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_the_right_answers_alone() {
        let mut figures = Figures::default();
        assert_eq!(figures.percentile(50), None);
        for millis in (1..=200).rev() {
            let ending = if millis % 2 == 0 { Ending::Complete } else { Ending::Marked };
            figures.add(ending, Duration::from_millis(millis));
            figures.add(Ending::Failed, Duration::ZERO);
            figures.add(Ending::Wrong, Duration::ZERO);
        }
        let millis = |percent| figures.percentile(percent).map(|time| time.as_millis());
        assert_eq!((millis(50), millis(99), millis(100)), (Some(100), Some(198), Some(200)));
        assert_eq!(
            (figures.right_user(), figures.failed, figures.wrong, figures.all()),
            (200, 200, 200, 600)
        );
    }
}
