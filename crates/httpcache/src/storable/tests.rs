use std::time::{SystemTime, UNIX_EPOCH};

use http::HeaderValue;

use super::*;

const NOW: u64 = 1_700_000_000;

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn date(seconds: u64) -> String {
    httpdate::fmt_http_date(at(seconds))
}

fn head(fields: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers
            .append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    headers
}

/// An exchange about which everything is usual until a test says otherwise.
struct Case {
    method: Method,
    request: HeaderMap,
    status: u16,
    rules: Rules,
}

fn get() -> Case {
    Case { method: Method::GET, request: HeaderMap::new(), status: 200, rules: Rules::default() }
}

impl Case {
    fn method(self, method: Method) -> Self {
        Self { method, ..self }
    }

    fn asking(self, fields: &[(&str, &str)]) -> Self {
        Self { request: head(fields), ..self }
    }

    fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    fn rules(self, rules: Rules) -> Self {
        Self { rules, ..self }
    }

    fn answered(&self, fields: &[(&str, &str)]) -> Result<Storable, NotStored> {
        let asked = Asked::of(&self.request);
        let request = AskedWith { method: &self.method, headers: &self.request, asked: &asked };
        let answer = Answered {
            status: StatusCode::from_u16(self.status).unwrap(),
            headers: &head(fields),
            exchange: Exchange { asked_at: at(NOW), answered_at: at(NOW) },
        };
        storable(request, answer, &self.rules)
    }

    fn control(&self, value: &str) -> Result<Storable, NotStored> {
        self.answered(&[("cache-control", value)])
    }

    /// Seconds of freshness and what decided them.
    fn fresh(&self, fields: &[(&str, &str)]) -> Result<(u64, Basis), NotStored> {
        self.answered(fields).map(|kept| (kept.lifetimes.fresh_for.as_secs(), kept.lifetimes.basis))
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn ttl(time: u64) -> Rules {
    Rules { ttl: Some(seconds(time)), ..Rules::default() }
}

const FRESH: &[(&str, &str)] = &[("cache-control", "max-age=60")];

#[test]
fn s3_only_answers_to_get_are_kept() {
    assert!(get().answered(FRESH).is_ok());
    for method in [Method::HEAD, Method::POST, Method::OPTIONS, Method::PUT] {
        assert_eq!(get().method(method).answered(FRESH), Err(NotStored::Method));
    }
}

#[test]
fn s3_any_final_status_is_kept_with_explicit_freshness() {
    for status in [200, 203, 204, 299, 301, 302, 303, 307, 308, 400, 404, 410, 499, 500, 502, 503, 504, 599] {
        assert_eq!(get().status(status).fresh(FRESH), Ok((60, Basis::MaxAge)), "{status}");
    }
    assert_eq!(get().status(103).answered(FRESH), Err(NotStored::Interim));
}

#[test]
fn s3_3_parts_are_not_kept() {
    assert_eq!(get().status(206).answered(FRESH), Err(NotStored::Incomplete));
    assert_eq!(get().status(304).answered(FRESH), Err(NotStored::Incomplete));
}

#[test]
fn s5_2_1_5_and_5_2_2_5_no_store_of_either_side_is_obeyed() {
    let asking = get().asking(&[("cache-control", "no-store")]);
    assert_eq!(asking.answered(FRESH), Err(NotStored::RequestNoStore));
    assert_eq!(get().control("max-age=60, no-store"), Err(NotStored::NoStore));
}

#[test]
fn s5_2_2_3_must_understand_outweighs_no_store_when_the_status_is_known() {
    let value = "max-age=3600, no-store, must-understand";
    assert!(get().control(value).is_ok());
    assert_eq!(get().status(599).control(value), Err(NotStored::NotUnderstood));
    assert_eq!(get().status(599).control("max-age=60, must-understand"), Err(NotStored::NotUnderstood));
}

#[test]
fn s5_2_2_7_what_is_private_is_not_kept_and_private_fields_are_left_out() {
    assert_eq!(get().control("private, max-age=60"), Err(NotStored::Private));
    let kept = get().control("max-age=60, private=\"x-user\", no-cache=\"x-token\"").unwrap();
    let mut headers = head(&[("x-user", "1"), ("x-token", "2"), ("x-kept", "3")]);
    strip_for_store(&mut headers, &kept.without);
    assert_eq!(headers, head(&[("x-kept", "3")]));
    assert!(!kept.lifetimes.always_revalidate, "without those fields nothing has to be asked");
}

#[test]
fn s3_1_fields_about_proxies_and_the_age_are_left_out() {
    let mut headers = head(&[
        ("proxy-authenticate", "a"),
        ("proxy-authentication-info", "b"),
        ("proxy-authorization", "c"),
        ("age", "5"),
        ("etag", "\"e\""),
    ]);
    strip_for_store(&mut headers, &[]);
    assert_eq!(headers, head(&[("etag", "\"e\"")]));
}

#[test]
fn s3_5_answers_to_authorised_requests_are_kept_only_when_the_origin_says_so() {
    let authorised = || get().asking(&[("authorization", "x")]);
    assert_eq!(authorised().answered(FRESH), Err(NotStored::Authorized));
    for value in ["max-age=60, public", "max-age=60, must-revalidate", "s-maxage=60"] {
        assert!(authorised().control(value).is_ok(), "{value}");
    }
    assert_eq!(authorised().control("max-age=60, proxy-revalidate"), Err(NotStored::Authorized));
    let rules = Rules { allow_authorization: true, ..Rules::default() };
    assert!(authorised().rules(rules).answered(FRESH).is_ok());
}

#[test]
fn s7_3_answers_that_set_a_cookie_are_not_kept_unless_it_is_left_out_or_allowed() {
    let setting = |control| [("cache-control", control), ("set-cookie", "a=b")];
    assert_eq!(get().answered(&setting("max-age=60")), Err(NotStored::SetCookie));
    let old = [("cache-control", "max-age=60"), ("set-cookie2", "a=b")];
    assert_eq!(get().answered(&old), Err(NotStored::SetCookie));
    let kept = get().answered(&setting("max-age=60, no-cache=\"set-cookie\"")).unwrap();
    assert_eq!(kept.without.as_slice(), [header::SET_COOKIE]);
    let rules = Rules { allow_set_cookie: true, ..Rules::default() };
    assert!(get().rules(rules).answered(&setting("max-age=60")).unwrap().without.is_empty());
}

#[test]
fn s4_1_what_varies_on_everything_is_not_kept() {
    let vary = |value| get().answered(&[("cache-control", "max-age=60"), ("vary", value)]);
    assert_eq!(vary("foo, *"), Err(NotStored::VaryAny));
    assert_eq!(vary("foo bar"), Err(NotStored::VaryUnusable));
    assert_eq!(vary("foo").unwrap().vary.iter().count(), 1);
}

#[test]
fn s4_2_2_freshness_is_presumed_only_for_some_statuses_or_when_public() {
    let modified = date(NOW - 1000);
    let fields = [("last-modified", modified.as_str())];
    for status in [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501] {
        assert_eq!(get().status(status).fresh(&fields), Ok((100, Basis::Heuristic)), "{status}");
    }
    for status in [201, 202, 302, 307, 400, 403, 500, 502, 503, 504, 599] {
        assert_eq!(get().status(status).fresh(&fields), Err(NotStored::Status), "{status}");
    }
    let public = [fields[0], ("cache-control", "public")];
    assert_eq!(get().status(599).fresh(&public), Ok((100, Basis::Heuristic)));
}

#[test]
fn s4_2_2_nothing_is_presumed_beside_what_is_stated() {
    let modified = date(NOW - 1000);
    let fields = [("last-modified", modified.as_str()), ("cache-control", "max-age=0")];
    assert_eq!(get().fresh(&fields), Ok((0, Basis::MaxAge)));
}

#[test]
fn what_has_no_lifetime_is_kept_only_to_be_validated() {
    assert_eq!(get().answered(&[]), Err(NotStored::NoLifetime));
    assert_eq!(get().fresh(&[("etag", "\"a\"")]), Ok((0, Basis::Nothing)));
    assert_eq!(get().control("max-age=0"), Err(NotStored::AlreadyStale));
    assert_eq!(get().answered(&[("cache-control", "max-age=5"), ("age", "9")]), Err(NotStored::AlreadyStale));
    assert!(get().control("max-age=0, stale-while-revalidate=5").is_ok());
    assert!(get().control("max-age=0, stale-if-error=5").is_ok());
}

#[test]
fn s5_2_2_4_no_cache_is_kept_to_be_validated_each_time() {
    let kept = get().answered(&[("cache-control", "max-age=60, no-cache"), ("etag", "\"a\"")]).unwrap();
    assert!(kept.lifetimes.always_revalidate && !kept.lifetimes.is_fresh(Duration::ZERO));
    assert_eq!(
        get().control("max-age=60, no-cache"),
        Err(NotStored::AlreadyStale),
        "with nothing to validate it"
    );
}

/// How long past its freshness an answer may be used while it is fetched, in place of an error, and for a client that asks.
fn stale(case: &Case, control: &str) -> (u64, u64, bool) {
    let kept = case.answered(&[("cache-control", control), ("etag", "\"a\"")]).unwrap().lifetimes;
    (kept.stale_while_revalidate.as_secs(), kept.stale_if_error.as_secs(), kept.client_may_take_stale)
}

#[test]
fn rfc5861_the_origin_says_how_long_stale_answers_may_be_used() {
    assert_eq!(stale(&get(), "max-age=1"), (0, 0, true));
    assert_eq!(stale(&get(), "max-age=1, stale-while-revalidate=2, stale-if-error=3"), (2, 3, true));
}

#[test]
fn s4_2_4_what_must_not_be_stale_is_not_whatever_anybody_else_says() {
    let rules = Rules {
        stale_while_revalidate: Some(seconds(8)),
        stale_if_error: Some(seconds(9)),
        ..Rules::default()
    };
    assert_eq!(
        stale(&get().rules(rules), "max-age=1, stale-if-error=3"),
        (8, 9, true),
        "else a rule replaces it"
    );
    for directive in ["must-revalidate", "proxy-revalidate", "no-cache", "s-maxage=2"] {
        let control = format!("max-age=2, {directive}");
        assert_eq!(stale(&get().rules(rules), &control), (0, 0, false), "{directive}");
    }
    let both = "must-revalidate, max-age=1, stale-while-revalidate=2, stale-if-error=3";
    assert_eq!(stale(&get(), both), (0, 0, false));
}

#[test]
fn s5_2_2_10_s_maxage_forbids_stale_use_unless_the_origin_itself_allows_it() {
    assert_eq!(stale(&get(), "s-maxage=2, stale-while-revalidate=5"), (5, 0, false));
    assert_eq!(stale(&get(), "s-maxage=2, stale-if-error=6"), (0, 6, false));
}

#[test]
fn a_ttl_replaces_all_that_the_origin_says_about_time() {
    for control in ["max-age=1", "max-age=0", "no-cache", "s-maxage=1", "public", "max-age=x"] {
        let kept = get().rules(ttl(300)).control(control).unwrap().lifetimes;
        assert_eq!((kept.fresh_for, kept.basis), (seconds(300), Basis::Ttl), "{control}");
        assert!(kept.is_fresh(Duration::ZERO), "{control}");
    }
    assert_eq!(get().rules(ttl(300)).fresh(&[("expires", "0")]), Ok((300, Basis::Ttl)));
    assert_eq!(get().rules(ttl(300)).fresh(&[]), Ok((300, Basis::Ttl)));
}

#[test]
fn a_rule_counts_from_the_arrival_whatever_the_clock_of_the_origin() {
    for (name, value) in [("age", "5000".to_owned()), ("date", date(NOW - 5000))] {
        let kept = get().rules(ttl(300)).answered(&[(name, &value)]).unwrap().lifetimes;
        assert_eq!(kept.age(Duration::ZERO), seconds(5000), "the age that is told stays true");
        assert!(kept.is_fresh(kept.age(seconds(299))) && !kept.is_fresh(kept.age(seconds(300))), "{name}");
    }
}

#[test]
fn a_ttl_replaces_nothing_that_the_origin_says_about_whose_it_is() {
    let ruled = || get().rules(ttl(300));
    assert_eq!(ruled().control("private"), Err(NotStored::Private));
    assert_eq!(ruled().control("no-store"), Err(NotStored::NoStore));
    assert_eq!(ruled().answered(&[("set-cookie", "a=b")]), Err(NotStored::SetCookie));
    assert_eq!(ruled().asking(&[("authorization", "x")]).answered(&[]), Err(NotStored::Authorized));
    assert_eq!(ruled().answered(&[("vary", "*")]), Err(NotStored::VaryAny));
}

#[test]
fn a_ttl_is_for_good_answers_and_negative_for_what_was_not_found() {
    let rules = Rules { negative: Some(seconds(9)), ..ttl(300) };
    for (status, expected) in [
        (200, Ok((300, Basis::Ttl))),
        (301, Ok((300, Basis::Ttl))),
        (404, Ok((9, Basis::Negative))),
        (410, Ok((9, Basis::Negative))),
        (405, Ok((60, Basis::MaxAge))),
        (302, Ok((60, Basis::MaxAge))),
        (500, Ok((60, Basis::MaxAge))),
    ] {
        assert_eq!(get().status(status).rules(rules).fresh(FRESH), expected, "{status}");
    }
    assert_eq!(
        get().status(500).rules(rules).answered(&[]),
        Err(NotStored::Status),
        "an error is not kept by a ttl"
    );
    assert_eq!(get().status(404).rules(ttl(300)).answered(&[]), Err(NotStored::NoLifetime));
}

#[test]
fn a_ttl_of_zero_keeps_nothing_but_may_be_shared_with_those_who_wait() {
    let reason = get().rules(ttl(0)).answered(FRESH).unwrap_err();
    assert_eq!(reason, NotStored::ZeroTtl);
    assert!(reason.may_be_shared());
    assert!(!NotStored::Private.may_be_shared() && !NotStored::SetCookie.may_be_shared());
}

#[test]
fn a_ttl_never_makes_an_answer_usable_stale_that_must_not_be() {
    let rules = Rules { stale_if_error: Some(seconds(9)), ..ttl(300) };
    assert_eq!(stale(&get().rules(rules), "must-revalidate"), (0, 0, false));
    assert_eq!(
        stale(&get().rules(rules), "s-maxage=1"),
        (0, 9, true),
        "s-maxage is about time and was replaced"
    );
}

#[test]
fn rfc9213_a_targeted_field_decides_alone() {
    let both = |targeted| {
        get().fresh(&[
            ("cache-control", "no-store, max-age=1"),
            ("cdn-cache-control", targeted),
            ("expires", "0"),
        ])
    };
    assert_eq!(both("max-age=3600"), Ok((3600, Basis::MaxAge)));
    assert_eq!(both("private"), Err(NotStored::Private));
    assert_eq!(both("max-age=\"3600\""), Err(NotStored::NoStore));
}

#[test]
fn huge_times_are_bounded() {
    let rules = Rules { ttl: Some(Duration::MAX), stale_if_error: Some(Duration::MAX), ..Rules::default() };
    let kept = get().rules(rules).answered(&[("age", "99999999999999999999")]).unwrap().lifetimes;
    assert_eq!((kept.fresh_for, kept.stale_if_error, kept.initial_age), (LONGEST, LONGEST, LONGEST));
    assert_eq!(kept.age(Duration::MAX), LONGEST);
    assert_eq!(kept.useful_until(), LONGEST * 2);
}

/// Kept under some of its tags only it would outlive the invalidation of another.
#[test]
fn what_has_more_tags_than_are_looked_at_is_not_kept() {
    let tags = |field: &'static str, count: usize, tag: &str| {
        let tags = vec![tag; count].join(if field == "surrogate-key" { " " } else { ", " });
        get().answered(&[FRESH[0], (field, &tags)]).map(|_| ())
    };
    for (field, tag) in [("cache-groups", "\"a\""), ("surrogate-key", "a")] {
        assert_eq!(tags(field, 128, tag), Ok(()), "{field}");
        assert_eq!(tags(field, 129, tag), Err(NotStored::Tags), "{field}");
    }
    assert_eq!(tags("surrogate-key", 1, &"a".repeat(257)), Err(NotStored::Tags));
    let private = [("cache-control", "private"), ("surrogate-key", &*"a".repeat(257))];
    assert_eq!(get().answered(&private), Err(NotStored::Private), "what no bound changes is told first");
}
