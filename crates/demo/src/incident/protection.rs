//! What the gateway does for the database, as its metrics say it.

use std::fmt;

/// What protects an upstream right now, and what it did so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Protection {
    /// Calls that may be under way at once; `None` without a limit.
    pub limit: Option<u32>,
    /// `closed`, `open` or `half-open`; `None` without a breaker.
    pub breaker: Option<String>,
    /// Calls refused by the concurrency limit since the start.
    pub by_limit: u64,
    /// Calls refused by the breaker since the start.
    pub by_breaker: u64,
}

impl Protection {
    /// Reads what Prometheus text says about an upstream. What it does not say stays empty.
    #[must_use]
    pub fn read(metrics: &str, upstream: &str) -> Self {
        let upstream = format!("upstream=\"{upstream}\"");
        let mut found = Self::default();
        for line in metrics.lines() {
            let Some((name, rest)) = line.split_once('{') else { continue };
            let Some((labels, value)) = rest.split_once("} ") else { continue };
            if !labels.split(',').any(|label| label == upstream) {
                continue;
            }
            let label = |name: &str| labels.split(',').find_map(|label| label.strip_prefix(name));
            match name {
                "banyan_concurrency_limit" => found.limit = whole(value).and_then(|n| u32::try_from(n).ok()),
                "banyan_breaker_state" if whole(value) == Some(1) => {
                    found.breaker = label("state=").map(|state| state.trim_matches('"').to_owned());
                }
                "banyan_shed_total" => match label("reason=") {
                    Some("\"limit\"") => found.by_limit = whole(value).unwrap_or(0),
                    Some("\"breaker\"") => found.by_breaker = whole(value).unwrap_or(0),
                    _ => {}
                },
                _ => {}
            }
        }
        found
    }
}

impl fmt::Display for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.limit {
            Some(limit) => write!(f, "lets {limit} at once at the database")?,
            None => f.write_str("lets everybody at the database")?,
        }
        match &self.breaker {
            Some(state) => write!(f, ", breaker {state}"),
            None => f.write_str(", no breaker"),
        }
    }
}

/// `12` and `12.0`.
fn whole(value: &str) -> Option<u64> {
    value.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const METRICS: &str = "# HELP banyan_shed Calls refused.
# TYPE banyan_shed counter
banyan_shed_total{upstream=\"database\",reason=\"limit\"} 1234
banyan_shed_total{upstream=\"database\",reason=\"breaker\"} 56
banyan_shed_total{upstream=\"other\",reason=\"limit\"} 9
banyan_breaker_state{upstream=\"database\",state=\"closed\"} 0.0
banyan_breaker_state{upstream=\"database\",state=\"half-open\"} 1.0
banyan_breaker_state{upstream=\"other\",state=\"open\"} 1.0
banyan_concurrency_limit{upstream=\"database\"} 12.0
banyan_concurrency_limit{upstream=\"other\"} 99.0
# EOF
";

    #[test]
    fn only_the_upstream_that_is_asked_for_is_read() {
        let found = Protection::read(METRICS, "database");
        let expected = Protection {
            limit: Some(12),
            breaker: Some("half-open".to_owned()),
            by_limit: 1_234,
            by_breaker: 56,
        };
        assert_eq!(found, expected);
        assert_eq!(found.to_string(), "lets 12 at once at the database, breaker half-open");
    }

    #[test]
    fn what_is_not_said_is_not_made_up() {
        let found = Protection::read(METRICS, "base");
        assert_eq!(found, Protection::default());
        assert_eq!(found.to_string(), "lets everybody at the database, no breaker");
    }
}
