//! What must survive a restart ([`Store`]) and what the planes share while the process lives ([`live`], [`shadow`]).
pub mod live;
pub mod shadow;
mod store;

pub use store::{Change, Record, Store, StoreError};
