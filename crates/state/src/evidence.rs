//! What each node has seen of a rollout, as bytes that a store does not look into.
//!
//! An epoch is a span of a rollout that is judged by itself; evidence of one says nothing about the next. Epochs of a unit
//! only grow.

use crate::StoreError;

/// Most bytes of one node's evidence of one unit.
pub const MAX_EVIDENCE_BYTES: usize = 4 * 1024 * 1024;

/// Refuses what would not be kept.
pub(crate) fn check(body: &[u8]) -> Result<(), StoreError> {
    if body.len() > MAX_EVIDENCE_BYTES {
        return Err(StoreError::TooLarge { what: "evidence", found: body.len(), most: MAX_EVIDENCE_BYTES });
    }
    Ok(())
}
