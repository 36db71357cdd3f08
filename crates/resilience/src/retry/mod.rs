//! Retry: ask again when that may help and cannot harm, and stop before it does.
//!
//! A lost packet or a restarted process fails a call that would succeed a moment later. Asking again mends that. Asking
//! again also multiplies load at the very moment when the dependency has least to spare, and may run an effect twice.
//! So going again is one pure decision, [`decide`], with a word for every reason to stop, and the wait before it is drawn
//! at random from the whole range ([`Settings::delay`]): callers that failed together do not come back together.
//!
//! | what happened | next |
//! |---|---|
//! | success, or nothing that says anything (ignored, cancelled) | stop |
//! | a refusal of our own side (an open breaker, a throttle, a limit) | stop: not asking is what they are for |
//! | a failure that stays one | stop |
//! | as many attempts as allowed | stop |
//! | the request may not run twice, and may have reached the dependency | stop |
//! | the wait, or what the dependency wants us to wait, does not fit before the deadline | stop |
//! | the retry budget has nothing left | stop |
//! | else | again, after the wait |
//!
//! Not for: calls whose caller retries already (attempts multiply: three layers of three are 27), background jobs that
//! have a queue to go back to, and effects that have no key to recognise the second one by ([`Facts`]).
//!
//! ```
//! use std::time::Duration;
//!
//! use banyan_resilience::{
//!     Cause, Dice, Verdict,
//!     retry::{Next, Settings, Situation, Stop, decide},
//! };
//! use tokio::time::Instant;
//!
//! let now = Instant::now();
//! let failure = Verdict::retryable(Cause::Reset);
//! let situation = Situation {
//!     attempt: 1,
//!     verdict: &failure,
//!     repeatable: true,
//!     now,
//!     deadline: Some(now + Duration::from_secs(1)),
//! };
//! let dice = Dice::seeded(1);
//! let next = decide(&Settings::default(), &situation, &dice, || true);
//! assert!(matches!(next, Next::After(delay) if delay <= Duration::from_millis(50)));
//!
//! let next = decide(&Settings::default(), &Situation { attempt: 3, ..situation }, &dice, || true);
//! assert_eq!(next, Next::Stop(Stop::Attempts));
//! ```

mod decide;
mod facts;
mod settings;
#[cfg(test)]
mod tests;

pub use self::{
    decide::{Next, Situation, Stop, decide},
    facts::{BODY_LIMIT, Facts, is_idempotent},
    settings::{Settings, SettingsError},
};
