//! Paths into a JSON answer.

use banyan_compare::PathPattern;

use crate::{read::FromText, report::Complaint};

/// A JSON Pointer (RFC 6901) with `*` for any one step and `**` for any number of steps.
pub(crate) struct JsonPath(pub(crate) String);

impl FromText for JsonPath {
    fn from_text(text: &str) -> Result<Self, Complaint> {
        if !text.starts_with('/') {
            let complaint = Complaint::new("a JSON Pointer starts with '/'");
            let path = text.trim_start_matches(['$', '.']).replace('.', "/");
            return Err(if path.is_empty() { complaint } else { complaint.hint(format!("write /{path}")) });
        }
        let mut rest = text;
        while let Some((_, after)) = rest.split_once('~') {
            if !after.starts_with(['0', '1']) {
                return Err(Complaint::new(
                    "'~' stands only as '~0', for itself, or '~1', for '/' (RFC 6901 section 3)",
                )
                .hint("write ~0 for a '~'"));
            }
            rest = after;
        }
        Ok(Self(text.to_owned()))
    }
}

/// What is compared of an answer: a path into its body, or a part besides it.
pub(crate) struct ComparedPath {
    /// As it was written.
    pub(crate) text: String,
    /// What it fits.
    pub(crate) pattern: PathPattern,
}

impl FromText for ComparedPath {
    fn from_text(text: &str) -> Result<Self, Complaint> {
        if !text.starts_with('(') {
            JsonPath::from_text(text)?;
        }
        let pattern = text.parse::<PathPattern>().map_err(|_| {
            Complaint::new(
                "write (status), (content-type), (header NAME) or (body) for what is no part of the body",
            )
        })?;
        Ok(Self { text: text.to_owned(), pattern })
    }
}
