//! Says where two answers differ, by JSON path.
//!
//! A replacement is trusted when its answers equal those of the legacy system, and text equality asks too much: key
//! order, `1` against `1.0` or a fresh timestamp are no defects. So bodies are compared as JSON, path by path, with
//! [`Rules`] for paths that may differ.
//!
//! Pure and bounded: no clock, no network, at most [`MAX_DIFFERENCES`] per pair, and any bytes are accepted. Arrays
//! are written as `*` in reported paths, so the number of distinct paths depends on the shape of the data and not
//! on its length.
mod answer;
mod difference;
mod media;
mod node;
mod number;
mod pattern;
mod show;
mod walk;

pub use answer::{Answer, compare};
pub use difference::{Difference, DifferenceKind, MAX_DIFFERENCES, MAX_PATH_CHARS};
pub use pattern::{PathPattern, PathPatternError, Rules};
pub use show::{MAX_SHOWN_CHARS, redact, shown};
