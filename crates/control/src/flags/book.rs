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
    /// Keys that the config lists as retired, or that an earlier config of this process listed and no definition has
    /// come back for: a key that is taken off the list is not free for something else.
    retired: BTreeSet<String>,
    /// What the retired ones meant, as far as this process has seen it. Putting that back is how a slip of the pen is
    /// mended, and no reuse.
    meant: BTreeMap<String, Definition>,
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
    /// What a plan says, after what `before` said, if there was a config before.
    fn of(plan: &Plan, before: Option<&Self>) -> Self {
        let definitions: BTreeMap<_, _> =
            plan.flags.iter().map(|flag| (flag.key().to_owned(), flag.clone())).collect();
        let mut retired: BTreeSet<_> = plan.retired_flags.iter().map(ToString::to_string).collect();
        let mut meant = BTreeMap::new();
        if let Some(before) = before {
            retired.extend(before.retired.iter().filter(|key| !definitions.contains_key(*key)).cloned());
            meant.extend(before.meant.clone());
            meant.extend(before.definitions.clone());
            meant.retain(|key, _| retired.contains(key));
        }
        Self {
            definitions,
            retired,
            meant,
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
        Self::of(Arc::new(Configured::of(plan, None)), records.into_iter().map(known).collect(), units)
    }

    /// The same after a reload.
    pub(super) fn with_plan(&self, plan: &Plan, units: &Units) -> Self {
        let configured = Configured::of(plan, Some(&self.configured));
        Self::of(Arc::new(configured), self.records.clone(), units)
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

    /// Flags that the config of `next` defines although their keys were retired: at run time, or by the config of `self`.
    /// A definition that has been in the config since before a key was retired at run time is left alone, for retiring
    /// must not break the next reload; and so is one that only comes back as it was, for it is no other flag.
    pub(super) fn reused(&self, next: &Self) -> Vec<SetFault> {
        let faults = next.configured.definitions.iter().filter_map(|(key, definition)| {
            let (was, by) = if next.is_retired_at_run_time(key) {
                (self.configured.definitions.get(key), "at run time")
            } else if self.configured.retired.contains(key) {
                (self.configured.meant.get(key), "by the config that runs")
            } else {
                return None;
            };
            (was != Some(definition)).then(|| SetFault {
                flag: key.clone(),
                fault: Fault {
                    pointer: String::new(),
                    what: format!("the key '{key}' was retired {by}"),
                    hint: Some("choose another key, and list this one under 'retired_flags'".to_owned()),
                },
            })
        });
        faults.collect()
    }

    /// Whether a key was retired at run time: the store keeps that for ever, whatever the config says.
    pub(super) fn is_retired_at_run_time(&self, key: &str) -> bool {
        self.records.get(key).is_some_and(|known| matches!(known.says, Says::Retired))
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
    let gone = records.iter().filter(|(_, known)| matches!(known.says, Says::Retired)).map(|(key, _)| key);
    let retired: Vec<_> = configured.retired.iter().chain(gone).cloned().collect();
    loop {
        let Err(faults) = FlagSet::new(definitions.values().cloned().collect(), &retired) else { break };
        let before = definitions.len();
        let aside_before: BTreeSet<_> = aside.keys().cloned().collect();
        for SetFault { flag, fault } in faults {
            let fault =
                definitions.get(&flag).and_then(|one| led_to(one, &fault, &aside_before)).unwrap_or(fault);
            aside.entry(flag).or_default().push(fault);
        }
        definitions.retain(|key, _| !aside.contains_key(key));
        // Every fault is one of a flag that was given; were it not so, this would not end.
        if definitions.len() == before {
            definitions.clear();
        }
    }
    let set = FlagSet::new(definitions.into_values().collect(), &retired).unwrap_or_default();
    (set, aside)
}

/// The fault of a flag that needs one that is set aside: that one is there, and it is the one to be put right.
fn led_to(of: &Definition, fault: &Fault, aside: &BTreeSet<String>) -> Option<Fault> {
    let place = fault.pointer.strip_prefix("/prerequisites/")?.strip_suffix("/flag")?;
    let needed = of.prerequisites().get(place.parse::<usize>().ok()?)?;
    aside.contains(&*needed.flag).then(|| Fault {
        what: format!("the flag '{}' is set aside", needed.flag),
        hint: Some("put that one right first".to_owned()),
        ..fault.clone()
    })
}
