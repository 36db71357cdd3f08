//! What requests may carry, and problems for what they may not.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request, rejection::BytesRejection},
};
use banyan_flags::Percent;
use http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, de::DeserializeOwned};
use utoipa::{IntoParams, ToSchema};

use crate::{problem::Problem, switches::Hand};

/// Characters of a name or a reason; it is kept for ever.
const MAX_TEXT: usize = 1000;

/// A JSON body. An empty one counts as `{}`, so that a reason can be left out altogether.
pub(crate) struct Body<T>(pub(crate) T);

/// Who does something, and why.
#[derive(Debug, Default, Deserialize, IntoParams, ToSchema)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Reason {
    /// Who; `admin` unless given. At most 1,000 characters.
    #[schema(max_length = 1000)]
    by: Option<String>,
    /// Why, for the history. At most 1,000 characters.
    #[schema(max_length = 1000)]
    why: Option<String>,
}

/// A new share.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Share {
    /// Share on the replacement, 0 % to 100 % in steps of 0.01 %.
    #[schema(example = "5%")]
    percent: String,
    /// Who; `admin` unless given. At most 1,000 characters.
    #[schema(max_length = 1000)]
    by: Option<String>,
    /// Why, for the history. At most 1,000 characters.
    #[schema(max_length = 1000)]
    why: Option<String>,
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let json = is_json(request.headers());
        let bytes = Bytes::from_request(request, state).await.map_err(unreadable)?;
        if bytes.is_empty() {
            return parse(b"{}").map(Self);
        }
        if !json {
            let detail = "send JSON with 'Content-Type: application/json'";
            let (status, title) = (StatusCode::UNSUPPORTED_MEDIA_TYPE, "Unsupported media type");
            return Err(Problem::new(status, "unsupported-media-type", title, detail));
        }
        parse(&bytes).map(Self)
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map_err(|error| Problem::invalid(format!("the body is not valid: {error}")))
}

fn is_json(headers: &HeaderMap) -> bool {
    let field = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    field.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

fn unreadable(rejection: BytesRejection) -> Problem {
    let title = if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        "Body too large"
    } else {
        "Unreadable body"
    };
    Problem::new(rejection.status(), "body", title, rejection.body_text())
}

impl Share {
    /// The share, and who wants it why.
    pub(crate) fn check(self) -> Result<(Percent, String, String), Problem> {
        let percent = self.percent.parse().map_err(|error| {
            Problem::invalid(format!("percent '{}': {error}", self.percent)).with("pointer", "/percent")
        })?;
        let (by, why) = Reason { by: self.by, why: self.why }.check()?;
        Ok((percent, by, why))
    }
}

impl Reason {
    pub(crate) const fn new(by: Option<String>, why: Option<String>) -> Self {
        Self { by, why }
    }

    /// The same, for what is switched for a while.
    pub(crate) fn hand(self) -> Result<Hand, Problem> {
        self.check().map(|(by, why)| Hand { by, why })
    }

    /// Who, and why.
    pub(crate) fn check(self) -> Result<(String, String), Problem> {
        let by = self.by.filter(|by| !by.trim().is_empty()).unwrap_or_else(|| "admin".to_owned());
        let why = self.why.unwrap_or_default();
        for (name, text) in [("by", &by), ("why", &why)] {
            if text.chars().nth(MAX_TEXT).is_some() {
                return Err(Problem::invalid(format!("'{name}' has more than {MAX_TEXT} characters")));
            }
            if text.chars().any(char::is_control) {
                return Err(Problem::invalid(format!("'{name}' holds control characters")));
            }
        }
        Ok((by, why))
    }
}

/// The versions that `If-Match` (RFC 9110 section 13.1.1) allows; `None` when any will do. A tag of another form, and
/// any weak one, is no version and matches none.
pub(crate) fn if_match(headers: &HeaderMap) -> Result<Option<Vec<u64>>, Problem> {
    let mut versions = Vec::new();
    let mut fields = headers.get_all(header::IF_MATCH).iter().peekable();
    if fields.peek().is_none() {
        return Ok(None);
    }
    for field in fields {
        let text = field.to_str().unwrap_or_default();
        for tag in text.split(',').map(str::trim) {
            if tag == "*" {
                return Ok(None);
            }
            let opaque = tag.strip_prefix("W/").unwrap_or(tag);
            let quoted = opaque.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
            let Some(version) = quoted else {
                let detail =
                    format!("If-Match is {text}: write the version in quotes, as in the ETag: \"3\"");
                return Err(Problem::invalid(detail));
            };
            versions.extend(version.parse::<u64>().ok().filter(|_| !tag.starts_with("W/")));
        }
    }
    Ok(Some(versions))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn if_match_names_versions() {
        for (field, expected) in [
            ("\"3\"", Ok(Some(vec![3]))),
            ("\"3\", \"4\"", Ok(Some(vec![3, 4]))),
            ("*", Ok(None)),
            ("W/\"3\"", Ok(Some(vec![]))),
            ("\"abc\"", Ok(Some(vec![]))),
            ("3", Err(())),
            ("", Err(())),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_MATCH, field.parse().unwrap());
            assert_eq!(if_match(&headers).map_err(drop), expected, "{field}");
        }
        assert_eq!(if_match(&HeaderMap::new()).map_err(drop), Ok(None));
    }
}
