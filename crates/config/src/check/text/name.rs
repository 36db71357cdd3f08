//! Names of units and upstreams.

use crate::{read::FromText, report::Complaint};

/// A name: it stands in metrics, URLs and commands, so it needs no quoting anywhere.
pub(crate) struct Name;

impl FromText for Name {
    fn from_text(text: &str) -> Result<Self, Complaint> {
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
        let outer = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let good = text.bytes().next().is_some_and(outer) && text.bytes().all(inner) && text.len() <= 63;
        if good {
            return Ok(Self);
        }
        let complaint = Complaint::new(
            "a name has 1 to 63 characters, a-z, 0-9, '_' and '-', and starts with a letter or digit",
        );
        let meant: String = text.to_ascii_lowercase().replace([' ', '.', '/'], "-");
        let meant = meant.trim_matches(['-', '_']);
        let useful = meant != text
            && meant.len() <= 63
            && meant.bytes().all(inner)
            && meant.bytes().next().is_some_and(outer);
        Err(if useful { complaint.hint(format!("write {meant}")) } else { complaint })
    }
}
