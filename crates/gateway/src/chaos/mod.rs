//! Faults made on purpose, where a real one would come from: between the engine's attempt and the upstream.
//!
//! So breakers, retries and fallbacks take them for real, and people never have to: every fault is counted in
//! `banyan_chaos_injected_total`, named in the access line, and named in the answer's `Banyan-Chaos` field.

mod body;
mod draw;
mod switchboard;

pub use self::switchboard::{ChaosError, ChaosTarget, Switched};
pub(crate) use self::{
    body::Spoiled,
    draw::{Fault, Faults, Strike, draw},
    switchboard::Switchboard,
};
