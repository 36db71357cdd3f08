//! The servers that are measured: what each is configured to do, and how it is started.

pub(crate) mod banyan;
pub(crate) mod floor;
pub(crate) mod haproxy;
pub(crate) mod nginx;
pub(crate) mod varnish;

use crate::server::{Candidate, Requests};

/// The origin itself, for figures that are differences.
pub(crate) const DIRECT: Candidate =
    Candidate { name: "direct", about: "no proxy", command: None, requests: Requests::Same };
