//! The nodes that share a store.

use banyan_state::NodeRecord;
use serde::Serialize;
use utoipa::ToSchema;

use super::time::rfc3339;
use crate::{
    nodes::{ALIVE, Nodes, differences},
    span::seconds,
};

/// All nodes, as this one knows them.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NodesView {
    /// In the order of names.
    nodes: Vec<NodeView>,
    /// Since when this node is cut off from the store; null while it is not.
    #[schema(format = DateTime)]
    cut_off_since: Option<String>,
    /// Why it is.
    cut_off_why: Option<String>,
    /// What nodes that are alive run that this one does not; no rollout goes up meanwhile. Null while all run the same.
    differences: Option<String>,
}

/// One node.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NodeView {
    name: String,
    /// Where its admin API listens.
    address: String,
    /// Version of the program.
    version: String,
    /// What its config means, without what concerns that node alone.
    config_fingerprint: String,
    /// Configs it has applied since its start, the first one included.
    generation: u64,
    #[schema(format = DateTime)]
    started_at: String,
    /// Seconds since it was last heard of, by the store's clock.
    last_seen_s: f64,
    /// Heard of within 5 s.
    alive: bool,
    /// The one that answers.
    #[serde(rename = "self")]
    is_self: bool,
    /// Whether it drives rollouts.
    leader: bool,
    /// Whether it runs another config or another version of the program than the one that answers.
    differs: bool,
    /// Since when it is, or lately was, cut off from the store.
    #[schema(format = DateTime)]
    cut_off_since: Option<String>,
}

impl NodesView {
    /// As of the last beat. `fingerprint` is that of the running config.
    pub(crate) fn new(nodes: &Nodes, fingerprint: &str) -> Self {
        let seen = nodes.seen();
        let me = nodes.me();
        let alive = seen.nodes.iter().filter(|node| node.last_seen <= ALIVE);
        let differ = differences(alive, &me.name, fingerprint, me.program);
        let view = |node: &NodeRecord| NodeView::new(node, nodes, fingerprint);
        Self {
            nodes: seen.nodes.iter().map(view).collect(),
            cut_off_since: seen.cut_off_since.map(rfc3339),
            cut_off_why: seen.cut_off_since.is_some().then(|| seen.why.clone()),
            differences: (!differ.is_empty()).then(|| differ.join("; ")),
        }
    }
}

impl NodeView {
    fn new(node: &NodeRecord, nodes: &Nodes, fingerprint: &str) -> Self {
        let (beat, me) = (&node.beat, nodes.me());
        let (is_self, alive) = (beat.node == *me.name, node.last_seen <= ALIVE);
        Self {
            name: beat.node.clone(),
            address: beat.address.clone(),
            version: beat.program.clone(),
            config_fingerprint: beat.config_hash.clone(),
            generation: beat.generation,
            started_at: rfc3339(beat.started_at),
            last_seen_s: seconds(node.last_seen),
            alive,
            is_self,
            leader: node.leads && alive && (!is_self || nodes.leads()),
            differs: beat.config_hash != fingerprint || beat.program != me.program,
            cut_off_since: beat.cut_off_since.map(rfc3339),
        }
    }
}
