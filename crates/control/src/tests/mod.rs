//! The control plane as a whole, against a data plane and stores that do as they are told.
mod access;
mod alerts;
mod bench;
mod breakers;
mod cache;
mod chaos;
mod document;
mod fake_cache;
mod flags;
mod ofrep;
mod reloads;
mod rollouts;
mod serving;
mod stores;
mod timeline;
mod units;
mod warming;
