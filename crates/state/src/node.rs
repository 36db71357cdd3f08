//! Who shares the store: every node says again and again that it is there, and what it runs.
//!
//! How long ago a node was heard of is measured by one clock, the store's, since the clocks of nodes may differ by
//! minutes.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant, SystemTime},
};

/// Most nodes that a store keeps; those heard of longest ago go first. Nodes whose name changes with each start would
/// otherwise pile up.
pub const MAX_NODES: usize = 1_000;

/// What a node says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beat {
    /// Its name, which no other node has.
    pub node: String,
    /// Where its admin API listens, for people.
    pub address: String,
    /// When its process started, by its own clock.
    pub started_at: SystemTime,
    /// What its config says, as a fingerprint.
    pub config_hash: String,
    /// The version of the program.
    pub program: String,
    /// How many configs it has loaded since it started.
    pub generation: u64,
    /// Since when it was cut off from the store, by its own clock, if it has not caught up yet.
    pub cut_off_since: Option<SystemTime>,
}

/// A node, and when it was last heard of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRecord {
    /// What it said last.
    pub beat: Beat,
    /// How long ago, by the store's clock.
    pub last_seen: Duration,
    /// Whether it is the one that began the newest term, and so drives, unless it is gone by now.
    pub leads: bool,
}

/// The nodes of a store that one process owns: that process, and in tests a few that pretend. Nothing of it needs to
/// survive the process, for nobody else is there to read it.
#[derive(Debug, Default)]
pub(crate) struct Nodes {
    by_name: BTreeMap<String, (Beat, Instant)>,
}

impl Nodes {
    pub(crate) fn beat(&mut self, beat: &Beat, now: Instant) {
        self.by_name.insert(beat.node.clone(), (beat.clone(), now));
        if self.by_name.len() > MAX_NODES {
            let oldest = self.by_name.iter().min_by_key(|(_, (_, seen))| *seen).map(|(name, _)| name.clone());
            oldest.and_then(|name| self.by_name.remove(&name));
        }
    }

    /// In the order of names; `leader` began the newest term.
    pub(crate) fn all(&self, now: Instant, leader: Option<&str>) -> Vec<NodeRecord> {
        let record = |(beat, seen): &(Beat, Instant)| NodeRecord {
            beat: beat.clone(),
            last_seen: now.saturating_duration_since(*seen),
            leads: leader == Some(beat.node.as_str()),
        };
        self.by_name.values().map(record).collect()
    }

    pub(crate) fn forget(&mut self, node: &str) {
        self.by_name.remove(node);
    }
}
