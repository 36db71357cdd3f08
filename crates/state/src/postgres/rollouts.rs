//! Rollouts, their histories, and the steps they take.

use tokio_postgres::Row;

use super::{
    alerts,
    convert::{count, get, integer, limit, nanoseconds, percent, points, text, time},
    session::Call,
    units,
};
use crate::{Record, RolloutEntry, RolloutRecord, RolloutStep, StoreError, ledger};

pub(super) fn all(call: &Call<'_>) -> Result<Vec<RolloutRecord>, StoreError> {
    let sql = "SELECT unit, state, version, at, by, why FROM banyan.rollouts ORDER BY unit";
    call.rows(sql, &[])?.iter().map(record).collect()
}

/// Within a change: all of it happens, or nothing.
pub(super) fn step(
    call: &Call<'_>,
    step: &RolloutStep,
) -> Result<(RolloutRecord, Option<Record>), StoreError> {
    let sql = "SELECT unit, state, version, at, by, why FROM banyan.rollouts WHERE unit = $1";
    let last = call.maybe_row(sql, &[&step.unit])?.as_ref().map(record).transpose()?;
    let made = ledger::stepped(last.as_ref(), newest_term(call)?, step)?;
    let unit = step.percent.as_ref().map(|change| units::change(call, change)).transpose()?;
    let sql =
        "INSERT INTO banyan.rollouts (unit, state, version, at, by, why) VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (unit) DO UPDATE SET state = excluded.state, version = excluded.version, at = excluded.at,
            by = excluded.by, why = excluded.why";
    let (version, at) = (integer(made.version), nanoseconds(made.at));
    let (state, by, why) = (text(&made.state), text(&made.by), text(&made.why));
    call.run(sql, &[&made.unit, &state, &version, &at, &by, &why])?;
    if let Some(entry) = ledger::rollout_entry(&made, step) {
        let sql = "INSERT INTO banyan.rollout_history (unit, version, state, what, percent, at, by, why)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let share = entry.percent.map(points);
        call.run(sql, &[&entry.unit, &version, &state, &text(&entry.what), &share, &at, &by, &why])?;
    }
    alerts::add(call, &step.unit, &step.alerts, step.at)?;
    Ok((made, unit))
}

pub(super) fn history(call: &Call<'_>, unit: &str, most: usize) -> Result<Vec<RolloutEntry>, StoreError> {
    let sql = "SELECT unit, version, state, what, percent, at, by, why FROM banyan.rollout_history
        WHERE unit = $1 ORDER BY version DESC LIMIT $2";
    let entry = |row: &Row| {
        Ok(RolloutEntry {
            unit: get(row, 0)?,
            version: count(row, 1)?,
            state: get(row, 2)?,
            what: get(row, 3)?,
            percent: percent(row, 4)?,
            at: time(row, 5)?,
            by: get(row, 6)?,
            why: get(row, 7)?,
        })
    };
    call.rows(sql, &[&unit, &limit(most)])?.iter().map(entry).collect()
}

/// Locked against whoever would take over meanwhile: they wait, and this step is still of the newest term when it is
/// there.
fn newest_term(call: &Call<'_>) -> Result<u64, StoreError> {
    let row = call.maybe_row("SELECT term FROM banyan.leadership FOR SHARE", &[])?;
    row.map_or(Ok(0), |row| count(&row, 0))
}

fn record(row: &Row) -> Result<RolloutRecord, StoreError> {
    Ok(RolloutRecord {
        unit: get(row, 0)?,
        state: get(row, 1)?,
        version: count(row, 2)?,
        at: time(row, 3)?,
        by: get(row, 4)?,
        why: get(row, 5)?,
    })
}
