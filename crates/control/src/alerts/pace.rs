//! How long is waited for whoever is told, and when they are told again.

use std::time::Duration;

/// How sending is paced.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// For one try, from the connection to the answer.
    pub(crate) timeout: Duration,
    /// Before the second try; each further wait is twice as long.
    pub(crate) first: Duration,
    /// Between two tries at most.
    pub(crate) longest: Duration,
    /// After what happened; then it is given up. What is a day old is no alert any more.
    pub(crate) whole: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(5),
            first: Duration::from_secs(1),
            longest: Duration::from_secs(600),
            whole: Duration::from_secs(24 * 3600),
        }
    }
}

impl Pace {
    /// How long to wait after a failed try, when `before` have failed already: at least as long as they `asked` for, within the
    /// longest. `None` when what happened is `age` ago, which is too long.
    pub(crate) fn wait(&self, before: u32, asked: Option<Duration>, age: Duration) -> Option<Duration> {
        let own = self.first.saturating_mul(2u32.saturating_pow(before));
        let wait = own.max(asked.unwrap_or_default()).min(self.longest);
        (age.saturating_add(wait) <= self.whole).then_some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let pace = Pace::default();
        let waits: Vec<_> = [0, 1, 2, 9, 10, 31, 32, u32::MAX]
            .map(|tries| pace.wait(tries, None, Duration::ZERO).unwrap().as_secs())
            .into();
        assert_eq!(waits, [1, 2, 4, 512, 600, 600, 600, 600]);
    }

    #[test]
    fn who_asks_to_be_left_alone_is_for_ten_minutes_at_most() {
        let wait = |tries, asked| {
            Pace::default().wait(tries, Some(Duration::from_secs(asked)), Duration::ZERO).unwrap().as_secs()
        };
        assert_eq!([wait(0, 30), wait(9, 30), wait(0, 0), wait(0, 86_400)], [30, 512, 1, 600]);
    }

    #[test]
    fn it_is_given_up_after_a_day() {
        let pace = Pace::default();
        assert!(pace.wait(20, None, Duration::from_secs(23 * 3600)).is_some());
        assert!(pace.wait(20, None, Duration::from_secs(24 * 3600 - 1)).is_none());
        assert!(pace.wait(0, None, Duration::MAX).is_none());
    }
}
