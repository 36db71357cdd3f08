//! The story of a night, told live: what one bad moment does to a system that has no protection, and to the same system
//! behind the gateway.
//!
//! The failure is called metastable: a small cause starts it, and it keeps itself up after the cause has gone. A
//! database becomes slower the more is asked of it at once. In a surge of 40 % it can just keep up; then it is slow for
//! ten seconds, everybody's calls pile up in it, and the pile alone is enough to keep it slow for ever. Nothing is
//! broken any more, and nothing comes back.
//!
//! [`Stage`] holds the databases, [`Play`] the callers, [`NightScreen`] shows them side by side, and [`verdict`] says
//! whether it came as announced. `docs/replay.md` tells of the same story as a benchmark, where it is measured with
//! care; this one is to be watched.

mod chart;
mod database;
mod naive;
mod play;
mod protection;
mod screen;
mod story;
mod stub;
mod tally;
mod verdict;

pub use self::{
    play::{Play, Scene, Seen, Stage},
    protection::Protection,
    screen::NightScreen,
    story::{Phase, Size, Story},
    tally::Row,
    verdict::verdict,
};
