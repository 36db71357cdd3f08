//! Recording a live exchange as it passes.

use std::sync::Arc;

use banyan_rollout::judge::RouteIndex;
use banyan_state::shadow::DropReason;
use bytes::Bytes;
use http::{HeaderValue, Method};
use tokio::sync::mpsc;

use super::{coding::Coding, unit::ShadowUnit};
use crate::{forward::Fields, stages::decide::Side, upstream::host::SharedUpstream};

/// A live exchange and what the other side should be asked.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) unit: Arc<ShadowUnit>,
    /// The side that did not answer, or what stands for it.
    pub(crate) upstream: Arc<SharedUpstream>,
    /// The side that answered, to be asked once more: how much it differs from itself is what the other may differ.
    pub(crate) again: Option<Arc<SharedUpstream>>,
    /// Which side that is.
    pub(crate) side: Side,
    pub(crate) method: Method,
    pub(crate) target: String,
    pub(crate) fields: Fields,
    pub(crate) host: HeaderValue,
    pub(crate) body: Bytes,
    /// The label of the route, and its number among those of the unit.
    pub(crate) label: Arc<str>,
    pub(crate) number: RouteIndex,
    /// A hash of the subject.
    pub(crate) subject: u64,
    pub(crate) trace: [u8; 32],
    /// What the live side answered, and the fields that are compared.
    pub(crate) status: u16,
    pub(crate) named: Vec<(String, Vec<u8>)>,
    pub(crate) answer: Vec<Bytes>,
    /// How that was compressed.
    pub(crate) codings: Vec<Coding>,
}

/// Sees a live answer pass and, at its end, offers the exchange to the shadow.
#[derive(Debug)]
pub(crate) struct Tap {
    job: Option<Job>,
    room: usize,
    queue: mpsc::Sender<Job>,
}

impl Tap {
    pub(crate) fn new(job: Job, room: usize, queue: mpsc::Sender<Job>) -> Self {
        Self { job: Some(job), room, queue }
    }

    /// Takes note of a piece of the answer: a handle, not a copy.
    pub(crate) fn saw(&mut self, data: &Bytes) {
        let Some(job) = &mut self.job else { return };
        match self.room.checked_sub(data.len()) {
            Some(room) => {
                self.room = room;
                job.answer.push(data.clone());
            }
            None => self.give_up(DropReason::BodyTooLarge),
        }
    }

    /// The answer is complete.
    pub(crate) fn complete(mut self: Box<Self>) {
        let Some(job) = self.job.take() else { return };
        let unit = job.unit.clone();
        if self.queue.try_send(job).is_err() {
            unit.note_drop(DropReason::QueueFull);
        }
    }

    fn give_up(&mut self, reason: DropReason) {
        if let Some(job) = self.job.take() {
            job.unit.note_drop(reason);
        }
    }
}

impl Drop for Tap {
    /// An answer that was not seen to its end is nothing to compare with.
    fn drop(&mut self) {
        self.give_up(DropReason::LiveIncomplete);
    }
}
