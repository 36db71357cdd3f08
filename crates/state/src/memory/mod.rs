//! A store that lasts as long as the process, for tests and the demo.
mod alerts;
mod rollouts;
mod units;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Instant, SystemTime},
};

use self::{alerts::Alerts, rollouts::Rollouts, units::Units};
use crate::{
    AlertRecord, Beat, Change, Entry, FlagChange, FlagEntry, FlagRecord, HotUrl, NodeRecord, Record,
    RolloutEntry, RolloutRecord, RolloutStep, Store, StoreError, Term, Watch, evidence, hot, ledger,
    node::Nodes, watch::Bell,
};

/// Keeps everything in memory.
#[derive(Debug, Default)]
pub struct Memory {
    inner: Mutex<Inner>,
    bell: Arc<Bell>,
}

#[derive(Debug, Default)]
struct Inner {
    units: Units,
    /// By key, oldest first, never empty.
    flags: BTreeMap<String, Vec<FlagRecord>>,
    rollouts: Rollouts,
    alerts: Alerts,
    nodes: Nodes,
    /// By unit: the newest epoch, and what each node has seen in it.
    evidence: BTreeMap<String, (u64, BTreeMap<String, Vec<u8>>)>,
    /// Who leads, and in which term.
    leader: Option<(String, Term)>,
    secrets: BTreeMap<String, [u8; 32]>,
    hot_urls: Vec<HotUrl>,
}

impl Memory {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `write` alone, and wakes those who wait if it succeeded.
    fn write<T>(&self, write: impl FnOnce(&mut Inner) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let written = write(&mut self.lock())?;
        self.bell.ring();
        Ok(written)
    }
}

impl Inner {
    /// Every check comes before the first change, so a refused step has changed nothing.
    fn step(&mut self, step: &RolloutStep) -> Result<(RolloutRecord, Option<Record>), StoreError> {
        let newest = self.leader.as_ref().map_or(0, |(_, term)| term.number());
        let record = ledger::stepped(self.rollouts.get(&step.unit), newest, step)?;
        let unit = step.percent.as_ref().map(|change| self.units.change(change)).transpose()?;
        self.rollouts.append(&record, step);
        self.alerts.add(&step.unit, &step.alerts, step.at);
        Ok((record, unit))
    }
}

impl Store for Memory {
    fn units(&self) -> Result<Vec<Record>, StoreError> {
        Ok(self.lock().units.all())
    }

    fn change(&self, change: &Change) -> Result<Record, StoreError> {
        self.write(|inner| inner.units.change(change))
    }

    fn forget(&self, unit: &str, by: &str, why: &str, at: SystemTime) -> Result<(), StoreError> {
        self.write(|inner| {
            inner.units.forget(unit, by, why, at);
            Ok(())
        })
    }

    fn history(&self, unit: &str, limit: usize) -> Result<Vec<Entry>, StoreError> {
        Ok(self.lock().units.history(unit, limit))
    }

    fn flags(&self) -> Result<Vec<FlagRecord>, StoreError> {
        Ok(self.lock().flags.values().filter_map(|records| records.last().cloned()).collect())
    }

    fn change_flag(&self, change: &FlagChange) -> Result<FlagRecord, StoreError> {
        self.write(|inner| {
            let last = inner.flags.get(&change.key).and_then(|records| records.last());
            let record = ledger::flagged(last, change)?;
            inner.flags.entry(change.key.clone()).or_default().push(record.clone());
            Ok(record)
        })
    }

    fn flag_history(&self, key: &str, limit: usize) -> Result<Vec<FlagEntry>, StoreError> {
        let inner = self.lock();
        let records = inner.flags.get(key).map(Vec::as_slice).unwrap_or_default();
        let before = std::iter::once(None).chain(records.iter().map(|record| record.definition.clone()));
        let entries = records.iter().zip(before).map(|(record, from)| FlagEntry {
            key: record.key.clone(),
            version: record.version,
            from,
            to: record.definition.clone(),
            at: record.at,
            by: record.by.clone(),
            why: record.why.clone(),
        });
        let entries: Vec<_> = entries.collect();
        Ok(entries.into_iter().rev().take(limit).collect())
    }

    fn rollouts(&self) -> Result<Vec<RolloutRecord>, StoreError> {
        Ok(self.lock().rollouts.all())
    }

    fn step_rollout(&self, step: &RolloutStep) -> Result<(RolloutRecord, Option<Record>), StoreError> {
        self.write(|inner| inner.step(step))
    }

    fn rollout_history(&self, unit: &str, limit: usize) -> Result<Vec<RolloutEntry>, StoreError> {
        Ok(self.lock().rollouts.history(unit, limit))
    }

    fn alerts_due(&self, now: SystemTime, limit: usize) -> Result<Vec<AlertRecord>, StoreError> {
        Ok(self.lock().alerts.due(now, limit))
    }

    fn alert_sent(&self, id: u64) -> Result<(), StoreError> {
        self.lock().alerts.sent(id);
        Ok(())
    }

    fn alert_failed(&self, id: u64, next_at: SystemTime, why: &str) -> Result<(), StoreError> {
        self.lock().alerts.failed(id, next_at, why);
        Ok(())
    }

    fn beat(&self, beat: &Beat) -> Result<(), StoreError> {
        self.lock().nodes.beat(beat, Instant::now());
        Ok(())
    }

    fn nodes(&self) -> Result<Vec<NodeRecord>, StoreError> {
        let inner = self.lock();
        let leader = inner.leader.as_ref().map(|(node, _)| node.as_str());
        Ok(inner.nodes.all(Instant::now(), leader))
    }

    fn forget_node(&self, node: &str) -> Result<(), StoreError> {
        self.lock().nodes.forget(node);
        Ok(())
    }

    fn put_evidence(&self, node: &str, unit: &str, epoch: u64, body: &[u8]) -> Result<(), StoreError> {
        evidence::check(body)?;
        let mut inner = self.lock();
        let (newest, bodies) = inner.evidence.entry(unit.to_owned()).or_default();
        if epoch > *newest {
            *newest = epoch;
            bodies.clear();
        }
        if epoch == *newest {
            bodies.insert(node.to_owned(), body.to_vec());
        }
        Ok(())
    }

    fn evidence(&self, unit: &str, epoch: u64) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let inner = self.lock();
        let found = inner.evidence.get(unit).filter(|(newest, _)| *newest == epoch);
        Ok(found.map(|(_, bodies)| bodies.clone().into_iter().collect()).unwrap_or_default())
    }

    fn lead(&self, node: &str) -> Result<Option<Term>, StoreError> {
        let mut inner = self.lock();
        let term = match &inner.leader {
            Some((leader, term)) if leader == node => *term,
            before => Term::next(before.as_ref().map_or(0, |(_, term)| term.number())),
        };
        inner.leader = Some((node.to_owned(), term));
        Ok(Some(term))
    }

    fn watch(&self) -> Box<dyn Watch> {
        Box::new(self.bell.listener())
    }

    fn secret(&self, name: &str, fresh: &[u8; 32]) -> Result<[u8; 32], StoreError> {
        Ok(*self.lock().secrets.entry(name.to_owned()).or_insert(*fresh))
    }

    fn hot_urls(&self) -> Result<Vec<HotUrl>, StoreError> {
        Ok(self.lock().hot_urls.clone())
    }

    fn set_hot_urls(&self, urls: &[HotUrl]) -> Result<(), StoreError> {
        self.lock().hot_urls = hot::kept(urls).cloned().collect();
        Ok(())
    }
}
