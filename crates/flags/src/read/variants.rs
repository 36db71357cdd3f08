//! The values of a flag.

use serde_json::{Value, json};

use super::{
    MAX_NAME,
    fields::{Fields, cut, nearest},
};
use crate::{
    Kind, Variant,
    definition::{only, sides},
    fault::{Faults, Pointer},
    kind::named,
};

/// More variants than this are data and no flag.
const MAX_VARIANTS: usize = 64;
/// The largest value, in bytes of JSON: every evaluation sends it over the wire.
const MAX_VALUE: usize = 16 * 1024;
/// The deepest value.
const MAX_DEPTH: usize = 16;

/// The variants of a flag, for those parts of it that name them.
pub(super) struct Variants {
    list: Vec<Variant>,
    kind: Kind,
    /// They were wrong, and that was said: whoever names one of them makes no further mistake.
    broken: bool,
}

impl Variants {
    /// A variant by its name.
    pub(super) fn find(&self, name: &str, at: &Pointer, faults: &mut Faults) -> Option<usize> {
        let found = self.list.iter().position(|variant| &*variant.name == name);
        if found.is_none() && !self.broken {
            let names = self.list.iter().map(|variant| &*variant.name);
            let hint = nearest(name, names.clone()).map_or_else(
                || format!("it has: {}", names.collect::<Vec<_>>().join(", ")),
                |near| format!("did you mean '{near}'?"),
            );
            faults.advise(at, format!("the flag has no variant '{}'", cut(name)), hint);
        }
        found
    }

    /// The name of one.
    pub(super) fn name(&self, variant: usize) -> &str {
        self.list.get(variant).map_or("", |variant| &variant.name)
    }

    /// The type of all of them.
    pub(super) const fn kind(&self) -> Kind {
        self.kind
    }

    /// The only one that is `true` and the only one that is `false`.
    pub(super) fn sides(&self) -> Option<(usize, usize)> {
        sides(&self.list)
    }

    /// The only one that is `false`.
    pub(super) fn no(&self) -> Option<usize> {
        only(&self.list, false)
    }

    /// Whether they were wrong.
    pub(super) const fn broken(&self) -> bool {
        self.broken
    }

    pub(super) fn into_list(self) -> Vec<Variant> {
        self.list
    }
}

/// `on` and `off` unless the flag names its own.
pub(super) fn read(fields: &Fields<'_>, faults: &mut Faults) -> Variants {
    let standard = json!({ "on": true, "off": false });
    let given = fields.get("variants");
    let (value, at) = given.unwrap_or((&standard, Pointer::default()));
    let mut broken = false;
    let mut fault = |at: &Pointer, what: String, hint: &str| {
        broken = true;
        faults.advise(at, what, hint);
    };
    let mut list: Vec<Variant> = Vec::new();
    match value {
        Value::Object(map) if (1..=MAX_VARIANTS).contains(&map.len()) => {
            for (name, value) in map {
                let at = at.field(name);
                match problem(name, value, list.first()) {
                    Some((what, hint)) => fault(&at, what, hint),
                    None => list.push(Variant { name: name.as_str().into(), value: value.clone() }),
                }
            }
        }
        Value::Object(map) => {
            fault(
                &at,
                format!("a flag has 1 to {MAX_VARIANTS} variants, not {}", map.len()),
                "leave variants out for a boolean flag",
            );
        }
        other => {
            fault(
                &at,
                format!("variants are an object of values by name, not {}", named(other)),
                "such as { small: 10, large: 50 }",
            );
        }
    }
    let kind = list.first().and_then(|first| Kind::of(&first.value)).unwrap_or(Kind::Boolean);
    // By name: the order in which they were written has no meaning, and must not get one.
    list.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Variants { list, kind, broken }
}

/// What is wrong with a variant, seen that the first good one is `first`.
fn problem(name: &str, value: &Value, first: Option<&Variant>) -> Option<(String, &'static str)> {
    if name.is_empty() || name.len() > MAX_NAME || name.trim() != name || name.chars().any(char::is_control) {
        return Some((
            format!("'{}' is no name of a variant", cut(name)),
            "use 1 to 64 bytes without control characters",
        ));
    }
    let Some(kind) = Kind::of(value) else {
        let what =
            format!("a variant's value is a boolean, a text, a number or an object, not {}", named(value));
        return Some((what, "put a list into an object"));
    };
    if let Some(first) = first
        && let Some(other) = Kind::of(&first.value)
        && kind != other
    {
        let what =
            format!("the value is {}, and that of '{}' is {}", named(value), first.name, named(&first.value));
        return Some((what, "all values of a flag have one type"));
    }
    if depth(value, MAX_DEPTH + 1) > MAX_DEPTH {
        return Some((format!("the value is nested more than {MAX_DEPTH} deep"), "flatten it"));
    }
    let size = value.to_string().len();
    let what = || format!("the value has {size} bytes of JSON; more than {MAX_VALUE} are refused");
    (size > MAX_VALUE).then(|| (what(), "serve the name of a setting, and keep the setting elsewhere"))
}

/// How deep a value is nested, counted up to a limit.
fn depth(value: &Value, limit: usize) -> usize {
    let within = |nested: &Value| 1 + depth(nested, limit - 1);
    match value {
        _ if limit == 0 => 0,
        Value::Array(elements) => elements.iter().map(within).max().unwrap_or(1),
        Value::Object(map) => map.values().map(within).max().unwrap_or(1),
        _ => 0,
    }
}
