//! Which faults strike a request.

use std::time::Duration;

use banyan_config::plan::{Chaos, ChaosFailure};
use banyan_flags::{Bucket, Percent};
use http::HeaderMap;
use rand::{Rng as _, rngs::SmallRng};

/// Keeps the share of subjects that chaos is about apart from any unit's.
const SALT: &str = "banyan-chaos";

/// What is done to one attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Faults {
    /// How long it is kept waiting.
    pub(crate) delay: Option<Duration>,
    /// What strikes it then.
    pub(crate) strike: Option<Strike>,
}

/// A fault, one at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strike {
    /// An answer of this status instead of the upstream's.
    Status(u16),
    /// As if the connection had broken before any answer.
    Refused,
    /// The answer is spoiled on its way.
    Body(Fault),
}

/// What is done to the body of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It breaks off.
    Reset,
    /// It ends early and seems complete.
    Truncate,
    /// Bytes of it are changed.
    Corrupt,
}

impl Faults {
    /// The words for metrics, access line and answer.
    pub(crate) fn names(self) -> impl Iterator<Item = &'static str> {
        let slow = self.delay.map(|_| "slow");
        let strike = self.strike.map(|strike| match strike {
            Strike::Status(_) | Strike::Refused => "fail",
            Strike::Body(Fault::Reset) => "reset",
            Strike::Body(Fault::Truncate) => "truncate",
            Strike::Body(Fault::Corrupt) => "corrupt",
        });
        slow.into_iter().chain(strike)
    }
}

/// Draws what happens to an attempt: whether it is slowed, and which one of the other faults strikes it.
pub(crate) fn draw(
    chaos: &Chaos,
    subject: Option<Bucket>,
    headers: &HeaderMap,
    rng: &mut SmallRng,
) -> Faults {
    if !is_meant(chaos, subject, headers) {
        return Faults::default();
    }
    let mut faults = Faults::default();
    if falls(rng) < chaos.slow.basis_points() {
        faults.delay = Some(rng.random_range(chaos.by.clone()));
    }
    let mut left = falls(rng);
    let strikes = [
        (chaos.fail, fail(chaos.fail_with)),
        (chaos.reset, Strike::Body(Fault::Reset)),
        (chaos.truncate, Strike::Body(Fault::Truncate)),
        (chaos.corrupt, Strike::Body(Fault::Corrupt)),
    ];
    for (share, strike) in strikes {
        match left.checked_sub(share.basis_points()) {
            Some(rest) => left = rest,
            None => {
                faults.strike = Some(strike);
                break;
            }
        }
    }
    faults
}

/// A number of basis points, each as likely.
fn falls(rng: &mut SmallRng) -> u16 {
    rng.random_range(0..Percent::FULL.basis_points())
}

const fn fail(with: ChaosFailure) -> Strike {
    match with {
        ChaosFailure::Status(status) => Strike::Status(status),
        ChaosFailure::Reset => Strike::Refused,
    }
}

fn is_meant(chaos: &Chaos, subject: Option<Bucket>, headers: &HeaderMap) -> bool {
    // By a bucket of its own: that of the unit decides for a side already, and one side would have all the faults.
    let own = |bucket: Bucket| Bucket::of(SALT, &bucket.index().to_string());
    let by_subject =
        chaos.when.subjects.is_none_or(|share| subject.is_some_and(|bucket| share.contains(own(bucket))));
    by_subject && chaos.when.headers.iter().all(|(name, value)| headers.get(name) == Some(value))
}
