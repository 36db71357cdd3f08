//! The reference page, made from the tables.

use crate::language::{self, Absence, Field, Format, Kind, Object};

const HEAD: &str = include_str!("reference.md");

/// The reference of the config as Markdown: `docs/config.md`.
#[must_use]
pub fn reference_markdown() -> String {
    let mut page = HEAD.to_owned();
    for object in language::objects() {
        page.push_str(&section(object));
    }
    page
}

fn section(object: &Object) -> String {
    let fields = object.fields.iter().map(row).collect::<String>();
    format!(
        "\n## `{}`\n\n{}\n\n| Key | Value | Without it | Meaning |\n|---|---|---|---|\n{fields}",
        object.id, object.doc
    )
}

fn row(field: &Field) -> String {
    let absence = match field.absence {
        Absence::Refused => "an error".to_owned(),
        Absence::Default(yaml) => format!("`{yaml}`"),
        Absence::Unless { yaml, key } => format!("`{yaml}`, unless there is `{key}`"),
        Absence::Means(words) => words.to_owned(),
    };
    let cells = [format!("`{}`", field.key), value(&field.kind), absence, meaning(field)];
    let cells = cells.iter().map(|cell| cell.replace('|', "\\|")).collect::<Vec<_>>();
    format!("| {} |\n", cells.join(" | "))
}

fn value(kind: &Kind) -> String {
    match kind {
        Kind::Text(format) => text(format),
        Kind::Choice(choices) => {
            choices.iter().map(|choice| format!("`{}`", choice.word)).collect::<Vec<_>>().join(" or ")
        }
        Kind::Because { of, .. } => value(of),
        Kind::Object(object) | Kind::Foreign(object) => link(object),
        Kind::OffOrObject(object) => format!("`off` or {}", link(object)),
        Kind::TextOrObject { short, object } => {
            let text = object.field(short).map(|(_, field)| value(&field.kind)).unwrap_or_default();
            format!("{text}; or {}", link(object))
        }
        Kind::TextOr { text: format, object } => format!("{}; or {}", text(format), link(object)),
        Kind::List { of, min: 0 } => format!("list of: {}", value(of)),
        Kind::List { of, min } => format!("list of at least {min}: {}", value(of)),
        Kind::OneOrMany(of) => format!("{}; or a list of these", value(of)),
        Kind::Map { key, of } => format!("map from {} to {}", key.name, value(of)),
        _ => kind.describe(),
    }
}

fn text(format: &Format) -> String {
    format!("{}, such as `{}`", format.name, format.examples.join("`, `"))
}

fn link(object: &Object) -> String {
    format!("[{}](#{})", object.id, object.id)
}

fn meaning(field: &Field) -> String {
    let Kind::Choice(choices) = &field.kind else { return field.doc.to_owned() };
    let words = choices.iter().map(|choice| format!("`{}`: {}", choice.word, choice.doc)).collect::<Vec<_>>();
    format!("{} {}.", field.doc, words.join("; "))
}
