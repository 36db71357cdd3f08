//! The one place where flags change.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use arc_swap::{ArcSwap, Guard};
use banyan_config::plan::Plan;
use banyan_flags::{Fault, SetFault};
use banyan_state::{FlagChange, FlagEntry, FlagRecord, Store, StoreError, live::Units};
use banyan_telemetry::timeline::{Kind, Timeline};
use tokio::{
    sync::{Mutex, OwnedMutexGuard, watch},
    task::spawn_blocking,
    time::{Instant, sleep, timeout_at},
};

use super::{Book, FlagOrder, FlagRefusal, State, brief};
use crate::standing::PATIENCE;

/// After a failed look at the store.
const REST: Duration = Duration::from_secs(1);

/// The flags, their records and the store that keeps them. Changes and reloads take turns under one lock, which the thread
/// that waits for the disk holds until the disk has answered, as with units.
pub(crate) struct Flags {
    store: Arc<dyn Store>,
    units: Arc<Units>,
    book: ArcSwap<Book>,
    turn: Arc<Mutex<()>>,
    timeline: Arc<Timeline>,
}

/// Flags of a new plan that contradict nothing. While it exists, no flag changes.
pub(crate) struct Prepared<'a> {
    flags: &'a Flags,
    _turn: OwnedMutexGuard<()>,
}

impl Flags {
    /// Reads what was set at run time. The units have to be live already. Blocks on the disk.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) fn new(
        store: Arc<dyn Store>,
        units: Arc<Units>,
        plan: &Plan,
        timeline: Arc<Timeline>,
    ) -> Result<Self, StoreError> {
        let book = Book::new(plan, store.flags()?, &units);
        complain(&book, None);
        Ok(Self { store, units, book: ArcSwap::from_pointee(book), turn: Arc::default(), timeline })
    }

    /// All flags as they are now.
    pub(crate) fn book(&self) -> Guard<Arc<Book>> {
        self.book.load()
    }

    /// Carries out an order: when this returns `Ok`, it is durable, and applications are answered by it.
    pub(crate) async fn carry_out(self: &Arc<Self>, order: FlagOrder) -> Result<(), FlagRefusal> {
        let deadline = Instant::now() + PATIENCE;
        let turn =
            timeout_at(deadline, self.turn.clone().lock_owned()).await.map_err(|_| FlagRefusal::Waiting)?;
        let flags = self.clone();
        let work = spawn_blocking(move || {
            let done = flags.carry_out_now(&order);
            // Whoever comes next must not overtake the disk, even when this caller has given up.
            drop(turn);
            done
        });
        match timeout_at(deadline, work).await {
            Ok(Ok(done)) => done,
            Ok(Err(failed)) => Err(FlagRefusal::Store(StoreError::Failed(failed.to_string()))),
            Err(_) => Err(FlagRefusal::Unanswered),
        }
    }

    /// The latest changes of a flag at run time, newest first.
    pub(crate) async fn history(&self, key: &str, limit: usize) -> Result<Vec<FlagEntry>, FlagRefusal> {
        let (store, key) = (self.store.clone(), key.to_owned());
        let read = spawn_blocking(move || store.flag_history(&key, limit));
        match timeout_at(Instant::now() + PATIENCE, read).await {
            Ok(Ok(history)) => history.map_err(FlagRefusal::Store),
            Ok(Err(failed)) => Err(FlagRefusal::Store(StoreError::Failed(failed.to_string()))),
            Err(_) => Err(FlagRefusal::Unanswered),
        }
    }

    /// Whether the flags of a new plan fit what was set at run time.
    ///
    /// # Errors
    /// All that would be wrong.
    pub(crate) async fn prepare(&self, plan: &Plan) -> Result<Prepared<'_>, Vec<SetFault>> {
        let turn = self.turn.clone().lock_owned().await;
        let book = self.book.load();
        let next = book.with_plan(plan, &self.units);
        let mut faults = book.clashes(&next, None);
        faults.extend(book.reused(&next));
        if faults.is_empty() { Ok(Prepared { flags: self, _turn: turn }) } else { Err(faults) }
    }

    /// Takes over what other nodes change, until `changes`, which tells that the store has moved, comes to its end.
    pub(crate) async fn follow(self: Arc<Self>, mut changes: watch::Receiver<u64>) {
        loop {
            // At first too: something may have changed since the flags were read and before anybody listened.
            while let Err(error) = self.refresh().await {
                tracing::warn!(%error, "flags cannot be read; they stay as they are");
                sleep(REST).await;
            }
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// Takes over what the store says.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) async fn refresh(self: &Arc<Self>) -> Result<(), StoreError> {
        let turn = self.turn.clone().lock_owned().await;
        let flags = self.clone();
        let work = spawn_blocking(move || {
            let done = flags.refresh_now();
            drop(turn);
            done
        });
        work.await.unwrap_or_else(|failed| Err(StoreError::Failed(failed.to_string())))
    }

    /// Blocks on the disk. Only while it is the caller's turn.
    fn carry_out_now(&self, order: &FlagOrder) -> Result<(), FlagRefusal> {
        let book = self.book.load_full();
        let Some(becomes) = order.decide(&book)? else { return Ok(()) };
        let change = FlagChange {
            key: order.key.clone(),
            definition: becomes.text(),
            expected_version: book.version(&order.key),
            at: SystemTime::now(),
            by: order.by.clone(),
            why: order.why.clone(),
        };
        let next = book.with(expected(&change), &self.units);
        let faults = book.clashes(&next, Some(&order.key));
        if !faults.is_empty() {
            return Err(FlagRefusal::Clash { key: order.key.clone(), faults });
        }
        let record = match self.store.change_flag(&change) {
            Ok(record) => record,
            Err(error) => {
                // Most often another node was first: what it did is to be seen at once.
                if let Err(error) = self.refresh_now() {
                    tracing::warn!(%error, "flags cannot be read; they stay as they are");
                }
                return Err(FlagRefusal::of_store(error));
            }
        };
        let (from, to) = (stands(&book, &order.key), stands(&next, &order.key));
        self.book.store(Arc::new(next));
        self.timeline.note(Kind::Flag, in_words(&record, &from, &to, ""));
        audit(order, &record, &from, &to);
        Ok(())
    }

    /// Blocks on the disk. Only while it is the caller's turn.
    fn refresh_now(&self) -> Result<(), StoreError> {
        let (book, records) = (self.book.load_full(), self.store.flags()?);
        let before: BTreeMap<_, _> = book.records().map(|record| (&*record.key, record)).collect();
        // Not the times: a store keeps them less exactly than a clock tells them.
        let same = |record: &FlagRecord| {
            before.get(&*record.key).is_some_and(|before| {
                (before.version, &before.definition) == (record.version, &record.definition)
            })
        };
        if before.len() == records.len() && records.iter().all(same) {
            return Ok(());
        }
        let changed: Vec<_> = records.iter().filter(|record| !same(record)).cloned().collect();
        let next = book.with_records(records, &self.units);
        complain(&next, Some(&book));
        for record in changed {
            let (from, to) = (stands(&book, &record.key), stands(&next, &record.key));
            self.timeline.note(Kind::Flag, in_words(&record, &from, &to, " on another node"));
        }
        self.book.store(Arc::new(next));
        Ok(())
    }
}

impl Prepared<'_> {
    /// Makes them the flags that are served. The units of the plan have to be live.
    pub(crate) fn adopt(self, plan: &Plan) {
        let book = self.flags.book.load();
        let next = book.with_plan(plan, &self.flags.units);
        complain(&next, Some(&book));
        self.flags.book.store(Arc::new(next));
    }
}

/// The record that a store makes of a change.
fn expected(change: &FlagChange) -> FlagRecord {
    FlagRecord {
        key: change.key.clone(),
        definition: change.definition.clone(),
        version: change.expected_version + 1,
        at: change.at,
        by: change.by.clone(),
        why: change.why.clone(),
    }
}

/// Where a flag stands, in a few words.
fn stands(book: &Book, key: &str) -> String {
    match book.state(key) {
        State::Unknown => "none".to_owned(),
        State::Retired => "retired".to_owned(),
        State::Unreadable => "unreadable".to_owned(),
        State::Defined(definition) => brief(definition),
        State::Unit(unit) => unit.live().percent().to_string(),
    }
}

/// `new-editor: 5% -> 20% by ada: step two`.
fn in_words(record: &FlagRecord, from: &str, to: &str, place: &str) -> String {
    let moved = if from == to { to.to_owned() } else { format!("{from} -> {to}") };
    let why = if record.why.is_empty() { String::new() } else { format!(": {}", record.why) };
    format!("{}: {moved} by {}{place}{why}", record.key, record.by)
}

fn audit(order: &FlagOrder, record: &FlagRecord, from: &str, to: &str) {
    tracing::info!(
        target: "audit",
        flag = %order.key,
        action = order.wanted.as_str(),
        from,
        to,
        version = record.version,
        by = %order.by,
        why = %order.why,
        "flag changed"
    );
}

/// Says what is set aside and was not before.
fn complain(book: &Book, before: Option<&Book>) {
    let told = |key: &str| before.is_some_and(|before| !before.faults(key).is_empty());
    for (flag, faults) in book.aside().filter(|(key, _)| !told(key)) {
        let faults = faults.iter().map(Fault::to_string).collect::<Vec<_>>().join("; ");
        tracing::error!(
            flag,
            faults,
            "a flag is set aside: applications get an error, and use their own default"
        );
    }
}
