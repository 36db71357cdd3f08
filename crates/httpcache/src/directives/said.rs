//! What an origin says about an answer (RFC 9111 section 5.2.2).

use std::{fmt, time::Duration};

use http::{HeaderMap, HeaderName, header};
use smallvec::SmallVec;

use super::{
    argument::{Argument, directive},
    targeted,
};
use crate::list::members;

/// How much of an answer a directive covers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// The directive was not given.
    #[default]
    Nothing,
    /// These fields only.
    Fields(SmallVec<[HeaderName; 2]>),
    /// The whole answer.
    Whole,
}

impl Scope {
    /// Adds what a further directive of the same name covers.
    pub(super) fn widen(&mut self, other: Self) {
        match (&mut *self, other) {
            (Self::Whole, _) | (_, Self::Nothing) => {}
            (Self::Fields(names), Self::Fields(more)) => names.extend(more),
            (_, other) => *self = other,
        }
    }

    /// The fields that are covered, when it is not the whole answer.
    #[must_use]
    pub fn fields(&self) -> &[HeaderName] {
        if let Self::Fields(names) = self { names } else { &[] }
    }
}

/// The directives of an answer. A time that was given but cannot be read is zero: the answer is stale (RFC 9111 section
/// 4.2.1). Of two times for one directive the first counts, as the same section has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// `max-age`: how long it is fresh, for every cache.
    pub max_age: Option<Duration>,
    /// `s-maxage`: how long it is fresh, for shared caches.
    pub s_maxage: Option<Duration>,
    /// `stale-while-revalidate` (RFC 5861 section 3); `None` also when it cannot be read.
    pub stale_while_revalidate: Option<Duration>,
    /// `stale-if-error` (RFC 5861 section 4); `None` also when it cannot be read.
    pub stale_if_error: Option<Duration>,
    /// `private`: for one user only.
    pub private: Scope,
    /// `no-cache`: not to be used without asking the origin again.
    pub no_cache: Scope,
    /// `no-store`: not to be kept.
    pub no_store: bool,
    /// `public`: may be kept although something else would forbid it.
    pub public: bool,
    /// `must-revalidate`: never to be used stale.
    pub must_revalidate: bool,
    /// `proxy-revalidate`: never to be used stale by shared caches.
    pub proxy_revalidate: bool,
    /// `must-understand`: to be kept only by caches that know the status, which then ignore `no-store`.
    pub must_understand: bool,
    /// Whether this came from `CDN-Cache-Control`, so that neither `Cache-Control` nor `Expires` count.
    pub targeted: bool,
}

impl Said {
    /// The directives for us: of `CDN-Cache-Control` when it is there and well formed (RFC 9213), else of `Cache-Control`.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Self {
        targeted::directives(headers).unwrap_or_else(|| Self::of_cache_control(headers))
    }

    fn of_cache_control(headers: &HeaderMap) -> Self {
        let mut said = Self::default();
        for member in members(headers, header::CACHE_CONTROL) {
            let (name, argument) = directive(member);
            said.take(name, argument);
        }
        said
    }

    fn take(&mut self, name: &[u8], argument: Argument<'_>) {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        if is("max-age") {
            self.max_age.get_or_insert(argument.seconds().unwrap_or_default());
        } else if is("s-maxage") {
            self.s_maxage.get_or_insert(argument.seconds().unwrap_or_default());
        } else if is("stale-while-revalidate") {
            self.stale_while_revalidate = self.stale_while_revalidate.or(argument.seconds());
        } else if is("stale-if-error") {
            self.stale_if_error = self.stale_if_error.or(argument.seconds());
        } else if is("private") {
            self.private.widen(argument.scope());
        } else if is("no-cache") {
            self.no_cache.widen(argument.scope());
        } else if let Some(flag) = self.flag(name) {
            *flag = true;
        }
    }

    /// The directives without an argument.
    pub(super) fn flag(&mut self, name: &[u8]) -> Option<&mut bool> {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        match () {
            () if is("no-store") => Some(&mut self.no_store),
            () if is("public") => Some(&mut self.public),
            () if is("must-revalidate") => Some(&mut self.must_revalidate),
            () if is("proxy-revalidate") => Some(&mut self.proxy_revalidate),
            () if is("must-understand") => Some(&mut self.must_understand),
            () => None,
        }
    }
}

impl fmt::Display for Said {
    /// As a value of `Cache-Control` that reads as the same directives.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        let mut write = |text: fmt::Arguments<'_>| {
            f.write_str(std::mem::replace(&mut separator, ", "))?;
            f.write_fmt(text)
        };
        for (name, time) in [
            ("max-age", self.max_age),
            ("s-maxage", self.s_maxage),
            ("stale-while-revalidate", self.stale_while_revalidate),
            ("stale-if-error", self.stale_if_error),
        ] {
            if let Some(time) = time {
                write(format_args!("{name}={}", time.as_secs()))?;
            }
        }
        for (name, scope) in [("private", &self.private), ("no-cache", &self.no_cache)] {
            match scope {
                Scope::Nothing => {}
                Scope::Whole => write(format_args!("{name}"))?,
                Scope::Fields(fields) => {
                    let names: Vec<_> = fields.iter().map(HeaderName::as_str).collect();
                    write(format_args!("{name}=\"{}\"", names.join(", ")))?;
                }
            }
        }
        for (name, flag) in [
            ("no-store", self.no_store),
            ("public", self.public),
            ("must-revalidate", self.must_revalidate),
            ("proxy-revalidate", self.proxy_revalidate),
            ("must-understand", self.must_understand),
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

    fn said(values: &[&str]) -> Said {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::CACHE_CONTROL, HeaderValue::from_str(value).unwrap());
        }
        Said::of(&headers)
    }

    fn max_age(value: &str) -> Option<u64> {
        said(&[value]).max_age.map(|time| time.as_secs())
    }

    #[test]
    fn s5_2_names_are_insensitive_to_case_and_both_forms_of_argument_count() {
        assert_eq!(max_age("MaX-aGe=3600"), Some(3600));
        assert_eq!(max_age("max-age=\"3600\""), Some(3600));
        assert!(said(&["No-StOrE"]).no_store);
    }

    #[test]
    fn s5_2_3_unknown_directives_are_ignored_even_with_known_words_inside() {
        assert_eq!(max_age("foobar, max-age=3600"), Some(3600));
        assert_eq!(max_age("ext=\"max-age=3600\", max-age=1"), Some(1));
        assert_eq!(max_age("max-age=1, ext=\"max-age=3600\""), Some(1));
        assert_eq!(said(&["foo, bar=1"]), Said::default());
    }

    #[test]
    fn s4_2_1_the_first_of_two_times_counts_on_one_line_and_on_two() {
        assert_eq!(max_age("max-age=1800, max-age=1"), Some(1800));
        assert_eq!(said(&["max-age=1", "max-age=1800"]).max_age, Some(Duration::from_secs(1)));
        assert_eq!(max_age("max-age=x, max-age=1800"), Some(0), "an unreadable first one is stale");
    }

    #[test]
    fn s4_2_1_a_time_that_cannot_be_read_makes_stale() {
        for value in
            ["max-age", "max-age=", "max-age=-1", "max-age=1.5", "max-age='3600'", "max-age=a1", "max-age=1a"]
        {
            assert_eq!(max_age(value), Some(0), "{value}");
        }
        assert_eq!(max_age("max-age =3600"), Some(0));
        assert_eq!(max_age("max-age= 3600"), Some(0));
    }

    #[test]
    fn a_restriction_counts_however_it_is_written() {
        for value in
            ["private", "private=", "private=\"\"", "private=\"a b\"", "private =x", "private, private=\"a\""]
        {
            assert_eq!(said(&[value]).private, Scope::Whole, "{value}");
        }
        assert!(said(&["no-store=1"]).no_store);
        assert_eq!(said(&["no-cache=\"a\"", "no-cache"]).no_cache, Scope::Whole);
    }

    #[test]
    fn an_allowance_counts_only_when_it_is_written_well() {
        assert_eq!(said(&["stale-while-revalidate=x, stale-if-error"]), Said::default());
    }

    #[test]
    fn s5_2_2_4_directives_may_cover_some_fields_only() {
        let said = said(&["no-cache=\"a, B\"", "private=c", "no-cache=d"]);
        let names = |scope: &Scope| scope.fields().iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(names(&said.no_cache), ["a", "b", "d"]);
        assert_eq!(names(&said.private), ["c"]);
    }

    #[test]
    fn more_fields_than_the_bound_mean_the_whole_answer() {
        let many = (0..17).map(|n| format!("f{n}")).collect::<Vec<_>>().join(",");
        assert_eq!(said(&[&format!("private=\"{many}\"")]).private, Scope::Whole);
    }

    #[test]
    fn what_is_printed_reads_the_same() {
        let text = "max-age=1, s-maxage=2, stale-while-revalidate=3, stale-if-error=4, private=\"a, b\", no-cache, \
                    no-store, public, must-revalidate, proxy-revalidate, must-understand";
        assert_eq!(said(&[text]).to_string(), text);
    }
}
