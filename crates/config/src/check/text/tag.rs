//! Names by which answers are invalidated.

use crate::{
    plan::{TagError, TagTemplate},
    read::FromText,
    report::Complaint,
};

impl FromText for TagTemplate {
    fn from_text(text: &str) -> Result<Self, Complaint> {
        Self::parse(text).map_err(|error| {
            let complaint = Complaint::new(error.to_string());
            match error {
                TagError::BadParam if text.contains("...}") => {
                    complaint.hint(format!("write {}", text.replace("...}", "}")))
                }
                TagError::BadCharacter => complaint.hint("write - or : between words"),
                _ => complaint,
            }
        })
    }
}
