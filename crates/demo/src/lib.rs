//! A demonstration that needs nothing installed: a community site on its way from one system to another.
//!
//! [`Site`] runs the legacy system and three replacements, which differ from it in known places. [`Traffic`] asks
//! for pages at a constant rate and watches whether anybody notices the move. [`view`] shows both on one screen.
//! [`incident`] is another story: a night in which a database was slow for ten seconds.
//!
//! Knows nothing of the gateway: it is handed addresses, percentages and counts, and hands back a config text. That
//! way it sees the gateway as a client and a backend do, and cannot make it look better than it is.
mod background;
mod client;
mod community;
mod config;
pub mod incident;
mod seed;
pub mod site;
pub mod traffic;
pub mod view;

pub use config::{DATABASE, Faults, config_yaml, incident_config_yaml};
pub use site::{Addresses, Site};
pub use traffic::{Load, Snapshot, Traffic};
pub use view::{Hint, Picture, Screen, Shadow, Summary, UnitLine, View, summary, try_next};

/// The seed of a demo when nobody names another.
pub const SEED: u64 = 2026;
/// The request field that says who asks, such as `x-user-id: user-7`.
pub const USER_FIELD: &str = "x-user-id";
/// What stands before a user's number in [`USER_FIELD`].
pub(crate) const USER_PREFIX: &str = "user-";
