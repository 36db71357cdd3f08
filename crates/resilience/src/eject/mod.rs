//! Outlier ejection: an endpoint that fails while its peers do not is left alone for a while.
//!
//! A balancer that only counts load sends *more* to a broken endpoint, as nothing is answered quicker than an error. So the
//! results of live calls decide: so many failures in a row, or (as an option) too small a share of successes, put an
//! endpoint out. It comes back by itself, on probation; each time it has to go again, it stays away for longer (after
//! Envoy's outlier detection).
//!
//! | state | event | becomes |
//! |---|---|---|
//! | in, fewer than `errors` in a row, rate kept | failure | in, one more |
//! | in, `errors` in a row, or the rate broken | failure | out for `base * 2^ejections`, at most `max` |
//! | in, likewise, but too few others remain | failure | in; the next failure asks again |
//! | out, time not over | any | out: late results change nothing |
//! | out, time over | failure | out again, for longer: on probation one is enough |
//! | out, time over | success | in, no longer on probation, counts cleared |
//! | in | success | in, failures in a row cleared; one ejection forgotten per `base` without failure |
//!
//! Each step is a function of the state, the settings and the time; whoever holds the endpoints holds the states. How many
//! may be out at once is a question about all of them: [`may_eject`].
//!
//! Not for a single endpoint (where would its calls go?), and no replacement for a circuit breaker: that protects a service
//! that fails as a whole, this one leaves at least half of the endpoints in whatever they answer.
//!
//! ```
//! use banyan_resilience::eject::{Effect, Ejection, Settings, may_eject};
//! use tokio::time::Instant;
//!
//! let (settings, now) = (Settings::default(), Instant::now());
//! let mut endpoint = Ejection::default();
//! for failure in 1..=5 {
//!     let (next, effect) = endpoint.failed(&settings, may_eject(3, 0), now);
//!     assert_eq!(matches!(effect, Effect::Ejected { .. }), failure == 5);
//!     endpoint = next;
//! }
//! assert!(endpoint.is_out(now) && !endpoint.is_out(now + settings.base()));
//! ```

mod settings;
mod state;
#[cfg(test)]
mod tests;

pub use self::{
    settings::{Rate, Settings, SettingsError},
    state::{Effect, Ejection, Why, may_eject},
};
