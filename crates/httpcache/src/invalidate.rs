//! What a write makes untrue (RFC 9111 section 4.4).

use http::{HeaderMap, HeaderName, Method, StatusCode, Uri, header};
use smallvec::SmallVec;

use crate::reference::resolve;

/// What a request was sent to, as the client sees it.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// `http` or `https`.
    pub scheme: &'a str,
    /// Host, and port when it is not the scheme's.
    pub authority: &'a str,
    /// Path and query.
    pub path_and_query: &'a str,
}

/// Whether a method may change something (RFC 9110 section 9.2.1). One that nobody knows may.
#[must_use]
pub fn is_unsafe(method: &Method) -> bool {
    ![Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE].contains(method)
}

/// Paths, with their queries, whose kept answers are not to be used any more: the target's own, and those that `Location`
/// and `Content-Location` name at the same origin. At another origin they are ignored, since else whoever may write to one
/// site could empty the cache of another. Nothing after a method that is safe or an answer that is an error.
#[must_use]
pub fn invalidated(
    method: &Method,
    target: Target<'_>,
    status: StatusCode,
    answer: &HeaderMap,
) -> SmallVec<[String; 3]> {
    if !is_unsafe(method) || !(status.is_success() || status.is_redirection()) {
        return SmallVec::new();
    }
    let named = |name: HeaderName| same_origin(target, answer.get(name)?.to_str().ok()?);
    let mut paths = SmallVec::from_iter([target.path_and_query.to_owned()]);
    for path in [header::LOCATION, header::CONTENT_LOCATION].into_iter().filter_map(named) {
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    paths
}

/// Path and query that `reference` means, when it is at the target's own origin (RFC 9110 section 4.3.1).
fn same_origin(target: Target<'_>, reference: &str) -> Option<String> {
    let (origin, path) = resolve(target.path_and_query, reference)?;
    let Some(origin) = origin else { return Some(path) };
    let scheme = origin.scheme.unwrap_or(target.scheme);
    let same = scheme.eq_ignore_ascii_case(target.scheme)
        && host_and_port(scheme, origin.authority)? == host_and_port(scheme, target.authority)?;
    same.then_some(path)
}

/// The host in lower case, and the port with the scheme's default written out.
fn host_and_port(scheme: &str, authority: &str) -> Option<(String, u16)> {
    let uri: Uri = format!("{scheme}://{authority}/").parse().ok()?;
    let default = if scheme.eq_ignore_ascii_case("https") { 443 } else { 80 };
    Some((uri.host()?.to_ascii_lowercase(), uri.port_u16().unwrap_or(default)))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const TARGET: Target<'_> = Target { scheme: "https", authority: "a.example", path_and_query: "/x/y?z=1" };

    fn after(method: &str, status: u16, location: &str) -> Vec<String> {
        let mut answer = HeaderMap::new();
        answer.insert(header::LOCATION, HeaderValue::from_str(location).unwrap());
        answer.insert(header::CONTENT_LOCATION, HeaderValue::from_static("/cl"));
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        invalidated(&method, TARGET, StatusCode::from_u16(status).unwrap(), &answer).into_vec()
    }

    #[test]
    fn s4_4_a_write_invalidates_its_target_and_what_its_answer_names() {
        for method in ["POST", "PUT", "DELETE", "PATCH", "M-SEARCH"] {
            assert_eq!(after(method, 201, "new"), ["/x/y?z=1", "/x/new", "/cl"], "{method}");
        }
        assert_eq!(after("POST", 303, "/cl"), ["/x/y?z=1", "/cl"], "each once");
    }

    #[test]
    fn s4_4_neither_safe_methods_nor_errors_invalidate() {
        for method in ["GET", "HEAD", "OPTIONS", "TRACE"] {
            assert_eq!(after(method, 200, "/new"), [""; 0], "{method}");
        }
        assert_eq!(after("POST", 404, "/new"), [""; 0]);
        assert_eq!(after("POST", 500, "/new"), [""; 0]);
    }

    #[test]
    fn s4_4_what_is_named_at_another_origin_is_left_alone() {
        let named = |location| after("POST", 201, location).contains(&"/new".to_owned());
        for location in
            ["https://A.example/new", "https://a.example:443/new", "//a.example/new", "HTTPS://a.example/new"]
        {
            assert!(named(location), "{location}");
        }
        for location in [
            "https://b.example/new",
            "http://a.example/new",
            "https://a.example:444/new",
            "//b.example/new",
            "x:/new",
        ] {
            assert!(!named(location), "{location}");
        }
    }
}
