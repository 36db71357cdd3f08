//! Shedding by criticality: when there is too much to do, who is refused?
//!
//! A limit refuses whoever comes at the wrong moment. With a third of all requests refused at random, a user whose action
//! takes four of them succeeds in one case of five, and a payment is as likely to be refused as a recommendation. So
//! overload is decided once, in front of everything, by who asks and for what (Zhou et al.: "Overload Control for Scaling
//! WeChat Microservices", SoCC 2018, called DAGOR): requests have one of four criticalities, and within each of them users
//! fall into 128 groups by hash. Everything above a line through these 512 levels is shed, so the same user stays on the
//! same side from request to request, and actions succeed as a whole. Groups are drawn anew every hour, so that it is not
//! always the same users.
//!
//! The signal is the time requests wait for a place, not how long answers take: an answer may be late because somebody
//! else is slow, but a queue means that *we* have more to do than we can. A refusal counts as 20 times the threshold:
//! behind a queue that stays short because it refuses, the wait alone would never show the overload.
//!
//! While nothing waits, [`Shedder::admit`] reads one atomic and admits.
//!
//! When not to use it: if all requests matter alike and nobody does several, a [limit](crate::limit) is enough. Health
//! checks should not ask at all.
//!
//! ```
//! use std::time::Duration;
//! use banyan_resilience::shed::{Criticality, Settings, Shedder};
//! use tokio::time::Instant;
//!
//! let shedder = Shedder::new(Settings::default());
//! let now = Instant::now();
//! let user = 0x9E37_79B9_7F4A_7C15; // A hash of who asks.
//! assert!(shedder.admit(Criticality::Normal, user, now).is_ok());
//! // How long the request then waited for a place:
//! shedder.observe_wait(Duration::ZERO, now);
//! ```

mod criticality;
mod cut;
mod settings;

use std::{fmt, sync::PoisonError, time::Duration};

use tokio::time::Instant;

use self::cut::{Cut, LEVELS, Window};
pub use self::{
    criticality::{Criticality, UnknownCriticality},
    settings::{Settings, SettingsError},
};
use crate::sync::{AtomicU64, Mutex, Ordering::Relaxed};

/// Groups of users within a criticality.
const GROUPS: usize = 128;
/// How long a user stays in a group.
const REGROUP: Duration = Duration::from_secs(3600);
/// How many times the threshold a refusal counts.
const REFUSAL: u32 = 20;
/// Waits are added up in microseconds, in the upper part of a word; the lower counts them.
const COUNT_BITS: u32 = 24;
/// Nobody waits longer than this, as far as the sum goes.
const LONGEST: Duration = Duration::from_secs(1);

/// Decides who is refused while there is too much to do. Shared by all requests.
#[derive(Debug)]
pub struct Shedder {
    settings: Settings,
    /// Levels admitted: 0 to 512. All while nothing is wrong.
    cut: AtomicU64,
    /// Whether arrivals are counted by level: from the first overloaded window until everything is admitted again.
    watching: AtomicU64,
    /// How many times groups have been drawn anew.
    drawn: AtomicU64,
    /// Waits since the window began: sum and count.
    waits: AtomicU64,
    refusals: AtomicU64,
    arrivals: Box<[AtomicU64]>,
    window: Mutex<State>,
}

#[derive(Debug)]
struct State {
    cut: Cut,
    /// When the window began.
    began: Option<Instant>,
    /// When groups were drawn first.
    epoch: Option<Instant>,
    wait: Duration,
}

/// The request is refused because there is too much to do and others come first. It was not worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Shed {
    /// When asking again may help.
    pub retry_after: Duration,
    /// Of the request.
    pub criticality: Criticality,
}

/// How a shedder stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Status {
    /// Whether anybody is refused.
    pub shedding: bool,
    /// The share of each criticality's groups that is admitted, in the order of [`Criticality::ALL`].
    pub admitted: [f64; 4],
    /// The mean wait in the last window, refusals included as the module says.
    pub wait: Duration,
}

impl Shedder {
    /// A shedder that admits everybody so far.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            cut: AtomicU64::new(u64::from(LEVELS)),
            watching: AtomicU64::new(0),
            drawn: AtomicU64::new(0),
            waits: AtomicU64::new(0),
            refusals: AtomicU64::new(0),
            arrivals: (0..LEVELS).map(|_| AtomicU64::new(0)).collect(),
            window: Mutex::new(State { cut: Cut::open(), began: None, epoch: None, wait: Duration::ZERO }),
        }
    }

    /// Whether a request of this criticality, for the user with this hash, is taken on. The hash must spread users evenly
    /// over all 64 bits, and be the same for all requests of a user; a request of nobody in particular brings a random number,
    /// for all that bring the same one are shed together.
    ///
    /// # Errors
    ///
    /// If others come first.
    pub fn admit(&self, criticality: Criticality, user_hash: u64, now: Instant) -> Result<(), Shed> {
        if self.watching.load(Relaxed) == 0 {
            return Ok(());
        }
        self.close_if_over(now);
        let level = level(criticality, user_hash, self.drawn.load(Relaxed));
        if let Some(arrivals) = self.arrivals.get(level) {
            arrivals.fetch_add(1, Relaxed);
        }
        if u64::try_from(level).is_ok_and(|level| level < self.cut.load(Relaxed)) {
            return Ok(());
        }
        Err(Shed { retry_after: self.settings.within() * 2, criticality })
    }

    /// Takes in how long a request that was admitted waited for a place, zero included.
    pub fn observe_wait(&self, wait: Duration, now: Instant) {
        self.note(wait.min(LONGEST), now);
    }

    /// Takes in that a request that was admitted got no place.
    pub fn observe_refusal(&self, now: Instant) {
        self.refusals.fetch_add(1, Relaxed);
        self.note((self.settings.wait() * REFUSAL).min(LONGEST), now);
    }

    /// How the shedder stands.
    #[must_use]
    pub fn status(&self) -> Status {
        let cut = usize::try_from(self.cut.load(Relaxed)).unwrap_or_default();
        let share = |criticality: usize| {
            let groups = cut.saturating_sub(criticality * GROUPS).min(GROUPS);
            f64::from(u32::try_from(groups).unwrap_or_default()) / 128.0
        };
        Status {
            shedding: cut < usize::from(LEVELS),
            admitted: [share(0), share(1), share(2), share(3)],
            wait: self.window.lock().unwrap_or_else(PoisonError::into_inner).wait,
        }
    }

    /// What the shedder was built with.
    #[must_use]
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    fn note(&self, wait: Duration, now: Instant) {
        let micros = u64::try_from(wait.as_micros()).unwrap_or_default();
        let before = self.waits.fetch_add((micros << COUNT_BITS) + 1, Relaxed);
        let count = (before & ((1 << COUNT_BITS) - 1)) + 1;
        // In calm times one request in 16 looks at the clock's hand: a window is a second, not a microsecond.
        if count >= u64::from(self.settings.requests())
            || wait > Duration::ZERO
            || count.is_multiple_of(16)
            || count == 1
        {
            self.close_if_over(now);
        }
    }

    /// Ends the window if it has lasted long enough or seen enough. Whoever finds another thread at it goes on.
    fn close_if_over(&self, now: Instant) {
        let Ok(mut state) = self.window.try_lock() else { return };
        let began = *state.began.get_or_insert(now);
        let lasted = now.saturating_duration_since(began);
        let count = self.waits.load(Relaxed) & ((1 << COUNT_BITS) - 1);
        if lasted < self.settings.within() && count < u64::from(self.settings.requests()) {
            return;
        }
        let waits = self.waits.swap(0, Relaxed);
        let count = u32::try_from(waits & ((1 << COUNT_BITS) - 1)).unwrap_or(u32::MAX);
        let wait = Duration::from_micros((waits >> COUNT_BITS) / u64::from(count.max(1)));
        let window = Window {
            arrivals: self.arrivals.iter().map(|level| level.swap(0, Relaxed)).collect(),
            overloaded: wait > self.settings.wait(),
            refused: share(self.refusals.swap(0, Relaxed), count),
            calm: periods(lasted, self.settings.within()),
        };
        // Before the first overloaded window nobody counted who came, so the next one is only watched.
        let watched = self.watching.swap(u64::from(window.overloaded), Relaxed) == 1;
        if watched {
            state.cut = state.cut.step(&window, &self.settings);
            self.cut.store(u64::from(state.cut.levels()), Relaxed);
            self.watching.store(u64::from(window.overloaded || !state.cut.is_open()), Relaxed);
        }
        state.wait = wait;
        state.began = Some(now);
        let epoch = *state.epoch.get_or_insert(now);
        self.drawn.store(now.saturating_duration_since(epoch).as_secs() / REGROUP.as_secs(), Relaxed);
    }
}

/// The more critical, the lower; within a criticality, by hash and drawing.
fn level(criticality: Criticality, user_hash: u64, drawn: u64) -> usize {
    let mixed = (user_hash ^ drawn.wrapping_mul(0xBF58_476D_1CE4_E5B9)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let group = usize::try_from(mixed >> 57).unwrap_or_default();
    criticality.index() * GROUPS + group
}

fn share(part: u64, whole: u32) -> f64 {
    let part = u32::try_from(part).unwrap_or(u32::MAX).min(whole);
    f64::from(part) / f64::from(whole.max(1))
}

/// How many windows' time has passed: more than one after an idle gap.
fn periods(lasted: Duration, within: Duration) -> u32 {
    let periods = lasted.as_nanos() / within.as_nanos().max(1);
    u32::try_from(periods).unwrap_or(u32::MAX).max(1)
}

impl fmt::Display for Shed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "too much to do for {} requests of this user; try again in {:?}",
            self.criticality, self.retry_after
        )
    }
}

impl std::error::Error for Shed {}
