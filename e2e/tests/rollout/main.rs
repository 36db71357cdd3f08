//! Rollouts over the wire: up by themselves, back by themselves, killed anywhere, on many nodes, and told of.
mod alerting;
mod command;
mod killed;
mod kit;
mod many;
mod wire;
