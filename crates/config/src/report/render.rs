//! The report for people: place, message, source line, caret, help.

use std::fmt;

use super::{Problem, Report, redact};
use crate::source::{self, Span};

/// Characters of a source line that are shown; a longer line is cut around the caret.
const MAX_WIDTH: usize = 120;
/// Characters of a value that are quoted within a message.
const MAX_QUOTED: usize = 60;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.list(f, "")?;
        if self.left_out > 0 {
            writeln!(f, "and {} more", self.left_out)?;
        }
        match self.count() {
            1 => f.write_str("1 error"),
            count => write!(f, "{count} errors"),
        }
    }
}

impl Report {
    /// Every problem, each with an empty line behind it; `what` stands before the message.
    pub(super) fn list(&self, f: &mut fmt::Formatter<'_>, what: &str) -> fmt::Result {
        let lines = source::lines(&self.text).collect::<Vec<_>>();
        for problem in &self.problems {
            self.problem(f, problem, what, &lines)?;
            writeln!(f)?;
        }
        Ok(())
    }

    fn problem(
        &self,
        f: &mut fmt::Formatter<'_>,
        problem: &Problem,
        what: &str,
        lines: &[&str],
    ) -> fmt::Result {
        let file = escaped(&self.file);
        match problem.span {
            Some(Span { line, column }) => {
                writeln!(f, "{file}:{line}:{column}: {what}{}", escaped(&problem.message))?;
            }
            None => writeln!(f, "{file}: {what}{}", escaped(&problem.message))?,
        }
        if let Some(span) = problem.span {
            excerpt(f, span, lines)?;
        }
        if let Some(related) = &problem.related {
            let Span { line, column } = related.span;
            writeln!(f, "  {file}:{line}:{column}: {}", escaped(&related.message))?;
            excerpt(f, related.span, lines)?;
        }
        problem.hint.as_ref().map_or(Ok(()), |hint| writeln!(f, "  help: {}", escaped(hint)))
    }
}

/// The source line with a caret below the column.
fn excerpt(f: &mut fmt::Formatter<'_>, span: Span, lines: &[&str]) -> fmt::Result {
    let Some(line) = lines.get(span.line.saturating_sub(1)) else { return Ok(()) };
    let (line, column) = redact::line_with(line, span.column.saturating_sub(1));
    let from = if column < MAX_WIDTH { 0 } else { column - MAX_WIDTH / 2 };
    let before = line.chars().skip(from).take(column - from).collect::<String>();
    let after = line.chars().skip(column).take(MAX_WIDTH - (column - from)).collect::<String>();
    let (before, after) = (escaped(&before), escaped(&after));
    let margin = " ".repeat(span.line.to_string().len());
    writeln!(f, "  {margin} |")?;
    writeln!(f, "  {} | {}", span.line, format!("{before}{after}").trim_end())?;
    writeln!(f, "  {margin} | {}^", " ".repeat(before.chars().count()))
}

/// The text with everything a terminal would obey or hide made visible; a tab becomes a space, so that carets stand right.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => out.push(' '),
            c if c.is_control() || is_invisible(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

/// Characters that change the order or the look of others: bidirectional controls, joiners, the byte order mark.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
}

/// A value for use in a message: as it stands when that is clear, otherwise in quotes and cut; without credentials.
pub(crate) fn shown(text: &str) -> String {
    let text = redact::value(text);
    let plain = |c: char| c.is_alphanumeric() || ".%-_:/+[]@*".contains(c);
    if !text.is_empty() && text.chars().all(plain) && text.chars().nth(MAX_QUOTED).is_none() {
        return text;
    }
    quoted(&text)
}

/// A key or a name for use in a message: in quotes, and cut; without credentials.
pub(crate) fn quoted(text: &str) -> String {
    // Before it is cut: half a password is one too.
    let text = redact::value(text);
    let mut out = String::from("'");
    out.extend(text.chars().take(MAX_QUOTED));
    if text.chars().nth(MAX_QUOTED).is_some() {
        out.push_str("...");
    }
    out.push('\'');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_raw() {
        assert_eq!(escaped("a\u{1b}[2Jb\u{202e}\tc"), "a\\u{1b}[2Jb\\u{202e} c");
    }

    #[test]
    fn values_are_quoted_when_unclear_and_cut_when_long() {
        assert_eq!(shown("150%"), "150%");
        assert_eq!(shown(""), "''");
        assert_eq!(shown("a b"), "'a b'");
        assert_eq!(shown(&"x".repeat(1000)).chars().count(), MAX_QUOTED + 5);
    }
}
