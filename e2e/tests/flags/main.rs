//! Flags: served to applications by OFREP, changed by people, and kept.
mod changing;
mod cli;
mod kit;
mod nodes;
mod protocol;
mod sides;
