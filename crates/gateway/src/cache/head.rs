//! What an answer to HEAD says about the answer to GET that is kept (RFC 9111 section 4.3.5).

use std::rc::Rc;

use banyan_httpcache::{self as httpcache, HeadEffect, head_effect};
use http::{Method, StatusCode};
use tokio::time::Instant;

use super::{ask::Fetch, entry::Entry, keep::renew, look::Want, purges::Moment};
use crate::{
    exchange::Asked,
    forward,
    stages::{call::Inquiry, respond},
    wire::answer::Reply,
    worker::{Local, Worker},
};

/// What is kept, and when its upstream was asked for the head of it.
pub(super) struct Check {
    fetch: Fetch,
    begun: Moment,
    since: Instant,
}

impl Check {
    /// Before the upstream is asked. `None` where nothing is kept, or more than a head is asked for.
    pub(super) fn begin(
        worker: &Rc<Worker>,
        local: &Rc<Local>,
        inquiry: &Inquiry<'_>,
        want: &Want,
    ) -> Option<Self> {
        let is_head = inquiry.call.method == Method::HEAD;
        (is_head && want.stored.is_some()).then(|| Self {
            fetch: Fetch::new(worker, local, inquiry, want),
            begun: want.cache.purges.now(),
            since: Instant::now(),
        })
    }

    /// Once it has answered.
    pub(super) fn end(self, reply: &Reply, asked: &Asked) {
        let want = &self.fetch.want;
        let Some(entry) = want.stored.as_ref().filter(|_| reply.status() == StatusCode::OK) else { return };
        let is_of_another = entry.status != StatusCode::OK;
        match head_effect(reply.headers(), &entry.headers) {
            _ if is_of_another => want.cache.store.remove(want.place, entry),
            HeadEffect::Invalidate => want.cache.store.remove(want.place, entry),
            // A fault made on purpose is no news of the upstream.
            HeadEffect::Freshen if asked.chaos.is_empty() => self.renew(reply, entry),
            HeadEffect::Freshen | HeadEffect::Nothing => {}
        }
    }

    /// What may not be kept by what is said now stays as it is: it was kept by what was said of itself.
    fn renew(&self, reply: &Reply, entry: &Entry) {
        let Some(route) = self.fetch.route() else { return };
        let (worker, now) = (&self.fetch.worker, Instant::now());
        let exchange = httpcache::Exchange {
            asked_at: worker.wall_clock(self.since),
            answered_at: worker.wall_clock(now),
        };
        let mut update = reply.head().clone();
        forward::strip_hop_by_hop(&mut update);
        respond::strip_ours(&mut update);
        let took = now.saturating_duration_since(self.since);
        // Nobody waits for it, so why it is not kept on is told to nobody.
        drop(renew(&self.fetch, self.begun, route, entry, (update.map(), exchange), took));
    }
}
