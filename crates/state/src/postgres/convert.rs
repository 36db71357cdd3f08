//! Between columns and types. Integers are 64-bit and signed in PostgreSQL; times are nanoseconds since the Unix epoch, for
//! its own times have microseconds.

use std::time::{Duration, SystemTime};

use banyan_flags::Percent;
use tokio_postgres::{Row, types::FromSql};

use crate::{Step, StoreError};

/// The value of a column, by its place.
pub(super) fn get<'a, T: FromSql<'a>>(row: &'a Row, column: usize) -> Result<T, StoreError> {
    row.try_get(column).map_err(|error| StoreError::Failed(error.to_string()))
}

/// A count or a version.
pub(super) fn count(row: &Row, column: usize) -> Result<u64, StoreError> {
    let found: i64 = get(row, column)?;
    u64::try_from(found).map_err(|_| StoreError::Failed(format!("{found} is no count")))
}

pub(super) fn time(row: &Row, column: usize) -> Result<SystemTime, StoreError> {
    get(row, column).map(moment)
}

/// A moment as it is kept.
pub(super) fn moment(nanoseconds: i64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_nanos(nanoseconds.unsigned_abs())
}

/// A share, which may be absent.
pub(super) fn percent(row: &Row, column: usize) -> Result<Option<Percent>, StoreError> {
    let points: Option<i16> = get(row, column)?;
    let share = |points: i16| {
        let points = u16::try_from(points).ok().and_then(|points| Percent::from_basis_points(points).ok());
        points.ok_or_else(|| StoreError::Failed("a share is between 0 and 10000".to_owned()))
    };
    points.map(share).transpose()
}

/// The columns `percent` and `held`.
pub(super) fn step(row: &Row, column: usize) -> Result<Step, StoreError> {
    Ok(match (percent(row, column)?, get::<Option<bool>>(row, column + 1)?) {
        (Some(percent), Some(held)) => Step::Set { percent, held },
        _ => Step::Forget,
    })
}

/// A share as it is kept, in hundredths of a percent.
pub(super) fn points(percent: Percent) -> i16 {
    i16::try_from(percent.basis_points()).unwrap_or(i16::MAX)
}

/// A count as it is kept.
pub(super) fn integer(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Most rows that a query gives.
pub(super) fn limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// A moment as it is kept; anything before 1970 or after 2262 is moved to the nearest end.
pub(super) fn nanoseconds(at: SystemTime) -> i64 {
    at.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// PostgreSQL keeps no NUL in a text, and words of people may have one.
pub(super) fn text(words: &str) -> std::borrow::Cow<'_, str> {
    if words.contains('\0') { words.replace('\0', "\u{FFFD}").into() } else { words.into() }
}
