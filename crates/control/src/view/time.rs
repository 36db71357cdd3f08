//! Times as RFC 3339 text in UTC.

use std::time::SystemTime;

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Such as `2026-11-21T06:24:00.123456789Z`.
pub(crate) fn rfc3339(at: SystemTime) -> String {
    // Fails only for years that four digits cannot write.
    OffsetDateTime::from(at).format(&Rfc3339).unwrap_or_else(|_| "9999-12-31T23:59:59Z".to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn is_utc() {
        assert_eq!(rfc3339(SystemTime::UNIX_EPOCH), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(SystemTime::UNIX_EPOCH + Duration::from_millis(1_500)), "1970-01-01T00:00:01.5Z");
    }
}
