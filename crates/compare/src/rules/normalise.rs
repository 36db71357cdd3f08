//! Texts by what a regular expression matches.

use std::borrow::Cow;

use regex::{Regex, RegexBuilder};

use super::rule::{MAX_REGEX_BYTES, RuleFault};

/// Bytes a compiled expression may take; `\w{1,50}` takes about half of it.
const MAX_COMPILED_BYTES: usize = 1 << 20;
/// Bytes a normalised text may have. One that would be longer, because matches become longer than they were, is
/// compared as it is.
const MAX_NORMALISED_BYTES: usize = 2 << 20;

/// Replaces what a regular expression matches.
#[derive(Debug)]
pub(crate) struct Normaliser {
    regex: Regex,
    with: String,
}

impl Normaliser {
    pub(super) fn new(regex: &str, with: String) -> Result<Self, RuleFault> {
        if regex.len() > MAX_REGEX_BYTES {
            return Err(RuleFault::Regex(format!("it has more than {MAX_REGEX_BYTES} bytes")));
        }
        if with.len() > MAX_REGEX_BYTES {
            return Err(RuleFault::With);
        }
        let regex = RegexBuilder::new(regex)
            .size_limit(MAX_COMPILED_BYTES)
            .dfa_size_limit(MAX_COMPILED_BYTES)
            .build()
            .map_err(|error| RuleFault::Regex(error.to_string()))?;
        Ok(Self { regex, with })
    }

    /// The text with every match replaced.
    pub(super) fn apply<'t>(&self, text: Cow<'t, str>) -> Cow<'t, str> {
        match self.replaced(&text) {
            Some(replaced) => Cow::Owned(replaced),
            None => text,
        }
    }

    /// `None` when nothing matches or too much would become of it.
    fn replaced(&self, text: &str) -> Option<String> {
        let mut matches = self.regex.captures_iter(text).peekable();
        matches.peek()?;
        let (mut out, mut end) = (String::with_capacity(text.len()), 0);
        for captures in matches {
            let found = captures.get_match();
            out.push_str(&text[end..found.start()]);
            captures.expand(&self.with, &mut out);
            end = found.end();
            if out.len() > MAX_NORMALISED_BYTES {
                return None;
            }
        }
        out.push_str(&text[end..]);
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(regex: &str, with: &str, text: &str) -> String {
        Normaliser::new(regex, with.to_owned()).unwrap().apply(Cow::Borrowed(text)).into_owned()
    }

    #[test]
    fn matches_are_replaced() {
        assert_eq!(apply(r"\s+", " ", "a \n b\t c"), "a b c");
        assert_eq!(apply("^https?://[^/]+", "", "http://old.example/a"), "/a");
        assert_eq!(apply("(?P<y>[0-9]{4})-[0-9]+", "${y}", "2026-11, 2027-01"), "2026, 2027");
        assert_eq!(apply("x", "y", "abc"), "abc");
        assert_eq!(apply("", "-", "øa"), "-ø-a-");
    }

    #[test]
    fn what_would_grow_too_long_stays_as_it_is() {
        let text = "a".repeat(100_000);
        assert_eq!(apply("a", &"b".repeat(1000), &text), text);
    }

    #[test]
    fn expressions_are_limited() {
        let fault =
            |regex: &str, with: &str| Normaliser::new(regex, with.to_owned()).map(|_| ()).unwrap_err();
        assert!(matches!(fault("(", ""), RuleFault::Regex(_)));
        assert!(matches!(fault(r"(\w{500}){500}", ""), RuleFault::Regex(_)));
        assert!(matches!(fault(&"a".repeat(2000), ""), RuleFault::Regex(_)));
        assert_eq!(fault("a", &"b".repeat(2000)), RuleFault::With);
    }
}
