//! Structured fields (RFC 9651), as much of them as fields about caching need: lists and dictionaries, read strictly.
//!
//! Strictness is the point of the format: a value that breaks the grammar anywhere is no value at all, so all readers of
//! `CDN-Cache-Control` agree on whether it counts. Values that nobody here asks for (dates, bytes) are checked and skipped.

use http::{HeaderMap, header::AsHeaderName};

/// A value without its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// An integer of at most 15 digits.
    Integer(i64),
    /// A string, without quotes and escapes.
    Text(String),
    /// True or false.
    Boolean(bool),
    /// A token, decimal, date, byte sequence, display string or inner list.
    Other,
}

/// All fields called `name` joined as one, or `None` when there is none.
pub(crate) fn joined(headers: &HeaderMap, name: impl AsHeaderName) -> Option<Vec<u8>> {
    let mut values = headers.get_all(name).iter();
    let mut joined = values.next()?.as_bytes().to_vec();
    for value in values {
        joined.extend_from_slice(b", ");
        joined.extend_from_slice(value.as_bytes());
    }
    Some(joined)
}

/// The members of a list (RFC 9651 section 4.2.1), or `None` when it is malformed.
pub(crate) fn list(text: &[u8]) -> Option<Vec<Value>> {
    let mut reader = Reader::new(text);
    let mut members = Vec::new();
    while !reader.is_at_end() {
        members.push(reader.member()?);
        reader.separator()?;
    }
    Some(members)
}

/// The members of a dictionary (RFC 9651 section 4.2.2), or `None` when it is malformed. Of a key that comes twice the
/// last value counts.
pub(crate) fn dictionary(text: &[u8]) -> Option<Vec<(String, Value)>> {
    let mut reader = Reader::new(text);
    let mut members: Vec<(String, Value)> = Vec::new();
    while !reader.is_at_end() {
        let key = reader.key()?;
        let value = if reader.skip(b'=') { reader.member()? } else { reader.flag()? };
        members.retain(|(known, _)| *known != key);
        members.push((key, value));
        reader.separator()?;
    }
    Some(members)
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn new(text: &'a [u8]) -> Self {
        let mut rest = text;
        while let [b' ', inner @ ..] | [inner @ .., b' '] = rest {
            rest = inner;
        }
        Self { rest }
    }

    fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    fn skip(&mut self, byte: u8) -> bool {
        let found = self.rest.strip_prefix(&[byte]);
        self.rest = found.unwrap_or(self.rest);
        found.is_some()
    }

    fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'a [u8] {
        let length = self.rest.iter().take_while(|&&byte| wanted(byte)).count();
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }

    /// A comma and another member, or the end. A comma before the end is an error.
    fn separator(&mut self) -> Option<()> {
        self.take_while(|byte| matches!(byte, b' ' | b'\t'));
        if self.is_at_end() {
            return Some(());
        }
        let comma = self.skip(b',');
        self.take_while(|byte| matches!(byte, b' ' | b'\t'));
        (comma && !self.is_at_end()).then_some(())
    }

    fn member(&mut self) -> Option<Value> {
        let value = if self.skip(b'(') { self.inner_list()? } else { self.bare()? };
        self.parameters()?;
        Some(value)
    }

    fn flag(&mut self) -> Option<Value> {
        self.parameters()?;
        Some(Value::Boolean(true))
    }

    fn inner_list(&mut self) -> Option<Value> {
        loop {
            self.take_while(|byte| byte == b' ');
            if self.skip(b')') {
                return Some(Value::Other);
            }
            self.bare()?;
            self.parameters()?;
            if !matches!(self.rest.first()?, b' ' | b')') {
                return None;
            }
        }
    }

    fn parameters(&mut self) -> Option<()> {
        while self.skip(b';') {
            self.take_while(|byte| byte == b' ');
            self.key()?;
            if self.skip(b'=') {
                self.bare()?;
            }
        }
        Some(())
    }

    fn key(&mut self) -> Option<String> {
        let starts = matches!(self.rest.first()?, b'a'..=b'z' | b'*');
        let key =
            self.take_while(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'*'));
        starts.then(|| String::from_utf8_lossy(key).into_owned())
    }

    fn bare(&mut self) -> Option<Value> {
        match *self.rest.first()? {
            b'-' | b'0'..=b'9' => self.number(),
            b'"' => self.string(),
            b'?' => self.boolean(),
            b':' => self.bytes(),
            b'@' => self.date(),
            b'%' => self.display_string(),
            first if first.is_ascii_alphabetic() || first == b'*' => Some(self.token()),
            _ => None,
        }
    }

    fn number(&mut self) -> Option<Value> {
        let negative = self.skip(b'-');
        let whole = self.take_while(|byte| byte.is_ascii_digit());
        if !(1..=15).contains(&whole.len()) {
            return None;
        }
        if self.skip(b'.') {
            let fraction = self.take_while(|byte| byte.is_ascii_digit());
            return ((1..=3).contains(&fraction.len()) && whole.len() <= 12).then_some(Value::Other);
        }
        let value = whole.iter().fold(0_i64, |value, &digit| value * 10 + i64::from(digit - b'0'));
        Some(Value::Integer(if negative { -value } else { value }))
    }

    fn string(&mut self) -> Option<Value> {
        self.skip(b'"');
        let mut text = String::new();
        loop {
            let (&byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            match byte {
                b'"' => return Some(Value::Text(text)),
                b'\\' => {
                    let (&escaped @ (b'"' | b'\\'), rest) = self.rest.split_first()? else { return None };
                    self.rest = rest;
                    text.push(char::from(escaped));
                }
                b' '..=b'~' => text.push(char::from(byte)),
                _ => return None,
            }
        }
    }

    fn boolean(&mut self) -> Option<Value> {
        self.skip(b'?');
        let value = self.skip(b'1');
        (value || self.skip(b'0')).then_some(Value::Boolean(value))
    }

    fn bytes(&mut self) -> Option<Value> {
        self.skip(b':');
        self.take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='));
        self.skip(b':').then_some(Value::Other)
    }

    fn date(&mut self) -> Option<Value> {
        self.skip(b'@');
        matches!(self.number()?, Value::Integer(_)).then_some(Value::Other)
    }

    fn display_string(&mut self) -> Option<Value> {
        self.skip(b'%');
        (self.skip(b'"')).then_some(())?;
        loop {
            let (&byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            match byte {
                b'"' => return Some(Value::Other),
                b'%' => {
                    let (digits, rest) = self.rest.split_at_checked(2)?;
                    digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')).then_some(())?;
                    self.rest = rest;
                }
                b' '..=b'~' => {}
                _ => return None,
            }
        }
    }

    fn token(&mut self) -> Value {
        self.take_while(|byte| crate::list::is_token_byte(byte) || matches!(byte, b':' | b'/'));
        Value::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Value {
        Value::Text(value.to_owned())
    }

    fn keys(value: &str) -> Option<Vec<(String, Value)>> {
        dictionary(value.as_bytes())
    }

    #[test]
    fn a_dictionary_has_flags_and_values_and_parameters_are_skipped() {
        let expected = vec![
            ("max-age".to_owned(), Value::Integer(10)),
            ("foo".to_owned(), Value::Boolean(true)),
            ("bar".to_owned(), Value::Boolean(false)),
            ("private".to_owned(), text("a, \"b\"")),
        ];
        assert_eq!(keys(r#" max-age=10;x;y="z" , foo;a=1,bar=?0, private="a, \"b\"" "#), Some(expected));
    }

    #[test]
    fn the_last_of_two_equal_keys_counts() {
        assert_eq!(keys("a=1, b, a=2").unwrap().last(), Some(&("a".to_owned(), Value::Integer(2))));
    }

    #[test]
    fn one_mistake_makes_all_of_it_malformed() {
        for value in [
            "max-age=1, &&&&&",
            "MaX-age=1",
            "a=1,",
            "a =1",
            "a= 1",
            "a=1 b",
            "a=\"x",
            "a=(1 2",
            "a=?2",
            "a=1.",
            "a=1234567890123456",
            "a=:b",
            "a=@x",
            "a=%\"%0G\"",
            "a=\"\u{e9}\"",
        ] {
            assert_eq!(keys(value), None, "{value}");
        }
    }

    #[test]
    fn values_of_every_type_are_known() {
        let value = r#"a=1.5, b=:aGk=:, c=tok/en, d=@1659578233, e=%"f%c3%bc", f=("x" y;z 1)"#;
        assert!(keys(value).unwrap().iter().all(|(_, value)| *value == Value::Other));
    }

    #[test]
    fn a_list_of_strings_is_read() {
        assert_eq!(list(br#""a b",  "c";x=1"#), Some(vec![text("a b"), text("c")]));
        assert_eq!(list(b""), Some(vec![]));
        assert_eq!(list(b"\"a\",,\"b\""), None);
    }
}
