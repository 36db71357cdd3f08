//! A flag: what it is, who made it so, and what it says for somebody.

use banyan_flags::{Definition, Evaluation, Fault};
use banyan_state::FlagEntry;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::time::rfc3339;
use crate::flags::{Book, Said, State, brief, definition_of};

/// A flag for applications.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FlagView {
    #[schema(example = "new-editor")]
    key: String,
    /// How it is served.
    state: FlagState,
    description: String,
    /// Type of its values: `boolean`, `string`, `number` or `object`; null when nothing is known of it.
    #[serde(rename = "type")]
    #[schema(example = "boolean")]
    kind: Option<&'static str>,
    /// What it serves, in a few words.
    #[schema(example = "5%")]
    serves: String,
    /// What the config says, in a few words; null if it says nothing.
    #[schema(example = "5%")]
    configured: Option<String>,
    /// Whose word counts.
    decided_by: FlagDecidedBy,
    /// Counts up with each change at run time; 0 before the first. Also the `ETag`.
    version: u64,
    /// Who made the latest change at run time.
    by: Option<String>,
    /// Why, in their words.
    why: Option<String>,
    /// When.
    #[schema(format = DateTime)]
    at: Option<String>,
    /// Why it is set aside.
    faults: Vec<FaultView>,
    /// The whole definition, as `PUT` takes it; null for a retired key, and for a unit.
    #[schema(value_type = Option<Object>)]
    definition: Option<Value>,
}

/// How a flag is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FlagState {
    /// By its rules.
    On,
    /// It is off: everybody gets the off variant.
    Off,
    /// It contradicts another flag, or cannot be read: applications get an error, and use their own default.
    Aside,
    /// Its key is gone for ever.
    Retired,
}

/// Whose word counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FlagDecidedBy {
    /// The config's.
    Config,
    /// That of a change at run time.
    Runtime,
    /// It is where a unit of migration stands.
    Unit,
}

/// Something wrong with a flag.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FaultView {
    /// JSON Pointer of the offending value within the definition.
    #[schema(example = "/segments/0/when/0/in")]
    pointer: String,
    /// What is wrong.
    what: String,
    /// What to do about it.
    hint: Option<String>,
}

/// One change of a flag at run time.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct FlagHistoryView {
    version: u64,
    /// What was done.
    step: FlagStep,
    /// What it served before, in a few words; null if nothing was set at run time.
    from: Option<String>,
    /// What it has served since, in a few words; null after `reset` and `retire`.
    to: Option<String>,
    /// The whole definition before; null if none was set at run time.
    #[schema(value_type = Option<Object>)]
    before: Option<Value>,
    /// The whole definition since; null after `reset` and `retire`.
    #[schema(value_type = Option<Object>)]
    after: Option<Value>,
    by: String,
    why: String,
    #[schema(format = DateTime)]
    at: String,
}

/// What was done to a flag.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FlagStep {
    /// It was defined or altered.
    Set,
    /// The config decides since then.
    Reset,
    /// The key is gone for ever.
    Retire,
}

/// What a flag says for a context.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct EvaluationView {
    key: String,
    /// What an application gets; null on an error: it then uses its own default.
    #[schema(value_type = Option<Object>)]
    value: Option<Value>,
    /// Name of the value.
    #[schema(example = "on")]
    variant: Option<String>,
    /// Why, in OpenFeature's words.
    #[schema(example = "SPLIT")]
    reason: &'static str,
    /// What went wrong, as one of OpenFeature's codes.
    error_code: Option<&'static str>,
    /// The same in a sentence.
    error_details: Option<String>,
    /// The segment that decided.
    segment: Option<String>,
    /// The bucket that decided, 0 to 9,999.
    bucket: Option<u16>,
    /// The prerequisite that was not met.
    unmet: Option<String>,
    /// The flag's metadata.
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
}

impl FlagView {
    /// How a key stands; `None` when there is no such flag.
    pub(crate) fn of(book: &Book, key: &str) -> Option<Self> {
        let decided_by =
            if book.is_set_at_run_time(key) { FlagDecidedBy::Runtime } else { FlagDecidedBy::Config };
        let record = book.record(key);
        let faults = book.faults(key);
        let blank = Self {
            key: key.to_owned(),
            state: FlagState::Aside,
            description: String::new(),
            kind: None,
            serves: String::new(),
            configured: book.configured(key).map(brief),
            decided_by,
            version: book.version(key),
            by: record.map(|record| record.by.clone()),
            why: record.map(|record| record.why.clone()),
            at: record.map(|record| rfc3339(record.at)),
            faults: faults.iter().map(FaultView::from).collect(),
            definition: None,
        };
        match book.state(key) {
            State::Unknown => None,
            State::Retired => Some(Self { state: FlagState::Retired, ..blank }),
            State::Unreadable => Some(blank),
            State::Unit(unit) => Some(Self {
                state: FlagState::On,
                kind: Some("boolean"),
                serves: unit.live().percent().to_string(),
                decided_by: FlagDecidedBy::Unit,
                ..blank
            }),
            State::Defined(definition) => Some(blank.with(definition)),
        }
    }

    fn with(self, definition: &Definition) -> Self {
        let state = match (self.faults.is_empty(), definition.enabled()) {
            (false, _) => FlagState::Aside,
            (true, true) => FlagState::On,
            (true, false) => FlagState::Off,
        };
        Self {
            state,
            description: definition.description().to_owned(),
            kind: Some(definition.kind().as_str()),
            serves: brief(definition),
            definition: Some(definition.to_json()),
            ..self
        }
    }

    /// The version, for the `ETag`.
    pub(crate) const fn version(&self) -> u64 {
        self.version
    }
}

impl From<&Fault> for FaultView {
    fn from(fault: &Fault) -> Self {
        Self { pointer: fault.pointer.clone(), what: fault.what.clone(), hint: fault.hint.clone() }
    }
}

impl From<FlagEntry> for FlagHistoryView {
    fn from(entry: FlagEntry) -> Self {
        let before = definition_of(&entry.key, entry.from.as_deref());
        let after = definition_of(&entry.key, entry.to.as_deref());
        let step = match (&entry.to, &after) {
            (None, _) => FlagStep::Retire,
            (Some(_), None) => FlagStep::Reset,
            (Some(_), Some(_)) => FlagStep::Set,
        };
        Self {
            version: entry.version,
            step,
            from: before.as_ref().map(brief),
            to: after.as_ref().map(brief),
            before: before.as_ref().map(Definition::to_json),
            after: after.as_ref().map(Definition::to_json),
            by: entry.by,
            why: entry.why,
            at: rfc3339(entry.at),
        }
    }
}

impl From<&Said<'_>> for EvaluationView {
    fn from(said: &Said<'_>) -> Self {
        Self {
            key: said.key().to_owned(),
            error_code: said.error().map(|(code, _)| code.as_str()),
            error_details: said.error().map(|(_, details)| details),
            reason: said.reason().as_str(),
            ..said.evaluation().map(Self::explained).unwrap_or_default()
        }
    }
}

impl EvaluationView {
    fn explained(evaluation: &Evaluation<'_>) -> Self {
        Self {
            value: evaluation.value.cloned(),
            variant: evaluation.variant.map(str::to_owned),
            segment: evaluation.segment.map(str::to_owned),
            bucket: evaluation.bucket.map(banyan_flags::Bucket::index),
            unmet: evaluation.unmet.map(str::to_owned),
            metadata: evaluation.metadata.iter().cloned().collect(),
            ..Self::default()
        }
    }
}
