//! Which differences count.
//!
//! Rules are given as a list and apply by path. Which of several rules decides about a value is fixed:
//!
//! 1. [`RuleKind::Ignore`] wins wherever it stands in the list.
//! 2. Every [`RuleKind::Normalise`] that covers a text is applied, in the order of the list.
//! 3. Of the others, the *last* one in the list that covers the values and can read both decides alone: first the
//!    general, then the exceptions. When none can, values are compared exactly.
//! 4. [`RuleKind::SetBy`] concerns how the elements of one list find each other, and nothing else; the last one that
//!    names the list counts.
mod instant;
mod lens;
mod normalise;
mod rule;

use std::{sync::Arc, time::Duration};

pub(crate) use self::lens::{Canonical, Leaf, Lens};
use self::normalise::Normaliser;
pub use self::rule::{
    FieldError, MAX_FIELDS, MAX_REGEX_BYTES, MAX_RULES, Rule, RuleError, RuleFault, RuleKind,
};
use crate::{
    PathPattern, PathPatternError,
    hash::hash,
    pattern::{Segment, Whole, is_field_name, pointer},
};

/// Checked rules, ready for use; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    rules: Arc<[Ready]>,
    /// Names of compared fields in lower case, the content type not among them.
    fields: Arc<[String]>,
}

/// A rule made ready.
#[derive(Debug)]
struct Ready {
    path: PathPattern,
    act: Act,
}

/// What a rule does.
#[derive(Debug)]
pub(crate) enum Act {
    Ignore,
    TypeOnly,
    /// The keys that lead from an element to what identifies it.
    SetBy(Vec<String>),
    Tolerance {
        absolute: f64,
        relative: f64,
    },
    Skew(Duration),
    Normalise(Normaliser),
    /// The class, as a number that does not depend on what other rules there are.
    Ids(u64),
}

impl Rules {
    /// Rules that ignore these paths, each written as a [`PathPattern`].
    ///
    /// # Errors
    /// The first text that is no pattern.
    pub fn new(ignore: &[String]) -> Result<Self, PathPatternError> {
        let rule = |text: &String| Ok(Ready { path: text.parse()?, act: Act::Ignore });
        Ok(Self { rules: ignore.iter().map(rule).collect::<Result<_, _>>()?, fields: Arc::default() })
    }

    /// These rules, in this order; the module's page says what the order means.
    ///
    /// # Errors
    /// The first rule that cannot be used, and why.
    pub fn build(rules: Vec<Rule>) -> Result<Self, RuleError> {
        let rules = rules
            .into_iter()
            .enumerate()
            .map(|(index, rule)| {
                let path = rule.path.clone();
                let fault = |reason| RuleError { index, reason };
                if index >= MAX_RULES {
                    return Err(fault(RuleFault::TooMany));
                }
                Ok(Ready { path, act: ready(rule).map_err(fault)? })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { rules, fields: Arc::default() })
    }

    /// The same rules, with these fields compared besides the content type. Case does not matter.
    ///
    /// # Errors
    /// The first name that is no field name, or that there are too many.
    pub fn with_fields(self, names: &[String]) -> Result<Self, FieldError> {
        if names.len() > MAX_FIELDS {
            return Err(FieldError::TooMany);
        }
        if let Some(wrong) = names.iter().find(|name| !is_field_name(name)) {
            return Err(FieldError::Name(wrong.clone()));
        }
        let mut fields: Vec<String> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
        fields.retain(|name| name != "content-type");
        fields.sort();
        fields.dedup();
        Ok(Self { fields: fields.into(), ..self })
    }

    /// Names of the fields that are compared besides the content type, in lower case and order.
    #[must_use]
    pub fn fields(&self) -> &[String] {
        &self.fields
    }

    /// Whether the value at `path`, which nothing above it ignores, may differ, and everything below.
    pub(crate) fn ignores(&self, path: &[Segment]) -> bool {
        self.rules.iter().any(|rule| matches!(rule.act, Act::Ignore) && rule.path.matches(path))
    }

    /// Whether bodies may differ in any way.
    pub(crate) fn ignores_all(&self) -> bool {
        self.ignores(&[])
    }

    /// Whether any rule pairs ids.
    pub(crate) fn has_ids(&self) -> bool {
        self.rules.iter().any(|rule| matches!(rule.act, Act::Ids(_)))
    }

    /// What identifies the elements of the list at `path`, if its order is free.
    pub(crate) fn set_by(&self, path: &[Segment]) -> Option<&[String]> {
        self.rules.iter().rev().find_map(|rule| match &rule.act {
            Act::SetBy(key) if rule.path.matches(path) => Some(key.as_slice()),
            _ => None,
        })
    }

    /// Whether a field's elements may stand in any order.
    pub(crate) fn is_set_field(&self, name: &str) -> bool {
        self.rules.iter().any(|rule| matches!(rule.act, Act::SetBy(_)) && names(rule, name))
    }

    /// What the value at `path` of the body is looked at through.
    pub(crate) fn lens(&self, path: &[Segment]) -> Lens<'_> {
        Lens::new(self.rules.iter().filter(|rule| rule.path.covers(path)).map(|rule| &rule.act))
    }

    /// What the status is looked at through.
    pub(crate) fn status_lens(&self) -> Lens<'_> {
        Lens::new(self.rules.iter().filter(|rule| *rule.path.whole() == Whole::Status).map(|rule| &rule.act))
    }

    /// What a field, by its name in lower case, is looked at through.
    pub(crate) fn field_lens<'r>(&'r self, name: &str) -> Lens<'r> {
        Lens::new(self.rules.iter().filter(|rule| names(rule, name)).map(|rule| &rule.act))
    }
}

/// Whether a rule speaks of this field.
fn names(rule: &Ready, name: &str) -> bool {
    matches!(rule.path.whole(), Whole::Field(known) if known == name)
}

/// A rule checked.
fn ready(rule: Rule) -> Result<Act, RuleFault> {
    let whole = rule.path.whole();
    if *whole == Whole::Status && !matches!(rule.kind, RuleKind::Ignore | RuleKind::TypeOnly) {
        return Err(RuleFault::Status);
    }
    Ok(match rule.kind {
        RuleKind::Ignore => Act::Ignore,
        RuleKind::TypeOnly => Act::TypeOnly,
        RuleKind::SetBy { key } if !key.is_empty() && *whole != Whole::Body => {
            return Err(RuleFault::FieldKey);
        }
        RuleKind::SetBy { key } => Act::SetBy(pointer(&key).ok_or(RuleFault::Key)?),
        RuleKind::Tolerance { absolute, relative } => {
            let usable = absolute.is_finite() && absolute >= 0.0 && (0.0..1.0).contains(&relative);
            if !usable || (absolute == 0.0 && relative == 0.0) {
                return Err(RuleFault::Tolerance);
            }
            Act::Tolerance { absolute, relative }
        }
        RuleKind::Skew(Duration::ZERO) => return Err(RuleFault::Skew),
        RuleKind::Skew(most) => Act::Skew(most),
        RuleKind::Normalise { regex, with } => Act::Normalise(Normaliser::new(&regex, with)?),
        RuleKind::Ids { class } if class.is_empty() => return Err(RuleFault::Class),
        RuleKind::Ids { class } => Act::Ids(hash(&class)),
    })
}
