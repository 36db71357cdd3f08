//! Bounds that several tables share, and how they are written.

use std::time::Duration;

use super::Kind;

/// One kibibyte.
pub(super) const KIB: u64 = 1024;
/// One mebibyte.
pub(super) const MIB: u64 = 1024 * KIB;
/// More than any body anybody sends; small enough to be added to without a thought of overflow.
const PIB: u64 = 1024 * 1024 * 1024 * MIB;
const SECOND: u64 = 1000;
const DAY: u64 = 24 * 3600 * SECOND;

/// A limit that must bite: one that is zero would refuse everything, one above a day none.
pub(super) const LIMIT: Kind = duration(1, DAY);
/// How long something may be waited for, where not waiting at all is a choice.
pub(super) const WAIT: Kind = duration(0, DAY);
/// A whole stream: a week is for ever.
pub(super) const STREAM: Kind = duration(1, 7 * DAY);
/// A limit for bodies that are streamed.
pub(super) const BODY: Kind = Kind::Size { min: 0, max: PIB };

const fn duration(min_ms: u64, max_ms: u64) -> Kind {
    Kind::Duration { min: Duration::from_millis(min_ms), max: Duration::from_millis(max_ms) }
}

/// A duration as a config writes it, in the largest unit that needs no fraction.
pub(crate) fn duration_text(duration: Duration) -> String {
    let ms = duration.as_millis();
    let units = [(3_600_000, "h"), (60_000, "m"), (1000, "s")];
    match units.iter().find(|(unit, _)| ms > 0 && ms.is_multiple_of(*unit)) {
        Some((unit, name)) => format!("{}{name}", ms / unit),
        None => format!("{ms}ms"),
    }
}

/// A size as a config writes it, in the largest unit that needs no fraction.
pub(crate) fn size_text(bytes: u64) -> String {
    let units = [(KIB * MIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")];
    match units.iter().find(|(unit, _)| bytes > 0 && bytes.is_multiple_of(*unit)) {
        Some((unit, name)) => format!("{}{name}", bytes / unit),
        None => format!("{bytes}B"),
    }
}
