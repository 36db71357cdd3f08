//! A request that is the same to the last byte as one before it, on an HTTP/1.1 connection: see
//! [`crate::cache::exact`].

use banyan_http1::HeadScanner;
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use http::{Method, Version};
use tokio::time::Instant;

use super::{answer::Reply, outbox::Outbox};
use crate::{
    access,
    cache::exact::{Again, Counted},
    exchange::Exchange,
    forward::Client,
    worker::Worker,
};

/// The answer to the head at the front of a buffer, if it is known; then the head is taken off.
pub(super) fn find(
    worker: &Worker,
    client: &Client,
    scanner: &mut HeadScanner,
    buffer: &mut BytesMut,
) -> Option<Again> {
    // What is wrong with a head is for the parser to say, so nothing is said about it here.
    if client.secure || worker.is_draining() || !buffer.starts_with(b"GET /") {
        return None;
    }
    let local = worker.local();
    let cache = local.compiled.cache.as_ref()?;
    let end = scanner.find_end(buffer).ok().flatten()?;
    let again = worker.exact.find(&buffer[..end], local.compiled.generation, cache, Instant::now());
    *scanner = HeadScanner::default();
    let again = again?;
    buffer.advance(end);
    Some(again)
}

/// Puts the whole answer into what is to be written.
pub(super) fn put(again: &Again, outbox: &mut Outbox) {
    again.hit.encode(&mut outbox.buffer);
    outbox.buffer.put_slice(b"\r\n");
    if again.hit.length() > 0 {
        outbox.put(again.hit.entry.body.clone());
    }
}

/// Remembers what a head came to, if its answer depends on nothing else.
pub(super) fn remember(worker: &Worker, client: &Client, raw: &Bytes, exchange: &Exchange, response: &Reply) {
    let Some(hit) = response.body().stored() else { return };
    let local = worker.local();
    let Some(cache) = &local.compiled.cache else { return };
    let seen = exchange.seen;
    let is_by_head_alone = hit.is_plain()
        && exchange.method == Some(Method::GET)
        && exchange.version == Version::HTTP_11
        && response.head().is_empty()
        && exchange.decision.is_none()
        && exchange.degraded.is_none()
        && exchange.caller_deadline.is_none()
        && !(client.secure || seen.traceparent || seen.for_caches)
        && local.compiled.trace_probability <= 0.0
        && exchange.generation == local.compiled.generation;
    if !is_by_head_alone || !worker.exact.wants(raw, cache) {
        return;
    }
    let (mut request, mut route) = (Vec::new(), Vec::new());
    access::request(&mut request, exchange);
    access::route(&mut route, &local, exchange);
    let durations = worker.meter.with_durations(&local, exchange, Clone::clone);
    let counted = Counted { durations, request: request.into(), route: route.into() };
    worker.exact.remember(raw, exchange.generation, &hit.entry, counted);
}
