//! What must survive a restart or be shared by nodes ([`Store`]), and what the planes share while the process lives
//! ([`live`], [`shadow`]).
//!
//! [`Sqlite`] keeps it on the disk of one node, [`Postgres`] on a server for many, [`Memory`] for as long as the process
//! lives; one conformance suite holds them all to the same behaviour. [`open`] picks by the address.
mod address;
mod alert;
mod encryption;
mod error;
mod evidence;
mod flag;
mod hot;
mod ledger;
pub mod live;
mod memory;
mod node;
mod open;
mod postgres;
mod rollout;
pub mod shadow;
mod sqlite;
mod store;
mod term;
mod unit;
mod watch;

pub use address::{Address, AddressError, ServerAddress};
pub use alert::{Alert, AlertRecord, MAX_ALERTS};
pub use error::{Kept, StoreError};
pub use evidence::MAX_EVIDENCE_BYTES;
pub use flag::{FlagChange, FlagEntry, FlagRecord};
pub use hot::{CacheUrl, HotUrl, MAX_HOT_URL_BYTES, MAX_HOT_URLS};
pub use memory::Memory;
pub use node::{Beat, MAX_NODES, NodeRecord};
pub use open::{OpenError, open};
pub use postgres::{Postgres, Timing};
pub use rollout::{RolloutEntry, RolloutRecord, RolloutStep};
pub use sqlite::Sqlite;
pub use store::Store;
pub use term::Term;
pub use unit::{Change, Entry, Record, Step};
pub use watch::{Revision, Watch};
