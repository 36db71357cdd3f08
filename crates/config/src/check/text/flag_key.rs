//! Keys that flags once had.

use crate::{read::FromText, report::Complaint};

const MAX: usize = 128;

/// A key as `banyan_flags::Definition` has it. Of flags that are defined, that one reads the key.
#[derive(PartialEq, Eq)]
pub(crate) struct FlagKey(pub(crate) String);

impl FromText for FlagKey {
    fn from_text(text: &str) -> Result<Self, Complaint> {
        let outer = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let inner = |byte: u8| outer(byte) || b"._-".contains(&byte);
        if text.bytes().next().is_some_and(outer) && text.len() <= MAX && text.bytes().all(inner) {
            return Ok(Self(text.to_owned()));
        }
        Err(Complaint::new(
            "a flag's key has 1 to 128 of a-z, 0-9, '.', '_' and '-', with a letter or digit first",
        )
        .hint("for example old-editor"))
    }
}
