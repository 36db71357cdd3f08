//! What all nodes have seen, put together.
//!
//! Each node puts what it has seen beside what the others have, and whoever judges adds it all up. A node that died has
//! been heard all the same: what it saw stays there until the epoch is over.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use banyan_rollout::Evidence;
use banyan_state::{Store, StoreError};
use tokio::time::Instant;

use super::judges::Judges;
use crate::{ask::ask, nodes::Nodes};

/// How often others are told, if there is something new.
const SHARE: Duration = Duration::from_millis(500);
/// How often it is written down where nobody else reads it: as much is lost at most when this process is killed.
const KEEP: Duration = Duration::from_secs(5);

/// The evidence of all nodes.
pub(crate) struct Pool {
    store: Arc<dyn Store>,
    nodes: Arc<Nodes>,
    judges: Arc<Judges>,
    /// What was put last, by unit.
    put: Mutex<HashMap<String, Put>>,
}

struct Put {
    at: Instant,
    body: Vec<u8>,
}

impl Pool {
    pub(crate) fn new(store: Arc<dyn Store>, nodes: Arc<Nodes>, judges: Arc<Judges>) -> Self {
        Self { store, nodes, judges, put: Mutex::default() }
    }

    /// Puts what this node has seen of a unit where others find it, if it is time to and there is something new.
    pub(crate) async fn share(&self, unit: &str, epoch: u64) -> Result<(), StoreError> {
        let every = if self.nodes.has_others() { SHARE } else { KEEP };
        if self.lock().get(unit).is_some_and(|put| put.at.elapsed() < every) {
            return Ok(());
        }
        let Some(evidence) = self.judges.evidence(unit, epoch) else { return Ok(()) };
        let body = serde_json::to_vec(&evidence).map_err(|error| StoreError::Failed(error.to_string()))?;
        let is_new = self.lock().get(unit).is_none_or(|put| put.body != body);
        if is_new {
            let (node, name, body) = (self.nodes.me().name.clone(), unit.to_owned(), body.clone());
            ask(&self.store, move |store| store.put_evidence(&node, &name, epoch, &body)).await?;
        }
        self.lock().insert(unit.to_owned(), Put { at: Instant::now(), body });
        Ok(())
    }

    /// What this node had put there before it was started again.
    pub(crate) fn before(&self, unit: &str, epoch: u64) -> Option<Evidence> {
        let all = self.store.evidence(unit, epoch).ok()?;
        let (_, body) = all.into_iter().find(|(node, _)| **node == *self.nodes.me().name)?;
        read(unit, &body)
    }

    /// What all nodes have seen of a unit in an epoch. This node's part is of now; those of others are as old as it takes
    /// to tell.
    ///
    /// # Errors
    /// When that of the others cannot be read.
    pub(crate) async fn gather(&self, unit: &str, epoch: u64, lap: u32) -> Result<Evidence, StoreError> {
        let mut all = self.judges.evidence(unit, epoch).unwrap_or_else(|| Evidence::none(epoch, lap));
        if !self.nodes.has_others() {
            return Ok(all);
        }
        let name = unit.to_owned();
        let others = ask(&self.store, move |store| store.evidence(&name, epoch)).await?;
        for (_, body) in others.iter().filter(|(node, _)| **node != *self.nodes.me().name) {
            if let Some(Err(error)) = read(unit, body).map(|evidence| all.merge(&evidence)) {
                tracing::debug!(unit, %error, "evidence that is left out");
            }
        }
        Ok(all)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Put>> {
        self.put.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `None` for what another version of the program wrote.
fn read(unit: &str, body: &[u8]) -> Option<Evidence> {
    serde_json::from_slice(body)
        .inspect_err(|error| tracing::warn!(unit, %error, "evidence of another node cannot be read"))
        .ok()
}
