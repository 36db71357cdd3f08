//! `Cache-Status` (RFC 9211): one member that tells a person with a terminal what a cache did, and why.

use http::HeaderValue;

/// Why a request went on to the origin (RFC 9211 section 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Forwarded {
    /// The cache was told not to handle it.
    Bypass,
    /// The method.
    Method,
    /// Nothing was kept for the resource.
    UriMiss,
    /// Something was, but for other requests.
    VaryMiss,
    /// Nothing fitting was kept; which of the two is not known.
    Miss,
    /// A kept answer was fresh, and the request did not want it.
    Request,
    /// A kept answer was stale.
    Stale,
    /// Only a part was kept.
    Partial,
}

impl Forwarded {
    /// The token of RFC 9211.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bypass => "bypass",
            Self::Method => "method",
            Self::UriMiss => "uri-miss",
            Self::VaryMiss => "vary-miss",
            Self::Miss => "miss",
            Self::Request => "request",
            Self::Stale => "stale",
            Self::Partial => "partial",
        }
    }
}

/// What a cache did with one request. The default says nothing but the cache's name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheStatus<'a> {
    /// It was answered without asking the origin.
    pub hit: bool,
    /// Why it went on, when it did.
    pub forwarded: Option<Forwarded>,
    /// The status that the origin gave, when that is not the answer's.
    pub forwarded_status: Option<u16>,
    /// Seconds of freshness left; negative when stale.
    pub ttl: Option<i64>,
    /// The origin's answer was kept.
    pub stored: bool,
    /// It shared the fetch of another request.
    pub collapsed: bool,
    /// The key in words for people.
    pub key: Option<&'a str>,
    /// Anything else, such as why an answer was not kept.
    pub detail: Option<&'a str>,
}

impl CacheStatus<'_> {
    /// As a member of the list that is the field, for the cache called `name`, which has to be a token (RFC 9651 section
    /// 3.3.4). Texts are made fit: what is not printable ASCII becomes a question mark.
    #[must_use]
    pub fn member(&self, name: &str) -> HeaderValue {
        let mut text = String::with_capacity(name.len() + 32);
        text.push_str(name);
        self.write_how(&mut text);
        self.write_more(&mut text);
        // Nothing else was written than printable ASCII, unless the name is no token.
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("cache"))
    }

    fn write_how(&self, text: &mut String) {
        if self.hit {
            text.push_str("; hit");
        }
        if let Some(forwarded) = self.forwarded {
            text.push_str("; fwd=");
            text.push_str(forwarded.as_str());
        }
        if let Some(status) = self.forwarded_status {
            text.push_str("; fwd-status=");
            push_number(text, i64::from(status));
        }
        if let Some(ttl) = self.ttl {
            text.push_str("; ttl=");
            push_number(text, ttl);
        }
    }

    fn write_more(&self, text: &mut String) {
        for (parameter, is_set) in [("; stored", self.stored), ("; collapsed", self.collapsed)] {
            if is_set {
                text.push_str(parameter);
            }
        }
        for (parameter, value) in [("; key=", self.key), ("; detail=", self.detail)] {
            if let Some(value) = value {
                text.push_str(parameter);
                push_string(text, value);
            }
        }
    }
}

fn push_number(text: &mut String, number: i64) {
    // Structured integers have at most 15 digits.
    let number = number.clamp(-999_999_999_999_999, 999_999_999_999_999);
    if number < 0 {
        text.push('-');
    }
    let mut rest = number.unsigned_abs();
    let mut digits = [0_u8; 15];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    text.extend(digits[at..].iter().copied().map(char::from));
}

fn push_string(text: &mut String, value: &str) {
    text.push('"');
    for letter in value.chars() {
        match letter {
            '"' | '\\' => text.extend(['\\', letter]),
            ' '..='~' => text.push(letter),
            _ => text.push('?'),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(status: CacheStatus<'_>) -> String {
        status.member("Banyan").to_str().unwrap().to_owned()
    }

    #[test]
    fn rfc9211_2_1_a_hit_says_how_long_it_is_fresh() {
        let hit = CacheStatus { hit: true, ttl: Some(376), ..CacheStatus::default() };
        assert_eq!(member(hit), "Banyan; hit; ttl=376");
        assert_eq!(member(CacheStatus { ttl: Some(-30), ..hit }), "Banyan; hit; ttl=-30");
        assert_eq!(member(CacheStatus { ttl: Some(0), ..hit }), "Banyan; hit; ttl=0");
        assert_eq!(member(CacheStatus { ttl: Some(i64::MIN), ..hit }), "Banyan; hit; ttl=-999999999999999");
    }

    #[test]
    fn rfc9211_2_2_a_miss_says_why_and_what_became_of_it() {
        let miss = CacheStatus {
            forwarded: Some(Forwarded::UriMiss),
            forwarded_status: Some(304),
            stored: true,
            collapsed: true,
            ..CacheStatus::default()
        };
        assert_eq!(member(miss), "Banyan; fwd=uri-miss; fwd-status=304; stored; collapsed");
        assert_eq!(member(CacheStatus::default()), "Banyan");
    }

    #[test]
    fn texts_are_escaped_and_made_fit() {
        let status =
            CacheStatus { key: Some("/a\"\\\u{e9}\n"), detail: Some("why"), ..CacheStatus::default() };
        assert_eq!(member(status), r#"Banyan; key="/a\"\\??"; detail="why""#);
        assert!(crate::structured::list(member(status).as_bytes()).is_some());
    }
}
