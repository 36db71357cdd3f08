//! Media types, as far as comparing needs them.

/// Whether a `Content-Type` announces JSON: `application/json` or the `+json` suffix (RFC 6839 section 3.1).
pub(crate) fn is_json(content_type: &str) -> bool {
    let essence = essence(content_type);
    essence == "application/json" || essence.ends_with("+json")
}

/// Whether two `Content-Type` fields mean the same: equal type and charset, all without regard to case. Other
/// parameters are ignored; no charset counts as UTF-8, because frameworks disagree on saying the obvious.
pub(crate) fn same(left: &str, right: &str) -> bool {
    essence(left) == essence(right) && charset(left) == charset(right)
}

fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn charset(content_type: &str) -> String {
    let named = content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("charset")
            .then(|| value.trim().trim_matches('"').to_ascii_lowercase())
    });
    named.unwrap_or_else(|| "utf-8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_json() {
        for (text, json) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/problem+json", true),
            ("text/html", false),
            ("application/jsonp", false),
            ("", false),
        ] {
            assert_eq!(is_json(text), json, "{text}");
        }
    }

    #[test]
    fn compares_by_meaning() {
        for (left, right, equal) in [
            ("application/json", "application/json; charset=UTF-8", true),
            ("text/html; charset=\"utf-8\"", "text/html;charset=UTF-8", true),
            ("text/html; charset=latin1", "text/html", false),
            ("multipart/mixed; boundary=a", "multipart/mixed; boundary=b", true),
            ("application/json", "text/html", false),
        ] {
            assert_eq!(same(left, right), equal, "{left} {right}");
        }
    }
}
