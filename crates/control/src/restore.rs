//! Where units stand after a start or a reload.

use std::collections::BTreeMap;

use banyan_config::plan::Plan;
use banyan_state::{Record, Store, StoreError, live::Units};

/// Run-time records by unit.
pub(crate) type Records = BTreeMap<String, Record>;

/// Makes live what the store and the config say, and returns the run-time records.
///
/// The rule, at the start and after each reload: a unit stands where it was last set at run time; a unit that never
/// was, or that was reset since, stands where the config says. So editing `percent` in the config moves only units
/// that nobody has moved by hand, and a restart moves none. Records of units the config no longer has are kept: such
/// a unit is found where it stood when it comes back.
///
/// # Errors
/// When the store cannot be read; nothing is live then.
pub fn restore(store: &dyn Store, units: &Units, plan: &Plan) -> Result<Vec<Record>, StoreError> {
    let records = store.units()?;
    let by_unit = records.iter().map(|record| (record.unit.clone(), record.clone())).collect();
    settle(&by_unit, units, plan);
    Ok(records)
}

/// The rule of [`restore`] for records already known.
pub(crate) fn settle(records: &Records, units: &Units, plan: &Plan) {
    for unit in &plan.units {
        let percent = records.get(&*unit.name).map_or(unit.percent, |record| record.percent);
        units.get_or_insert(&unit.name, percent).set_percent(percent);
    }
}

/// The same for units that are not live yet. They get their share before a request can reach them, and nothing that
/// already runs changes, so it may be done for a plan that is then refused.
pub(crate) fn prepare(records: &Records, units: &Units, plan: &Plan) {
    for unit in plan.units.iter().filter(|unit| units.get(&unit.name).is_none()) {
        let percent = records.get(&*unit.name).map_or(unit.percent, |record| record.percent);
        units.get_or_insert(&unit.name, percent);
    }
}
