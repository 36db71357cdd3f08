//! URLs.

use http::Uri;

use super::host;
use crate::{
    plan::{Endpoint, Secret, Webhook},
    read::FromText,
    report::Complaint,
};

/// A URL's parts; nothing is allowed that would be dropped in silence.
struct Url {
    tls: bool,
    host: String,
    port: u16,
    path: String,
    query: bool,
}

impl Url {
    fn parse(text: &str) -> Result<Self, Complaint> {
        let url = Self::with_query(text)?;
        if url.query { Err(Complaint::new("a query has no place here")) } else { Ok(url) }
    }

    fn with_query(text: &str) -> Result<Self, Complaint> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        // Before anything else: no other complaint shall repeat a password in what it tells to write.
        if rest.split(['/', '?', '#']).next().is_some_and(|authority| authority.contains('@')) {
            return Err(credentials());
        }
        if scheme.is_empty() {
            return Err(Complaint::new("the scheme is missing")
                .hint(format!("write http://{rest} or https://{rest}")));
        }
        if !["http", "https"].contains(&scheme.to_ascii_lowercase().as_str()) {
            return Err(Complaint::new("the scheme is http or https"));
        }
        if !rest.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Complaint::new("a URL is ASCII without white space"));
        }
        if rest.contains('#') {
            return Err(Complaint::new("a fragment has no place here"));
        }
        let uri = text
            .parse::<Uri>()
            .map_err(|_| Complaint::new("this is no URL").hint("for example http://127.0.0.1:7001"))?;
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        let tls = scheme.eq_ignore_ascii_case("https");
        let port = port(authority)?.unwrap_or(if tls { 443 } else { 80 });
        let host = uri.host().unwrap_or_default().to_ascii_lowercase();
        let (path, query) = (uri.path().to_owned(), uri.query().is_some());
        Ok(Self { tls, host: checked_host(&host)?, port, path, query })
    }
}

/// The port of an authority, if it has one.
pub(super) fn port(authority: &str) -> Result<Option<u16>, Complaint> {
    let Some((_, port)) = authority.rsplit_once(':').filter(|(_, port)| !port.contains(']')) else {
        return Ok(None);
    };
    match port.parse::<u16>() {
        Ok(port) if port > 0 => Ok(Some(port)),
        _ => Err(Complaint::new("a port lies between 1 and 65535")),
    }
}

/// A name, an IPv4 address, or an IPv6 address without its brackets.
pub(super) fn checked_host(host: &str) -> Result<String, Complaint> {
    if let Some(literal) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return match literal.parse::<std::net::Ipv6Addr>() {
            Ok(address) => Ok(address.to_string()),
            Err(_) => Err(Complaint::new("this is no IPv6 address")),
        };
    }
    if host::is_name(host) {
        Ok(host.to_owned())
    } else {
        Err(Complaint::new("the host is missing or no host name"))
    }
}

/// Percent-decoded (RFC 3986 section 2.1).
pub(super) fn decoded(text: &str) -> Result<String, Complaint> {
    let complaint = || {
        Complaint::new("'%' stands only before two hexadecimal digits, and what they say is UTF-8")
            .hint("write %25 for a '%'")
    };
    let (mut out, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let Some((digits, after)) = after.split_at_checked(2) else { return Err(complaint()) };
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        match (digit(digits[0]), digit(digits[1])) {
            (Some(high), Some(low)) => out.push(high << 4 | low),
            _ => return Err(complaint()),
        }
        rest = after;
    }
    String::from_utf8(out).map_err(|_| complaint())
}

pub(super) fn credentials() -> Complaint {
    Complaint::new("a user name or password has no place here: addresses are shown in logs and metrics")
        .hint("remove what stands before the '@'")
}

impl FromText for Endpoint {
    fn from_text(text: &str) -> Result<Self, Complaint> {
        // Anywhere, since a '/' in a password makes the rest of it look like a path.
        if text.contains('@') {
            let hint = "remove what stands before the '@'; credentials that callers send are passed on";
            return Err(credentials().hint(hint));
        }
        let url = Url::parse(text)?;
        if !matches!(url.path.as_str(), "" | "/") {
            let bare = text.find(url.path.as_str()).map_or(text, |end| &text[..end]);
            return Err(Complaint::new("an endpoint has no path")
                .hint(format!("write {bare}, and the path in the route: path: {}", url.path)));
        }
        Ok(Self { tls: url.tls, host: url.host, port: url.port })
    }
}

/// A collector's base URL as it was written, without a slash at the end.
pub(crate) struct Collector(pub(crate) String);

impl FromText for Collector {
    fn from_text(text: &str) -> Result<Self, Complaint> {
        Url::parse(text).map(|_| Self(text.trim_end_matches('/').to_owned()))
    }
}

impl FromText for Webhook {
    fn from_text(text: &str) -> Result<Self, Complaint> {
        if text.split_once(':').is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("smtp")) {
            return Err(
                Complaint::new("the scheme is http or https").hint("mail has a key of its own: 'smtp'")
            );
        }
        let example = |complaint: Complaint| match complaint.hint {
            Some(_) => complaint,
            None => complaint.hint("for example http://127.0.0.1:9999/hook"),
        };
        let Url { tls, host, port, .. } = Url::with_query(text).map_err(example)?;
        let host = if host.contains(':') { format!("[{host}]") } else { host };
        let usual = if tls { 443 } else { 80 };
        let port = if port == usual { String::new() } else { format!(":{port}") };
        let scheme = if tls { "https" } else { "http" };
        Ok(Self { url: Secret::new(text), shown: format!("{scheme}://{host}{port}").into() })
    }
}

/// The path, perhaps with a query, of a health check.
pub(crate) struct UrlPath(pub(crate) String);

impl FromText for UrlPath {
    fn from_text(text: &str) -> Result<Self, Complaint> {
        if !text.starts_with('/') {
            let complaint = Complaint::new("a path starts with '/'");
            return Err(if text.contains("://") {
                complaint
            } else {
                complaint.hint(format!("write /{text}"))
            });
        }
        let ascii = text.bytes().all(|byte| byte.is_ascii_graphic());
        let good = ascii && !text.contains('#') && text.parse::<http::uri::PathAndQuery>().is_ok();
        if good { Ok(Self(text.to_owned())) } else { Err(Complaint::new("this is no URL path")) }
    }
}
/// What is behind the scheme of a URL that may hold a password: the authority, and the rest from its path on.
pub(super) fn split_authority(rest: &str) -> Result<(&str, &str), Complaint> {
    if !rest.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Complaint::new("a URL is ASCII without white space")
            .hint("percent-encode other characters, such as %20 for a space"));
    }
    let (authority, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if tail.contains('@') {
        return Err(Complaint::new("'/', '?' and '#' end the part of a URL that holds the password")
            .hint("percent-encode them in it: %2F, %3F and %23"));
    }
    Ok((authority, tail))
}
