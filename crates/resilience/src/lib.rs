//! Keeps a service answering while what it depends on is slow, dead, flapping or lying.

pub mod breaker;
pub mod budget;
pub mod deadline;
mod dice;
pub mod eject;
pub mod hedge;
pub mod promise;
pub mod retry;
mod sync;
pub mod throttle;
mod verdict;

pub use self::{
    dice::Dice,
    verdict::{Cause, Verdict},
};
