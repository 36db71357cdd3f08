//! Where the two systems differ although they work on the same books. Every seeded difference is in this file.

use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{community::Article, seed::Seed};

/// Longest time after which the replacement copied a row, in seconds.
const MAX_LAG: u32 = 3_600;

/// How a system writes down what it knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// As it always was.
    Legacy,
    /// As the replacements do.
    Replacement(Seed),
}

impl Dialect {
    /// An article's rating in hundredths of a mark.
    ///
    /// Legacy rounds halves up, the replacement rounds them to the even neighbour, as its language's library does: a
    /// true difference, which a shadow is to find.
    pub(super) const fn rating(self, article: &Article) -> u32 {
        let (hundredths, rest) = (article.rating / 10, article.rating % 10);
        let rounds_up = match self {
            Self::Legacy => rest >= 5,
            Self::Replacement(_) => rest > 5 || (rest == 5 && hundredths % 2 == 1),
        };
        if rounds_up { hundredths + 1 } else { hundredths }
    }

    /// When something was changed, as RFC 3339.
    ///
    /// The replacement gives the time of its own copy, which is always later: a difference to be ignored.
    pub(super) fn updated_at(self, seconds: i64) -> String {
        let lag = match self {
            Self::Legacy => 0,
            Self::Replacement(seed) => 1 + seed.below(MAX_LAG, "copied", seconds.unsigned_abs()),
        };
        rfc3339(seconds + i64::from(lag))
    }
}

/// An instant as RFC 3339, in seconds since 1970.
pub(super) fn rfc3339(seconds: i64) -> String {
    let instant = OffsetDateTime::UNIX_EPOCH + Duration::seconds(seconds);
    // Fails for years beyond 9999 only, and the community is a few months old.
    instant.format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::community::{ARTICLES, Community};

    proptest! {
        #[test]
        fn ratings_differ_for_halves_and_for_nothing_else(seed: u64) {
            let community = Community::new(Seed(seed));
            let articles: Vec<_> = (1..=ARTICLES).filter_map(|number| community.article(number)).collect();
            for article in &articles {
                let [old, new] = [Dialect::Legacy, Dialect::Replacement(Seed(seed))].map(|d| d.rating(article));
                prop_assert_eq!(old - new, u32::from(article.rating % 10 == 5), "{:?}", article);
            }
            let halves = articles.iter().filter(|article| article.rating % 10 == 5).count();
            // One in 16 of 200, that is 12.5; 50 are eleven standard deviations away.
            prop_assert!(halves < 50, "{}", halves);
        }

        #[test]
        fn the_replacement_was_always_changed_later(seed: u64, seconds in 0i64..4_000_000_000) {
            let [old, new] = [Dialect::Legacy, Dialect::Replacement(Seed(seed))].map(|d| d.updated_at(seconds));
            // Texts of one length in RFC 3339 sort as the instants do.
            prop_assert!(old < new && old.len() == new.len(), "{} {}", old, new);
        }
    }

    #[test]
    fn the_default_seed_has_something_to_find() {
        let community = Community::new(Seed(crate::SEED));
        let halves =
            (1..=ARTICLES).filter_map(|number| community.article(number)).filter(|a| a.rating % 10 == 5);
        assert!((5..=20).contains(&halves.count()));
    }
}
