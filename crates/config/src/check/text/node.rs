//! Names of gateways.

use crate::{read::FromText, report::Complaint};

const MAX: usize = 128;

/// A gateway among others. Host names are such names, since a host's name is the default.
pub(crate) struct NodeName(pub(crate) String);

impl FromText for NodeName {
    fn from_text(text: &str) -> Result<Self, Complaint> {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let first = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        if first && text.len() <= MAX && text.bytes().all(inner) {
            return Ok(Self(text.to_owned()));
        }
        Err(Complaint::new(
            "a node's name has 1 to 128 letters, digits and ._-, and starts with a letter or digit",
        )
        .hint("for example gw-1"))
    }
}
