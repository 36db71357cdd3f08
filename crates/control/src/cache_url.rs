//! URLs as people write them, made into what the cache knows them by.

use banyan_state::CacheUrl;
use http::uri::{Authority, PathAndQuery};

/// Bytes of a URL at most; no request that a gateway takes has a longer one.
const MAX_BYTES: usize = 8192;

/// Why a text is no URL whose answer could be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Another scheme, or none.
    #[error("write the whole URL, beginning with http:// or https://")]
    Scheme,
    /// Nothing between the scheme and the path, or nothing that names a host.
    #[error("there is no valid host in it: write http://HOST/PATH, with the port if it is not the usual one")]
    Host,
    /// `user:password@`.
    #[error("remove the user and password: answers are kept by host, path and query")]
    User,
    /// `#`.
    #[error("remove what begins with '#': browsers keep that to themselves")]
    Fragment,
    /// A blank, a letter outside of ASCII, or something else that requests do not carry as it is.
    #[error("it holds characters that stand in no request: percent-encode them, such as %20 for a blank")]
    Characters,
    /// Nobody asks for such a URL.
    #[error("it is longer than {MAX_BYTES} bytes")]
    Long,
}

/// Reads a URL such as `http://a.example/users/7?lang=en`. The host becomes lower case and loses the port that is the usual
/// one of the scheme, as in what browsers send (RFC 9110 section 4.2.3); a path that is missing is `/`.
///
/// # Errors
/// When it is none, with what to do about it.
pub fn cache_url(text: &str) -> Result<CacheUrl, UrlError> {
    if text.len() > MAX_BYTES {
        return Err(UrlError::Long);
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(UrlError::Characters);
    }
    let (secure, rest) = match (after(text, "http://"), after(text, "https://")) {
        (Some(rest), _) => (false, rest),
        (_, Some(rest)) => (true, rest),
        _ => return Err(UrlError::Scheme),
    };
    if rest.contains('#') {
        return Err(UrlError::Fragment);
    }
    let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let host = host(authority, secure)?;
    let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
    target.parse::<PathAndQuery>().map_err(|_| UrlError::Characters)?;
    Ok(CacheUrl { host, target, secure })
}

fn after<'t>(text: &'t str, scheme: &str) -> Option<&'t str> {
    let (start, rest) = text.split_at_checked(scheme.len())?;
    start.eq_ignore_ascii_case(scheme).then_some(rest)
}

fn host(text: &str, secure: bool) -> Result<String, UrlError> {
    if text.contains('@') {
        return Err(UrlError::User);
    }
    let authority: Authority = text.parse().map_err(|_| UrlError::Host)?;
    let host = authority.host().to_ascii_lowercase();
    if host.is_empty() {
        return Err(UrlError::Host);
    }
    let port = text.get(host.len()..).unwrap_or_default();
    let usual = if secure { 443 } else { 80 };
    match port.strip_prefix(':') {
        None | Some("") => Ok(host),
        // Rust would take a '+' too.
        Some(port) => match port.parse::<u16>() {
            Ok(number) if port.starts_with(|first: char| first.is_ascii_digit()) => {
                Ok(if number == usual { host } else { format!("{host}:{number}") })
            }
            _ => Err(UrlError::Host),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_as_browsers_would_send_it() {
        for (text, host, target, secure) in [
            ("http://a.example/x?y=1", "a.example", "/x?y=1", false),
            ("HTTPS://A.Example/X", "a.example", "/X", true),
            ("http://a.example:80", "a.example", "/", false),
            ("http://a.example:443/", "a.example:443", "/", false),
            ("https://a.example:443/", "a.example", "/", true),
            ("http://a.example:/", "a.example", "/", false),
            ("http://127.0.0.1:8080?q", "127.0.0.1:8080", "/?q", false),
            ("http://[::1]:8080/a//b?c/d", "[::1]:8080", "/a//b?c/d", false),
        ] {
            let expected = CacheUrl { host: host.to_owned(), target: target.to_owned(), secure };
            assert_eq!(cache_url(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_url_is_refused_with_what_to_do() {
        for (text, expected) in [
            ("", UrlError::Scheme),
            ("a.example/x", UrlError::Scheme),
            ("/x", UrlError::Scheme),
            ("ftp://a.example/x", UrlError::Scheme),
            ("http:/a.example", UrlError::Scheme),
            ("http://", UrlError::Host),
            ("http:///x", UrlError::Host),
            ("http://:80/x", UrlError::Host),
            ("http://a.example:99999/x", UrlError::Host),
            ("http://a.example:+80/x", UrlError::Host),
            ("http://a b/x", UrlError::Characters),
            ("http://a.example/é", UrlError::Characters),
            ("http://a.example/x#top", UrlError::Fragment),
            ("http://ann:secret@a.example/x", UrlError::User),
        ] {
            assert_eq!(cache_url(text), Err(expected), "{text}");
        }
        let longest = format!("http://a/{}", "x".repeat(MAX_BYTES - 9));
        assert!(cache_url(&longest).is_ok());
        assert_eq!(cache_url(&format!("{longest}x")), Err(UrlError::Long));
    }
}
