//! YAML text to a tree of nodes with places.
//!
//! Only what a config needs: one document of mappings with text keys, sequences and scalars. Anchors, aliases and
//! tags are refused, so that a file cannot be larger in memory than on disk and a value always means what it says.

mod builder;
mod guard;
mod node;

use saphyr_parser::Parser;

pub(crate) use guard::{MAX_BYTES, without_byte_order_mark};
pub(crate) use node::{Content, Entry, Nature, Node};

use crate::{
    report::{Problems, Read},
    source::{self, Span},
};

/// Reads a text. Every fault is reported; a syntax error ends the reading, since nothing after it is certain.
pub(crate) fn read(text: &str, problems: &Problems) -> Read<Node> {
    guard::check(text, problems)?;
    let mut builder = builder::Builder::new(problems);
    let mut last = Span::START;
    for event in Parser::new_from_str(text) {
        match event {
            Ok((event, span)) => {
                last = place(span.start);
                builder.event(event, last)?;
            }
            Err(error) => {
                let span = within(text, place(*error.marker()));
                return Err(problems.add(
                    span,
                    format!("not YAML: {}", error.info()),
                    syntax_hint(text, span),
                ));
            }
        }
    }
    builder.finish(last)
}

/// saphyr counts lines from 1 and columns from 0.
fn place(marker: saphyr_parser::Marker) -> Span {
    Span { line: marker.line(), column: marker.col() + 1 }
}

/// A syntax error at the end of the text may be placed behind it: moves it onto the last character.
fn within(text: &str, span: Span) -> Span {
    let mut last = (1, "");
    for (index, line) in source::lines(text).enumerate() {
        last = (index + 1, line);
        if index + 1 == span.line {
            break;
        }
    }
    let column = if last.0 == span.line { span.column } else { usize::MAX };
    Span { line: last.0, column: column.clamp(1, last.1.chars().count() + 1) }
}

/// What people most often got wrong when a line is not YAML.
fn syntax_hint(text: &str, span: Span) -> Option<String> {
    // A bracket that is not closed is noticed a line later.
    let lines =
        source::lines(text).skip(span.line.saturating_sub(2)).take(span.line.min(2)).collect::<Vec<_>>();
    let line = lines.last()?;
    let indent = &line[..line.len() - line.trim_start().len()];
    let opens =
        |open, close| lines.iter().any(|line| line.matches(open).count() > line.matches(close).count());
    let value = line.split_once(": ").map_or(*line, |(_, value)| value).trim_start();
    let hint = if indent.contains('\t') {
        "indent with spaces: YAML allows no tabs there"
    } else if opens('[', ']') || opens('{', '}') {
        "check that every '[' and '{' is closed"
    } else if lines.iter().any(|line| line.matches('"').count() % 2 == 1) {
        "check that every quote is closed"
    } else if value.starts_with(['%', '@', '`', '*', '&', '!']) {
        "put a value that starts with such a character in quotes"
    } else {
        return None;
    };
    Some(hint.to_owned())
}

#[cfg(test)]
mod tests;
