//! What is kept, for how long, for whom, and what clients notice of it: nothing but the time they do not wait.
mod beside;
mod broken;
mod busting;
mod coalescing;
mod conditional;
mod degraded;
mod invalidation;
mod isolation;
mod kit;
mod parts;
mod redis;
mod rules;
mod stale;
