//! Bounds that several tables share, and how they are written.

use std::time::Duration;

use banyan_flags::Percent;

use super::Kind;

/// One kibibyte.
pub(super) const KIB: u64 = 1024;
/// One mebibyte.
pub(super) const MIB: u64 = 1024 * KIB;
/// More than any body anybody sends; small enough to be added to without a thought of overflow.
const PIB: u64 = 1024 * 1024 * 1024 * MIB;
const SECOND: u64 = 1000;
const HOUR: u64 = 3600 * SECOND;
const DAY: u64 = 24 * HOUR;

/// A limit that must bite: one that is zero would refuse everything, one above a day none.
pub(super) const LIMIT: Kind = duration(1, DAY);
/// A time that is cut into ten parts to look back over: shorter ones would hold no calls.
pub(super) const WINDOW: Kind = duration(100, HOUR);
/// A time to look back over in steps of at least a tenth of a second.
pub(super) const LONG_WINDOW: Kind = duration(3 * SECOND, HOUR);
/// Between two attempts of one call.
pub(super) const BACKOFF: Kind = duration(1, HOUR);
/// In line for a place. Who waits for longer has gone away.
pub(super) const QUEUE: Kind = duration(0, 60 * SECOND);
/// How long something may be waited for, where not waiting at all is a choice.
pub(super) const WAIT: Kind = duration(0, DAY);
/// A whole stream: a week is for ever.
pub(super) const STREAM: Kind = duration(1, 7 * DAY);
/// How long an answer may be kept: not at all, up to a year.
pub(super) const AGE: Kind = duration(0, 365 * DAY);
/// Between two rounds of something that costs requests.
pub(super) const REFRESH: Kind = duration(60 * SECOND, 7 * DAY);
/// One call to a cache that others share. Who waits for longer had better ask the upstream.
pub(super) const CACHE_CALL: Kind = duration(1, 10 * SECOND);
/// How long one may keep others from doing the same. Shorter ones would end within a usual call.
pub(super) const LEASE: Kind = duration(100, HOUR);
/// How far clocks and queues may be apart that mean the same time.
pub(super) const SKEW: Kind = duration(1, DAY);
/// A stage of a rollout: with less there is nothing to see, and nobody remembers what takes longer.
pub(super) const HOLD: Kind = duration(SECOND, 30 * DAY);
/// Memory that is put to use: with less nothing fits, and no machine has more.
pub(super) const RAM: Kind = Kind::Size { min: MIB, max: 1024 * 1024 * MIB };
/// One thing that is kept in memory.
pub(super) const OBJECT: Kind = Kind::Size { min: KIB, max: 256 * 1024 * MIB };

/// A limit for bodies that are streamed.
pub(super) const BODY: Kind = Kind::Size { min: 0, max: PIB };

/// A share that must bite: one that is zero would act never or always.
pub(super) const SOME: Kind = share(1, 10_000);
/// The status of an answer (RFC 9110 section 15).
pub(super) const FINAL_STATUS: Kind = Kind::Because {
    of: &Kind::Integer { min: 200, max: 599 },
    hint: "a status below 200 is no answer yet, and there are none above 599",
};
/// How many of something that runs at the same time.
pub(super) const CALLS: Kind = Kind::Integer { min: 1, max: 100_000 };

/// A percentage from `min` to `max`, in hundredths of a percent.
pub(super) const fn share(min: u16, max: u16) -> Kind {
    match (Percent::from_basis_points(min), Percent::from_basis_points(max)) {
        (Ok(min), Ok(max)) => Kind::Share { min, max },
        _ => Kind::Percent,
    }
}

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

/// A number of hundredths as a config writes it.
pub(crate) fn decimal_text(hundredths: u32) -> String {
    let (whole, rest) = (hundredths / 100, hundredths % 100);
    match (rest, rest % 10) {
        (0, _) => whole.to_string(),
        (_, 0) => format!("{whole}.{}", rest / 10),
        _ => format!("{whole}.{rest:02}"),
    }
}
