//! How old an answer is, and how long it is fresh (RFC 9111 section 4.2).
//!
//! Clocks disagree, so an answer's age is the worst that anything says: the origin's clock against ours, or what caches on
//! the way counted plus the time the exchange took. From there on only time that *passes here* is added, which a caller
//! takes from a clock that never jumps.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, header};

use crate::{
    date,
    directives::{LONGEST, Said, delta_seconds},
    list::members,
};

/// The share of the time since its last change for which an answer is presumed to stay as it is (RFC 9111 section 4.2.2).
const HEURISTIC_DIVISOR: u32 = 10;
/// The longest presumption. Nobody promised anything, so a day is the most.
pub const LONGEST_HEURISTIC: Duration = Duration::from_secs(24 * 60 * 60);

/// When an exchange with an origin took place, by our clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// When the request was sent.
    pub asked_at: SystemTime,
    /// When the head of the answer was there.
    pub answered_at: SystemTime,
}

/// What decided how long an answer is fresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Basis {
    /// The route's `ttl`.
    Ttl,
    /// The route's `negative`, for what was not found.
    Negative,
    /// `s-maxage`.
    SMaxage,
    /// `max-age`.
    MaxAge,
    /// `Expires`.
    Expires,
    /// A share of the time since `Last-Modified`.
    Heuristic,
    /// Nothing. It is kept to be validated each time.
    Nothing,
}

/// How old an answer was when it arrived: `corrected_initial_age` (RFC 9111 section 4.2.3). At most [`LONGEST`].
#[must_use]
pub fn initial_age(headers: &HeaderMap, exchange: Exchange) -> Duration {
    let since = |earlier: SystemTime| exchange.answered_at.duration_since(earlier).unwrap_or_default();
    let apparent_age = sent_at(headers).map(since).unwrap_or_default();
    let corrected_age = age_field(headers).saturating_add(since(exchange.asked_at));
    apparent_age.max(corrected_age).min(LONGEST)
}

/// How old an answer is that was `initial_age` old on arrival and has been here for `resident` since (RFC 9111 section
/// 4.2.3). At most [`LONGEST`].
#[must_use]
pub fn current_age(initial_age: Duration, resident: Duration) -> Duration {
    initial_age.saturating_add(resident).min(LONGEST)
}

/// What the origin states about how long the answer is fresh, for a shared cache (RFC 9111 section 4.2.1).
#[must_use]
pub(crate) fn stated(said: &Said, headers: &HeaderMap, answered_at: SystemTime) -> Option<(Duration, Basis)> {
    let of_directives = said
        .s_maxage
        .map(|time| (time, Basis::SMaxage))
        .or_else(|| said.max_age.map(|time| (time, Basis::MaxAge)));
    of_directives.or_else(|| {
        let expires = (!said.targeted).then(|| headers.get(header::EXPIRES)).flatten()?;
        // A date that cannot be read, "0" above all, means that it has expired (section 5.3).
        let sent_at = sent_at(headers).unwrap_or(answered_at);
        let time = date::parse(expires).and_then(|expires| expires.duration_since(sent_at).ok());
        Some((time.unwrap_or_default().min(LONGEST), Basis::Expires))
    })
}

/// How long an answer is presumed to be fresh about which nothing is stated (RFC 9111 section 4.2.2).
#[must_use]
pub(crate) fn presumed(headers: &HeaderMap, answered_at: SystemTime) -> Option<Duration> {
    let modified_at = date::parse(headers.get(header::LAST_MODIFIED)?)?;
    let sent_at = sent_at(headers).unwrap_or(answered_at);
    let unchanged = sent_at.duration_since(modified_at).ok()?;
    Some((unchanged / HEURISTIC_DIVISOR).min(LONGEST_HEURISTIC))
}

/// The time of `Date`.
pub(crate) fn sent_at(headers: &HeaderMap) -> Option<SystemTime> {
    headers.get(header::DATE).and_then(date::parse)
}

/// The value of `Age`: the first member, and nothing when that is no number (RFC 9111 section 5.1).
fn age_field(headers: &HeaderMap) -> Duration {
    members(headers, header::AGE).next().and_then(delta_seconds).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use http::{HeaderName, HeaderValue};

    use super::*;

    const NOW: u64 = 1_700_000_000;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn head(fields: &[(HeaderName, &str)]) -> HeaderMap {
        fields.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
    }

    fn date(seconds: u64) -> String {
        httpdate::fmt_http_date(at(seconds))
    }

    fn arrived(fields: &[(HeaderName, &str)], took: u64) -> u64 {
        let exchange = Exchange { asked_at: at(NOW - took), answered_at: at(NOW) };
        initial_age(&head(fields), exchange).as_secs()
    }

    #[test]
    fn s4_2_3_the_age_is_the_worst_that_anything_says() {
        assert_eq!(arrived(&[], 3), 3, "the time the exchange took");
        assert_eq!(arrived(&[(header::AGE, "30")], 3), 33, "what caches counted and the exchange");
        assert_eq!(arrived(&[(header::DATE, &date(NOW - 50)), (header::AGE, "30")], 3), 50, "the clocks");
        assert_eq!(arrived(&[(header::DATE, &date(NOW + 50))], 0), 0, "an origin ahead of us is not young");
    }

    #[test]
    fn s4_2_3_a_clock_that_went_back_takes_no_time() {
        let exchange = Exchange { asked_at: at(NOW), answered_at: at(NOW - 9) };
        assert_eq!(initial_age(&HeaderMap::new(), exchange), Duration::ZERO);
    }

    #[test]
    fn s5_1_the_first_age_counts_and_one_that_is_no_number_does_not() {
        for (value, age) in [
            ("7200, 0", 7200),
            ("0, 7200", 0),
            ("abc", 0),
            ("-7200", 0),
            ("7200.0", 0),
            ("7200;a=1", 0),
            ("2147483649", 1 << 31),
        ] {
            assert_eq!(arrived(&[(header::AGE, value)], 0), age, "{value}");
        }
    }

    #[test]
    fn ages_never_overflow() {
        assert_eq!(current_age(Duration::MAX, Duration::MAX), LONGEST);
        let exchange = Exchange { asked_at: UNIX_EPOCH, answered_at: at(1 << 40) };
        assert_eq!(initial_age(&head(&[(header::AGE, "99999999999999")]), exchange), LONGEST);
    }

    fn lifetime(fields: &[(HeaderName, &str)]) -> Option<(u64, Basis)> {
        let headers = head(fields);
        let (time, basis) = stated(&Said::of(&headers), &headers, at(NOW))?;
        Some((time.as_secs(), basis))
    }

    #[test]
    fn s4_2_1_s_maxage_goes_before_max_age_and_that_before_expires() {
        let expires = date(NOW + 5);
        let field = |control| [(header::CACHE_CONTROL, control), (header::EXPIRES, expires.as_str())];
        assert_eq!(lifetime(&field("max-age=1, s-maxage=3600")), Some((3600, Basis::SMaxage)));
        assert_eq!(lifetime(&field("max-age=0")), Some((0, Basis::MaxAge)));
        assert_eq!(lifetime(&field("public")), Some((5, Basis::Expires)));
        assert_eq!(lifetime(&[]), None);
    }

    #[test]
    fn s4_2_1_expires_counts_from_the_origins_own_clock() {
        let both = |date: &str, expires: &str| lifetime(&[(header::DATE, date), (header::EXPIRES, expires)]);
        assert_eq!(both(&date(NOW - 10), &date(NOW + 10)), Some((20, Basis::Expires)));
        assert_eq!(both(&date(NOW + 400), &date(NOW + 300)), Some((0, Basis::Expires)));
        assert_eq!(both("foo", &date(NOW + 10)), Some((10, Basis::Expires)), "without a date, from ours");
    }

    #[test]
    fn s5_3_an_expires_that_cannot_be_read_has_passed() {
        assert_eq!(lifetime(&[(header::EXPIRES, "0")]), Some((0, Basis::Expires)));
        assert_eq!(
            lifetime(&[(header::EXPIRES, "Sun, 21 Nov 2286 04:46:39 GMT")]),
            Some((1 << 31, Basis::Expires))
        );
    }

    #[test]
    fn rfc9213_2_2_a_targeted_field_replaces_expires() {
        let name = HeaderName::from_static("cdn-cache-control");
        assert_eq!(lifetime(&[(name, "public"), (header::EXPIRES, &date(NOW + 10))]), None);
    }

    #[test]
    fn s4_2_2_a_tenth_of_the_time_since_the_last_change_and_a_day_at_most() {
        let presumption =
            |modified: u64| presumed(&head(&[(header::LAST_MODIFIED, &date(modified))]), at(NOW));
        assert_eq!(presumption(NOW - 1000), Some(Duration::from_secs(100)));
        assert_eq!(presumption(1), Some(LONGEST_HEURISTIC));
        assert_eq!(presumption(NOW + 1), None, "a change that is still to come says nothing");
        assert_eq!(presumed(&HeaderMap::new(), at(NOW)), None);
    }
}
