//! Keeps a service answering while what it depends on is slow, dead, flapping or lying.

mod dice;
mod verdict;

pub use self::{
    dice::Dice,
    verdict::{Cause, Verdict},
};
