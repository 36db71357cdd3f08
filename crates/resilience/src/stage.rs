//! The order of the patterns, in words. [`Caller`](crate::Caller) is the code that follows it.

use std::fmt;

/// A step that a call goes through, outermost first.
///
/// Why this order and no other:
/// - **Deadline** outermost: one per caller. Whatever happens further in, the caller is answered by then.
/// - **Fallback** outside cache and coalescing: a substitute is never stored as if it were good, nor shared, and never
///   hides retries.
/// - **Cache** before coalescing: a hit takes no lock of a flight. Both are passed by calls without a key.
/// - **Coalescing** outside the retry: those who wait for a fetch wait for all of its attempts, and pay for them once.
/// - **Retry** outside the breaker: every attempt is counted, a refusal by an open breaker is not tried again, and no
///   permit is held during a backoff.
/// - **Breaker** outside the limit: what a limit refuses says nothing about the dependency's health.
/// - **Hedge** inside breaker and limit: a second leg takes a free place or none, and the breaker sees one outcome.
/// - **Timeout** innermost: it does not run while an attempt waits for a place (the deadline does), and is a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// How long the caller waits in all.
    Deadline,
    /// A substitute for an answer that does not come.
    Fallback,
    /// Answers of before.
    Cache,
    /// One fetch for identical calls.
    Coalesce,
    /// Another attempt.
    Retry,
    /// Whether the dependency is asked at all.
    Breaker,
    /// Fewer calls to a dependency that refuses them.
    Throttle,
    /// As many calls at once as the dependency can serve.
    Limit,
    /// A second leg when the first is slow.
    Hedge,
    /// How long one leg may take.
    Timeout,
}

impl Stage {
    /// All stages, outermost first.
    pub const ORDER: [Self; 10] = [
        Self::Deadline,
        Self::Fallback,
        Self::Cache,
        Self::Coalesce,
        Self::Retry,
        Self::Breaker,
        Self::Throttle,
        Self::Limit,
        Self::Hedge,
        Self::Timeout,
    ];

    /// Its name in explanations and labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deadline => "deadline",
            Self::Fallback => "fallback",
            Self::Cache => "cache",
            Self::Coalesce => "coalesce",
            Self::Retry => "retry",
            Self::Breaker => "breaker",
            Self::Throttle => "throttle",
            Self::Limit => "limit",
            Self::Hedge => "hedge",
            Self::Timeout => "timeout",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_that_of_the_type_and_complete() {
        assert!(Stage::ORDER.is_sorted());
        assert_eq!(Stage::ORDER.last().map(|last| *last as usize + 1), Some(Stage::ORDER.len()));
    }
}
