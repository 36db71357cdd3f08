//! All flags together.

mod check;

use rustc_hash::FxHashMap;

use crate::{Context, Definition, Evaluation, EvaluationError, Fault, canonical, definition::Choice};

/// All flags, checked against one another, and ready to be asked. Immutable: a change makes a new set.
///
/// Evaluating allocates nothing and costs well under a microsecond for a flag with a few segments
/// (`examples/evaluation_cost.rs` measures it).
#[derive(Clone, Debug)]
pub struct FlagSet {
    /// By key, in order.
    flags: Box<[Flag]>,
    /// Keys come from definitions and not from callers, so that a fast hash is safe.
    index: FxHashMap<Box<str>, usize>,
    fingerprint: u64,
}

/// A flag and what it needs, by number.
#[derive(Clone, Debug)]
struct Flag {
    definition: Definition,
    needs: Box<[Need]>,
}

/// A prerequisite: a flag of the set, and one of its variants.
#[derive(Clone, Copy, Debug)]
struct Need {
    flag: usize,
    variant: usize,
}

/// What is wrong with one flag in view of the others.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("flag '{flag}': {fault}")]
pub struct SetFault {
    /// The key of the flag.
    pub flag: String,
    /// What is wrong; its pointer leads into that flag's definition.
    pub fault: Fault,
}

impl Default for FlagSet {
    /// No flags.
    fn default() -> Self {
        Self::of(Vec::new(), Vec::new())
    }
}

impl FlagSet {
    /// The flags of `definitions`. `retired` has the keys that were in use once: an application that was forgotten may still
    /// ask for them, and must never get the answer of a flag that means something else.
    ///
    /// # Errors
    /// All that is wrong: a key used twice, a retired key, a prerequisite on a flag or variant that does not exist,
    /// prerequisites that go in a circle, or that lead to more than 64 evaluations.
    pub fn new(definitions: Vec<Definition>, retired: &[String]) -> Result<Self, Vec<SetFault>> {
        let mut definitions = definitions;
        definitions.sort_by(|a, b| a.key().cmp(b.key()));
        let needs = check::resolve(&definitions, retired)?;
        Ok(Self::of(definitions, needs))
    }

    /// Checked definitions in order, and what each needs.
    fn of(definitions: Vec<Definition>, needs: Vec<Vec<Need>>) -> Self {
        let fingerprint = canonical::combine(definitions.iter().map(Definition::fingerprint));
        let index = definitions.iter().enumerate().map(|(at, one)| (one.key().into(), at)).collect();
        let flags = definitions.into_iter().zip(needs);
        let flags =
            flags.map(|(definition, needs)| Flag { definition, needs: needs.into_boxed_slice() }).collect();
        Self { flags, index, fingerprint }
    }

    /// How many flags there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.flags.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.flags.is_empty()
    }

    /// One flag.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Definition> {
        self.index.get(key).map(|&at| &self.flags[at].definition)
    }

    /// All flags, by key.
    pub fn definitions(&self) -> impl ExactSizeIterator<Item = &Definition> {
        self.flags.iter().map(|flag| &flag.definition)
    }

    /// A hash of all definitions, the same on every machine and in every version, whatever order they were given in.
    ///
    /// Together with [`Context::fingerprint`] it decides every answer, so that a server can compare an `ETag` made of the
    /// two before it evaluates anything.
    #[must_use]
    pub const fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// What a flag says for a context. A pure function of the set, the key and the context.
    #[must_use]
    pub fn evaluate<'a>(&'a self, key: &'a str, context: &Context) -> Evaluation<'a> {
        match self.index.get(key) {
            Some(&at) => self.evaluate_at(at, context),
            None => Evaluation::failed(key, EvaluationError::FlagNotFound, &[]),
        }
    }

    /// What every flag says for a context, by key.
    pub fn evaluate_all<'a>(&'a self, context: &'a Context) -> impl ExactSizeIterator<Item = Evaluation<'a>> {
        (0..self.flags.len()).map(move |at| self.evaluate_at(at, context))
    }

    fn evaluate_at<'a>(&'a self, at: usize, context: &Context) -> Evaluation<'a> {
        let definition = &self.flags[at].definition;
        let (choice, unmet) = match self.choose(at, context) {
            Ok(choice) => choice,
            Err(error) => return Evaluation::failed(definition.key(), error, definition.metadata()),
        };
        let variant = &definition.variants()[choice.variant];
        Evaluation {
            key: definition.key(),
            value: Some(&variant.value),
            variant: Some(&variant.name),
            reason: choice.reason,
            error: None,
            metadata: definition.metadata(),
            segment: choice.segment,
            bucket: choice.bucket,
            unmet,
        }
    }

    /// What a flag serves, and the prerequisite that was not met. An error of a prerequisite is the flag's own.
    ///
    /// It recurs as deep as the prerequisites go, which [`check::resolve`] bounds.
    fn choose(&self, at: usize, context: &Context) -> Result<(Choice<'_>, Option<&str>), EvaluationError> {
        let Flag { definition, needs } = &self.flags[at];
        if !definition.enabled() {
            return Ok((definition.off(), None));
        }
        for need in needs {
            let (choice, _) = self.choose(need.flag, context)?;
            if choice.variant != need.variant {
                return Ok((definition.off(), Some(self.flags[need.flag].definition.key())));
            }
        }
        definition.choose(context).map(|choice| (choice, None))
    }
}

#[cfg(test)]
mod tests;
