//! Entity tags of bulk answers.

use http::{HeaderMap, header};

/// As `ETag` has it. Strong: the same tag means the same bytes.
pub(super) fn written(tag: u64) -> String {
    format!("\"{tag:016x}\"")
}

/// Whether `If-None-Match` names the tag (RFC 9110 section 13.1.2, by weak comparison). The protocol answers it with 304
/// although the method is POST.
pub(super) fn is_known(fields: &HeaderMap, tag: &str) -> bool {
    let named = fields.get_all(header::IF_NONE_MATCH).iter().filter_map(|field| field.to_str().ok());
    named
        .flat_map(|field| field.split(','))
        .map(str::trim)
        .any(|other| other == "*" || other.strip_prefix("W/").unwrap_or(other) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_known_in_every_form_that_caches_write() {
        let tag = written(0x2a);
        assert_eq!(tag, "\"000000000000002a\"");
        for (field, expected) in [
            ("\"000000000000002a\"", true),
            ("W/\"000000000000002a\"", true),
            ("\"x\", \"000000000000002a\"", true),
            ("*", true),
            ("\"000000000000002b\"", false),
            ("000000000000002a", false),
            ("", false),
        ] {
            let mut fields = HeaderMap::new();
            fields.insert(header::IF_NONE_MATCH, field.parse().unwrap());
            assert_eq!(is_known(&fields, &tag), expected, "{field}");
        }
        assert!(!is_known(&HeaderMap::new(), &tag));
    }
}
