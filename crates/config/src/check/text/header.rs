//! Header fields: conditions on requests, and what answers get.

use http::{
    HeaderName, HeaderValue,
    header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, DATE, HOST, TE, TRAILER, TRANSFER_ENCODING, UPGRADE},
};

use crate::{read::FromText, report::Complaint};

/// The name in a condition.
pub(crate) struct ConditionName(pub(crate) HeaderName);

impl FromText for ConditionName {
    fn from_text(text: &str) -> Result<Self, Complaint> {
        let name = name(text)?;
        if name == HOST {
            // HTTP/2 requests carry no Host field, so the condition would hold for some clients only.
            return Err(
                Complaint::new("the host is no header condition").hint("use the key 'host' of the route")
            );
        }
        Ok(Self(name))
    }
}

/// The name of a field that an answer may be given.
pub(crate) struct AnswerField(pub(crate) HeaderName);

impl FromText for AnswerField {
    fn from_text(text: &str) -> Result<Self, Complaint> {
        let name = name(text)?;
        if name == CONTENT_TYPE {
            return Err(Complaint::new("it has a key of its own").hint("write 'content_type'"));
        }
        // RFC 9110 section 7.6.1, and what the server writes itself.
        let own = [CONNECTION, CONTENT_LENGTH, DATE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];
        if own.contains(&name) || ["keep-alive", "proxy-connection"].contains(&name.as_str()) {
            let complaint =
                Complaint::new("the gateway writes this field itself, or it is about one connection");
            return Err(complaint.hint("remove it"));
        }
        Ok(Self(name))
    }
}

/// The name of a field that is compared.
#[derive(PartialEq, Eq)]
pub(crate) struct ComparedField(pub(crate) HeaderName);

impl FromText for ComparedField {
    fn from_text(text: &str) -> Result<Self, Complaint> {
        let name = name(text)?;
        if name == CONTENT_TYPE {
            return Err(Complaint::new("it is always compared").hint("remove it"));
        }
        Ok(Self(name))
    }
}

fn name(text: &str) -> Result<HeaderName, Complaint> {
    text.parse().map_err(|_| Complaint::new("this is no header field name (RFC 9110 section 5.1)"))
}

/// The value of a field.
pub(crate) struct FieldValue(pub(crate) HeaderValue);

impl FromText for FieldValue {
    fn from_text(text: &str) -> Result<Self, Complaint> {
        let ends = [text.as_bytes().first(), text.as_bytes().last()];
        let ends = ends.into_iter().all(|end| end.is_some_and(u8::is_ascii_graphic));
        let inside = text.bytes().all(|byte| byte.is_ascii_graphic() || matches!(byte, b' ' | b'\t'));
        let value = (ends && inside).then(|| HeaderValue::from_str(text).ok()).flatten();
        value.map(Self).ok_or_else(|| {
            Complaint::new("a header field value is ASCII, not empty, without white space at its ends (RFC 9110 section 5.5)")
        })
    }
}
