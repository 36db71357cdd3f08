//! From an outcome to an answer: problems for what went wrong, finishing touches for what went well.

use banyan_http1::Known;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use serde_json::json;

use crate::{
    exchange::{Exchange, Lack},
    forward,
    outcome::{Ending, problem_type},
    wire::{
        answer::{Answer, Reply},
        body::{Broken, ResBody},
        head::Head,
    },
};

const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");
const PROXY_STATUS: http::HeaderName = http::HeaderName::from_static("proxy-status");
/// Names the faults that were made on purpose.
const CHAOS: http::HeaderName = http::HeaderName::from_static("banyan-chaos");
/// Marks a substitute: what is missing, and why.
const DEGRADED: http::HeaderName = http::HeaderName::from_static("banyan-degraded");

/// The one place where endings become answers: `application/problem+json` (RFC 9457) with `Proxy-Status` (RFC 9209).
pub(crate) fn problem(exchange: &mut Exchange, broken: Broken) -> Reply {
    let row = broken.ending.row();
    let status = match broken.ending {
        // Nobody is there to read it, but HTTP/2 wants a status that exists.
        Ending::ClientGone | Ending::ClientStalled => http::StatusCode::BAD_REQUEST,
        ending => ending.status(),
    };
    exchange.ending = broken.ending;
    exchange.detail = broken.detail;
    let trace = exchange.trace.trace_hex();
    let document = json!({
        "type": problem_type(row),
        "title": row.title,
        "status": status.as_u16(),
        "detail": broken.detail.map_or_else(|| row.explanation.to_owned(), ToOwned::to_owned),
        "instance": format!("urn:banyan:trace:{}", String::from_utf8_lossy(&trace)),
        "code": row.code,
    });
    let mut response = Answer::new(ResBody::held(Bytes::from(document.to_string())));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, PROBLEM_JSON);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(value) = proxy_status(exchange, broken.ending) {
        headers.insert(PROXY_STATUS, value);
    }
    if status == http::StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, retry_after(exchange));
    }
    add_side(response.head_mut(), exchange);
    add_chaos(response.head_mut(), exchange);
    response
}

/// The answer to `OPTIONS *`, which asks about the server and not about anything behind it (RFC 9110 section 9.3.7).
pub(crate) fn about_the_server() -> Reply {
    let mut response = Answer::new(ResBody::empty());
    *response.status_mut() = http::StatusCode::NO_CONTENT;
    let methods = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    response.headers_mut().insert(header::ALLOW, methods);
    response
}

/// Whole seconds after which asking again may help, at least one.
fn retry_after(exchange: &Exchange) -> HeaderValue {
    let wait = exchange.asked.retry_after.unwrap_or_default();
    (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1).into()
}

fn proxy_status(exchange: &Exchange, ending: Ending) -> Option<HeaderValue> {
    let error = ending.row().proxy_error?;
    let text = match &exchange.asked.upstream {
        Some(upstream) if !matches!(ending, Ending::Loop | Ending::Expired | Ending::Internal) => {
            format!("banyan; error={error}; next-hop=\"{upstream}\"")
        }
        _ => format!("banyan; error={error}"),
    };
    HeaderValue::from_str(&text).ok()
}

/// What an upstream's answer becomes on its way to the client.
pub(crate) fn finish(head: &mut Head, exchange: &Exchange, cookie: Option<HeaderValue>) {
    forward::strip_hop_by_hop(head);
    strip_ours(head);
    finish_kept(head, exchange, cookie);
}

/// What a kept answer becomes: it was cleaned before it was kept.
pub(crate) fn finish_kept(head: &mut Head, exchange: &Exchange, cookie: Option<HeaderValue>) {
    add_side(head, exchange);
    add_degraded(head, exchange);
    add_chaos(head, exchange);
    if let Some(cookie) = cookie {
        head.append(header::SET_COOKIE, cookie);
    }
}

/// Removes what is ours to say, and never a backend's.
pub(crate) fn strip_ours(head: &mut Head) {
    let is_ours = |known| matches!(known, Known::BanyanUnit | Known::BanyanDegraded | Known::BanyanChaos);
    if head.any(is_ours) {
        head.retain(|known, _| !is_ours(known));
    }
}

/// Whether an upstream says of its own answer that something is missing from it.
pub(crate) fn is_marked_degraded(headers: &HeaderMap) -> bool {
    headers.contains_key(DEGRADED)
}

/// Faults made on purpose are never to be taken for real ones.
fn add_chaos(head: &mut Head, exchange: &Exchange) {
    for fault in &exchange.asked.chaos {
        head.append(CHAOS, HeaderValue::from_static(fault));
    }
}

/// `Banyan-Degraded: posts; code=UT` and the matching `Proxy-Status`, on an answer that is a substitute.
fn add_degraded(head: &mut Head, exchange: &Exchange) {
    let Some(degraded) = &exchange.degraded else { return };
    let (code, error) = match degraded.why {
        Lack::Call(Ending::Ok) => ("5xx", Some("http_response_status")),
        Lack::Call(ending) => (ending.row().code, ending.row().proxy_error),
        Lack::Part => ("part", None),
    };
    if let Ok(value) = HeaderValue::from_str(&format!("{}; code={code}", degraded.missing)) {
        head.append(DEGRADED, value);
    }
    if degraded.why == Lack::Part {
        return;
    }
    let error = error.unwrap_or("http_response_status");
    let status = format!("banyan; error={error}; next-hop=\"{}\"", degraded.missing);
    if let Ok(value) = HeaderValue::from_str(&status) {
        head.append(PROXY_STATUS, value);
    }
}

fn add_side(head: &mut Head, exchange: &Exchange) {
    if let Some(value) = exchange.decision.as_ref().and_then(super::decide::Decision::header) {
        head.append(forward::UNIT, value);
    }
}
