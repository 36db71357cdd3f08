//! Places in a config file.

/// A place in the source text, both one-based, columns counted in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span {
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
}

impl Span {
    /// The first character of a file.
    pub(crate) const START: Self = Self { line: 1, column: 1 };
}

/// A value and where it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spanned<T> {
    /// What was written.
    pub(crate) value: T,
    /// Where it starts.
    pub(crate) span: Span,
}

/// Cuts a text into lines the way YAML 1.2 does: at `\n`, `\r\n` and a lone `\r` (section 5.4).
pub(crate) fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some(end) = text.find(['\n', '\r']) else {
            rest = None;
            return Some(text);
        };
        let (line, tail) = text.split_at(end);
        rest = tail.strip_prefix("\r\n").or_else(|| tail.get(1..));
        Some(line)
    })
}

/// The place of the character that starts at this byte.
pub(crate) fn span_of_byte(text: &str, byte: usize) -> Span {
    let before = text.get(..byte).unwrap_or(text);
    let (mut line, mut last) = (0, "");
    for part in lines(before) {
        (line, last) = (line + 1, part);
    }
    Span { line, column: last.chars().count() + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_break_of_yaml_counts_once() {
        assert_eq!(lines("a\nb\r\nc\rd\n").collect::<Vec<_>>(), ["a", "b", "c", "d", ""]);
        assert_eq!(lines("").collect::<Vec<_>>(), [""]);
    }

    #[test]
    fn columns_count_characters() {
        assert_eq!(span_of_byte("ab\r\nséx", 7), Span { line: 2, column: 3 });
        assert_eq!(span_of_byte("", 0), Span::START);
    }
}
