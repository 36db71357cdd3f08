//! Comparing the two sides of a unit, off the live path.
//!
//! The live path only records ([`tap`]): it copies handles to bytes that pass anyway, up to a cap, and offers the whole to
//! a bounded queue. A thread of its own ([`runner`]) asks the other side and compares. Whatever happens there, nothing of
//! it reaches a live answer.
pub(crate) mod coding;
mod pause;
pub(crate) mod runner;
pub(crate) mod tap;
mod target;
pub(crate) mod unit;
mod verdict;
