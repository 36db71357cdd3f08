//! Media types (RFC 9110 section 8.3.1).

use http::HeaderValue;

use crate::{read::FromText, report::Complaint};

/// A media type without parameters, lower case.
pub(crate) struct MediaType(pub(crate) String);

impl FromText for MediaType {
    fn from_text(text: &str) -> Result<Self, Complaint> {
        if let Some((essence, _)) = text.split_once(';') {
            return Err(
                Complaint::new("parameters are not compared").hint(format!("write {}", essence.trim()))
            );
        }
        if is_essence(text) { Ok(Self(text.to_ascii_lowercase())) } else { Err(complaint()) }
    }
}

/// A media type as a field says it, parameters and all.
pub(crate) struct ContentType(pub(crate) HeaderValue);

impl FromText for ContentType {
    fn from_text(text: &str) -> Result<Self, Complaint> {
        let essence = text.split_once(';').map_or(text, |(essence, _)| essence);
        let good = is_essence(essence.trim_end()) && !text.ends_with([' ', '\t']);
        let ascii = text.bytes().all(|byte| byte.is_ascii_graphic() || matches!(byte, b' ' | b'\t'));
        let value = (good && ascii).then(|| HeaderValue::from_str(text).ok()).flatten();
        value.map(Self).ok_or_else(complaint)
    }
}

fn complaint() -> Complaint {
    Complaint::new("a media type has two parts, such as application/json")
}

/// Two tokens with a slash between.
fn is_essence(text: &str) -> bool {
    text.split_once('/').is_some_and(|(kind, subtype)| super::is_token(kind) && super::is_token(subtype))
}
