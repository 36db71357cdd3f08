//! Salts of sticky buckets.

use crate::{read::FromText, report::Complaint};

/// A salt. Control characters are left to the separator between salt and subject.
pub(crate) struct Salt(pub(crate) String);

impl FromText for Salt {
    fn from_text(text: &str) -> Result<Self, Complaint> {
        let good = (1..=256).contains(&text.chars().count()) && !text.chars().any(|c| c.is_ascii_control());
        if good {
            Ok(Self(text.to_owned()))
        } else {
            Err(Complaint::new("a salt has 1 to 256 characters, no control characters"))
        }
    }
}
