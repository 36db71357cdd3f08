//! What is promised of a body, and whether it holds.

use serde::de::IgnoredAny;
use serde_json::Value;

use super::Breach;

/// What is promised of a body.
#[derive(Clone, Debug, Default)]
pub(super) struct Body {
    /// Implied by the other two.
    is_json: bool,
    /// JSON pointers.
    required: Vec<Box<str>>,
    #[cfg(feature = "schema")]
    schema: Option<jsonschema::Validator>,
}

impl Body {
    pub(super) const fn promise_json(&mut self) {
        self.is_json = true;
    }

    pub(super) fn require(&mut self, pointer: &str) {
        self.is_json = true;
        self.required.push(pointer.into());
    }

    #[cfg(feature = "schema")]
    pub(super) fn promise_schema(&mut self, schema: jsonschema::Validator) {
        self.is_json = true;
        self.schema = Some(schema);
    }

    pub(super) fn required(&self) -> impl Iterator<Item = &str> {
        self.required.iter().map(AsRef::as_ref)
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
        if !self.needs_values() {
            return serde_json::from_str(text).map(|IgnoredAny| ()).map_err(|error| not_json(&error));
        }
        let value: Value = serde_json::from_str(text).map_err(|error| not_json(&error))?;
        match self.required.iter().find(|pointer| value.pointer(pointer).is_none()) {
            Some(missing) => Err(Breach::Missing(missing.clone())),
            None => self.check_schema(&value),
        }
    }

    const fn needs_values(&self) -> bool {
        #[cfg(feature = "schema")]
        if self.schema.is_some() {
            return true;
        }
        !self.required.is_empty()
    }

    #[cfg(feature = "schema")]
    fn check_schema(&self, value: &Value) -> Result<(), Breach> {
        let Some(schema) = &self.schema else { return Ok(()) };
        // The error itself quotes the value, and its path holds names from the body; the place in the schema does not.
        schema.validate(value).map_err(|error| Breach::Schema(error.schema_path().as_str().into()))
    }

    #[cfg(not(feature = "schema"))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "the other one uses them")]
    const fn check_schema(&self, _value: &Value) -> Result<(), Breach> {
        Ok(())
    }
}

/// What the parser says of syntax is one of a few fixed sentences, with a line and a column: nothing of the text itself.
fn not_json(error: &serde_json::Error) -> Breach {
    Breach::NotJson(error.to_string().into())
}
