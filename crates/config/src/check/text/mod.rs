//! What texts mean, one file for each group of [`crate::language::formats`].

pub(super) mod address;
pub(super) mod file;
pub(super) mod flag_key;
pub(super) mod header;
pub(super) mod host;
pub(super) mod json_path;
pub(super) mod json_pointer;
pub(super) mod key_part;
pub(super) mod log;
pub(super) mod mail;
pub(super) mod media_type;
pub(super) mod method;
pub(super) mod name;
pub(super) mod node;
pub(super) mod pattern;
pub(super) mod postgres;
pub(super) mod redis;
pub(super) mod rise;
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
        plan::{Endpoint, HedgeAfter, HostMatch, KeyPart, RedisUrl, SubjectSource, TagTemplate, Webhook},
    };

    type Reader = fn(&str) -> bool;
    let readers: [(&'static crate::language::Format, Reader); 51] = [
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
        (&formats::JSON_PATH, |text| json_path::ComparedPath::from_text(text).is_ok()),
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
        (&formats::NODE, |text| node::NodeName::from_text(text).is_ok()),
        // Checked as what it turns out to be.
        (&formats::STATE, |text| file::FilePath::from_text(text).is_ok()),
        (&formats::POSTGRES_URL, |text| postgres::PostgresUrl::from_text(text).is_ok()),
        (&formats::WEBHOOK_URL, |text| Webhook::from_text(text).is_ok()),
        (&formats::SMTP_URL, |text| mail::MailServer::from_text(text).is_ok()),
        (&formats::MAILBOX, |text| mail::Mailbox::from_text(text).is_ok()),
        (&formats::MAIL_USER, |text| mail::MailUser::from_text(text).is_ok()),
        (&formats::COMPARED_FIELD, |text| header::ComparedField::from_text(text).is_ok()),
        (&formats::ID_CLASS, |text| name::Name::from_text(text).is_ok()),
        (&formats::RISE, |text| rise::Rise::from_text(text).is_ok()),
        (&formats::FLAG_KEY, |text| flag_key::FlagKey::from_text(text).is_ok()),
        // Their readers are in other crates.
        (&formats::REGEX, |text| Verbatim::from_text(text).is_ok()),
        (&formats::REPLACEMENT_TEXT, |text| Verbatim::from_text(text).is_ok()),
        (&formats::FLAG_TEXT, |text| Verbatim::from_text(text).is_ok()),
        (&formats::FLAG_SALT, |text| Verbatim::from_text(text).is_ok()),
        (&formats::METADATA, |text| Verbatim::from_text(text).is_ok()),
        (&formats::VARIANT, |text| Verbatim::from_text(text).is_ok()),
        (&formats::SEGMENT, |text| Verbatim::from_text(text).is_ok()),
        (&formats::ATTRIBUTE, |text| Verbatim::from_text(text).is_ok()),
        (&formats::AFFIX, |text| Verbatim::from_text(text).is_ok()),
        (&formats::VERSIONS, |text| Verbatim::from_text(text).is_ok()),
    ];
    let reader = readers.iter().find(|(known, _)| std::ptr::eq(*known, format));
    reader.is_some_and(|(_, reader)| reader(text))
}
