//! The one reader of definitions.
//!
//! The config's YAML and the admin API's JSON both come here as JSON values, so that a flag means the same wherever it was
//! written. Everything that is wrong is told at once, each with its place. Null counts as absent, since clients of many
//! languages write it for what they do not have.

mod condition;
mod fields;
mod segment;
mod serve;
mod variants;

use serde_json::Value;

pub(crate) use self::fields::nearest;
use self::{fields::Fields, variants::Variants};
use crate::{
    Definition, Fault, Overlap, Prerequisite, Serve,
    fault::{Faults, Pointer},
};

/// Keys that begin with this belong to units of migration.
pub const UNIT_PREFIX: &str = "unit.";

/// The longest key, in characters.
const MAX_KEY: usize = 128;
/// The longest name of a variant or a segment, in bytes.
const MAX_NAME: usize = 64;
/// The longest description and salt, in bytes.
const MAX_TEXT: usize = 1024;
/// More prerequisites than this belong into a flag of their own.
const MAX_PREREQUISITES: usize = 16;
/// The most entries of metadata.
const MAX_METADATA: usize = 32;

const KNOWN: &[&str] = &[
    "key",
    "description",
    "enabled",
    "variants",
    "default",
    "off",
    "percent",
    "split",
    "salt",
    "segments",
    "overlap",
    "prerequisites",
    "metadata",
];

impl Definition {
    /// Reads a definition that carries its key (`docs/flags.md` has the shape).
    ///
    /// # Errors
    /// All that is wrong, at most 100 faults, each with a JSON Pointer into `value`.
    pub fn read(value: &Value) -> Result<Self, Vec<Fault>> {
        read(None, value)
    }

    /// Reads a definition whose key stands outside of it, such as in a path or as the key of a YAML mapping. A `key`
    /// inside is allowed if it is the same. What is wrong with the key itself has the empty pointer.
    ///
    /// # Errors
    /// As [`Definition::read`].
    pub fn read_as(key: &str, value: &Value) -> Result<Self, Vec<Fault>> {
        read(Some(key), value)
    }
}

fn read(key: Option<&str>, value: &Value) -> Result<Definition, Vec<Fault>> {
    let mut faults = Faults::default();
    let definition = definition(key, value, &mut faults);
    let faults = faults.into_vec();
    match definition {
        Some(definition) if faults.is_empty() => Ok(definition),
        Some(_) => Err(faults),
        None => {
            debug_assert!(!faults.is_empty(), "a definition was refused without a reason: {value}");
            Err(faults)
        }
    }
}

/// `None` or a fault: the caller looks at both. A part that is wrong does not keep the others from being read.
fn definition(outside: Option<&str>, value: &Value, faults: &mut Faults) -> Option<Definition> {
    let root = Pointer::default();
    let fields = Fields::open(value, &root, "a flag", KNOWN, faults)?;
    let key = key(outside, &fields, faults);
    let description = fields.prose("description", MAX_TEXT, faults).unwrap_or_default();
    let enabled = fields.truth("enabled", faults).unwrap_or(true);
    let variants = variants::read(&fields, faults);
    let serve = serve::read(&fields, &["percent", "split"], &variants, faults);
    let default = default(&fields, &variants, serve.as_ref(), faults);
    let off = fields.text("off", MAX_NAME, faults).map(|name| variants.find(name, &fields.at("off"), faults));
    let off = off.unwrap_or_else(|| variants.no().or(default));
    let salt = fields.text("salt", MAX_TEXT, faults);
    let overlap = overlap(&fields, faults);
    let segments = segment::read(&fields, &variants, overlap, faults);
    let prerequisites = prerequisites(&fields, faults);
    let metadata = metadata(&fields, faults);
    let (key, default) = (key?, default?);
    Some(Definition {
        salt: salt.filter(|salt| *salt != key).map(Into::into),
        key: key.into(),
        description: description.to_owned(),
        enabled,
        kind: variants.kind(),
        default,
        off: off?,
        serve: serve.unwrap_or(Serve::Variant(default)),
        variants: variants.into_list(),
        segments,
        overlap,
        prerequisites,
        metadata,
    })
}

fn key<'a>(outside: Option<&'a str>, fields: &Fields<'a>, faults: &mut Faults) -> Option<&'a str> {
    let inside = fields.text("key", usize::MAX, faults);
    let (key, at) = match (outside, inside) {
        (Some(outside), Some(inside)) if outside != inside => {
            let what = format!("the key is '{inside}' here and '{outside}' outside");
            faults.advise(&fields.at("key"), what, "leave it out here");
            return None;
        }
        (Some(outside), _) => (outside, fields.here().clone()),
        (None, Some(inside)) => (inside, fields.at("key")),
        (None, None) => {
            if fields.blank("key") {
                faults.advise(fields.here(), "the flag has no key", "key: what applications ask for");
            }
            return None;
        }
    };
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    let first = key.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if !first || key.len() > MAX_KEY || !key.bytes().all(allowed) {
        let hint = "use 1 to 128 of a-z, 0-9, '.', '_' and '-', with a letter or a digit first";
        faults.advise(&at, format!("'{}' is no key of a flag", fields::cut(key)), hint);
        return None;
    }
    if key.starts_with(UNIT_PREFIX) {
        let what = format!("keys that begin with '{UNIT_PREFIX}' belong to units of migration");
        faults.advise(&at, what, "choose another key");
        return None;
    }
    Some(key)
}

/// What is served when nothing else decides. With a percentage or a split that is the rest of it.
fn default(
    fields: &Fields<'_>,
    variants: &Variants,
    serve: Option<&Serve>,
    faults: &mut Faults,
) -> Option<usize> {
    let rest = match serve {
        Some(Serve::Percent { outside, .. }) => Some(*outside),
        Some(Serve::Split(split)) => Some(split.last()),
        Some(Serve::Variant(_)) | None => None,
    };
    let Some(name) = fields.text("default", MAX_NAME, faults) else {
        let default = rest.or_else(|| variants.no());
        if default.is_none()
            && !variants.broken()
            && fields.blank("default")
            && !fields.has("percent")
            && !fields.has("split")
        {
            let hint = "default: the variant for those whom no segment matches";
            faults.advise(fields.here(), "the flag has no default", hint);
        }
        return default;
    };
    let found = variants.find(name, &fields.at("default"), faults)?;
    if let Some(rest) = rest
        && rest != found
    {
        let what = format!(
            "what the shares leave goes to '{}', so that the default cannot be '{name}'",
            variants.name(rest)
        );
        let hint = format!("leave the default out, or say default: {}", variants.name(rest));
        faults.advise(&fields.at("default"), what, hint);
    }
    Some(found)
}

fn overlap(fields: &Fields<'_>, faults: &mut Faults) -> Overlap {
    match fields.text("overlap", MAX_NAME, faults) {
        Some("first") => Overlap::First,
        None | Some("refuse") => Overlap::Refuse,
        Some(other) => {
            let hint =
                "first: the first segment that matches decides; refuse: overlapping segments are a mistake";
            faults.advise(
                &fields.at("overlap"),
                format!("'{}' says nothing about overlaps", fields::cut(other)),
                hint,
            );
            Overlap::Refuse
        }
    }
}

fn prerequisites(fields: &Fields<'_>, faults: &mut Faults) -> Vec<Prerequisite> {
    let mut all: Vec<Prerequisite> = Vec::new();
    for (value, at) in fields.list("prerequisites", MAX_PREREQUISITES, faults) {
        let Some(entry) = Fields::open(value, &at, "a prerequisite", &["flag", "variant"], faults) else {
            continue;
        };
        let (flag, variant) =
            (entry.needed_text("flag", MAX_KEY, faults), entry.needed_text("variant", MAX_NAME, faults));
        let (Some(flag), Some(variant)) = (flag, variant) else { continue };
        if all.iter().any(|other| &*other.flag == flag) {
            let hint = "a flag serves one variant at a time: keep one of the two";
            faults.advise(&at.field("flag"), format!("'{flag}' is a prerequisite already"), hint);
            continue;
        }
        all.push(Prerequisite { flag: flag.into(), variant: variant.into() });
    }
    all
}

/// OpenFeature's flag metadata: plain values by name.
fn metadata(fields: &Fields<'_>, faults: &mut Faults) -> Vec<(String, Value)> {
    let Some((value, at)) = fields.get("metadata") else { return Vec::new() };
    let Value::Object(map) = value else {
        faults.say(&at, "metadata is an object of texts, numbers and booleans by name");
        return Vec::new();
    };
    if map.len() > MAX_METADATA {
        faults.say(&at, format!("metadata has more than {MAX_METADATA} entries"));
    }
    for (name, value) in
        map.iter().filter(|(_, value)| !(value.is_boolean() || value.is_string() || value.is_number()))
    {
        faults.advise(
            &at.field(name),
            format!("metadata is a text, a number or a boolean, not {}", crate::kind::named(value)),
            "serve an object as a variant's value instead",
        );
    }
    let mut all = map.iter().map(|(name, value)| (name.clone(), value.clone())).collect::<Vec<_>>();
    // In an order of its own, so that definitions that say the same are the same.
    all.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    all
}

#[cfg(test)]
pub(crate) use self::condition::read_for_tests as condition_for_tests;
#[cfg(test)]
mod tests;
