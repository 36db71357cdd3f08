//! Who may ask the admin API.
//!
//! A token alone does not protect a loopback port: any page in a browser on the same machine can send requests
//! there, and a name that resolves to 127.0.0.1 makes it a page of the same origin (DNS rebinding). So the `Host` must
//! be an address this API listens on, and an `Origin` must be that host.

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header, uri::Authority};

use crate::{api::Shared, problem::Problem};

/// Lets requests pass that were meant for this listener.
pub(crate) async fn same_host(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let listen = shared.standing.plan().admin.listen;
    match check_host(request.uri().authority(), request.headers(), listen) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// Lets requests pass that carry the token (RFC 6750 section 2.1).
pub(crate) async fn bearer(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let token = bearer_of(request.headers());
    if token.is_some_and(|token| shared.token.is(token)) {
        return next.run(request).await;
    }
    let detail = "send the token from the admin token file as 'Authorization: Bearer TOKEN'";
    let problem = Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", "Not authorised", detail);
    let mut response = problem.into_response();
    let challenge = HeaderValue::from_static("Bearer realm=\"banyan\"");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    response
}

/// The token that a request carries.
pub(crate) fn bearer_of(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// Whether a request was meant for another host.
pub(crate) fn is_foreign(target: Option<&Authority>, headers: &HeaderMap, listen: SocketAddr) -> bool {
    our_host(target, headers, listen).is_none()
}

/// The host that a request names, if it is ours.
fn our_host(target: Option<&Authority>, headers: &HeaderMap, listen: SocketAddr) -> Option<Authority> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().ok()?.parse::<Authority>().ok()?,
        _ => return None,
    };
    let known = |authority: &Authority| is_ours(authority, listen);
    (known(&host) && target.is_none_or(known)).then_some(host)
}

fn check_host(target: Option<&Authority>, headers: &HeaderMap, listen: SocketAddr) -> Result<(), Problem> {
    let Some(host) = our_host(target, headers, listen) else {
        let detail = format!("the admin API answers only to localhost and its own address, {listen}");
        return Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, "foreign-host", "Not our host", detail));
    };
    let same = |origin: &HeaderValue| {
        origin.to_str().is_ok_and(|origin| origin.eq_ignore_ascii_case(&format!("http://{host}")))
    };
    if headers.get_all(header::ORIGIN).iter().all(same) {
        return Ok(());
    }
    let detail = "the admin API takes no requests from pages of other origins";
    Err(Problem::new(StatusCode::FORBIDDEN, "foreign-origin", "Not our origin", detail))
}

/// Whether a host names this API. Any port will do: requests come through port forwarding too. When every address is
/// listened on, any address literal will do: rebinding needs a name.
fn is_ours(authority: &Authority, listen: SocketAddr) -> bool {
    let host = authority.host();
    match host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        Ok(address) => address.is_loopback() || address == listen.ip() || listen.ip().is_unspecified(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(listen: &str, headers: &[(&'static str, &str)]) -> Option<u16> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let refused = check_host(None, &map, listen.parse().unwrap()).err()?;
        Some(refused.into_response().status().as_u16())
    }

    #[test]
    fn only_our_own_hosts_pass() {
        for (listen, host, expected) in [
            ("127.0.0.1:9901", "127.0.0.1:9901", None),
            ("127.0.0.1:9901", "localhost:1234", None),
            ("127.0.0.1:9901", "LOCALHOST", None),
            ("127.0.0.1:9901", "[::1]:9901", None),
            ("127.0.0.1:9901", "rebound.example:9901", Some(421)),
            ("127.0.0.1:9901", "localhost.example", Some(421)),
            ("127.0.0.1:9901", "10.0.0.9:9901", Some(421)),
            ("10.0.0.9:9901", "10.0.0.9:9901", None),
            ("0.0.0.0:9901", "10.0.0.9:9901", None),
            ("0.0.0.0:9901", "banyan.example", Some(421)),
        ] {
            assert_eq!(status(listen, &[("host", host)]), expected, "{listen} {host}");
        }
        assert_eq!(status("127.0.0.1:9901", &[]), Some(421));
        assert_eq!(status("127.0.0.1:9901", &[("host", "localhost"), ("host", "localhost")]), Some(421));
    }

    #[test]
    fn pages_of_other_origins_are_refused() {
        for (origin, expected) in [
            ("http://localhost:9901", None),
            ("http://localhost:8080", Some(403)),
            ("https://evil.example", Some(403)),
            ("null", Some(403)),
        ] {
            let headers = [("host", "localhost:9901"), ("origin", origin)];
            assert_eq!(status("127.0.0.1:9901", &headers), expected, "{origin}");
        }
    }
}
