//! Recording a live exchange as it passes.

use std::sync::Arc;

use banyan_state::shadow::DropReason;
use bytes::Bytes;
use http::{HeaderValue, Method};
use tokio::sync::mpsc;

use super::unit::ShadowUnit;
use crate::{forward::Fields, upstream::host::SharedUpstream};

/// A live exchange and what the other side should be asked.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) unit: Arc<ShadowUnit>,
    /// The side that did not answer.
    pub(crate) upstream: Arc<SharedUpstream>,
    pub(crate) method: Method,
    pub(crate) target: String,
    pub(crate) fields: Fields,
    pub(crate) host: HeaderValue,
    pub(crate) body: Bytes,
    /// Method and template, for the report.
    pub(crate) route: String,
    pub(crate) trace_id: String,
    /// What the live side answered.
    pub(crate) status: u16,
    pub(crate) content_type: Option<String>,
    pub(crate) answer: Vec<Bytes>,
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
