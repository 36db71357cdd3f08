//! Path templates.

use crate::{
    pattern::{Pattern, PatternError, Segment},
    read::FromText,
    report::{Complaint, shown},
};

impl FromText for Pattern {
    fn from_text(text: &str) -> Result<Self, Complaint> {
        let pattern = Self::parse(text).map_err(|error| complaint(text, &error))?;
        for segment in pattern.segments() {
            if let Segment::Literal(literal) = segment {
                check_literal(literal)?;
            }
        }
        Ok(pattern)
    }
}

/// A literal is compared with the path as clients send it, dot segments removed and unreserved characters decoded
/// (RFC 3986 section 6.2.2). One that no such path can hold would make a route that no request finds.
fn check_literal(literal: &str) -> Result<(), Complaint> {
    if matches!(literal, "." | "..") {
        return Err(Complaint::new("'.' and '..' are resolved before a path is matched")
            .hint("write the path they lead to"));
    }
    let sent = as_sent(literal);
    if sent == literal {
        return Ok(());
    }
    let complaint =
        Complaint::new(format!("the segment {} never comes from a client like this", shown(literal)));
    Err(complaint.hint(format!("write {sent} (RFC 3986 section 3.3)")))
}

/// The segment with everything percent-encoded that must be, and nothing that need not.
fn as_sent(literal: &str) -> String {
    let (mut out, mut rest) = (String::new(), literal.as_bytes());
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = rest.get(1..3).filter(|_| byte == b'%').and_then(|digits| {
            let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
            u8::from_str_radix(digits, 16).ok()
        });
        rest = after;
        match escaped {
            Some(byte) if is_unreserved(byte) => {
                out.push(char::from(byte));
                rest = &after[2..];
            }
            Some(_) => {
                // An escape that is needed stays as it is, digits included.
                out.push('%');
            }
            None if is_unreserved(byte) || b"!$&'()*+,;=:@".contains(&byte) => out.push(char::from(byte)),
            None => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// Says what is wrong with a template, and what writers of other routers meant.
fn complaint(text: &str, error: &PatternError) -> Complaint {
    let complaint = Complaint::new(error.to_string());
    match error {
        PatternError::NoSlash if !text.contains("://") => complaint.hint(format!("write /{text}")),
        _ => complaint,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_stand_as_clients_send_them() {
        for good in ["/", "/a/b.c/~d", "/caf%C3%A9", "/a%2Fb", "/x:y@z", "/a//b/", "/{id}/{rest...}"] {
            assert!(Pattern::from_text(good).is_ok(), "{good}");
        }
        let hint =
            |text| Pattern::from_text(text).err().and_then(|complaint| complaint.hint).unwrap_or_default();
        assert_eq!(hint("/café"), "write caf%C3%A9 (RFC 3986 section 3.3)");
        assert_eq!(hint("/%61bc"), "write abc (RFC 3986 section 3.3)");
        assert_eq!(hint("/100%"), "write 100%25 (RFC 3986 section 3.3)");
        assert_eq!(hint("articles"), "write /articles");
        assert!(Pattern::from_text("/a/../b").is_err());
    }
}
