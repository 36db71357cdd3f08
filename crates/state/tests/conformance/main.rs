//! One suite for every store: what holds for `Memory` holds for `Sqlite` and `Postgres`.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]
#![expect(clippy::print_stdout, reason = "what a test that fails has said is shown")]

mod alerts;
mod flags;
mod kept;
mod leading;
mod nodes;
mod races;
mod rollouts;
mod stores;
mod story;
mod units;
mod watching;
