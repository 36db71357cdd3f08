//! What a flag is.

use serde_json::Value;

use crate::{Bucket, Condition, Context, EvaluationError, Fault, Kind, Percent, Reason, Split, canonical};

/// One flag, complete and checked: it was read by [`Definition::read`], and nothing in it contradicts the rest of it.
/// Whether it fits the *other* flags (prerequisites, retired keys) is checked by [`crate::FlagSet::new`].
#[derive(Clone, Debug, PartialEq)]
pub struct Definition {
    pub(crate) key: Box<str>,
    pub(crate) description: String,
    pub(crate) enabled: bool,
    pub(crate) kind: Kind,
    pub(crate) variants: Vec<Variant>,
    pub(crate) default: usize,
    pub(crate) off: usize,
    pub(crate) serve: Serve,
    /// `None`: the key.
    pub(crate) salt: Option<Box<str>>,
    pub(crate) segments: Vec<Segment>,
    pub(crate) overlap: Overlap,
    pub(crate) prerequisites: Vec<Prerequisite>,
    pub(crate) metadata: Vec<(String, Value)>,
}

/// One of the values a flag can have, with its name.
#[derive(Clone, Debug, PartialEq)]
pub struct Variant {
    /// Its name, unique within the flag.
    pub name: Box<str>,
    /// What applications get. All values of a flag have one type.
    pub value: Value,
}

/// What is served to those whom a rule concerns. Variants are indexes into [`Definition::variants`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Serve {
    /// One variant to all.
    Variant(usize),
    /// Of a boolean flag: `true` to those whose bucket lies inside, `false` to the rest.
    Percent {
        /// How much.
        percent: Percent,
        /// The variant that is `true`.
        inside: usize,
        /// The variant that is `false`.
        outside: usize,
    },
    /// Several variants by shares.
    Split(Split),
}

/// A group that a rule chooses.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// Unique within the flag.
    pub name: Box<str>,
    /// All of them have to hold; at least one.
    pub when: Vec<Condition>,
    /// What those in the group get. It is final: who is outside of a percentage here is not looked at further.
    pub serve: Serve,
}

/// What two segments that can match the same context mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overlap {
    /// A mistake.
    #[default]
    Refuse,
    /// Intended: the first that matches decides (`overlap: first`).
    First,
}

/// What another flag has to serve before this one is evaluated at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prerequisite {
    /// The key of the other flag.
    pub flag: Box<str>,
    /// The variant that it has to serve to the same context.
    pub variant: Box<str>,
}

/// What was chosen within one flag, and why.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Choice<'a> {
    pub(crate) variant: usize,
    pub(crate) reason: Reason,
    pub(crate) segment: Option<&'a str>,
    pub(crate) bucket: Option<Bucket>,
}

impl Definition {
    /// What applications ask for.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What it is for; empty if nobody said.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Whether it is on. If not, everybody gets [`Definition::off_variant`].
    #[must_use]
    pub const fn enabled(&self) -> bool {
        self.enabled
    }

    /// The type of all its values.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Its values, at least one.
    #[must_use]
    pub fn variants(&self) -> &[Variant] {
        &self.variants
    }

    /// A variant's index by its name.
    #[must_use]
    pub fn variant(&self, name: &str) -> Option<usize> {
        self.variants.iter().position(|variant| &*variant.name == name)
    }

    /// What is served when it is on and nothing else decides: the rest of a percentage or a split, if there is one.
    #[must_use]
    pub fn default_variant(&self) -> &Variant {
        &self.variants[self.default]
    }

    /// What is served when it is off, or when a prerequisite is not met.
    #[must_use]
    pub fn off_variant(&self) -> &Variant {
        &self.variants[self.off]
    }

    /// What those get whom no segment matches.
    #[must_use]
    pub const fn serve(&self) -> &Serve {
        &self.serve
    }

    /// The share that gets `true`, if the flag as a whole is served by a percentage.
    #[must_use]
    pub const fn percent(&self) -> Option<Percent> {
        if let Serve::Percent { percent, .. } = self.serve { Some(percent) } else { None }
    }

    /// What buckets are computed with: the key, unless something else was set.
    #[must_use]
    pub fn salt(&self) -> &str {
        self.salt.as_deref().unwrap_or(&self.key)
    }

    /// Groups with rules of their own, in order.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Whether segments may overlap.
    #[must_use]
    pub const fn overlap(&self) -> Overlap {
        self.overlap
    }

    /// What other flags have to serve first.
    #[must_use]
    pub fn prerequisites(&self) -> &[Prerequisite] {
        &self.prerequisites
    }

    /// OpenFeature's flag metadata: booleans, texts and numbers by name.
    #[must_use]
    pub fn metadata(&self) -> &[(String, Value)] {
        &self.metadata
    }

    /// The same flag, on or off.
    #[must_use]
    pub fn with_enabled(self, enabled: bool) -> Self {
        Self { enabled, ..self }
    }

    /// The same flag at another percentage. Segments keep theirs.
    ///
    /// # Errors
    /// A fault at `/percent`, if it is no boolean flag, or one whose values are not one `true` and one `false`; or if it
    /// serves a split, or a fixed variant other than the `false` one, so that the change would do more than it says.
    pub fn with_percent(mut self, percent: Percent) -> Result<Self, Fault> {
        let refuse = |what: &str, hint: &str| {
            Err(Fault { pointer: "/percent".into(), what: what.into(), hint: Some(hint.into()) })
        };
        let Some((inside, outside)) = self.sides() else {
            return refuse(
                "only a boolean flag with one true and one false variant has a percentage",
                "set its split",
            );
        };
        match self.serve {
            Serve::Split(_) => return refuse("the flag is served by a split", "change the split"),
            Serve::Variant(variant) if variant != outside => {
                return refuse(
                    "the flag serves true to everybody whom no segment matches",
                    "set its default to the false variant together with the percentage",
                );
            }
            Serve::Variant(_) | Serve::Percent { .. } => {
                self.serve = Serve::Percent { percent, inside, outside };
            }
        }
        Ok(self)
    }

    /// A hash of all that it says, the same on every machine and in every version; the order of variants, of metadata and
    /// of the fields of objects does not count.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        canonical::hash(&self.to_json())
    }

    /// The only variant that is `true` and the only one that is `false`.
    pub(crate) fn sides(&self) -> Option<(usize, usize)> {
        sides(&self.variants)
    }

    /// Whether anything about a context can change what is served.
    fn is_static(&self) -> bool {
        self.segments.is_empty() && self.prerequisites.is_empty() && matches!(self.serve, Serve::Variant(_))
    }

    /// What is served when the flag is off.
    pub(crate) const fn off(&self) -> Choice<'_> {
        Choice { variant: self.off, reason: Reason::Disabled, segment: None, bucket: None }
    }

    /// What is served when it is on and its prerequisites are met.
    pub(crate) fn choose(&self, context: &Context) -> Result<Choice<'_>, EvaluationError> {
        let matched = self.segments.iter().find(|segment| segment.matches(context));
        let (serve, fixed) = match matched {
            Some(segment) => (&segment.serve, Reason::TargetingMatch),
            None if self.is_static() => (&self.serve, Reason::Static),
            None => (&self.serve, Reason::Default),
        };
        let (variant, bucket) = serve.pick(self.salt(), context)?;
        let reason = if matches!(serve, Serve::Variant(_)) { fixed } else { Reason::Split };
        Ok(Choice { variant, reason, segment: matched.map(|segment| &*segment.name), bucket })
    }
}

impl Segment {
    fn matches(&self, context: &Context) -> bool {
        self.when.iter().all(|condition| condition.holds(context))
    }
}

impl Serve {
    /// The variant for a context, and the bucket if one was needed: nobody needs one while all get the same.
    fn pick(&self, salt: &str, context: &Context) -> Result<(usize, Option<Bucket>), EvaluationError> {
        let bucket = || match context.targeting_key() {
            None => Err(EvaluationError::TargetingKeyMissing),
            Some("") => Err(EvaluationError::TargetingKeyEmpty),
            Some(key) => Ok(Bucket::of(salt, key)),
        };
        match self {
            Self::Variant(variant) => Ok((*variant, None)),
            Self::Percent { percent: Percent::ZERO, outside, .. } => Ok((*outside, None)),
            Self::Percent { percent: Percent::FULL, inside, .. } => Ok((*inside, None)),
            Self::Percent { percent, inside, outside } => {
                let bucket = bucket()?;
                Ok((if percent.contains(bucket) { *inside } else { *outside }, Some(bucket)))
            }
            Self::Split(split) => match split.certain() {
                Some(variant) => Ok((variant, None)),
                None => {
                    let bucket = bucket()?;
                    Ok((split.pick(bucket), Some(bucket)))
                }
            },
        }
    }
}

/// The only variant that is `true` and the only one that is `false`.
pub(crate) fn sides(variants: &[Variant]) -> Option<(usize, usize)> {
    Some((only(variants, true)?, only(variants, false)?))
}

/// The only variant with this value.
pub(crate) fn only(variants: &[Variant], truth: bool) -> Option<usize> {
    let mut found = variants.iter().enumerate().filter(|(_, variant)| variant.value == Value::Bool(truth));
    let (first, _) = found.next()?;
    found.next().is_none().then_some(first)
}
