//! Request heads: `cargo +nightly fuzz run request_head`.
//!
//! What must hold is written once, in the tests of `banyan-http1`, where it also runs over generated input.
#![no_main]
#[path = "../../crates/http1/tests/invariants/mod.rs"]
mod invariants;

libfuzzer_sys::fuzz_target!(|data: &[u8]| invariants::request_head(data));
