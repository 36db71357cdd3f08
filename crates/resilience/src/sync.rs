//! Atomics and locks, named in one place so that tests can put others here.
//!
//! What several threads share is written against `crate::sync`. A test that wants to see every order in which threads
//! can meet compiles the same source files once more into a crate of its own, in which `crate::sync` names a model
//! checker's primitives (`tests/breaker_races.rs`). So no feature and no `cfg` exists that could reach a program by
//! mistake, and the races are part of every test run.

pub(crate) use std::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU64, Ordering},
};
