//! What is promised of a body, and whether it holds.

use serde::de::IgnoredAny;

use super::{Breach, required::Required};

/// What is promised of a body.
#[derive(Clone, Debug, Default)]
pub(super) struct Body {
    /// Implied by the other two.
    is_json: bool,
    required: Required,
    #[cfg(feature = "schema")]
    schema: Option<jsonschema::Validator>,
}

impl Body {
    pub(super) const fn promise_json(&mut self) {
        self.is_json = true;
    }

    pub(super) fn require(&mut self, pointer: &str) {
        self.is_json = true;
        self.required.add(pointer);
    }

    #[cfg(feature = "schema")]
    pub(super) fn promise_schema(&mut self, schema: jsonschema::Validator) {
        self.is_json = true;
        self.schema = Some(schema);
    }

    pub(super) fn required(&self) -> impl Iterator<Item = &str> {
        self.required.pointers()
    }

    pub(super) const fn is_promised(&self) -> bool {
        self.is_json
    }

    pub(super) fn check(&self, body: &[u8]) -> Result<(), Breach> {
        if !self.is_json {
            return Ok(());
        }
        // The parser does not look into strings that it only skips, so encoding is checked before.
        let text = std::str::from_utf8(body).map_err(|error| {
            Breach::NotJson(format!("not UTF-8 after {} bytes", error.valid_up_to()).into())
        })?;
        if self.required.is_empty() {
            serde_json::from_str(text).map(|IgnoredAny| ()).map_err(|error| not_json(&error))?;
        } else if let Some(missing) = self.required.first_missing(text).map_err(|error| not_json(&error))? {
            return Err(Breach::Missing(missing.into()));
        }
        self.check_schema(text)
    }

    #[cfg(feature = "schema")]
    fn check_schema(&self, text: &str) -> Result<(), Breach> {
        let Some(schema) = &self.schema else { return Ok(()) };
        let value: serde_json::Value = serde_json::from_str(text).map_err(|error| not_json(&error))?;
        // The error itself quotes the value, and its path holds names from the body; the place in the schema does not.
        schema.validate(&value).map_err(|error| Breach::Schema(error.schema_path().as_str().into()))
    }

    #[cfg(not(feature = "schema"))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "the other one uses them")]
    const fn check_schema(&self, _text: &str) -> Result<(), Breach> {
        Ok(())
    }
}

/// What the parser says of syntax is one of a few fixed sentences, with a line and a column: nothing of the text itself.
fn not_json(error: &serde_json::Error) -> Breach {
    Breach::NotJson(error.to_string().into())
}
