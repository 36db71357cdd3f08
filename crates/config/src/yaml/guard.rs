//! What is refused before the text is parsed.

use crate::{
    report::{Problems, Read},
    source,
};

/// The largest config in bytes: 10,000 routes take about 1 MiB, and a larger file is a mistake.
pub(crate) const MAX_BYTES: usize = 4 * 1024 * 1024;

/// The text without the byte order mark that some editors put in front; it would shift every column of line 1.
pub(crate) fn without_byte_order_mark(text: &str) -> &str {
    text.strip_prefix('\u{FEFF}').unwrap_or(text)
}

/// Refuses characters that YAML 1.2 allows nowhere (section 5.1, `c-printable`).
pub(super) fn check(text: &str, problems: &Problems) -> Read<()> {
    let Some((byte, c)) = text.char_indices().find(|(_, c)| !is_printable(*c)) else { return Ok(()) };
    let span = source::span_of_byte(text, byte);
    let message = format!("the character U+{:04X} does not belong in YAML", u32::from(c));
    let hint =
        "is this a text file? Write such a character as an escape in double quotes, such as \"\\u0007\"";
    Err(problems.add(span, message, Some(hint.to_owned())))
}

fn is_printable(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{85}')
        || !c.is_control() && !matches!(c, '\u{FEFF}' | '\u{FFFE}' | '\u{FFFF}')
}
