//! One screen that shows the move as it happens, and one text that says how it went.
//!
//! Everything here is made from plain data. On a terminal the screen is redrawn in place; in a pipe there is a line per
//! second instead.

pub(crate) mod figures;
mod screen;
mod summary;
mod terminal;

pub use self::{
    screen::{Hint, Screen, Shadow, UnitLine, try_next},
    summary::{Summary, summary},
    terminal::{Picture, View},
};
