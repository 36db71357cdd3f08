//! Who a request is about: the key of a sticky side. It decides a side and never a right, so nothing here is verified
//! except the cookie that Banyan gives out itself.

use std::borrow::Cow;

use banyan_config::plan::SubjectSource;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderValue, header};
use rand::Rng;
use sha2::Sha256;

use crate::wire::head::Values;

/// Name of the first-party cookie.
pub(crate) const COOKIE: &str = "banyan_subject";
/// A year: a subject should not change sides because a cookie ran out.
const COOKIE_SECONDS: u32 = 31_536_000;
/// Longer values are not somebody's id.
const MAX_SUBJECT: usize = 1024;
/// Bytes of the signature kept in the cookie.
const TAG_BYTES: usize = 16;

/// Gives out subjects to those who bring none, in a cookie nobody can make up.
#[derive(Clone)]
pub(crate) struct Signer {
    key: Hmac<Sha256>,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer(..)")
    }
}

impl Signer {
    pub(crate) fn new(secret: &[u8; 32]) -> Self {
        // HMAC fills a key that is shorter than its block with zeros (RFC 2104 section 2).
        let mut block = [0; 64];
        block[..secret.len()].copy_from_slice(secret);
        Self { key: Hmac::new(&block.into()) }
    }

    /// A new subject and the `Set-Cookie` value that carries it.
    pub(crate) fn issue(&self, secure: bool, rng: &mut impl Rng) -> (String, Option<HeaderValue>) {
        let subject = URL_SAFE_NO_PAD.encode(rng.random::<[u8; 16]>());
        let tag = URL_SAFE_NO_PAD.encode(&self.tag(&subject)[..TAG_BYTES]);
        let secure = if secure { "; Secure" } else { "" };
        let cookie = format!(
            "{COOKIE}={subject}.{tag}; Path=/; Max-Age={COOKIE_SECONDS}; HttpOnly; SameSite=Lax{secure}"
        );
        (subject, HeaderValue::from_str(&cookie).ok())
    }

    /// The subject of a cookie value, if we signed it.
    fn open<'a>(&self, value: &'a str) -> Option<&'a str> {
        let (subject, tag) = value.split_once('.')?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok().filter(|tag| tag.len() == TAG_BYTES)?;
        let mut mac = self.key.clone();
        mac.update(subject.as_bytes());
        mac.verify_truncated_left(&tag).ok().map(|()| subject)
    }

    fn tag(&self, subject: &str) -> [u8; 32] {
        let mut mac = self.key.clone();
        mac.update(subject.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

/// The first source that is present, else our own cookie.
pub(crate) fn find<'a>(
    sources: &'a [SubjectSource],
    signer: &Signer,
    head: &'a impl Values,
) -> Option<Cow<'a, str>> {
    sources
        .iter()
        .find_map(|source| from_source(source, head))
        .or_else(|| cookie(head, COOKIE).and_then(|value| signer.open(value)).map(Cow::Borrowed))
        .filter(|subject| !subject.is_empty() && subject.len() <= MAX_SUBJECT)
}

fn from_source<'a>(source: &'a SubjectSource, head: &'a impl Values) -> Option<Cow<'a, str>> {
    let found = match source {
        SubjectSource::Header(name) => text(head.first(name)?).map(|text| Cow::Borrowed(text.trim())),
        SubjectSource::Cookie(name) => cookie(head, name).map(Cow::Borrowed),
        SubjectSource::Jwt(claim) => jwt_claim(head, claim).map(Cow::Owned),
    };
    found.filter(|subject| !subject.is_empty())
}

/// A field value as UTF-8; `HeaderValue::to_str` would refuse names that are not ASCII.
fn text(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(value).ok()
}

pub(crate) fn cookie<'a>(head: &'a impl Values, name: &str) -> Option<&'a str> {
    head.all(&header::COOKIE)
        .filter_map(text)
        .flat_map(|field| field.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value.trim_matches('"')))
}

/// A claim of the bearer token, a string or a number. Only the payload is read; whether the token is genuine is for
/// the service that acts on it to say.
pub(crate) fn jwt_claim(head: &impl Values, claim: &str) -> Option<String> {
    let field = text(head.first(&header::AUTHORIZATION)?)?;
    let (scheme, token) = field.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let payload = token.trim().split('.').nth(1)?;
    let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    let claims: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&payload).ok()?;
    match claims.get(claim)? {
        serde_json::Value::String(text) => Some(text.clone()),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use rand::{SeedableRng as _, rngs::SmallRng};

    use super::*;

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        fields.iter().map(|(name, value)| ((*name).parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn sources() -> Vec<SubjectSource> {
        vec![
            SubjectSource::Jwt("sub".into()),
            SubjectSource::Header("x-user-id".parse().unwrap()),
            SubjectSource::Cookie("session".into()),
        ]
    }

    fn subject(fields: &[(&'static str, &str)]) -> Option<String> {
        find(&sources(), &Signer::new(&[7; 32]), &headers(fields)).map(Cow::into_owned)
    }

    #[test]
    fn the_first_that_is_present() {
        // {"sub":"user-42"}
        let token = "Bearer e30.eyJzdWIiOiJ1c2VyLTQyIn0.sig";
        assert_eq!(subject(&[("authorization", token), ("x-user-id", "7")]).as_deref(), Some("user-42"));
        assert_eq!(subject(&[("authorization", "Basic xyz"), ("x-user-id", "7")]).as_deref(), Some("7"));
        assert_eq!(subject(&[("cookie", "a=b; session=s1; c=d")]).as_deref(), Some("s1"));
        assert_eq!(subject(&[("x-user-id", ""), ("cookie", "session=s1")]).as_deref(), Some("s1"));
        assert_eq!(subject(&[]), None);
    }

    #[test]
    fn names_of_any_language() {
        let mut headers = HeaderMap::new();
        headers.insert("x-user-id", HeaderValue::from_bytes("søren".as_bytes()).unwrap());
        assert_eq!(find(&sources(), &Signer::new(&[7; 32]), &headers).as_deref(), Some("søren"));
    }

    #[test]
    fn broken_tokens_are_passed_over() {
        for token in ["Bearer", "Bearer x", "Bearer a.b.c", "Bearer e30.e30.x", "Bearer e30.W10.x"] {
            assert_eq!(subject(&[("authorization", token)]), None, "{token}");
        }
    }

    #[test]
    fn our_cookie_comes_back_and_a_forged_one_does_not_count() {
        let signer = Signer::new(&[7; 32]);
        let (issued, cookie) = signer.issue(true, &mut SmallRng::seed_from_u64(3));
        let cookie = cookie.unwrap();
        let pair = cookie.to_str().unwrap().split(';').next().unwrap();
        assert!(cookie.to_str().unwrap().ends_with("; Secure"));
        assert_eq!(subject(&[("cookie", pair)]), Some(issued.clone()));
        assert_eq!(subject(&[("cookie", &pair.replacen(&issued[..4], "AAAA", 1))]), None);
        assert_eq!(subject(&[("cookie", "banyan_subject=x.")]), None);
        let other = Signer::new(&[8; 32]);
        assert_eq!(find(&[], &other, &headers(&[("cookie", pair)])), None);
    }
}
