//! Passwords do not belong in reports.
//!
//! A report quotes values and shows source lines, and goes where the file does not: to terminals that are shared, to the
//! logs of builds, to the admin API. A line may hold a password whatever else is wrong with it. So what stands before the
//! `@` of a URL is made unreadable wherever a report repeats a text, and rather too much than too little. Only a password
//! that is spread over several lines is not found.

use std::ops::Range;

/// What ends the scheme of a URL. Within double quotes YAML and JSON have `\/` for a slash.
const SLASHES: [&str; 2] = ["://", ":\\/\\/"];
/// What a password is called by those who write it where none belongs.
const SECRET_NAMES: [&str; 4] = ["password", "passwd", "token", "secret"];
/// What stands in examples before the `@`.
const EXAMPLES: [&str; 4] = ["banyan", "USER", "USER:PASSWORD", ":PASSWORD"];
/// What stands where something was taken away.
const STARS: &str = "***";

/// A single value without its credentials, as far as it has any.
pub(super) fn value(text: &str) -> String {
    let end = text.rfind('@').filter(|at| text[..*at].contains(':'));
    let start = text.find("://").map_or(0, |colon| colon + 3);
    let text = match end {
        Some(end) if start <= end => format!("{}{STARS}{}", &text[..start], &text[end..]),
        _ => text.to_owned(),
    };
    masked(&text, &apart(under_names(&text, &['='])))
}

/// A message without the credentials of the URLs in it.
pub(super) fn message(text: &str) -> String {
    masked(text, &credentials(text, &['=']))
}

/// A line of YAML without the credentials in it.
#[cfg(test)]
fn line(text: &str) -> String {
    masked(text, &credentials(text, &[':', '=']))
}

/// A line of YAML without the credentials in it, and where the character of this column, from 0, is then.
pub(super) fn line_with(text: &str, column: usize) -> (String, usize) {
    let secrets = credentials(text, &[':', '=']);
    let at = text.char_indices().nth(column).map_or(text.len(), |(at, _)| at);
    let before = secrets.iter().filter(|secret| secret.start < at);
    let before = before.map(|secret| secret.start..secret.end.min(at)).collect::<Vec<_>>();
    (masked(text, &secrets), masked(&text[..at], &before).chars().count())
}

/// The text with stars for these parts of it, which are in order and apart.
fn masked(text: &str, parts: &[Range<usize>]) -> String {
    let (mut out, mut from) = (String::with_capacity(text.len()), 0);
    for part in parts {
        out.push_str(&text[from..part.start]);
        out.push_str(STARS);
        from = part.end;
    }
    out.push_str(&text[from..]);
    out
}

/// Where credentials stand, in order and apart. `behind` is what may stand between a password's name and itself.
fn credentials(text: &str, behind: &[char]) -> Vec<Range<usize>> {
    let mut found = in_urls(text);
    found.extend(in_words(text));
    found.extend(under_names(text, behind));
    apart(found)
}

/// The same places in order, those that meet as one.
fn apart(mut found: Vec<Range<usize>>) -> Vec<Range<usize>> {
    found.sort_unstable_by_key(|secret| secret.start);
    found.into_iter().fold(Vec::<Range<usize>>::new(), |mut apart, secret| {
        match apart.last_mut() {
            Some(last) if secret.start < last.end => last.end = last.end.max(secret.end),
            _ => apart.push(secret),
        }
        apart
    })
}

/// From behind `://` to the last `@` of a URL, whose password may hold any character.
fn in_urls(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for slashes in SLASHES {
        let mut end = 0;
        for (colon, _) in text.match_indices(slashes) {
            // Within quotes a further one is a part of the same text, which is looked through once.
            if colon < end {
                continue;
            }
            let start = colon + slashes.len();
            let scheme = |c: char| c.is_ascii_alphanumeric() || "+.-".contains(c);
            let quote = text[..colon].trim_end_matches(scheme).chars().next_back();
            end = start + url_end(&text[start..], quote);
            if let Some(at) = text[start..end].rfind('@')
                && !EXAMPLES.contains(&&text[start..start + at])
            {
                found.push(start..start + at);
            }
        }
    }
    found
}

/// How far a URL may go that has this character in front of it.
fn url_end(rest: &str, quote: Option<char>) -> usize {
    let end = match quote {
        Some('\'') => unescaped(rest, '\'', '\''),
        Some('"') => unescaped(rest, '"', '\\'),
        // A plain scalar ends before a comment; where it ends else depends on what it stands in, so the next URL ends it.
        _ => {
            let next = rest.find("://").unwrap_or(rest.len());
            rest[..next].find(" #").or(Some(next))
        }
    };
    end.unwrap_or(rest.len())
}

/// Where a quote is that nothing escapes. In single quotes a quote escapes the one behind it.
fn unescaped(rest: &str, quote: char, escape: char) -> Option<usize> {
    let mut chars = rest.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let pair = c == escape && (escape != quote || chars.peek().is_some_and(|(_, next)| *next == quote));
        if pair {
            chars.next();
        } else if c == quote {
            return Some(at);
        }
    }
    None
}

/// `user:password@` without a scheme in front, which somebody may have forgotten.
fn in_words(text: &str) -> Vec<Range<usize>> {
    let ends = |c: char| c.is_whitespace() || "\"'[]{},()".contains(c);
    let is_url = |text: &str| SLASHES.iter().any(|slashes| text.contains(slashes));
    let (mut found, mut start) = (Vec::new(), 0);
    for word in text.split_inclusive(ends) {
        let at = word.rfind('@').filter(|at| word[..*at].contains(':') && !is_url(&word[..*at]));
        found.extend(at.map(|at| start..start + at));
        start += word.len();
    }
    found
}

/// Whatever is called a password, which stands in a place of its own by mistake: `password: ...`, `?password=...`.
fn under_names(text: &str, behind: &[char]) -> Vec<Range<usize>> {
    // The same length byte by byte, so that places in one are places in the other.
    let lower = text.to_ascii_lowercase();
    let names = SECRET_NAMES.into_iter().flat_map(|name| lower.match_indices(name));
    let part_of_a_word = |c: char| c.is_alphanumeric() || "_-".contains(c);
    let names = names.filter(|(at, _)| !lower[..*at].ends_with(part_of_a_word));
    names.filter_map(|(at, name)| secret_behind(text, at + name.len(), behind)).collect()
}

/// The value whose name ends here, without its quotes.
fn secret_behind(text: &str, end_of_name: usize, behind: &[char]) -> Option<Range<usize>> {
    let rest = text[end_of_name..].trim_start_matches(['"', '\'', ' ', '\t']);
    let rest = rest.strip_prefix(behind)?.trim_start();
    let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'));
    let rest = &rest[quote.map_or(0, char::len_utf8)..];
    let end = match quote {
        Some('\'') => unescaped(rest, '\'', '\''),
        Some(quote) => unescaped(rest, quote, '\\'),
        // A map or a list is no password.
        None if rest.starts_with(['{', '[']) => return None,
        None => rest.find(|c: char| c.is_whitespace() || "\"',]}&".contains(c)),
    };
    let start = text.len() - rest.len();
    let end = start + end.unwrap_or(rest.len());
    (start < end).then_some(start..end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_is_shown_without_credentials() {
        for (text, shown) in [
            (r#"redis: "redis://u:p@h:1/2", wait: 5s"#, r#"redis: "redis://***@h:1/2", wait: 5s"#),
            (
                r#"[ "http://u:p@a", "http://b", 'http://c@d' ]"#,
                r#"[ "http://***@a", "http://b", 'http://***@d' ]"#,
            ),
            (r#""redis://u:p @, #' \"@h", x: y@z"#, r#""redis://***@h", x: y@z"#),
            ("'redis://u:it''s@h' # a@b", "'redis://***@h' # a@b"),
            (r#""redis://u:p@h"#, r#""redis://***@h"#),
            ("redis: redis://u:p w@h # a@b", "redis: redis://***@h # a@b"),
            ("[http://a, http://u:p@b]", "[http://a, http://***@b]"),
            (r#"{"url":"redis:\/\/u:p@h\/1"}"#, r#"{"url":"redis:\/\/***@h\/1"}"#),
            (r#"[ "u:p@h:7001" ]"#, r#"[ "***@h:7001" ]"#),
            ("an entry is redis://u:p@h: no", "an entry is redis://***@h: no"),
            ("state: { postgres: x, password: S3CRET }", "state: { postgres: x, password: *** }"),
            (r#"{"password":"S3 \"C}", "a": 1}"#, r#"{"password":"***", "a": 1}"#),
            ("token: 'it''s', x: 1", "token: '***', x: 1"),
            ("\"postgres://u@h/d?Password=x&sslmode=y\"", "\"postgres://***@h/d?Password=***&sslmode=y\""),
        ] {
            assert_eq!(line(text), shown);
            assert_eq!(line(shown), shown, "what is left is not taken for a secret again");
        }
    }

    #[test]
    fn what_holds_no_credentials_is_shown_as_it_is() {
        for text in [
            r#"endpoints: ["http://127.0.0.1:7010"]   # ask ops@example.com"#,
            r#"headers: { x-from: "ops@example.com" }"#,
            "match: \"GET /@{name}\"",
            "'http://a' and 'b@c'",
            "for example postgres://banyan@127.0.0.1/banyan, or redis://USER:PASSWORD@HOST",
            "password_file: ./pw",
            "state has no key 'password'",
            "subject: [ \"header:x-token\", \"cookie:secret\" ]",
            "token:",
            "  token: { percent: 5% }",
            "",
        ] {
            assert_eq!(line(text), text);
        }
        assert_eq!(value("ops@example.com"), "ops@example.com");
        assert_eq!(value("150%"), "150%");
    }

    #[test]
    fn a_value_is_one_url_to_its_last_at_sign() {
        assert_eq!(value("redis://u:p@ s'#\"w@h"), "redis://***@h");
        assert_eq!(value("u:p@h"), "***@h");
        assert_eq!(value("http://token@h"), "http://***@h");
    }

    #[test]
    fn a_caret_moves_with_what_it_points_at() {
        let text = r#"{ é: "http://u:p@a", zzz: 1 }"#;
        let column = |word: &str| text[..text.find(word).unwrap()].chars().count();
        for word in ["é", "http", "@a", "zzz"] {
            let (shown, at) = line_with(text, column(word));
            assert!(shown.chars().skip(at).collect::<String>().starts_with(word), "{word}: {shown} {at}");
        }
        let (shown, at) = line_with(text, column("p@a"));
        assert_eq!((shown.chars().nth(at), line_with(text, 99).1), (Some('@'), shown.chars().count()));
    }

    proptest! {
        #[test]
        fn no_quoted_password_is_left(
            before in "[a-z:,@ ]{0,9}", user in "[a-z]{0,3}", password in "S3CRET[a-zA-Z0-9:/@#,. ]{0,9}", after in ".{0,9}", column in 0..60usize,
        ) {
            for quote in ['"', '\''] {
                let text = format!("{before}{quote}redis://{user}:{password}@host{quote}{after}");
                let (shown, at) = line_with(&text, column);
                prop_assert!(!shown.contains("S3CRET"), "{text} -> {shown}");
                prop_assert!(at <= shown.chars().count());
            }
        }

        #[test]
        fn no_text_panics(text in "[:/@\"'\\\\ #a-cé]{0,20}|.{0,20}", column in 0..30usize) {
            let (shown, at) = line_with(&text, column);
            prop_assert!(at <= shown.chars().count());
            value(&text);
        }
    }
}
