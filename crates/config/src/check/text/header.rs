//! Header conditions of a route.

use http::{HeaderName, HeaderValue, header::HOST};

use crate::{read::FromText, report::Complaint};

/// The name in a condition.
pub(crate) struct ConditionName(pub(crate) HeaderName);

impl FromText for ConditionName {
    fn from_text(text: &str) -> Result<Self, Complaint> {
        let name = text
            .parse::<HeaderName>()
            .map_err(|_| Complaint::new("this is no header field name (RFC 9110 section 5.1)"))?;
        if name == HOST {
            // HTTP/2 requests carry no Host field, so the condition would hold for some clients only.
            return Err(
                Complaint::new("the host is no header condition").hint("use the key 'host' of the route")
            );
        }
        Ok(Self(name))
    }
}

/// The value in a condition.
pub(crate) struct ConditionValue(pub(crate) HeaderValue);

impl FromText for ConditionValue {
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
