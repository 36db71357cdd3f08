//! Who gets what: percentages, sticky buckets, flags, and the evaluation of flags for a context.
//!
//! Pure: no clock, no network, no randomness. Every node of a fleet, and every restart, answers alike. The model is
//! OpenFeature's (flag, variant, reason, targeting key, error code; <https://openfeature.dev/specification/types>), so
//! that providers of any language understand what is said here. `docs/flags.md` has the shapes and a worked example.
mod bucket;
mod canonical;
mod condition;
mod context;
mod definition;
mod evaluation;
mod fault;
mod kind;
mod overlap;
mod percent;
mod read;
mod scalar;
mod set;
mod split;
mod unit;
mod write;

pub use bucket::{BUCKETS, Bucket};
pub use canonical::combine;
pub use condition::{Condition, Range, Test};
pub use context::{
    Context, ContextError, MAX_ATTRIBUTE_PATH, MAX_ATTRIBUTES, MAX_CONTEXT_BYTES, MAX_CONTEXT_DEPTH,
};
pub use definition::{Definition, Overlap, Prerequisite, Segment, Serve, Variant};
pub use evaluation::{ErrorCode, Evaluation, EvaluationError, Reason};
pub use fault::Fault;
pub use kind::Kind;
pub use percent::{Percent, PercentError};
pub use read::UNIT_PREFIX;
pub use scalar::{Number, Scalar};
pub use set::{FlagSet, SetFault};
pub use split::{Share, Split};
pub use unit::UnitFlag;
