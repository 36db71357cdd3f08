//! Rollouts: units that go up by themselves, on evidence.
//!
//! What a rollout does next is `banyan_rollout`'s affair, a pure function. Here is everything around it:
//!
//! | part | what it does |
//! |---|---|
//! | `conductor` | the one place where rollouts change: orders of people and steps of the driver |
//! | `driver` | the task that looks, decides if it leads, and follows what others do |
//! | `decide` | what the driver makes of what it sees; pure |
//! | `judges` | a judge for each unit whose rollout is under way |
//! | `pool` | what all nodes have seen, put together |
//! | `known` | where rollouts stand, as far as this node has heard |
//! | `watching` | wakes the driver when the store has changed |
//! | `letters`, `words` | steps and evidence as people read them |
mod clock;
mod conductor;
mod decide;
mod driver;
mod judges;
mod known;
mod letters;
mod pool;
mod refused;
mod routes;
mod watching;
mod words;

pub(crate) use self::{
    clock::calendar,
    conductor::{Command, Conductor, configured, rollouts_of},
    driver::Driver,
    known::Known,
    watching::changes,
    words::worse as worse_in_words,
};
