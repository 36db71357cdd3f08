//! What must survive a restart ([`Store`]) and what the planes share while the process lives ([`live`], [`shadow`]).
//!
//! [`Sqlite`] keeps it on the disk, [`Memory`] for as long as the process lives; one conformance suite holds both to
//! the same behaviour.
mod hot;
mod ledger;
pub mod live;
mod memory;
pub mod shadow;
mod sqlite;
mod store;

pub use hot::{CacheUrl, HotUrl, MAX_HOT_URL_BYTES, MAX_HOT_URLS};
pub use memory::Memory;
pub use sqlite::{OpenError, Sqlite};
pub use store::{Change, Entry, Record, Step, Store, StoreError};
