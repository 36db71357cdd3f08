//! Which side of a unit a request goes to.

use std::{fmt::Write as _, sync::Arc};

use banyan_config::plan::{Unit, UnitId, UpstreamId};
use banyan_flags::{Bucket, Percent};
use http::HeaderValue;

/// Which system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The old one.
    Legacy,
    /// The new one.
    Replacement,
}

impl Side {
    /// Label and header value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Legacy => "legacy",
            Self::Replacement => "replacement",
        }
    }
}

/// Why that side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The subject's bucket and the unit's percentage.
    Percent,
    /// The replacement failed and legacy answered.
    Fallback,
}

impl Reason {
    /// Label and header value.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Percent => "percent",
            Self::Fallback => "fallback",
        }
    }
}

/// A side and how it came about.
#[derive(Clone, Debug)]
pub struct Decision {
    /// Index of the unit.
    pub unit: UnitId,
    /// Its name.
    pub name: Arc<str>,
    /// Who is asked, and in the end who answered.
    pub side: Side,
    /// Why.
    pub reason: Reason,
    /// The subject's bucket.
    pub bucket: Bucket,
    /// Whether the answer says so.
    pub(crate) shown: bool,
}

impl Decision {
    /// Decides for a subject at a percentage. Pure: the same on every node, and after a restart.
    #[must_use]
    pub fn make(id: UnitId, unit: &Unit, percent: Percent, subject: &str) -> Self {
        let bucket = Bucket::of(&unit.salt, subject);
        let side = if percent.contains(bucket) { Side::Replacement } else { Side::Legacy };
        Self {
            unit: id,
            name: unit.name.clone(),
            side,
            reason: Reason::Percent,
            bucket,
            shown: unit.side_header,
        }
    }

    /// The upstream of a side.
    #[must_use]
    pub const fn upstream(unit: &Unit, side: Side) -> UpstreamId {
        match side {
            Side::Legacy => unit.legacy,
            Side::Replacement => unit.replacement,
        }
    }

    /// `articles;side=replacement;reason=percent;bucket=412`, a structured field (RFC 9651).
    pub(crate) fn header(&self) -> Option<HeaderValue> {
        if !self.shown {
            return None;
        }
        let mut text = String::with_capacity(64);
        // Names of units hold nothing that a token of a structured field may not, but may begin with a digit.
        if self.name.starts_with(|c: char| c.is_ascii_digit()) {
            write!(text, "\"{}\"", self.name).ok()?;
        } else {
            text.push_str(&self.name);
        }
        write!(
            text,
            ";side={};reason={};bucket={}",
            self.side.as_str(),
            self.reason.as_str(),
            self.bucket.index()
        )
        .ok()?;
        HeaderValue::from_str(&text).ok()
    }
}
