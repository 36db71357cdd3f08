//! What somebody wants done to a flag, and whether it may be done. Pure.

use banyan_flags::{Definition, Fault, Percent};
use serde_json::Value;

use super::{Book, FlagRefusal, State, known::BY_CONFIG};

/// Flags that may ever be changed at run time: every one of them is in every bulk answer, and none is forgotten.
const MAX_FLAGS: usize = 5_000;

/// What is wanted.
#[derive(Clone, Debug)]
pub(crate) enum Wanted {
    /// This definition.
    Define(Value),
    /// This percentage, everything else as it is.
    Percent(Percent),
    /// This variant for all whom no segment matches.
    Variant(String),
    /// On.
    Enable,
    /// Off.
    Disable,
    /// The config decides again.
    Reset,
    /// The key is gone for ever.
    Retire,
}

/// Who wants what, of which flag, and why.
#[derive(Clone, Debug)]
pub(crate) struct FlagOrder {
    pub(crate) key: String,
    pub(crate) wanted: Wanted,
    pub(crate) by: String,
    pub(crate) why: String,
    /// Versions it may be done on; `None`: any.
    pub(crate) versions: Option<Vec<u64>>,
}

/// What the flag then is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Becomes {
    /// This.
    Defined(Box<Definition>),
    /// What the config says.
    ByConfig,
    /// Gone.
    Retired,
}

impl Wanted {
    /// Its name in the audit log.
    pub(crate) const fn as_str(&self) -> &'static str {
        match self {
            Self::Define(_) | Self::Percent(_) | Self::Variant(_) => "set",
            Self::Enable => "enable",
            Self::Disable => "disable",
            Self::Reset => "reset",
            Self::Retire => "retire",
        }
    }
}

impl Becomes {
    /// What the store keeps: `None` for a retired key.
    pub(super) fn text(&self) -> Option<String> {
        match self {
            Self::Defined(definition) => Some(definition.to_json().to_string()),
            Self::ByConfig => Some(BY_CONFIG.to_owned()),
            Self::Retired => None,
        }
    }
}

impl FlagOrder {
    /// What the order makes of its flag, if it may; `None`: it is so already.
    pub(super) fn decide(&self, book: &Book) -> Result<Option<Becomes>, FlagRefusal> {
        let found = book.version(&self.key);
        if self.versions.as_ref().is_some_and(|versions| !versions.contains(&found)) {
            let by = book.record(&self.key).map(|record| record.by.clone());
            return Err(FlagRefusal::Stale { found, by });
        }
        let (is_unknown, current) = match book.state(&self.key) {
            State::Unit(_) => return Err(FlagRefusal::OfUnit { key: self.key.clone() }),
            // The config can take a key off its list, the store cannot: so it may be retired at run time as well.
            State::Retired if matches!(self.wanted, Wanted::Retire) => {
                return Ok((!book.is_retired_at_run_time(&self.key)).then_some(Becomes::Retired));
            }
            State::Retired => return Err(FlagRefusal::Retired { key: self.key.clone() }),
            State::Unknown => (true, None),
            State::Unreadable => (false, None),
            State::Defined(definition) => (false, Some(definition)),
        };
        match &self.wanted {
            Wanted::Define(value) => self.define(book, value),
            Wanted::Reset if !is_unknown && book.is_set_at_run_time(&self.key) => Ok(Some(Becomes::ByConfig)),
            Wanted::Reset if !is_unknown => Ok(None),
            Wanted::Retire if !is_unknown => Ok(Some(Becomes::Retired)),
            _ if !is_unknown && current.is_none() => Err(FlagRefusal::Unreadable { key: self.key.clone() }),
            _ => self.alter(current.ok_or_else(|| self.unknown(book))?),
        }
    }

    fn define(&self, book: &Book, value: &Value) -> Result<Option<Becomes>, FlagRefusal> {
        let definition =
            Definition::read_as(&self.key, value).map_err(FlagRefusal::invalid("/definition"))?;
        if book.record(&self.key).is_none() && book.changed() >= MAX_FLAGS {
            return Err(FlagRefusal::TooMany { most: MAX_FLAGS });
        }
        let is_the_same = book.is_set_at_run_time(&self.key)
            && matches!(book.state(&self.key), State::Defined(current) if *current == definition);
        Ok((!is_the_same).then(|| Becomes::Defined(Box::new(definition))))
    }

    /// One thing changed, everything else as it is.
    fn alter(&self, current: &Definition) -> Result<Option<Becomes>, FlagRefusal> {
        let altered = match &self.wanted {
            Wanted::Percent(percent) => current
                .clone()
                .with_percent(*percent)
                .map_err(|fault| FlagRefusal::Invalid { faults: vec![fault] })?,
            Wanted::Variant(name) => serving(current, name)?,
            Wanted::Enable => current.clone().with_enabled(true),
            Wanted::Disable => current.clone().with_enabled(false),
            Wanted::Define(_) | Wanted::Reset | Wanted::Retire => return Ok(None),
        };
        Ok((altered != *current).then(|| Becomes::Defined(Box::new(altered))))
    }

    fn unknown(&self, book: &Book) -> FlagRefusal {
        FlagRefusal::unknown(&self.key, book)
    }
}

/// The same flag with one variant for all whom no segment matches.
fn serving(current: &Definition, name: &str) -> Result<Definition, FlagRefusal> {
    let invalid = |what: String, hint: String| FlagRefusal::Invalid {
        faults: vec![Fault { pointer: "/variant".to_owned(), what, hint: Some(hint) }],
    };
    if current.variant(name).is_none() {
        let names: Vec<_> = current.variants().iter().map(|variant| &*variant.name).collect();
        return Err(invalid(format!("it has no variant '{name}'"), format!("it has: {}", names.join(", "))));
    }
    let mut value = current.to_json();
    if let Some(map) = value.as_object_mut() {
        map.remove("percent");
        map.remove("split");
        map.insert("default".to_owned(), Value::from(name));
    }
    Definition::read_as(current.key(), &value).map_err(FlagRefusal::invalid(""))
}
