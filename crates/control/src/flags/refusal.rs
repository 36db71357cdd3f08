//! Why an order about a flag was not carried out, as a problem document.

use banyan_config::suggest::nearest;
use banyan_flags::{Fault, SetFault, UNIT_PREFIX};
use banyan_state::StoreError;
use http::StatusCode;
use serde_json::{Value, json};

use super::{Book, State};
use crate::problem::Problem;

/// Faults that are told in words; all of them are in `faults`.
const TOLD: usize = 5;
/// Flags that are named in words; all of them are in `known`.
const NAMED: usize = 20;

/// Why an order was not carried out. Except for `Unclear` and `Unanswered`, nothing has changed then.
#[derive(Debug)]
pub(crate) enum FlagRefusal {
    /// There is no such flag.
    Unknown { key: String, known: Vec<String> },
    /// There was such a flag once.
    Gone { key: String },
    /// What the store has of the flag cannot be read, so that nothing of it can be kept.
    Unreadable { key: String },
    /// The key belongs to a unit.
    OfUnit { key: String },
    /// The key was retired.
    Retired { key: String },
    /// The flag is at another version than the order was given on.
    Stale { found: u64, by: Option<String> },
    /// Another node changed the flag at the same time.
    Conflict { error: StoreError, found: u64 },
    /// The definition is wrong; pointers lead into the request.
    Invalid { faults: Vec<Fault> },
    /// With the change, flags would contradict each other.
    Clash { key: String, faults: Vec<SetFault> },
    /// There are too many flags.
    TooMany { most: usize },
    /// The store did not do it.
    Store(StoreError),
    /// The store may have done it or not.
    Unclear(StoreError),
    /// An earlier change still waits for the store, so this one was not tried.
    Waiting,
    /// The store was asked and has not answered: the change may still be made.
    Unanswered,
}

impl FlagRefusal {
    /// No flag has this key, or none has it any more.
    pub(crate) fn unknown(key: &str, book: &Book) -> Self {
        let is_gone = |key: &str| matches!(book.state(key), State::Retired);
        if is_gone(key) {
            return Self::Gone { key: key.to_owned() };
        }
        let known = book.keys().filter(|key| !is_gone(key)).map(str::to_owned).collect();
        Self::Unknown { key: key.to_owned(), known }
    }

    /// Faults of a definition that stands at `place` of the request.
    pub(super) fn invalid(place: &'static str) -> impl Fn(Vec<Fault>) -> Self {
        move |faults| Self::Invalid {
            faults: faults
                .into_iter()
                .map(|fault| Fault { pointer: format!("{place}{}", fault.pointer), ..fault })
                .collect(),
        }
    }

    /// What a store says about a change.
    pub(super) fn of_store(error: StoreError) -> Self {
        match error {
            StoreError::Conflict { found, .. } => Self::Conflict { error, found },
            StoreError::Retired { key } => Self::Retired { key },
            StoreError::Unreachable(_) => Self::Unclear(error),
            error => Self::Store(error),
        }
    }
}

impl From<FlagRefusal> for Problem {
    fn from(refusal: FlagRefusal) -> Self {
        match refusal {
            FlagRefusal::Unknown { key, known } => unknown(&key, known),
            FlagRefusal::Gone { key } => Self::new(
                StatusCode::NOT_FOUND,
                "unknown-flag",
                "Unknown flag",
                format!("'{key}' was retired, and is no flag any more: applications get their own default"),
            ),
            FlagRefusal::Unreadable { key } => Self::new(
                StatusCode::CONFLICT,
                "flag-unreadable",
                "The flag cannot be read",
                format!(
                    "what was set of '{key}' at run time cannot be read, so that nothing of it can be kept: reset it, or \
                     set its whole definition"
                ),
            ),
            FlagRefusal::OfUnit { key } => of_unit(&key),
            FlagRefusal::Retired { key } => Self::new(
                StatusCode::CONFLICT,
                "flag-retired",
                "The key is retired",
                format!(
                    "'{key}' was retired, and a retired key is never used again: an application that was forgotten would \
                     get the answers of another flag; choose another key"
                ),
            ),
            FlagRefusal::Stale { found, by } => stale(found, by.as_deref()),
            FlagRefusal::Conflict { error, found } => Self::new(
                StatusCode::CONFLICT,
                "version-conflict",
                "The flag was changed in the meantime",
                format!("{error}: look at it again, then decide"),
            )
            .with("version", found),
            FlagRefusal::Invalid { faults } => invalid(&faults),
            FlagRefusal::Clash { key, faults } => Self::new(
                StatusCode::CONFLICT,
                "flag-clash",
                "Flags would contradict each other",
                format!("nothing was changed, for with that change of '{key}' {}", clash(&faults)),
            )
            .with("faults", faults.iter().map(set_fault).collect::<Vec<_>>()),
            FlagRefusal::TooMany { most } => Self::new(
                StatusCode::CONFLICT,
                "too-many-flags",
                "Too many flags",
                format!("{most} flags were made at run time already, and no more are kept: put flags into the config"),
            ),
            FlagRefusal::Store(error) => {
                unavailable(format!("{error}; nothing was changed, and flags are served as before"))
            }
            FlagRefusal::Unclear(error) => {
                unavailable(format!("{error}; the change may have been made: look at the flag before you try again"))
            }
            FlagRefusal::Waiting => unavailable(
                "an earlier change still waits for the state store, so this one was not tried; nothing was changed"
                    .to_owned(),
            ),
            FlagRefusal::Unanswered => unavailable(
                "the state store has not answered in time; the change may still be made: look at the flag before you try \
                 again"
                    .to_owned(),
            ),
        }
    }
}

fn of_unit(key: &str) -> Problem {
    let unit = key.strip_prefix(UNIT_PREFIX).unwrap_or(key);
    Problem::new(
        StatusCode::CONFLICT,
        "flag-of-unit",
        "The flag belongs to a unit",
        format!(
            "'{key}' is where its unit stands: move the unit ('banyan unit set {unit} ...', PUT /v1/units/{unit})"
        ),
    )
}

fn stale(found: u64, by: Option<&str>) -> Problem {
    let by = by.map_or_else(|| " and was never changed".to_owned(), |by| format!(", as {by} left it"));
    Problem::new(
        StatusCode::PRECONDITION_FAILED,
        "version-mismatch",
        "The flag was changed in the meantime",
        format!("the flag is at version {found}{by}, and the order was given on another: look at it again, then decide"),
    )
    .with("version", found)
}

fn unknown(key: &str, known: Vec<String>) -> Problem {
    let meant = nearest(key, known.iter().map(String::as_str));
    let meant = meant.map_or_else(String::new, |meant| format!(", did you mean '{meant}'?"));
    let end = if meant.is_empty() { ";" } else { "" };
    let more = known.len().saturating_sub(NAMED);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    let names = if known.is_empty() { "none".to_owned() } else { known[..known.len().min(NAMED)].join(", ") };
    let detail = format!("there is no flag '{key}'{meant}{end} the flags are: {names}{more}");
    Problem::new(StatusCode::NOT_FOUND, "unknown-flag", "Unknown flag", detail).with("known", known)
}

fn invalid(faults: &[Fault]) -> Problem {
    let said = faults.iter().take(TOLD).map(ToString::to_string).collect::<Vec<_>>().join("; ");
    let detail = format!("{said}{}", more(faults.len()));
    let title = "The flag is not valid";
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-flag", title, detail)
        .with("faults", faults.iter().map(fault).collect::<Vec<_>>())
}

fn more(count: usize) -> String {
    match count.saturating_sub(TOLD) {
        0 => String::new(),
        more => format!("; and {more} more"),
    }
}

/// Faults of several flags in words.
pub(crate) fn clash(faults: &[SetFault]) -> String {
    let said: Vec<_> = faults
        .iter()
        .take(TOLD)
        .map(|SetFault { flag, fault }| format!("flag '{flag}' would be wrong: {fault}"))
        .collect();
    format!("{}{}", said.join("; "), more(faults.len()))
}

pub(super) fn fault(fault: &Fault) -> Value {
    json!({ "pointer": fault.pointer, "what": fault.what, "hint": fault.hint })
}

fn set_fault(of: &SetFault) -> Value {
    let SetFault { flag, fault } = of;
    json!({ "flag": flag, "pointer": fault.pointer, "what": fault.what, "hint": fault.hint })
}

fn unavailable(detail: String) -> Problem {
    let title = "The state store is not available";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "store-unavailable", title, detail)
}
