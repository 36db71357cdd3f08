//! Flags at run time: what applications are told, and the one place where that changes.
//!
//! A flag stands where it was last set at run time; one that never was, or that was reset since, stands where the config
//! says: the rule of units. A retired key is gone for ever, whichever of the two retired it. Units of migration are flags
//! too, `unit.NAME`, with the share that the gateway decides by at that moment.
//!
//! All flags are one immutable [`Book`], which is exchanged whole, so that an application never sees half of a change. A
//! change goes to the store first, then into the book, then it is acknowledged. What other nodes change is read from the
//! store when it moves.
mod book;
mod keeper;
mod known;
mod order;
mod refusal;
mod words;

pub(crate) use self::{
    book::{Book, Said, State},
    keeper::Flags,
    known::definition_of,
    order::{FlagOrder, Wanted},
    refusal::{FlagRefusal, clash},
    words::brief,
};
