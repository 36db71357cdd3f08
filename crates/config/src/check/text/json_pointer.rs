//! Places in a JSON answer.

use super::json_path::JsonPath;
use crate::{read::FromText, report::Complaint};

/// A JSON Pointer (RFC 6901) to a part of a document, not to all of it.
pub(crate) struct JsonPointer(pub(crate) String);

impl FromText for JsonPointer {
    fn from_text(text: &str) -> Result<Self, Complaint> {
        if text.is_empty() {
            return Err(Complaint::new("a JSON Pointer starts with '/'")
                .hint("name an entry, such as /id; that there is JSON at all is said with 'valid_if: { json: true }'"));
        }
        let JsonPath(text) = JsonPath::from_text(text)?;
        if text.split('/').any(|step| ["*", "**"].contains(&step)) {
            // A key of this name is possible; a wildcard that is none would refuse every answer.
            return Err(Complaint::new(
                "'*' stands for itself in a JSON Pointer, and no other entry is meant by it",
            )
            .hint("name one entry, such as /items/0/id, or use 'schema' for all of them"));
        }
        Ok(Self(text))
    }
}

/// A JSON Pointer (RFC 6901) to a part of a document, or to all of it.
pub(crate) struct DocumentPointer(pub(crate) String);

impl FromText for DocumentPointer {
    fn from_text(text: &str) -> Result<Self, Complaint> {
        if text.is_empty() {
            return Ok(Self(String::new()));
        }
        JsonPointer::from_text(text).map(|JsonPointer(text)| Self(text))
    }
}
