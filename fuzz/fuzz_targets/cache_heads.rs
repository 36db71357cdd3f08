//! Fields about caching: `cargo +nightly fuzz run cache_heads`.
//!
//! What must hold is written once, in the tests of `banyan-httpcache`, where it also runs over generated input.
#![no_main]
#[path = "../../crates/httpcache/tests/invariants/mod.rs"]
mod invariants;

libfuzzer_sys::fuzz_target!(|data: &[u8]| invariants::heads(data));
