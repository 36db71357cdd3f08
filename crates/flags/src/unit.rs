//! A unit of migration, seen as a flag.

use serde_json::Value;
use xxhash_rust::xxh64::Xxh64;

use crate::{Bucket, Context, Evaluation, EvaluationError, Percent, Reason, UNIT_PREFIX};

static REPLACEMENT: Value = Value::Bool(true);
static LEGACY: Value = Value::Bool(false);

/// The flag `unit.NAME`: on which side of a unit's migration is a subject?
///
/// Boolean, `replacement` (true) or `legacy` (false). It says exactly what the gateway does with a request of the same
/// subject: `Percent::contains(Bucket::of(salt, targeting key))`. The percentage is an argument, since it lives in an
/// atomic that a rollout moves; nothing has to be rebuilt.
///
/// Unlike a flag's own percentage it needs a targeting key at 0 % and at 100 % too: the gateway decides for a subject or
/// not at all (who brings none is given one), so that nothing true can be said about nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitFlag {
    key: Box<str>,
    salt: Box<str>,
}

impl UnitFlag {
    /// The flag of the unit with this name and this salt.
    #[must_use]
    pub fn new(unit: &str, salt: &str) -> Self {
        Self { key: format!("{UNIT_PREFIX}{unit}").into(), salt: salt.into() }
    }

    /// `unit.NAME`.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The unit's salt.
    #[must_use]
    pub fn salt(&self) -> &str {
        &self.salt
    }

    /// The side of the context's targeting key at a percentage.
    #[must_use]
    pub fn evaluate<'a>(&'a self, percent: Percent, context: &Context) -> Evaluation<'a> {
        let subject = match context.targeting_key() {
            None => return Evaluation::failed(&self.key, EvaluationError::TargetingKeyMissing, &[]),
            Some("") => return Evaluation::failed(&self.key, EvaluationError::TargetingKeyEmpty, &[]),
            Some(subject) => subject,
        };
        let bucket = Bucket::of(&self.salt, subject);
        let (value, variant) =
            if percent.contains(bucket) { (&REPLACEMENT, "replacement") } else { (&LEGACY, "legacy") };
        Evaluation {
            key: &self.key,
            value: Some(value),
            variant: Some(variant),
            reason: Reason::Split,
            error: None,
            metadata: &[],
            segment: None,
            bucket: Some(bucket),
            unmet: None,
        }
    }

    /// A hash of all that decides, to be combined with [`crate::FlagSet::fingerprint`] by [`crate::combine`].
    #[must_use]
    pub fn fingerprint(&self, percent: Percent) -> u64 {
        let mut hash = Xxh64::new(0);
        hash.update(self.key.as_bytes());
        hash.update(&[0x1F]);
        hash.update(self.salt.as_bytes());
        hash.update(&[0x1F]);
        hash.update(&percent.basis_points().to_le_bytes());
        hash.digest()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ErrorCode;

    proptest! {
        #[test]
        fn it_says_what_the_gateway_does(subject in ".+", points in 0u16..=10_000) {
            let percent = Percent::from_basis_points(points).unwrap();
            let unit = UnitFlag::new("articles", "salt");
            let context = Context::for_subject(&subject);
            let said = unit.evaluate(percent, &context);
            let inside = percent.contains(Bucket::of("salt", &subject));
            prop_assert_eq!(said.as_bool(), Ok(inside));
            prop_assert_eq!(said.variant, Some(if inside { "replacement" } else { "legacy" }));
            prop_assert_eq!(said.reason, Reason::Split);
        }
    }

    #[test]
    fn nothing_is_said_about_nobody() {
        let unit = UnitFlag::new("articles", "articles");
        assert_eq!(unit.key(), "unit.articles");
        for context in [Context::default(), Context::for_subject("")] {
            for percent in [Percent::ZERO, Percent::FULL] {
                let said = unit.evaluate(percent, &context);
                assert_eq!(said.error_code(), Some(ErrorCode::TargetingKeyMissing));
                assert_eq!((said.value, said.reason), (None, Reason::Error));
            }
        }
    }

    #[test]
    fn every_change_that_matters_changes_the_fingerprint() {
        let print = |unit: &str, salt: &str, percent: &str| {
            UnitFlag::new(unit, salt).fingerprint(percent.parse().unwrap())
        };
        let all =
            [print("a", "s", "5%"), print("b", "s", "5%"), print("a", "t", "5%"), print("a", "s", "6%")];
        assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), 4);
        assert_eq!(all[0], print("a", "s", "5%"));
    }
}
