//! Lists separated by commas (RFC 9110 section 5.6.1), read so that a comma within quotes separates nothing.
//!
//! `Cache-Control: ext="max-age=3600, x", max-age=1` is two members. A reader that splits at every comma sees three, and
//! believes the one that the origin never said.

use http::{HeaderMap, header::AsHeaderName};

/// The members of all fields called `name`, in order, without surrounding blanks. Empty members are no members.
pub(crate) fn members(headers: &HeaderMap, name: impl AsHeaderName) -> impl Iterator<Item = &[u8]> {
    headers.get_all(name).iter().flat_map(|value| split(value.as_bytes()))
}

/// The members of one field's value.
pub(crate) fn split(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    pieces(value).filter(|member| !member.is_empty())
}

/// What stands between the commas of one field's value, without surrounding blanks, empty or not.
pub(crate) fn pieces(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    Pieces { rest: Some(value) }
}

struct Pieces<'a> {
    rest: Option<&'a [u8]>,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest.take()?;
        let end = piece_end(rest);
        self.rest = rest.get(end + 1..);
        Some(trim(&rest[..end]))
    }
}

/// Where the first comma outside of quotes is, or the end. A quote that is never closed reaches to the end: the rest
/// belongs to it, and nothing in there is a directive.
fn piece_end(text: &[u8]) -> usize {
    let (mut quoted, mut escaped) = (false, false);
    for (at, &byte) in text.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => return at,
            _ => {}
        }
    }
    text.len()
}

/// `text` without blanks (SP and HTAB) at both ends.
pub(crate) fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

/// `tchar` (RFC 9110 section 5.6.2).
pub(crate) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(value: &'static str) -> Vec<&'static str> {
        split(value.as_bytes()).map(|member| std::str::from_utf8(member).unwrap()).collect()
    }

    #[test]
    fn members_are_trimmed_and_empty_ones_skipped() {
        assert_eq!(texts(" a ,, b\t,c,"), ["a", "b", "c"]);
        assert_eq!(texts(" , "), [""; 0]);
    }

    #[test]
    fn pieces_are_all_that_commas_separate() {
        let pieces = |value: &'static str| pieces(value.as_bytes()).collect::<Vec<_>>();
        assert_eq!(pieces("a, ,b,"), [&b"a"[..], b"", b"b", b""]);
        assert_eq!(pieces(""), [b""]);
    }

    #[test]
    fn a_comma_within_quotes_separates_nothing() {
        assert_eq!(texts(r#"x="a, b", c"#), [r#"x="a, b""#, "c"]);
        assert_eq!(texts(r#"x="a\", b", c"#), [r#"x="a\", b""#, "c"]);
    }

    #[test]
    fn what_follows_an_unclosed_quote_belongs_to_it() {
        assert_eq!(texts(r#"x="a, max-age=9"#), [r#"x="a, max-age=9"#]);
    }
}
