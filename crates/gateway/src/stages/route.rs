//! Which route serves this request.

use http::{HeaderValue, Method, Uri};

use crate::{
    compiled::Compiled,
    outcome::Ending,
    router::{Match, Query},
    wire::head::Head,
};

/// Why no route serves it.
pub(crate) struct NoRoute {
    pub(crate) ending: Ending,
    /// For `Allow`.
    pub(crate) allow: Option<HeaderValue>,
}

/// Finds the route.
pub(crate) fn route(
    compiled: &Compiled,
    method: &Method,
    target: &Uri,
    host: &str,
    head: &Head,
) -> Result<usize, NoRoute> {
    let query = Query { host: without_port(host), path: target.path(), method, head };
    match compiled.router.find(&compiled.plan.routes, &query) {
        Match::Route(index) => Ok(index),
        Match::None => Err(NoRoute { ending: Ending::NoRoute, allow: None }),
        Match::MethodNotAllowed(methods) => {
            let list: Vec<_> = methods.iter().map(Method::as_str).collect();
            let allow = HeaderValue::from_str(&list.join(", ")).ok();
            Err(NoRoute { ending: Ending::MethodNotAllowed, allow })
        }
    }
}

/// `[::1]:80` and `host:80` without the port.
fn without_port(host: &str) -> &str {
    match memchr::memrchr2(b':', b']', host.as_bytes()) {
        Some(at) if host.as_bytes()[at] == b':' => &host[..at],
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_no_part_of_a_host() {
        for (host, name) in
            [("a.b:80", "a.b"), ("a.b", "a.b"), ("[::1]:80", "[::1]"), ("[::1]", "[::1]"), ("", "")]
        {
            assert_eq!(without_port(host), name);
        }
    }
}
