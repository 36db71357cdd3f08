//! What a client asks of caches (RFC 9111 section 5.2.1).

use std::{fmt, time::Duration};

use http::{HeaderMap, header};

use super::argument::{Argument, directive};
use crate::list::members;

/// How stale an answer a client accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaxStale {
    /// By so much.
    By(Duration),
    /// However stale.
    Any,
}

/// The directives of a request. Almost all requests have none: [`Asked::NOTHING`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Whether any of the others is set. It is what the fast path looks at.
    anything: bool,
    /// `max-age`: no older than this. One that cannot be read asks for no age at all.
    pub max_age: Option<Duration>,
    /// `min-fresh`: fresh for at least so much longer.
    pub min_fresh: Option<Duration>,
    /// `max-stale`: stale answers are welcome.
    pub max_stale: Option<MaxStale>,
    /// `stale-if-error` (RFC 5861 section 4): a stale answer is better than an error.
    pub stale_if_error: Option<Duration>,
    /// `no-cache`, or `Pragma: no-cache` without `Cache-Control` (RFC 9111 section 5.4).
    pub no_cache: bool,
    /// `no-store`: keep nothing of this exchange.
    pub no_store: bool,
    /// `only-if-cached`: do not ask the origin.
    pub only_if_cached: bool,
}

impl Asked {
    /// A request without any such field.
    pub const NOTHING: Self = Self {
        anything: false,
        max_age: None,
        min_fresh: None,
        max_stale: None,
        stale_if_error: None,
        no_cache: false,
        no_store: false,
        only_if_cached: false,
    };

    /// What a request's fields ask.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        if !headers.contains_key(header::CACHE_CONTROL) {
            return Self::of_pragma(headers);
        }
        let mut asked = Self::NOTHING;
        for member in members(headers, header::CACHE_CONTROL) {
            let (name, argument) = directive(member);
            asked.take(name, argument);
        }
        asked.noted()
    }

    /// Whether a request asks nothing of caches, so that only the answer's own rules count.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        !self.anything
    }

    fn of_pragma(headers: &HeaderMap) -> Self {
        if !headers.contains_key(header::PRAGMA) {
            return Self::NOTHING;
        }
        let no_cache = members(headers, header::PRAGMA).any(|word| word.eq_ignore_ascii_case(b"no-cache"));
        Self { no_cache, ..Self::NOTHING }.noted()
    }

    fn noted(mut self) -> Self {
        self.anything = self != Self::NOTHING;
        self
    }

    fn take(&mut self, name: &[u8], argument: Argument<'_>) {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        if is("max-age") {
            self.max_age.get_or_insert(argument.seconds().unwrap_or_default());
        } else if is("min-fresh") {
            self.min_fresh = self.min_fresh.or(argument.seconds());
        } else if is("max-stale") {
            self.max_stale = self.max_stale.or(max_stale(argument));
        } else if is("stale-if-error") {
            self.stale_if_error = self.stale_if_error.or(argument.seconds());
        } else if is("no-cache") {
            self.no_cache = true;
        } else if is("no-store") {
            self.no_store = true;
        } else if is("only-if-cached") {
            self.only_if_cached = true;
        }
    }
}

fn max_stale(argument: Argument<'_>) -> Option<MaxStale> {
    match argument {
        Argument::Missing => Some(MaxStale::Any),
        argument => argument.seconds().map(MaxStale::By),
    }
}

impl fmt::Display for Asked {
    /// As a value of `Cache-Control` that reads as the same directives.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        let mut write = |text: fmt::Arguments<'_>| {
            f.write_str(std::mem::replace(&mut separator, ", "))?;
            f.write_fmt(text)
        };
        let by = |stale| if let MaxStale::By(time) = stale { Some(time) } else { None };
        for (name, time) in [
            ("max-age", self.max_age),
            ("min-fresh", self.min_fresh),
            ("max-stale", self.max_stale.and_then(by)),
            ("stale-if-error", self.stale_if_error),
        ] {
            if let Some(time) = time {
                write(format_args!("{name}={}", time.as_secs()))?;
            }
        }
        for (name, flag) in [
            ("max-stale", self.max_stale == Some(MaxStale::Any)),
            ("no-cache", self.no_cache),
            ("no-store", self.no_store),
            ("only-if-cached", self.only_if_cached),
        ] {
            if flag {
                write(format_args!("{name}"))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn asked(name: header::HeaderName, value: &str) -> Asked {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
        Asked::of(&headers)
    }

    fn control(value: &str) -> Asked {
        asked(header::CACHE_CONTROL, value)
    }

    #[test]
    fn most_requests_ask_nothing() {
        assert!(Asked::of(&HeaderMap::new()).is_nothing());
        assert!(control("foo, max-stale=x").is_nothing());
        assert!(asked(header::PRAGMA, "foo").is_nothing());
        assert!(!control("max-age=5").is_nothing());
    }

    #[test]
    fn s5_2_1_every_directive_is_read() {
        let text =
            "max-age=1, min-fresh=2, max-stale=3, stale-if-error=4, no-cache, no-store, only-if-cached";
        assert_eq!(control(text).to_string(), text);
        assert_eq!(control("max-stale").max_stale, Some(MaxStale::Any));
        assert_eq!(
            control("max-age=x").max_age,
            Some(Duration::ZERO),
            "what cannot be read asks for no age at all"
        );
    }

    #[test]
    fn s5_4_pragma_counts_only_without_cache_control() {
        assert!(asked(header::PRAGMA, "foo, No-Cache").no_cache);
        let mut headers = HeaderMap::new();
        headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("max-stale"));
        assert!(!Asked::of(&headers).no_cache);
    }
}
