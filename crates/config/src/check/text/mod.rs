//! What texts mean, one file for each group of [`crate::language::formats`].

pub(super) mod address;
pub(super) mod file;
pub(super) mod header;
pub(super) mod host;
pub(super) mod json_path;
pub(super) mod json_pointer;
pub(super) mod key_part;
pub(super) mod log;
pub(super) mod media_type;
pub(super) mod method;
pub(super) mod name;
pub(super) mod pattern;
pub(super) mod redis;
pub(super) mod rule;
pub(super) mod salt;
pub(super) mod subject;
pub(super) mod tag;
pub(super) mod url;
pub(super) mod when;

use crate::{read::FromText, report::Complaint};

/// A text of any kind.
pub(super) struct Verbatim(pub(super) String);

impl FromText for Verbatim {
    fn from_text(text: &str) -> Result<Self, Complaint> {
        Ok(Self(text.to_owned()))
    }
}

/// A token (RFC 9110 section 5.6.2).
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// Whether a text is read as a format, for the test that holds the tables against the readers.
#[cfg(test)]
pub(crate) fn reads(format: &'static crate::language::Format, text: &str) -> bool {
    use std::net::SocketAddr;

    use crate::{
        language::formats,
        pattern::Pattern,
        plan::{Endpoint, HedgeAfter, HostMatch, KeyPart, RedisUrl, SubjectSource, TagTemplate},
    };

    type Reader = fn(&str) -> bool;
    let readers: [(&'static crate::language::Format, Reader); 30] = [
        (&formats::ADDRESS, |text| SocketAddr::from_text(text).is_ok()),
        (&formats::NETWORK, |text| address::Network::from_text(text).is_ok()),
        (&formats::FILE, |text| file::FilePath::from_text(text).is_ok()),
        (&formats::ACCESS, |text| file::AccessFile::from_text(text).is_ok()),
        (&formats::LOG_FILTER, |text| log::LogFilter::from_text(text).is_ok()),
        (&formats::ENDPOINT, |text| Endpoint::from_text(text).is_ok()),
        (&formats::COLLECTOR, |text| url::Collector::from_text(text).is_ok()),
        (&formats::URL_PATH, |text| url::UrlPath::from_text(text).is_ok()),
        (&formats::NAME, |text| name::Name::from_text(text).is_ok()),
        (&formats::UPSTREAM, |text| name::Name::from_text(text).is_ok()),
        (&formats::SALT, |text| salt::Salt::from_text(text).is_ok()),
        (&formats::SUBJECT, |text| SubjectSource::from_text(text).is_ok()),
        (&formats::JSON_PATH, |text| json_path::JsonPath::from_text(text).is_ok()),
        (&formats::MATCH, |text| rule::Rule::from_text(text).is_ok()),
        (&formats::TEMPLATE, |text| Pattern::from_text(text).is_ok()),
        (&formats::HOST, |text| HostMatch::from_text(text).is_ok()),
        (&formats::HEADER_NAME, |text| header::ConditionName::from_text(text).is_ok()),
        (&formats::HEADER_VALUE, |text| header::FieldValue::from_text(text).is_ok()),
        (&formats::ANSWER_FIELD, |text| header::AnswerField::from_text(text).is_ok()),
        (&formats::CONTENT_TYPE, |text| media_type::ContentType::from_text(text).is_ok()),
        (&formats::MEDIA_TYPE, |text| media_type::MediaType::from_text(text).is_ok()),
        (&formats::JSON_POINTER, |text| json_pointer::JsonPointer::from_text(text).is_ok()),
        (&formats::HEDGE_AFTER, |text| HedgeAfter::from_text(text).is_ok()),
        (&formats::DELAY, |text| when::Delay::from_text(text).is_ok()),
        (&formats::DOCUMENT_POINTER, |text| json_pointer::DocumentPointer::from_text(text).is_ok()),
        (&formats::REDIS_URL, |text| RedisUrl::from_text(text).is_ok()),
        (&formats::REDIS_PREFIX, |text| redis::Prefix::from_text(text).is_ok()),
        (&formats::KEY_PART, |text| KeyPart::from_text(text).is_ok()),
        (&formats::TAG, |text| TagTemplate::from_text(text).is_ok()),
        (&formats::BODY_TEXT, |text| Verbatim::from_text(text).is_ok()),
    ];
    let reader = readers.iter().find(|(known, _)| std::ptr::eq(*known, format));
    reader.is_some_and(|(_, reader)| reader(text))
}
