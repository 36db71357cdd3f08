//! What an alert says.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What is told about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Occasion {
    /// The replacement was worse, and everybody is back on legacy.
    RolledBack,
    /// It should have been rolled back, but what people wrote would have been lost: somebody has to decide.
    RollbackRefused,
    /// The rollout holds until a person looks at it.
    Paused,
    /// The last stage has held.
    Complete,
}

/// An alert as it waits in the store: the same for every way of sending it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Letter {
    /// The unit.
    pub(crate) unit: String,
    /// What happened.
    pub(crate) occasion: Occasion,
    /// When, in milliseconds since the epoch, by the clock of the node that made the step.
    pub(crate) at: u64,
    /// The node that made the step.
    pub(crate) node: String,
    /// All that matters, in a sentence or two.
    pub(crate) text: String,
    /// The same for programs.
    pub(crate) details: Value,
}

impl Occasion {
    /// The same word for programs, keys and metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::RolledBack => "rolled_back",
            Self::RollbackRefused => "rollback_refused",
            Self::Paused => "paused",
            Self::Complete => "complete",
        }
    }

    /// A few words for the subject of a mail.
    pub(crate) const fn headline(self) -> &'static str {
        match self {
            Self::RolledBack => "rolled back",
            Self::RollbackRefused => "rollback refused, somebody has to decide",
            Self::Paused => "paused, waiting for somebody",
            Self::Complete => "complete",
        }
    }
}

impl Letter {
    /// As it is kept.
    pub(crate) fn to_text(&self) -> String {
        json!(self).to_string()
    }

    /// Reads what [`Self::to_text`] wrote; `None` when another version of the program wrote it otherwise.
    pub(crate) fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The body of a webhook: `text` is what Slack and those that took its form over show, the rest is for programs.
    pub(crate) fn to_webhook(&self) -> Value {
        let Self { unit, occasion, at, node, text, details } = self;
        let event = json!({
            "unit": unit, "event": occasion.as_str(), "at_ms": at, "node": node, "details": details,
        });
        json!({ "text": text, "banyan": event })
    }

    /// The subject of a mail.
    pub(crate) fn subject(&self) -> String {
        format!("[banyan] {}: {}", self.unit, self.occasion.headline())
    }

    /// How long ago it happened; zero for one that seems to come from the future.
    pub(crate) fn age(&self, now: SystemTime) -> Duration {
        now.duration_since(SystemTime::UNIX_EPOCH + Duration::from_millis(self.at)).unwrap_or_default()
    }
}

#[cfg(test)]
pub(crate) fn example(unit: &str) -> Letter {
    Letter {
        unit: unit.to_owned(),
        occasion: Occasion::RolledBack,
        at: 1_000,
        node: "gw-1".to_owned(),
        text: format!("{unit}: rolled back from 5 % to 0 %"),
        details: json!({ "from": "5%", "to": "0%" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_wrote_and_nothing_else() {
        let letter = example("articles");
        assert_eq!(Letter::read(&letter.to_text()), Some(letter));
        assert_eq!(Letter::read("{}"), None);
    }

    #[test]
    fn a_webhook_gets_what_people_read_and_what_programs_do() {
        let body = example("articles").to_webhook();
        assert_eq!(body["text"], "articles: rolled back from 5 % to 0 %");
        assert_eq!(
            (&body["banyan"]["event"], &body["banyan"]["unit"]),
            (&json!("rolled_back"), &json!("articles"))
        );
        assert_eq!(body["banyan"]["details"]["from"], "5%");
    }

    #[test]
    fn a_clock_that_is_ahead_makes_no_letter_old() {
        let at = |ms| SystemTime::UNIX_EPOCH + Duration::from_millis(ms);
        assert_eq!(example("a").age(at(4_000)), Duration::from_secs(3));
        assert_eq!(example("a").age(at(0)), Duration::ZERO);
    }
}
