//! What every answer that the gateway itself makes must look like.

use banyan_testkit::Response;

/// Checks that a response is the problem document of an ending, whole and consistent.
///
/// # Panics
/// When it is not.
#[track_caller]
pub fn assert_problem(response: &Response, status: u16, slug: &str) {
    let text = response.text();
    assert_eq!(response.status, status, "{text}");
    assert_eq!(response.fields.get("content-type"), Some("application/problem+json"), "{text}");
    assert_eq!(response.fields.get("cache-control"), Some("no-store"));
    assert!(response.body.complete, "{text}");
    let problem = response.json();
    assert_eq!(problem["type"], format!("urn:banyan:problem:{slug}"), "{text}");
    assert_eq!(problem["status"], status, "{text}");
    for member in ["title", "detail", "instance", "code"] {
        assert!(problem[member].as_str().is_some_and(|member| !member.is_empty()), "{member}: {text}");
    }
}
