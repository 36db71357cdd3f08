//! From a YAML file to an immutable [`plan::Plan`].
pub mod pattern;
pub mod plan;
pub mod source;
