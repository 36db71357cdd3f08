//! The level that gateways share, by its figures: what it costs to put something there, who finds it, and what a purge at
//! one gateway does to the memory of the others.
mod kit;
mod late;
mod purging;
mod reloading;
mod sharing;
