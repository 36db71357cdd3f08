//! Whether an answer may be kept (RFC 9111 section 3), and for how long.
//!
//! Questions of privacy come first, questions of time second. The order matters for people: an answer that is private
//! *and* has no lifetime is reported as private, since that is what no setting of a time will change.

use std::time::Duration;

use http::{HeaderMap, HeaderName, Method, StatusCode, header};
use smallvec::SmallVec;

use crate::{
    directives::{Asked, LONGEST, Said, Scope},
    fields::{PROXY_AUTHENTICATION_INFO, SET_COOKIE2},
    freshness::{Basis, Exchange, initial_age, presumed, stated},
    lifetimes::Lifetimes,
    not_stored::NotStored,
    rules::Rules,
    tags,
    vary::{Names, Unusable},
};

/// A request as far as it decides whether its answer may be kept.
#[derive(Clone, Copy, Debug)]
pub struct AskedWith<'a> {
    /// The method.
    pub method: &'a Method,
    /// The fields, as they came from the client.
    pub headers: &'a HeaderMap,
    /// Their directives, which a caller has read for the lookup already.
    pub asked: &'a Asked,
}

/// An answer as far as it decides whether it may be kept.
#[derive(Clone, Copy, Debug)]
pub struct Answered<'a> {
    /// The status.
    pub status: StatusCode,
    /// The fields, as they came from the origin.
    pub headers: &'a HeaderMap,
    /// When it was asked for and when it came.
    pub exchange: Exchange,
}

/// How an answer is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storable {
    /// Its times.
    pub lifetimes: Lifetimes,
    /// The request fields that select it.
    pub vary: Names,
    /// The fields to leave out: those that the origin calls private, and those not to be reused without asking it. The
    /// latter are left out too because a field that is absent cannot be reused by mistake.
    pub without: SmallVec<[HeaderName; 2]>,
}

/// Whether `answer` may be kept by a shared cache, and how (RFC 9111 section 3).
///
/// # Errors
/// Why it is not kept. Not every reason forbids to give it to requests that are already waiting for the same:
/// [`NotStored::may_be_shared`].
pub fn storable(request: AskedWith<'_>, answer: Answered<'_>, rules: &Rules) -> Result<Storable, NotStored> {
    let said = Said::of(answer.headers);
    check_kind(request.method, answer.status)?;
    check_no_store(request.asked, &said, answer.status)?;
    let without = left_out(&said);
    check_owner(request.headers, answer.headers, &said, &without, rules)?;
    let vary = Names::of(answer.headers).map_err(|unusable| match unusable {
        Unusable::Any => NotStored::VaryAny,
        Unusable::Malformed | Unusable::TooMany => NotStored::VaryUnusable,
    })?;
    let lifetimes = lifetimes(answer, &said, rules)?;
    // Kept under some of its tags only it would outlive the invalidation of another.
    tags::groups(answer.headers).and(tags::surrogate_keys(answer.headers)).map_err(|_| NotStored::Tags)?;
    Ok(Storable { lifetimes, vary, without })
}

/// Removes what a kept head must not have (RFC 9111 section 3.1): the fields of [`Storable::without`], those about
/// authentication with proxies, and `Age`, which every use writes anew. Fields of the connection are the caller's to remove.
pub fn strip_for_store(headers: &mut HeaderMap, without: &[HeaderName]) {
    for name in without {
        headers.remove(name);
    }
    for name in
        [&header::PROXY_AUTHENTICATE, &PROXY_AUTHENTICATION_INFO, &header::PROXY_AUTHORIZATION, &header::AGE]
    {
        headers.remove(name);
    }
}

fn check_kind(method: &Method, status: StatusCode) -> Result<(), NotStored> {
    match status {
        _ if method != Method::GET => Err(NotStored::Method),
        StatusCode::PARTIAL_CONTENT | StatusCode::NOT_MODIFIED => Err(NotStored::Incomplete),
        status if status.is_informational() => Err(NotStored::Interim),
        _ => Ok(()),
    }
}

/// `must-understand` comes with `no-store` for caches that do not know it; one that does, and knows the status, ignores the
/// latter (RFC 9111 section 5.2.2.3).
fn check_no_store(asked: &Asked, said: &Said, status: StatusCode) -> Result<(), NotStored> {
    if asked.no_store {
        return Err(NotStored::RequestNoStore);
    }
    match (said.must_understand, said.no_store) {
        (true, _) if !is_understood(status) => Err(NotStored::NotUnderstood),
        (false, true) => Err(NotStored::NoStore),
        _ => Ok(()),
    }
}

fn left_out(said: &Said) -> SmallVec<[HeaderName; 2]> {
    said.private.fields().iter().chain(said.no_cache.fields()).cloned().collect()
}

/// Whether the answer may belong to somebody (RFC 9111 sections 3.5, 5.2.2.7 and 7.3).
fn check_owner(
    request: &HeaderMap,
    answer: &HeaderMap,
    said: &Said,
    without: &[HeaderName],
    rules: &Rules,
) -> Result<(), NotStored> {
    if said.private == Scope::Whole {
        return Err(NotStored::Private);
    }
    let said_to_be_shared = said.public || said.s_maxage.is_some() || said.must_revalidate;
    if request.contains_key(header::AUTHORIZATION) && !said_to_be_shared && !rules.allow_authorization {
        return Err(NotStored::Authorized);
    }
    let kept = |name: &HeaderName| answer.contains_key(name) && !without.contains(name);
    if (kept(&header::SET_COOKIE) || kept(&SET_COOKIE2)) && !rules.allow_set_cookie {
        return Err(NotStored::SetCookie);
    }
    Ok(())
}

fn lifetimes(answer: Answered<'_>, said: &Said, rules: &Rules) -> Result<Lifetimes, NotStored> {
    let ruled = ruled(answer.status, rules);
    let (fresh_for, basis) = match ruled {
        Some((time, _)) if time.is_zero() => return Err(NotStored::ZeroTtl),
        Some(ruled) => ruled,
        None => by_origin(answer, said)?,
    };
    // A rule about time takes the place of `no-cache` and of `s-maxage`; that an answer must never be used stale stays.
    let never_stale = said.must_revalidate || said.proxy_revalidate;
    let always_revalidate = ruled.is_none() && said.no_cache == Scope::Whole;
    let s_maxage = ruled.is_none() && said.s_maxage.is_some();
    let stale_for = |rule: Option<Duration>, origin: Option<Duration>| {
        // `s-maxage` forbids stale use (section 5.2.2.10) unless the very same origin allows it in so many words.
        let allowed = if s_maxage { origin.map(|origin| rule.unwrap_or(origin)) } else { rule.or(origin) };
        if never_stale || always_revalidate {
            Duration::ZERO
        } else {
            allowed.unwrap_or_default().min(LONGEST)
        }
    };
    let initial_age = initial_age(answer.headers, answer.exchange);
    // A rule counts from the arrival: else an origin with a slow clock, or a cache before it, would switch the rule off.
    let spent = if ruled.is_some() { initial_age } else { Duration::ZERO };
    let lifetimes = Lifetimes {
        fresh_for: fresh_for.saturating_add(spent).min(LONGEST),
        basis,
        initial_age,
        stale_while_revalidate: stale_for(rules.stale_while_revalidate, said.stale_while_revalidate),
        stale_if_error: stale_for(rules.stale_if_error, said.stale_if_error),
        always_revalidate,
        client_may_take_stale: !never_stale && !always_revalidate && !s_maxage,
    };
    check_use(&lifetimes, answer.headers)
}

/// The time that a rule gives to answers of this status.
fn ruled(status: StatusCode, rules: &Rules) -> Option<(Duration, Basis)> {
    match status.as_u16() {
        200 | 203 | 204 | 300 | 301 | 308 => rules.ttl.map(|time| (time, Basis::Ttl)),
        404 | 410 => rules.negative.map(|time| (time, Basis::Negative)),
        _ => None,
    }
}

/// The time that the origin states or that may be presumed (RFC 9111 section 3, last item, and section 4.2).
fn by_origin(answer: Answered<'_>, said: &Said) -> Result<(Duration, Basis), NotStored> {
    let answered_at = answer.exchange.answered_at;
    if let Some(stated) = stated(said, answer.headers, answered_at) {
        return Ok(stated);
    }
    if !said.public && !is_heuristically_cacheable(answer.status) {
        return Err(NotStored::Status);
    }
    let presumed = presumed(answer.headers, answered_at).map(|time| (time, Basis::Heuristic));
    Ok(presumed.unwrap_or((Duration::ZERO, Basis::Nothing)))
}

/// Refuses what could never be used: it would only push out what can.
fn check_use(lifetimes: &Lifetimes, headers: &HeaderMap) -> Result<Lifetimes, NotStored> {
    let can_be_validated = headers.contains_key(header::ETAG) || headers.contains_key(header::LAST_MODIFIED);
    if can_be_validated || lifetimes.initial_age < lifetimes.useful_until() {
        return Ok(*lifetimes);
    }
    Err(if lifetimes.basis == Basis::Nothing { NotStored::NoLifetime } else { NotStored::AlreadyStale })
}

/// RFC 9110 section 15.1, without 206, which is not kept here.
fn is_heuristically_cacheable(status: StatusCode) -> bool {
    matches!(status.as_u16(), 200 | 203 | 204 | 300 | 301 | 308 | 404 | 405 | 410 | 414 | 501)
}

/// The statuses whose requirements on caches are known here: the final ones of RFC 9110 section 15.
fn is_understood(status: StatusCode) -> bool {
    matches!(
        status.as_u16(),
        200..=205 | 300..=303 | 305 | 307 | 308 | 400..=417 | 421 | 422 | 426 | 500..=505
    )
}

#[cfg(test)]
mod tests;
