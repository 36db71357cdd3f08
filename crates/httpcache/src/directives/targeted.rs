//! `CDN-Cache-Control` (RFC 9213): what an origin says to caches that stand before it, and to nobody behind them.
//!
//! It is a structured field. When it is there, not empty and well formed it takes the place of `Cache-Control` and
//! `Expires` altogether; otherwise it does not exist. A known directive with a value of the wrong type makes it malformed:
//! half of a policy is not what anybody wrote.

use std::time::Duration;

use http::HeaderMap;

use super::{
    LONGEST,
    argument::Argument,
    said::{Said, Scope},
};
use crate::{
    fields::CDN_CACHE_CONTROL,
    structured::{Value, dictionary, joined},
};

/// The directives, when the field counts.
pub(super) fn directives(headers: &HeaderMap) -> Option<Said> {
    let members = dictionary(&joined(headers, &CDN_CACHE_CONTROL)?)?;
    if members.is_empty() {
        return None;
    }
    let mut said = Said { targeted: true, ..Said::default() };
    for (name, value) in &members {
        take(&mut said, name, value)?;
    }
    Some(said)
}

/// Takes one directive over; `None` when its value is of the wrong type.
fn take(said: &mut Said, name: &str, value: &Value) -> Option<()> {
    match name {
        "max-age" => said.max_age = Some(seconds(value)?),
        "s-maxage" => said.s_maxage = Some(seconds(value)?),
        "stale-while-revalidate" => said.stale_while_revalidate = Some(seconds(value)?),
        "stale-if-error" => said.stale_if_error = Some(seconds(value)?),
        "private" => said.private = scope(value)?,
        "no-cache" => said.no_cache = scope(value)?,
        _ => {
            if let Some(flag) = said.flag(name.as_bytes()) {
                *flag = boolean(value)?;
            }
        }
    }
    Some(())
}

/// A negative number of seconds has passed already.
fn seconds(value: &Value) -> Option<Duration> {
    let Value::Integer(seconds) = value else { return None };
    Some(Duration::from_secs(u64::try_from(*seconds).unwrap_or_default()).min(LONGEST))
}

fn boolean(value: &Value) -> Option<bool> {
    if let Value::Boolean(value) = value { Some(*value) } else { None }
}

fn scope(value: &Value) -> Option<Scope> {
    match value {
        Value::Boolean(true) => Some(Scope::Whole),
        Value::Boolean(false) => Some(Scope::Nothing),
        Value::Text(names) => Some(Argument::Text(names.as_bytes()).scope()),
        Value::Integer(_) | Value::Other => None,
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, header};

    use super::*;

    fn said(targeted: &str) -> Said {
        let mut headers = HeaderMap::new();
        headers.insert(&CDN_CACHE_CONTROL, HeaderValue::from_str(targeted).unwrap());
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store, max-age=1"));
        Said::of(&headers)
    }

    #[test]
    fn rfc9213_2_2_a_well_formed_field_replaces_cache_control() {
        let said = said("foobar, max-age=99999999999, no-cache=\"a\", must-revalidate");
        assert!(said.targeted && said.must_revalidate && !said.no_store);
        assert_eq!(said.max_age, Some(LONGEST));
        assert_eq!(said.no_cache.fields().len(), 1);
    }

    #[test]
    fn rfc9213_2_1_a_malformed_or_empty_field_does_not_exist() {
        for value in [
            "max-age=10, &&&&&",
            "max-age=\"10\"",
            "MaX-aGe=10",
            "max-age =10",
            "max-age= 10",
            "",
            "public=1",
            "private=2",
        ] {
            let said = said(value);
            assert!(!said.targeted && said.no_store, "{value}");
        }
    }

    #[test]
    fn a_negative_time_is_over_and_a_false_flag_is_absent() {
        let said = said("max-age=-5, no-store=?0, private=?0, no-cache");
        assert_eq!(
            (said.max_age, said.no_store, &said.private),
            (Some(Duration::ZERO), false, &Scope::Nothing)
        );
        assert_eq!(said.no_cache, Scope::Whole);
    }
}
