//! What an answer has to be.

use std::{fs, io::Read as _, path::Path};

use serde_json::Value;

use super::text::{file::FilePath, json_pointer::JsonPointer, media_type::MediaType};
use crate::{
    plan::{Schema, ValidIf},
    read::Fields,
    report::{Complaint, Read, shown},
    source::Span,
};

/// A larger schema is not one that somebody wrote.
const MAX_SCHEMA: u64 = 1024 * 1024;

pub(super) fn read(fields: &Fields<'_>, base: &Path) -> Read<ValidIf> {
    let (status, all_status) = fields.values::<u16>("status");
    let content_type = fields.maybe_text::<MediaType>("content_type");
    let json = fields.placed::<bool>("json");
    let (required, all_required) = fields.texts::<JsonPointer>("required");
    let schema = schema(fields, base);
    if json.as_ref().is_ok_and(|json| !json.value) {
        let first = required.first().map(|pointer| ("required", pointer.span));
        let places = [first, fields.place("schema").map(|span| ("schema", span))];
        places.into_iter().flatten().for_each(|(key, span)| needs_json(fields, key, span));
    }
    all_status?;
    all_required?;
    let valid_if = ValidIf {
        status,
        content_type: content_type?.map(|media_type| media_type.value.0),
        json: json?.value,
        required: required.into_iter().map(|pointer| pointer.value.0).collect(),
        schema: schema?,
    };
    says_something(&valid_if, fields)?;
    Ok(valid_if)
}

fn needs_json(fields: &Fields<'_>, key: &str, span: Span) {
    let message = format!("'{key}' is about JSON, and the body need not be JSON here");
    fields.problems().add(span, message, Some("write 'json: true' beside it".to_owned()));
}

fn says_something(valid_if: &ValidIf, fields: &Fields<'_>) -> Read<()> {
    let ValidIf { status, content_type, json, required, schema } = valid_if;
    if !status.is_empty() || content_type.is_some() || *json || !required.is_empty() || schema.is_some() {
        return Ok(());
    }
    let hint = "write 'json: true', 'status' or 'content_type', or 'valid_if: off'".to_owned();
    Err(fields.problems().add(
        fields.span(),
        "valid_if says nothing, so every answer would be good",
        Some(hint),
    ))
}

fn schema(fields: &Fields<'_>, base: &Path) -> Read<Option<Schema>> {
    let Some(path) = fields.maybe_text::<FilePath>("schema")? else { return Ok(None) };
    let file = path.value.below(base);
    match document(&file) {
        Ok(document) => Ok(Some(Schema { file, document })),
        Err(Complaint { message, hint }) => {
            let message = format!("schema is {}: {message}", shown(&path.value.0));
            Err(fields.problems().add(path.span, message, hint))
        }
    }
}

/// The schema that a file holds. Only a regular file is opened: reading a pipe may never end.
fn document(file: &Path) -> Result<Value, Complaint> {
    let unreadable = |error: std::io::Error| {
        let hint = "a relative path starts at the config file's directory";
        Complaint::new(format!("it cannot be read: {error}")).hint(hint)
    };
    if !fs::metadata(file).map_err(unreadable)?.is_file() {
        return Err(Complaint::new("this is no file"));
    }
    let mut bytes = Vec::new();
    let opened = fs::File::open(file).map_err(unreadable)?;
    // One byte more than allowed is enough to know.
    opened.take(MAX_SCHEMA + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_SCHEMA) {
        return Err(Complaint::new("it is larger than 1 MiB, which no schema is"));
    }
    let document = serde_json::from_slice::<Value>(&bytes);
    let document = document.map_err(|error| Complaint::new(format!("it is not JSON: {error}")))?;
    if document.is_object() || document.is_boolean() {
        return Ok(document);
    }
    Err(Complaint::new("a JSON Schema is an object, or true or false (JSON Schema Core section 4.3)"))
}
