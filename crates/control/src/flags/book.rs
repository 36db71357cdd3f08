//! All flags at one moment.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use banyan_config::plan::Plan;
use banyan_flags::{
    Context, Definition, ErrorCode, Evaluation, Fault, FlagSet, Reason, SetFault, UNIT_PREFIX, UnitFlag,
    combine,
};
use banyan_state::{
    FlagRecord,
    live::{UnitLive, Units},
};

use super::known::{Known, Records, Says};

/// Counts up when the answers to applications change although no flag has: it is part of every `ETag`.
const FORM: u64 = 1;

/// All flags: those of the config, those set at run time, and the units.
///
/// A flag that contradicts another one is *set aside*: it is kept and shown, and applications get an error instead of a
/// value, so that they use their own default. Only a start and a change by another node can lead there, for neither can
/// be refused: every change made here, and every reload, is checked before anything is written.
#[derive(Debug)]
pub(crate) struct Book {
    configured: Arc<Configured>,
    records: Records,
    set: FlagSet,
    aside: BTreeMap<String, Vec<Fault>>,
    units: Vec<UnitEntry>,
    fingerprint: u64,
}

/// What the config says about flags.
#[derive(Debug)]
struct Configured {
    definitions: BTreeMap<String, Definition>,
    retired: BTreeSet<String>,
    /// Names and salts.
    units: Vec<(Arc<str>, Arc<str>)>,
}

/// A unit as a flag, and where it stands.
#[derive(Debug)]
pub(crate) struct UnitEntry {
    flag: UnitFlag,
    live: Arc<UnitLive>,
}

/// Where a key stands.
#[derive(Debug)]
pub(crate) enum State<'a> {
    /// There is no such flag.
    Unknown,
    /// It belongs to a unit.
    Unit(&'a UnitEntry),
    /// It is gone for ever.
    Retired,
    /// It is this, set aside or not.
    Defined(&'a Definition),
    /// What the store says about it cannot be read.
    Unreadable,
}

/// An answer to an application.
#[derive(Debug)]
pub(crate) enum Said<'a> {
    /// What the flag says.
    Evaluated(Evaluation<'a>),
    /// The flag is set aside, for these faults.
    Aside { key: &'a str, faults: &'a [Fault] },
}

impl<'a> Said<'a> {
    /// The flag.
    pub(crate) const fn key(&self) -> &'a str {
        match self {
            Self::Evaluated(evaluation) => evaluation.key,
            Self::Aside { key, .. } => key,
        }
    }

    /// What the flag says, unless it is set aside.
    pub(crate) const fn evaluation(&self) -> Option<&Evaluation<'a>> {
        match self {
            Self::Evaluated(evaluation) => Some(evaluation),
            Self::Aside { .. } => None,
        }
    }

    /// Why it says that.
    pub(crate) fn reason(&self) -> Reason {
        self.evaluation().map_or(Reason::Error, |evaluation| evaluation.reason)
    }

    /// What went wrong, if anything did, and in a sentence.
    pub(crate) fn error(&self) -> Option<(ErrorCode, String)> {
        match self {
            Self::Evaluated(evaluation) => evaluation.error.map(|error| (error.code(), error.to_string())),
            Self::Aside { faults, .. } => {
                let fault = faults.first().map(ToString::to_string).unwrap_or_default();
                Some((ErrorCode::General, format!("the flag is set aside until it is put right: {fault}")))
            }
        }
    }
}

impl Configured {
    fn of(plan: &Plan) -> Self {
        let definitions = plan.flags.iter().map(|flag| (flag.key().to_owned(), flag.clone()));
        Self {
            definitions: definitions.collect(),
            retired: plan.retired_flags.iter().map(ToString::to_string).collect(),
            units: plan.units.iter().map(|unit| (unit.name.clone(), unit.salt.clone())).collect(),
        }
    }
}

impl UnitEntry {
    /// `unit.NAME`.
    pub(crate) fn key(&self) -> &str {
        self.flag.key()
    }

    /// Where it stands now.
    pub(crate) fn live(&self) -> &UnitLive {
        &self.live
    }

    fn evaluate(&self, context: &Context) -> Evaluation<'_> {
        self.flag.evaluate(self.live.percent(), context)
    }
}

impl Book {
    /// The flags of a plan and of the store. The units have to be live already.
    pub(super) fn new(plan: &Plan, records: Vec<FlagRecord>, units: &Units) -> Self {
        Self::of(Arc::new(Configured::of(plan)), records.into_iter().map(known).collect(), units)
    }

    /// The same after a reload.
    pub(super) fn with_plan(&self, plan: &Plan, units: &Units) -> Self {
        Self::of(Arc::new(Configured::of(plan)), self.records.clone(), units)
    }

    /// The same after other nodes changed something.
    pub(super) fn with_records(&self, records: Vec<FlagRecord>, units: &Units) -> Self {
        Self::of(self.configured.clone(), records.into_iter().map(known).collect(), units)
    }

    /// The same after a change.
    pub(super) fn with(&self, record: FlagRecord, units: &Units) -> Self {
        let mut records = self.records.clone();
        records.extend([known(record)]);
        Self::of(self.configured.clone(), records, units)
    }

    fn of(configured: Arc<Configured>, records: Records, units: &Units) -> Self {
        let (set, aside) = settle(&configured, &records);
        let live = |(name, salt): &(Arc<str>, Arc<str>)| {
            Some(UnitEntry { flag: UnitFlag::new(name, salt), live: units.get(name)? })
        };
        let units = configured.units.iter().filter_map(live).collect();
        let said = aside.iter().flat_map(|(key, faults)| {
            key.bytes().chain([0]).chain(faults.iter().flat_map(|fault| fault.what.bytes())).chain([0])
        });
        let fingerprint = combine([FORM, set.fingerprint(), combine(said.map(u64::from))]);
        Self { configured, records, set, aside, units, fingerprint }
    }

    /// Where a key stands.
    pub(crate) fn state(&self, key: &str) -> State<'_> {
        if key.starts_with(UNIT_PREFIX) {
            return self.unit(key).map_or(State::Unknown, State::Unit);
        }
        if self.configured.retired.contains(key) {
            return State::Retired;
        }
        match self.records.get(key).map(|known| &known.says) {
            Some(Says::Retired) => State::Retired,
            Some(Says::Unreadable(_)) => State::Unreadable,
            Some(Says::Defined(definition)) => State::Defined(definition),
            Some(Says::ByConfig) | None => {
                self.configured.definitions.get(key).map_or(State::Unknown, State::Defined)
            }
        }
    }

    /// Whether what was set at run time decides about a key.
    pub(crate) fn is_set_at_run_time(&self, key: &str) -> bool {
        let says = self.records.get(key).map(|known| &known.says);
        !self.configured.retired.contains(key) && says.is_some_and(|says| !matches!(says, Says::ByConfig))
    }

    /// The last change of a key at run time.
    pub(crate) fn record(&self, key: &str) -> Option<&FlagRecord> {
        self.records.get(key).map(|known| &known.record)
    }

    /// The version of a key: how often it was changed at run time.
    pub(crate) fn version(&self, key: &str) -> u64 {
        self.record(key).map_or(0, |record| record.version)
    }

    /// What the config says about a key.
    pub(crate) fn configured(&self, key: &str) -> Option<&Definition> {
        self.configured.definitions.get(key)
    }

    /// Why a flag is set aside; nothing for one that is served.
    pub(crate) fn faults(&self, key: &str) -> &[Fault] {
        self.aside.get(key).map_or(&[], Vec::as_slice)
    }

    /// Every flag set aside, and why.
    pub(crate) fn aside(&self) -> impl Iterator<Item = (&str, &[Fault])> {
        self.aside.iter().map(|(key, faults)| (key.as_str(), faults.as_slice()))
    }

    /// Every key that is or was a flag, in order; then those of units, in the order of the config.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        let keys: BTreeSet<&str> = (self.configured.definitions.keys())
            .chain(&self.configured.retired)
            .chain(self.records.keys())
            .map(String::as_str)
            .filter(|key| !matches!(self.state(key), State::Unknown))
            .collect();
        keys.into_iter().chain(self.units.iter().map(UnitEntry::key))
    }

    /// How many flags were ever changed at run time.
    pub(super) fn changed(&self) -> usize {
        self.records.len()
    }

    /// The records, by key.
    pub(super) fn records(&self) -> impl Iterator<Item = &FlagRecord> {
        self.records.values().map(|known| &known.record)
    }

    /// What a flag says for a context. `None`: there is no such flag.
    pub(crate) fn evaluate<'a>(&'a self, key: &str, context: &Context) -> Option<Said<'a>> {
        if let Some(unit) = key.starts_with(UNIT_PREFIX).then(|| self.unit(key)).flatten() {
            return Some(Said::Evaluated(unit.evaluate(context)));
        }
        if let Some((key, faults)) = self.aside.get_key_value(key) {
            return Some(Said::Aside { key, faults });
        }
        // The key of the definition lives as long as the answer has to.
        let key = self.set.get(key)?.key();
        Some(Said::Evaluated(self.set.evaluate(key, context)))
    }

    /// What every flag says for a context.
    pub(crate) fn evaluate_all<'a>(&'a self, context: &'a Context) -> impl Iterator<Item = Said<'a>> {
        let flags = self.set.evaluate_all(context).map(Said::Evaluated);
        let aside = self.aside.iter().map(|(key, faults)| Said::Aside { key, faults });
        flags.chain(aside).chain(self.units.iter().map(|unit| Said::Evaluated(unit.evaluate(context))))
    }

    /// A number that differs whenever an answer to [`Self::evaluate_all`] may: what is told of it needs no evaluation.
    pub(crate) fn tag(&self, context: &Context) -> u64 {
        let units = self.units.iter().map(|unit| unit.flag.fingerprint(unit.live.percent()));
        combine([self.fingerprint, context.fingerprint()].into_iter().chain(units))
    }

    /// What would be set aside by going over to `next` and is not now: the reason to refuse a change or a reload. Of
    /// `changed`, if there is one, also what was set aside before.
    pub(super) fn clashes(&self, next: &Self, changed: Option<&str>) -> Vec<SetFault> {
        let new = |key: &str| changed == Some(key) || !self.aside.contains_key(key);
        let aside = next.aside.iter().filter(|(key, _)| new(key));
        aside
            .flat_map(|(flag, faults)| {
                faults.iter().map(|fault| SetFault { flag: flag.clone(), fault: fault.clone() })
            })
            .collect()
    }

    /// Flags that the config of `next` says something else about than that of `self`, although their keys were retired at
    /// run time. A definition that has been in the config since before is left alone: retiring must not break the next
    /// reload.
    pub(super) fn reused(&self, next: &Self) -> Vec<SetFault> {
        let retired = |key: &str| {
            next.records.get(key).is_some_and(|known| matches!(known.says, Says::Retired))
                && !next.configured.retired.contains(key)
        };
        let new = next.configured.definitions.iter().filter(|(key, definition)| {
            retired(key) && self.configured.definitions.get(*key) != Some(definition)
        });
        let hint = "choose another key, and list this one under 'retired_flags'";
        new.map(|(key, _)| SetFault {
            flag: key.clone(),
            fault: Fault {
                pointer: String::new(),
                what: format!("the key '{key}' was retired at run time"),
                hint: Some(hint.to_owned()),
            },
        })
        .collect()
    }

    fn unit(&self, key: &str) -> Option<&UnitEntry> {
        self.units.iter().find(|unit| unit.key() == key)
    }
}

fn known(record: FlagRecord) -> (String, Known) {
    (record.key.clone(), Known::of(record))
}

/// The flags that fit together, and those that are set aside for it, by key.
fn settle(configured: &Configured, records: &Records) -> (FlagSet, BTreeMap<String, Vec<Fault>>) {
    let mut aside = BTreeMap::<String, Vec<Fault>>::new();
    let mut definitions = configured.definitions.clone();
    for (key, known) in records {
        match &known.says {
            Says::ByConfig => {}
            Says::Defined(definition) => drop(definitions.insert(key.clone(), definition.clone())),
            Says::Retired => drop(definitions.remove(key)),
            Says::Unreadable(faults) => {
                definitions.remove(key);
                if !configured.retired.contains(key) {
                    aside.insert(key.clone(), faults.clone());
                }
            }
        }
    }
    definitions.retain(|key, _| !configured.retired.contains(key));
    loop {
        let Err(faults) = FlagSet::new(definitions.values().cloned().collect(), &[]) else { break };
        let before = definitions.len();
        for SetFault { flag, fault } in faults {
            definitions.remove(&flag);
            aside.entry(flag).or_default().push(fault);
        }
        // Every fault is one of a flag that was given; were it not so, this would not end.
        if definitions.len() == before {
            definitions.clear();
        }
    }
    let set = FlagSet::new(definitions.into_values().collect(), &[]).unwrap_or_default();
    (set, aside)
}
