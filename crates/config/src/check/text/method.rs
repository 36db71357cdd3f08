//! Methods.

use http::Method;

use crate::{
    report::{Complaint, shown},
    suggest,
};

/// What a route may name: RFC 9110 but CONNECT and TRACE, RFC 5789, WebDAV (RFC 4918) and its extensions
/// (RFC 3253, 3648, 3744, 4791, 5323, 5842).
const KNOWN: [&str; 36] = [
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "OPTIONS",
    "PROPFIND",
    "PROPPATCH",
    "MKCOL",
    "COPY",
    "MOVE",
    "LOCK",
    "UNLOCK",
    "REPORT",
    "SEARCH",
    "ACL",
    "MKCALENDAR",
    "ORDERPATCH",
    "BIND",
    "UNBIND",
    "REBIND",
    "LINK",
    "UNLINK",
    "VERSION-CONTROL",
    "CHECKOUT",
    "CHECKIN",
    "UNCHECKOUT",
    "MKWORKSPACE",
    "UPDATE",
    "LABEL",
    "MERGE",
    "BASELINE-CONTROL",
    "MKACTIVITY",
    "MKREDIRECTREF",
    "UPDATEREDIRECTREF",
];

/// Reads a method that a route may name.
pub(super) fn parse(text: &str) -> Result<Method, Complaint> {
    match text {
        "TRACE" => {
            return Err(Complaint::new(
                "TRACE is not routed: it would send back what the client must not see",
            )
            .hint("remove it (RFC 9110 section 9.3.8)"));
        }
        "CONNECT" => {
            return Err(Complaint::new("CONNECT is not routed: it asks for a tunnel, and this is a gateway")
                .hint("remove it; WebSockets start with GET"));
        }
        _ => {}
    }
    let unknown = || {
        let complaint = Complaint::new(format!("{} is no method", shown(text)));
        match suggest::nearest(text, KNOWN) {
            Some(meant) => complaint.hint(format!("did you mean '{meant}'?")),
            None => complaint.hint("write * for any method"),
        }
    };
    let known = KNOWN.contains(&text).then(|| Method::from_bytes(text.as_bytes()).ok()).flatten();
    known.ok_or_else(unknown)
}
