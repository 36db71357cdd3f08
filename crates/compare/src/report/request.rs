//! A request as a command that repeats it, without what must not be kept.

use crate::pattern::is_field_name;

/// What stands in place of a secret.
pub const REDACTED: &str = "<redacted>";
/// Bytes of a command. Fields that do not fit are left out.
pub const MAX_CURL_BYTES: usize = 2048;
/// Bytes of one field's value.
const MAX_VALUE_BYTES: usize = 256;
/// Bytes of the path and query of a command's address.
const MAX_TARGET_BYTES: usize = 1024;

/// Names that are secrets as a whole.
const SECRET_NAMES: [&str; 18] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "auth",
    "sid",
    "jwt",
    "code",
    // Of addresses that are signed.
    "sig",
    "hmac",
    "hash",
    "ticket",
    // Of forms.
    "pwd",
    "pass",
    "pw",
    "pin",
    "otp",
    "nonce",
];
/// What a secret's name contains.
const SECRET_PARTS: [&str; 12] = [
    "token",
    "secret",
    "key",
    "password",
    "passwd",
    "credential",
    "session",
    "signature",
    "assertion",
    "csrf",
    "xsrf",
    "bearer",
];
/// What a client sets by itself.
const OWN_FIELDS: [&str; 5] = ["content-length", "transfer-encoding", "connection", "te", "upgrade"];

/// A request whose answers were compared.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Method.
    pub method: &'a str,
    /// Scheme and authority to ask, as in `http://127.0.0.1:7001`.
    pub base: &'a str,
    /// Path and query as they were sent.
    pub target: &'a str,
    /// Fields as they were sent.
    pub fields: &'a [(&'a str, &'a [u8])],
    /// Bytes of the body, which is not kept.
    pub body: u64,
    /// Method and template of the route.
    pub route: &'a str,
    /// Trace id of the live request.
    pub trace_id: &'a str,
}

/// Whether a field or a query parameter of this name is a secret. Rather one too many: a request without one of its
/// keys can be completed by hand, a key in a report cannot be taken back.
#[must_use]
pub fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_NAMES.contains(&name.as_str()) || SECRET_PARTS.iter().any(|part| name.contains(part))
}

/// A path and query with the values of secret parameters replaced.
#[must_use]
pub fn redact_target(target: &str) -> String {
    let Some((path, query)) = target.split_once('?') else { return target.to_owned() };
    let parameter = |parameter: &str| match parameter.split_once('=') {
        // A name may be written with escapes; what cannot be read plainly is not shown.
        Some((name, _)) if is_secret(name) || name.contains('%') => format!("{name}={REDACTED}"),
        _ => parameter.to_owned(),
    };
    let query: Vec<String> = query.split('&').map(parameter).collect();
    format!("{path}?{}", query.join("&"))
}

/// A command for a POSIX shell that sends the request again, with secrets replaced and without its body.
#[must_use]
pub fn curl(request: &Request<'_>) -> String {
    let address = format!("{}{}", request.base, cut(&redact_target(request.target), MAX_TARGET_BYTES));
    // Without -g, curl would take brackets in an address for a pattern.
    let mut command =
        format!("curl -g -X {} {}", quoted(&cut(request.method, 32)), quoted(&cut(&address, 1280)));
    // A comment must stay the last thing of its line.
    let comment = match request.body {
        0 => String::new(),
        bytes => format!(" --data-binary @body # a body of {bytes} bytes was sent"),
    };
    add_fields(&mut command, request, MAX_CURL_BYTES.saturating_sub(comment.len()));
    command + &comment
}

fn add_fields(command: &mut String, request: &Request<'_>, most: usize) {
    for (name, value) in request.fields {
        let name = name.to_ascii_lowercase();
        if !is_field_name(&name) || OWN_FIELDS.contains(&name.as_str()) {
            continue;
        }
        let value = match is_secret(&name) {
            true => REDACTED.to_owned(),
            // An address in a field, as in `Referer`, has parameters too.
            false => cut(&redact_target(&String::from_utf8_lossy(value)), MAX_VALUE_BYTES),
        };
        let option = format!(" -H {}", quoted(&format!("{name}: {value}")));
        if command.len() + option.len() <= most {
            command.push_str(&option);
        }
    }
}

/// A text as one word of a shell's command, whatever it contains.
fn quoted(text: &str) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    format!("'{}'", plain.replace('\'', r"'\''"))
}

/// The beginning of a text, in whole characters; a longer one ends with `…`.
pub(super) fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let end = (0..=most).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request<'a>(target: &'a str, fields: &'a [(&'a str, &'a [u8])]) -> Request<'a> {
        Request {
            method: "GET",
            base: "http://127.0.0.1:7001",
            target,
            fields,
            body: 0,
            route: "GET /articles",
            trace_id: "0af7651916cd43dd8448eb211c80319c",
        }
    }

    #[test]
    fn secrets_are_replaced() {
        let fields: [(&str, &[u8]); 10] = [
            ("Host", b"example.org"),
            ("Referer", b"http://example.org/a?b=c&token=s3cret"),
            ("X-Csrf", b"s3cret"),
            ("Authorization", b"Bearer s3cret"),
            ("Cookie", b"sid=s3cret"),
            ("X-Api-Key", b"s3cret"),
            ("X-CSRF-Token", b"s3cret"),
            ("Client-Secret", b"s3cret"),
            ("Content-Length", b"0"),
            ("Accept-Language", b"da, en"),
        ];
        let command =
            curl(&request("/articles?tag=a&access_token=s3cret&%6bey=s3cret&sig=s3cret&flag", &fields));
        assert!(!command.contains("s3cret"), "{command}");
        assert_eq!(
            command,
            "curl -g -X 'GET' 'http://127.0.0.1:7001/articles?tag=a&access_token=<redacted>&%6bey=<redacted>&sig=<redacted>&flag' \
             -H 'host: example.org' -H 'referer: http://example.org/a?b=c&token=<redacted>' \
             -H 'x-csrf: <redacted>' -H 'authorization: <redacted>' -H 'cookie: <redacted>' \
             -H 'x-api-key: <redacted>' -H 'x-csrf-token: <redacted>' -H 'client-secret: <redacted>' \
             -H 'accept-language: da, en'"
        );
    }

    #[test]
    fn nothing_leaves_the_quotes() {
        let fields: [(&str, &[u8]); 3] =
            [("x-a", b"'; rm -rf / #"), ("@/etc/passwd", b""), ("x-b", b"a\r\nb\xff")];
        let command = curl(&request("/$(date)'`", &fields));
        assert_eq!(
            command,
            "curl -g -X 'GET' 'http://127.0.0.1:7001/$(date)'\\''`' -H 'x-a: '\\''; rm -rf / #' \
             -H 'x-b: a??b\u{fffd}'"
        );
    }

    #[test]
    fn a_body_is_mentioned_and_not_kept() {
        let fields: [(&str, &[u8]); 1] = [("accept", b"*/*")];
        let command = curl(&Request { method: "POST", body: 17, ..request("/search #1", &fields) });
        assert_eq!(
            command,
            "curl -g -X 'POST' 'http://127.0.0.1:7001/search #1' -H 'accept: */*' \
             --data-binary @body # a body of 17 bytes was sent"
        );
    }

    proptest! {
        #[test]
        fn commands_are_bounded_and_balanced(
            target in ".{0,3000}",
            name in "[a-z@' -]{0,20}",
            value in prop::collection::vec(any::<u8>(), 0..2000),
        ) {
            let fields = vec![(name.as_str(), value.as_slice()); 40];
            let command = curl(&request(&target, &fields));
            // Quotes in an address take four bytes each.
            prop_assert!(command.len() <= MAX_CURL_BYTES.max(4 * 1280 + 100), "{}", command.len());
            let inside = command.replace(r"'\''", "").matches('\'').count();
            prop_assert_eq!(inside % 2, 0);
        }
    }
}
