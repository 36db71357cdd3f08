//! What the service answers.

use serde::{Deserialize, Serialize};

use super::data::User;

/// A profile, joined from three parts. It says itself what it lacks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Profile {
    pub(crate) user: User,
    /// Empty when they are missing, so that whoever shows them needs no special case.
    pub(crate) recommendations: Vec<String>,
    /// Empty when they are missing.
    pub(crate) reviews: Vec<String>,
    /// Names of the parts that could not be had.
    pub(crate) missing: Vec<String>,
    /// Names of the parts that are from before.
    pub(crate) stale: Vec<String>,
    /// Whether nothing is missing and nothing stale.
    pub(crate) complete: bool,
}

/// Name of a part, as `missing` has it.
pub(crate) const RECOMMENDATIONS: &str = "recommendations";
/// Name of a part, as `missing` has it.
pub(crate) const REVIEWS: &str = "reviews";
/// Name of a part, as `stale` has it.
pub(crate) const USER: &str = "user";
