//! Between columns and types. Integers are 64-bit and signed in SQLite.

use std::time::{Duration, SystemTime};

use banyan_flags::Percent;
use rusqlite::{Row, types::Type};

use crate::{CacheUrl, Entry, HotUrl, Step};

/// A row of `history`, its columns in the order of the table.
pub(super) fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let step = match (percent(row, 2)?, row.get::<_, Option<bool>>(3)?) {
        (Some(percent), Some(held)) => Step::Set { percent, held },
        _ => Step::Forget,
    };
    Ok(Entry {
        unit: row.get(0)?,
        version: count(row, 1)?,
        step,
        at: time(row.get(4)?),
        by: row.get(5)?,
        why: row.get(6)?,
    })
}

/// A row of `hot_urls`: host, target, secure, count.
pub(super) fn hot_url(row: &Row<'_>) -> rusqlite::Result<HotUrl> {
    let url = CacheUrl { host: row.get(0)?, target: row.get(1)?, secure: row.get(2)? };
    Ok(HotUrl { url, count: count(row, 3)? })
}

/// A count or a version.
pub(super) fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    u64::try_from(row.get::<_, i64>(column)?).map_err(|error| invalid(column, Type::Integer, error))
}

/// A share, which may be absent.
pub(super) fn percent(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Percent>> {
    let share =
        |points| Percent::from_basis_points(points).map_err(|error| invalid(column, Type::Integer, error));
    row.get::<_, Option<u16>>(column)?.map(share).transpose()
}

/// The columns `percent` (in hundredths of a percent) and `held` of a step.
pub(super) fn step(step: Step) -> (Option<u16>, Option<bool>) {
    match step {
        Step::Set { percent, held } => (Some(percent.basis_points()), Some(held)),
        Step::Forget => (None, None),
    }
}

/// A count as SQLite holds it.
pub(super) fn integer(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Most rows that a query gives.
pub(super) fn limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// Nanoseconds since the Unix epoch, which lasts until the year 2262; anything outside is moved to the nearest end.
pub(super) fn nanoseconds(at: SystemTime) -> i64 {
    at.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// A moment as it is kept.
pub(super) fn time(nanoseconds: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_nanos(nanoseconds.unsigned_abs())
}

/// A secret of 32 bytes.
pub(super) fn blob(bytes: Vec<u8>) -> rusqlite::Result<[u8; 32]> {
    let found = bytes.len();
    bytes.try_into().map_err(|_| {
        let error = std::io::Error::other(format!("a secret has 32 bytes, this one {found}"));
        invalid(0, Type::Blob, error)
    })
}

fn invalid(
    column: usize,
    found: Type,
    error: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, found, Box::new(error))
}
