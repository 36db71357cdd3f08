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
    let line = source::lines(text).nth(span.line - 1)?;
    let indent = &line[..line.len() - line.trim_start().len()];
    if indent.contains('\t') {
        return Some("indent with spaces: YAML allows no tabs there".to_owned());
    }
    let value =
        line.trim_start().trim_start_matches("- ").split_once(": ").map_or(line, |(_, value)| value).trim();
    let opens = |open, close| value.matches(open).count() > value.matches(close).count();
    if opens('[', ']') || opens('{', '}') {
        return Some("check that every '[' and '{' is closed".to_owned());
    }
    if value.starts_with(['%', '@', '`', '*', '&', '!']) {
        return Some("put a value that starts with such a character in quotes".to_owned());
    }
    None
}

#[cfg(test)]
mod tests;
