//! Staged rollouts by evidence: when a replacement is worse, when it may go on, and what happens then.
//!
//! A rollout that somebody has to watch is done on Tuesdays, by two people, and once a month. This crate makes it something
//! that goes by itself: a percentage goes up in stages, stays where it is while there is nothing to judge by, and goes back
//! to zero when the replacement is worse, with a bounded chance of being wrong about that.
//!
//! - [`Plan`]: what a person decided beforehand. Checked when built.
//! - [`judge`]: whether the replacement is worse, and whether enough is known to go on. It sees one event at a time.
//! - [`machine`]: a pure `step(plan, state, event, now)`, with the one table of what may follow what.
//! - [`Authority`]: which side is written to, and so whether a rollback would lose what people wrote.
//!
//! Pure: no clock, no network, no randomness. Time is an argument ([`Millis`]), so a test can let an hour pass, and nodes
//! whose clocks differ by minutes can be played through.
mod authority;
pub mod judge;
pub mod machine;
mod metric;
mod millis;
mod percent_text;
mod plan;
mod version;

pub use self::{
    authority::{Alternative, Authority, ReadSide, Sync, UnknownWord, Unsafe, WriteSide, rollback_is_safe},
    judge::{Evidence, Judge, Judgement, Verdict},
    machine::{Action, Event, Refused, State, Step, step},
    metric::{Metric, Side, Sides, Source, UnknownMetric},
    millis::Millis,
    plan::{Field, Gates, Plan, PlanError, RollBack, Settings},
};
