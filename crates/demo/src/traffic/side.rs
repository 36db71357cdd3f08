//! Reading which side of a unit answered.

/// Which system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Legacy,
    Replacement,
}

/// What `Banyan-Unit: articles;side=replacement;reason=percent;bucket=412` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answered<'a> {
    pub(crate) unit: &'a str,
    pub(crate) side: Side,
    /// The subject is on the replacement; legacy answered this once because it failed.
    pub(crate) by_fallback: bool,
    /// The subject's bucket, 0 to 9,999.
    pub(crate) bucket: u16,
}

/// Reads the value of a `Banyan-Unit` field; `None` when it is not one.
///
/// The field is an item with parameters (RFC 9651). Parameters that are not known are passed over, as they should be.
pub(crate) fn read(value: &str) -> Option<Answered<'_>> {
    let mut parts = value.split(';').map(str::trim);
    let unit = parts.next()?.trim_matches('"');
    let (mut side, mut reason, mut bucket) = (None, None, None);
    for (key, value) in parts.filter_map(|part| part.split_once('=')) {
        match key {
            "side" => side = Some(value),
            "reason" => reason = Some(value),
            "bucket" => bucket = value.parse().ok(),
            _ => {}
        }
    }
    let side = match side? {
        "legacy" => Side::Legacy,
        "replacement" => Side::Replacement,
        _ => return None,
    };
    Some(Answered { unit, side, by_fallback: reason? == "fallback", bucket: bucket? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_gateway_writes() {
        let replacement = read("articles;side=replacement;reason=percent;bucket=412");
        let expected =
            Answered { unit: "articles", side: Side::Replacement, by_fallback: false, bucket: 412 };
        assert_eq!(replacement, Some(expected));
        let fallback = read("\"2nd\"; side=legacy; new=1; reason=fallback; bucket=9").unwrap();
        assert_eq!((fallback.unit, fallback.side, fallback.by_fallback), ("2nd", Side::Legacy, true));
    }

    #[test]
    fn what_says_no_side_is_refused() {
        for value in [
            "",
            "articles",
            "articles;side=both;reason=percent;bucket=1",
            "articles;side=legacy;reason=percent",
            "articles;side=legacy;bucket=1",
            "articles;side=legacy;reason=percent;bucket=many",
        ] {
            assert_eq!(read(value), None, "{value}");
        }
    }
}
