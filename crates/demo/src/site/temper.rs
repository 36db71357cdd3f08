//! How a service behaves apart from what it answers: how long it takes, and when it fails.

use std::{sync::atomic::AtomicU64, sync::atomic::Ordering::Relaxed, time::Duration};

use http::{Method, request::Parts};

use crate::{USER_FIELD, seed::Seed};

/// The path of health checks: answered at once, and always.
const READY: &str = "/ready";
/// The shortest time a page takes.
const FASTEST: Duration = Duration::from_millis(2);
/// The longest.
const SLOWEST: Duration = Duration::from_millis(20);
/// Of this many reads of a replacement ...
const READS: u32 = 100;
/// ... so many are answered 500 ...
const ERRORS: u32 = 2;
/// ... and so many end in a reset connection.
const RESETS: u32 = 1;

/// A seeded failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Answered 500.
    Error,
    /// The connection is reset before an answer.
    Reset,
}

/// The temper of one service.
#[derive(Debug)]
pub(super) struct Temper {
    seed: Seed,
    name: &'static str,
    fails: bool,
    requests: AtomicU64,
}

impl Temper {
    /// Of a service that never fails.
    pub(super) const fn steady(seed: Seed, name: &'static str) -> Self {
        Self { seed, name, fails: false, requests: AtomicU64::new(0) }
    }

    /// Of a service that fails now and then.
    pub(super) const fn shaky(seed: Seed, name: &'static str) -> Self {
        Self { seed, name, fails: true, requests: AtomicU64::new(0) }
    }

    /// How long the next page takes: usually a few milliseconds, seldom 20.
    pub(super) fn pace(&self, request: &Parts) -> Duration {
        if request.uri.path() == READY {
            return Duration::ZERO;
        }
        let number = self.requests.fetch_add(1, Relaxed);
        let even = f64::from(self.seed.below(1_000, self.name, number)) / 1_000.0;
        FASTEST + (SLOWEST - FASTEST).mul_f64(even.powi(3))
    }

    /// Whether and how a request fails. Writes never do: nothing may answer for them.
    ///
    /// It depends on who asks for what and not on the order of requests, so that asking again is no way out, and so that
    /// one seed has one set of failures.
    pub(super) fn fault(&self, request: &Parts) -> Option<Fault> {
        let path = request.uri.path_and_query()?.as_str();
        if !self.fails || request.method != Method::GET || path == READY {
            return None;
        }
        let user = request.headers.get(USER_FIELD).and_then(|user| user.to_str().ok()).unwrap_or_default();
        let drawn = self.seed.below(READS, &format!("{} {path} {user}", self.name), 0);
        match drawn {
            _ if drawn < ERRORS => Some(Fault::Error),
            _ if drawn < ERRORS + RESETS => Some(Fault::Reset),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn request(method: Method, path: &str, user: u32) -> Parts {
        let builder = Request::builder().method(method).uri(path).header(USER_FIELD, format!("user-{user}"));
        builder.body(()).unwrap().into_parts().0
    }

    fn faults(temper: &Temper, method: &Method) -> Vec<Option<Fault>> {
        let of_user = |user| move |article| (user, article);
        let asked = (1..=100).flat_map(|user| (1..=100).map(of_user(user)));
        asked.map(|(u, a)| temper.fault(&request(method.clone(), &format!("/articles/{a}"), u))).collect()
    }

    #[test]
    fn a_small_share_of_reads_fails_in_both_ways() {
        let found = faults(&Temper::shaky(Seed(1), "articles"), &Method::GET);
        let count = |fault| found.iter().filter(|&&found| found == Some(fault)).count();
        // 2 % and 1 % of 10,000, give or take five standard deviations.
        assert!((130..=270).contains(&count(Fault::Error)), "{}", count(Fault::Error));
        assert!((50..=150).contains(&count(Fault::Reset)), "{}", count(Fault::Reset));
    }

    #[test]
    fn writes_health_checks_and_legacy_never_fail() {
        assert!(faults(&Temper::shaky(Seed(1), "comments"), &Method::POST).iter().all(Option::is_none));
        assert!(faults(&Temper::steady(Seed(1), "legacy"), &Method::GET).iter().all(Option::is_none));
        let shaky = (0..1_000).map(|seed| Temper::shaky(Seed(seed), "articles"));
        assert!(shaky.into_iter().all(|temper| temper.fault(&request(Method::GET, READY, 1)).is_none()));
    }

    #[test]
    fn a_seed_makes_one_set_of_failures() {
        let [one, same, other] =
            [1, 1, 2].map(|seed| faults(&Temper::shaky(Seed(seed), "articles"), &Method::GET));
        assert_eq!(one, same);
        assert_ne!(one, other);
    }

    #[test]
    fn pages_take_two_to_twenty_milliseconds() {
        let temper = Temper::steady(Seed(1), "legacy");
        let page = request(Method::GET, "/articles", 1);
        let times: Vec<_> = (0..1_000).map(|_| temper.pace(&page)).collect();
        assert!(times.iter().all(|time| (FASTEST..=SLOWEST).contains(time)));
        assert!(times.iter().any(|&time| time > SLOWEST / 2));
        assert_eq!(temper.pace(&request(Method::GET, READY, 1)), Duration::ZERO);
    }
}
