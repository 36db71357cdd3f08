//! One kept value, and what it is good for at a given time.

use std::time::Duration;

use tokio::time::Instant;

use super::early;

/// What a value is to those who ask for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// All that was asked for.
    Complete,
    /// A part of it is missing: better than nothing, and replaced as soon as something complete can be had.
    Degraded,
    /// There is no such thing. What does not exist now may exist soon.
    Negative,
}

/// A kept value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entry<V> {
    /// The value.
    pub value: V,
    /// When it came.
    pub stored_at: Instant,
    /// For how long it is as good as a new one.
    pub fresh_for: Duration,
    /// What it is to those who ask for it.
    pub kind: Kind,
    /// How long it took to get.
    pub recompute: Duration,
    /// For how long after that it is handed out while a new one is fetched (RFC 5861 section 3).
    pub stale_while: Duration,
    /// For how long after that it is handed out when no new one can be had (RFC 5861 section 4).
    pub stale_if_error: Duration,
}

/// What an entry is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// To be handed out.
    Fresh,
    /// To be handed out, and this caller should fetch a new one meanwhile.
    Early,
    /// To be handed out, and a new one to be fetched meanwhile.
    Stale,
    /// To be handed out if no new one can be had.
    OnError,
    /// Nothing.
    Expired,
}

/// What a lookup found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Lookup<V> {
    /// A fresh value.
    Fresh(Entry<V>),
    /// A fresh value; chance has picked this caller to fetch the next.
    Early(Entry<V>),
    /// A value that may be handed out while a new one is fetched.
    Stale(Entry<V>),
    /// A value that may be handed out if no new one can be had.
    OnError(Entry<V>),
    /// Nothing of use.
    Miss,
}

impl<V> Entry<V> {
    /// When it stops being fresh. `None`: beyond the clock, and so never.
    #[must_use]
    pub fn expiry(&self) -> Option<Instant> {
        self.stored_at.checked_add(self.fresh_for)
    }

    /// What it is good for at `now`, with XFetch's `beta`, for the caller that draws so (see [`early::draw`]). Chance is
    /// asked only where it matters.
    pub fn freshness(&self, now: Instant, beta: f64, draw: impl FnOnce() -> f64) -> Freshness {
        let Some(expiry) = self.expiry() else { return Freshness::Fresh };
        if now < expiry {
            let is_near = expiry.saturating_duration_since(now) <= early::lead(self.recompute, beta);
            let is_due = is_near && early::is_due(now, expiry, self.recompute, beta, draw());
            return if is_due { Freshness::Early } else { Freshness::Fresh };
        }
        let over = now.saturating_duration_since(expiry);
        if over < self.stale_while {
            Freshness::Stale
        } else if over < self.stale_if_error {
            Freshness::OnError
        } else {
            Freshness::Expired
        }
    }

    /// Whether it may be handed out at `now` because no new one can be had.
    #[must_use]
    pub fn serves_on_error(&self, now: Instant) -> bool {
        let longest = self.stale_while.max(self.stale_if_error);
        self.expiry().is_none_or(|expiry| now.saturating_duration_since(expiry) < longest)
    }

    /// Whether another value may take its place at `now`. All may, except something degraded that of something complete
    /// and fresh.
    #[must_use]
    pub fn gives_way_to(&self, other: Kind, now: Instant) -> bool {
        let is_fresh = self.expiry().is_none_or(|expiry| now < expiry);
        !(is_fresh && self.kind == Kind::Complete && other == Kind::Degraded)
    }
}

impl<V> From<(Freshness, Entry<V>)> for Lookup<V> {
    fn from((freshness, entry): (Freshness, Entry<V>)) -> Self {
        match freshness {
            Freshness::Fresh => Self::Fresh(entry),
            Freshness::Early => Self::Early(entry),
            Freshness::Stale => Self::Stale(entry),
            Freshness::OnError => Self::OnError(entry),
            Freshness::Expired => Self::Miss,
        }
    }
}

impl Kind {
    /// One word for labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Degraded => "degraded",
            Self::Negative => "negative",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn entry(kind: Kind) -> Entry<u8> {
        Entry {
            value: 7,
            stored_at: Instant::now(),
            fresh_for: 100 * SECOND,
            kind,
            recompute: SECOND,
            stale_while: 10 * SECOND,
            stale_if_error: 60 * SECOND,
        }
    }

    #[test]
    fn an_entry_is_fresh_then_stale_then_for_errors_only_then_nothing() {
        let entry = entry(Kind::Complete);
        let at =
            |seconds: f64| entry.freshness(entry.stored_at + Duration::from_secs_f64(seconds), 1.0, || 1.0);
        for (seconds, expected) in [
            (0.0, Freshness::Fresh),
            (99.9, Freshness::Fresh),
            (100.0, Freshness::Stale),
            (109.9, Freshness::Stale),
            (110.0, Freshness::OnError),
            (159.9, Freshness::OnError),
            (160.0, Freshness::Expired),
            (1e9, Freshness::Expired),
        ] {
            assert_eq!(at(seconds), expected, "{seconds}");
        }
    }

    #[test]
    fn chance_is_asked_only_near_the_expiry() {
        let entry = entry(Kind::Complete);
        let unasked = || -> f64 { panic!("asked") };
        assert_eq!(entry.freshness(entry.stored_at + 60 * SECOND, 1.0, unasked), Freshness::Fresh);
        assert_eq!(entry.freshness(entry.stored_at + 101 * SECOND, 1.0, unasked), Freshness::Stale);
        assert_eq!(entry.freshness(entry.stored_at + 99 * SECOND, 0.0, unasked), Freshness::Fresh);
        assert_eq!(entry.freshness(entry.stored_at + 99 * SECOND, 1.0, || 0.01), Freshness::Early);
    }

    #[test]
    fn on_an_error_the_longer_of_both_windows_counts() {
        let now = Instant::now();
        let swr_longer = Entry { stale_while: 90 * SECOND, ..entry(Kind::Complete) };
        let at = |seconds: u32| swr_longer.serves_on_error(now + seconds * SECOND);
        assert!(at(0) && at(189) && !at(191));
    }

    #[test]
    fn only_what_is_complete_and_fresh_resists_and_only_to_what_is_degraded() {
        use Kind::{Complete, Degraded, Negative};
        for (old, new, fresh, stale) in [
            (Complete, Complete, true, true),
            (Complete, Degraded, false, true),
            (Complete, Negative, true, true),
            (Degraded, Complete, true, true),
            (Degraded, Degraded, true, true),
            (Degraded, Negative, true, true),
            (Negative, Complete, true, true),
            (Negative, Degraded, true, true),
        ] {
            let entry = entry(old);
            assert_eq!(entry.gives_way_to(new, entry.stored_at + SECOND), fresh, "{old:?} {new:?}");
            assert_eq!(entry.gives_way_to(new, entry.stored_at + 100 * SECOND), stale, "{old:?} {new:?}");
        }
    }

    #[test]
    fn lifetimes_beyond_the_clock_never_end() {
        let entry = Entry { fresh_for: Duration::MAX, ..entry(Kind::Complete) };
        assert_eq!(entry.freshness(entry.stored_at + SECOND, 1.0, || 0.5), Freshness::Fresh);
        assert!(entry.serves_on_error(entry.stored_at));
    }
}
