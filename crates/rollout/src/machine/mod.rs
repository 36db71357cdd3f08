//! What a rollout does next: one pure function, and one table.
//!
//! A rollout lives for hours or days, over restarts, drivers that die, people who pause it and clocks that jump. What it does
//! must not depend on which process happens to look at it. So all that it knows is one [`State`], which is stored; and all
//! that can happen is [`step`], which reads nothing else. Whoever drives it stores the new state and performs the actions
//! in one transaction: killed before it, nothing happened; after it, all of it.
//!
//! What each event makes of each phase. A dash: nothing follows, though time watched is counted and the percentage is noted.
//! `refused`: a command that makes no sense, and nothing changes. Several: which one, the notes below say.
//!
//! | event | idle | running | paused | rolled back | complete | aborted |
//! |---|---|---|---|---|---|---|
//! | start | running, refused | refused | refused | running, refused | running, refused | running, refused |
//! | pause | refused | paused | refused | refused | refused | refused |
//! | resume | refused | refused | running, refused | refused | refused | refused |
//! | promote | refused | running, complete, refused | refused | refused | refused | refused |
//! | abort | refused | aborted, refused | aborted, refused | refused | refused | refused |
//! | tick | - | - | - | - | - | - |
//! | judged | - | running, complete, rolled back, paused | paused, rolled back | - | - | - |
//! | percent changed | - | running, paused | paused | - | - | - |
//! | nodes disagree | - | - | - | - | - | - |
//! | store cut off | - | - | - | - | - | - |
//! | nodes agree | - | - | - | - | - | - |
//!
//! - **start** begins at the first stage that is not below the unit's percentage, with a new epoch of evidence. Refused while
//!   nothing may go up, and when the unit is at the last stage already.
//! - **judged** while running: worse leads to *rolled back*, at 0 %; where that would lose what people wrote, to *paused*,
//!   with an alert. Not worse, every gate passed, the stage held for long enough and nothing blocked: the next stage, or
//!   *complete* after the last. Anything else, no data above all: it stays where it is.
//! - **judged** while paused: worse leads to *rolled back* or, where that is not safe, to *paused* for that reason.
//! - **promote** is *judged* without gates and time, by a person. Refused if the candidate is worse, or while nothing may go up.
//! - **abort** is refused where a rollback is not safe, unless forced. At 0 % it is always safe.
//! - **resume** goes on at the percentage that the unit has, or at the first stage if that is 0 %; refused while nothing may
//!   go up. After a pause because a rollback was not safe, evidence begins anew: a person has decided to go on.
//! - **percent changed**: the percentage that somebody set by hand stays; the one that it already is changes nothing.
//! - **nodes disagree** and **store cut off** block everything that goes up, and nothing that goes down, until **nodes agree**.
//!
//! A percentage only ever goes to the next stage of the plan, to the one it had, or to 0 %. [`PhaseName::may_become`] has the
//! table without events. A test reads the table above and tries every event in every phase.
mod event;
mod state;
mod step;
#[cfg(test)]
mod tests;

pub use self::{
    event::{Act, Action, AlertKind, Event, Refused, Step},
    state::{Blocked, Held, Paused, Phase, PhaseName, RolledBack, Running, State, Why},
    step::step,
};
