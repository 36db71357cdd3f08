//! Says where two answers differ, by JSON path, and which of the differences are more than noise.
//!
//! A replacement is trusted when its answers equal those of the legacy system, and text equality asks too much: key
//! order, `1` against `1.0` or a fresh timestamp are no defects. So bodies are compared as JSON, path by path, with
//! [`Rules`] for paths that may differ; and what differs is held against how much the control differs from itself
//! ([`Noise`]), so that nobody has to write a rule for every timestamp.
//!
//! - [`compare`] compares two answers, a [`Triple`] three: the control's, the control's once more, the candidate's.
//! - [`Noise`] counts triples per path and says which paths surely differ, with a bounded rate of false alarms.
//! - [`Report`] keeps with it since when, at which stage, and how to see it oneself.
//!
//! Pure and bounded: no clock, no network, no randomness, at most [`MAX_DIFFERENCES`] per pair and [`MAX_SPOTS`] per
//! half of a triple, and any bytes are accepted. Arrays are written as `*` in reported paths, so the number of
//! distinct paths depends on the shape of the data and not on its length.
mod align;
mod answer;
mod difference;
mod hash;
mod ids;
mod media;
mod node;
pub mod noise;
mod number;
mod pattern;
pub mod report;
pub mod rules;
mod show;
mod walk;

pub use answer::{Answer, Compared, Reply, Triple, compare};
pub use difference::{
    Difference, DifferenceKind, MAX_DIFFERENCES, MAX_PATH_CHARS, MAX_SPOTS, Spot, SpotError,
};
pub use ids::{DEFAULT_IDS, Ids, System};
pub use noise::{Differs, Mismatch, Noise};
pub use pattern::{PathPattern, PathPatternError};
pub use report::{Moment, Report, Request, Row, Sample};
pub use rules::{FieldError, Rule, RuleError, RuleFault, RuleKind, Rules};
pub use show::{MAX_SHOWN_CHARS, redact, shown};
