//! Promise: what an answer must be to count as an answer.
//!
//! The worst failure is a `200 OK` that is not one: a login page of a proxy where JSON was asked for, half a document from a
//! process that was killed, `{}` from a service that lost its database. To everything that looks at statuses it is a
//! success: it closes breakers, is cached, and is shown to users. So a caller can say what it was promised, and an answer
//! that breaks the promise is a failure like any other ([`Cause::Invalid`](crate::Cause::Invalid)).
//!
//! | part | holds when | looked at |
//! |---|---|---|
//! | status | it is in the list; without a list, below 500 | always |
//! | content type | its essence (`type/subtype`, without parameters, in any case) is the promised one | 2xx |
//! | JSON | the body is one JSON text in UTF-8 (RFC 8259), and nothing after it | 2xx |
//! | required | each JSON pointer (RFC 6901) leads to a value; `null` is one | 2xx |
//! | schema | the JSON Schema accepts it (feature `schema`) | 2xx |
//!
//! Answers that have no body by their status (204, 205) or carry a part of one (206) are judged by their status alone, and
//! so are those outside 2xx: what an error looks like was not promised. The answer to `HEAD` has no body either, which its
//! status does not say: use [`Promise::check_head`] for it.
//!
//! Validity and required values are checked without building anything in memory, however deep a document is nested. With a
//! schema the document is built, and may then be nested 128 deep at most. Of two members of one name the last counts, as it
//! does for most parsers. What is not noticed: a number cut in half (`12` of `123`) is a number still, so
//! compare lengths where there is a `Content-Length`.
//!
//! A [`Breach`] says what is wrong and never shows what was in the body: it goes to logs, and bodies hold secrets.
//!
//! Not for: bodies in a content coding, unless decoded before, and streams that must not be held back until their end.
//!
//! ```
//! # #[cfg(feature = "json")] {
//! use banyan_resilience::promise::Promise;
//!
//! let promise = Promise::new().with_status(200)?.with_content_type("application/json")?.with_required("/id")?;
//! let check = |body: &str| promise.check(200, Some("application/json; charset=utf-8"), body.as_bytes());
//!
//! assert!(check(r#"{"id": 7}"#).is_ok());
//! let breach = |body| check(body).err().map(|breach| breach.to_string()).unwrap_or_default();
//! assert_eq!(breach(r#"{"name": "Ann"}"#), "required /id is missing");
//! assert_eq!(breach(r#"{"id": 7, "#), "not JSON: EOF while parsing a value at line 1 column 10");
//! # }
//! # Ok::<(), banyan_resilience::promise::SettingsError>(())
//! ```

#[cfg(feature = "json")]
mod body;
mod breach;
#[cfg(feature = "json")]
mod required;
mod settings;
#[cfg(test)]
mod tests;

use std::ops::RangeInclusive;

#[cfg(feature = "json")]
use self::body::Body;
pub use self::{breach::Breach, settings::SettingsError};

/// What an answer must be. A new one promises no more than a status below 500.
#[derive(Clone, Debug, Default)]
pub struct Promise {
    /// None: any below 500.
    statuses: Vec<RangeInclusive<u16>>,
    /// An essence, in lower case.
    content_type: Option<Box<str>>,
    #[cfg(feature = "json")]
    body: Body,
}

impl Promise {
    /// Any status below 500, with any body.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The statuses promised. None: any below 500.
    #[must_use]
    pub fn statuses(&self) -> &[RangeInclusive<u16>] {
        &self.statuses
    }

    /// The content type promised, in lower case.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// The JSON pointers at which there must be a value.
    #[cfg(feature = "json")]
    pub fn required(&self) -> impl Iterator<Item = &str> {
        self.body.required()
    }

    /// Whether the body must be had in full before an answer can be judged. `false` means that [`check_head`] says all.
    ///
    /// [`check_head`]: Self::check_head
    #[must_use]
    pub fn needs_body(&self) -> bool {
        #[cfg(feature = "json")]
        return self.body.is_promised();
        #[cfg(not(feature = "json"))]
        false
    }

    /// The same for an answer whose status is known: bodies of errors, and bodies that are none, need not be held back.
    #[must_use]
    pub fn needs_body_of(&self, status: u16) -> bool {
        has_whole_body(status) && self.needs_body()
    }

    /// Judges what is known before the body comes: status, and content type of a 2xx answer that has a body.
    ///
    /// # Errors
    /// [`Breach`], when the promise is broken already.
    pub fn check_head(&self, status: u16, content_type: Option<&str>) -> Result<(), Breach> {
        let is_promised = match self.statuses.as_slice() {
            [] => status < 500,
            statuses => statuses.iter().any(|statuses| statuses.contains(&status)),
        };
        if !is_promised {
            return Err(Breach::Status(status));
        }
        match &self.content_type {
            Some(promised) if has_whole_body(status) => check_content_type(promised, content_type),
            Some(_) | None => Ok(()),
        }
    }

    /// Judges an answer. The body is only looked at if [`needs_body_of`](Self::needs_body_of) says so.
    ///
    /// # Errors
    /// [`Breach`], when it is not what was promised: the first part that is broken, in the order of the table above.
    #[cfg_attr(
        not(feature = "json"),
        expect(unused_variables, reason = "bodies are judged with the feature json")
    )]
    pub fn check(&self, status: u16, content_type: Option<&str>, body: &[u8]) -> Result<(), Breach> {
        self.check_head(status, content_type)?;
        #[cfg(feature = "json")]
        if self.needs_body_of(status) {
            return self.body.check(body);
        }
        Ok(())
    }
}

/// Whether an answer of this status carries what was asked for: 2xx, except no content, reset content and partial content
/// (RFC 9110 sections 15.3.5 to 15.3.7).
const fn has_whole_body(status: u16) -> bool {
    matches!(status, 200..=203 | 207..=299)
}

fn check_content_type(promised: &str, given: Option<&str>) -> Result<(), Breach> {
    let given = given.map(|given| given.split(';').next().unwrap_or_default().trim());
    if given.is_some_and(|given| given.eq_ignore_ascii_case(promised)) {
        return Ok(());
    }
    // What the dependency sent goes to a log line: only what can be an essence, and not at any length.
    let is_showable = |given: &&str| given.len() <= 64 && settings::is_essence(given);
    let given = given.map(|given| Some(given).filter(is_showable).unwrap_or("something else").into());
    Err(Breach::ContentType { promised: promised.into(), given })
}
