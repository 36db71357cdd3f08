//! Alerts that wait, in memory.

use std::{collections::BTreeMap, time::SystemTime};

use crate::{Alert, AlertRecord, MAX_ALERTS};

/// By id, which grows.
#[derive(Debug, Default)]
pub(super) struct Alerts {
    by_id: BTreeMap<u64, Kept>,
    last_id: u64,
}

#[derive(Debug)]
struct Kept {
    alert: AlertRecord,
    sent: bool,
}

impl Alerts {
    pub(super) fn add(&mut self, unit: &str, alerts: &[Alert], at: SystemTime) {
        for alert in alerts {
            let same = |kept: &Kept| kept.alert.key == alert.key && kept.alert.target == alert.target;
            if self.by_id.values().any(same) {
                continue;
            }
            self.last_id += 1;
            let alert = AlertRecord {
                id: self.last_id,
                unit: unit.to_owned(),
                key: alert.key.clone(),
                body: alert.body.clone(),
                target: alert.target.clone(),
                tries: 0,
                next_at: at,
                failure: String::new(),
            };
            self.by_id.insert(self.last_id, Kept { alert, sent: false });
        }
        while self.by_id.len() > MAX_ALERTS {
            let oldest = self.by_id.iter().find(|(_, kept)| kept.sent).or(self.by_id.iter().next());
            let Some((&id, _)) = oldest else { return };
            self.by_id.remove(&id);
        }
    }

    pub(super) fn due(&self, now: SystemTime, limit: usize) -> Vec<AlertRecord> {
        let due = |kept: &&Kept| !kept.sent && (kept.alert.next_at <= now || kept.alert.tries == 0);
        let mut due: Vec<_> = self.by_id.values().filter(due).map(|kept| kept.alert.clone()).collect();
        due.sort_by_key(|alert| (alert.next_at, alert.id));
        due.truncate(limit);
        due
    }

    pub(super) fn sent(&mut self, id: u64) {
        if let Some(kept) = self.by_id.get_mut(&id) {
            kept.sent = true;
        }
    }

    pub(super) fn failed(&mut self, id: u64, next_at: SystemTime, why: &str) {
        if let Some(Kept { alert, .. }) = self.by_id.get_mut(&id) {
            alert.tries = alert.tries.saturating_add(1);
            alert.next_at = next_at;
            why.clone_into(&mut alert.failure);
        }
    }
}
