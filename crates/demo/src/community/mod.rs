//! The community whose site is on its way: users, articles, comments, likes, notifications.
//!
//! Both systems of the demo work on these same books, as systems under migration often share a database. What they
//! make of them differs: see `site/dialect.rs`.

mod activity;
mod words;

use crate::seed::Seed;
pub(crate) use activity::{Activity, Pending};

/// Users, numbered from 1.
pub(crate) const USERS: u32 = 300;
/// Articles, numbered from 1.
pub(crate) const ARTICLES: u32 = 200;
/// Articles on a page of the list.
pub(crate) const PER_PAGE: u32 = 10;
/// Notifications of a user. Few, for each is joined with a user and an article.
const NOTIFICATIONS: u64 = 3;
/// Most comments an article begins with.
const MAX_COMMENTS: u32 = 8;
/// One article in this many has a rating that the two systems round differently.
const HALVES: u32 = 16;
/// 2026-01-01T00:00:00Z, in seconds since 1970: nothing in the community is older.
const FOUNDED: i64 = 1_767_225_600;
/// Seconds in which everything in it was written.
const AGE: u32 = 90 * 86_400;

/// All that was written before the demo began. It never changes, so both systems can be compared on it.
#[derive(Debug)]
pub(crate) struct Community {
    seed: Seed,
    /// What is written while the demo runs.
    pub(crate) activity: Activity,
}

/// A member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    /// 1 to [`USERS`].
    pub(crate) number: u32,
    pub(crate) name: String,
    /// Seconds since 1970.
    pub(crate) joined: i64,
}

/// An article.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Article {
    /// 1 to [`ARTICLES`].
    pub(crate) number: u32,
    pub(crate) title: String,
    /// Number of the user who wrote it.
    pub(crate) author: u32,
    pub(crate) text: String,
    /// Mean of the readers' marks in thousandths, 1,000 to 5,000. Shown in hundredths.
    pub(crate) rating: u32,
    /// Seconds since 1970.
    pub(crate) updated: i64,
}

/// A comment on an article.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Comment {
    pub(crate) number: u64,
    /// Number of the user who wrote it.
    pub(crate) author: u32,
    pub(crate) text: String,
    /// Seconds since 1970.
    pub(crate) updated: i64,
}

/// Something that happened to what a user wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notification {
    pub(crate) number: u64,
    /// What was done: `liked` or `commented on`.
    pub(crate) deed: &'static str,
    /// Number of the user who did it.
    pub(crate) actor: u32,
    /// Number of the article it was done to.
    pub(crate) article: u32,
    /// Seconds since 1970.
    pub(crate) updated: i64,
}

impl Community {
    pub(crate) fn new(seed: Seed) -> Self {
        Self { seed, activity: Activity::default() }
    }

    /// The user of this number, if there is one.
    pub(crate) fn user(&self, number: u32) -> Option<User> {
        is_within(number, USERS).then(|| User {
            number,
            name: words::name(self.seed, number),
            joined: self.instant("user.joined", number.into()),
        })
    }

    /// The article of this number, if there is one.
    pub(crate) fn article(&self, number: u32) -> Option<Article> {
        is_within(number, ARTICLES).then(|| Article {
            number,
            title: words::title(self.seed, number),
            author: 1 + self.seed.below(USERS, "article.author", number.into()),
            text: words::text(self.seed, number),
            rating: self.rating(number),
            updated: self.instant("article.updated", number.into()),
        })
    }

    /// The articles of a page, counted from 1; none beyond the last page.
    pub(crate) fn articles(&self, page: u32) -> Vec<Article> {
        let first = page.saturating_sub(1).saturating_mul(PER_PAGE).saturating_add(1);
        (first..first.saturating_add(PER_PAGE)).map_while(|number| self.article(number)).collect()
    }

    /// The published comments of an article, if there is such an article.
    pub(crate) fn comments(&self, article: u32) -> Option<Vec<Comment>> {
        let count = self.seed.below(MAX_COMMENTS + 1, "article.comments", article.into());
        let first = u64::from(article) * u64::from(MAX_COMMENTS);
        let comment = |number| Comment {
            number,
            author: 1 + self.seed.below(USERS, "comment.author", number),
            text: words::remark(self.seed, number),
            updated: self.instant("comment.updated", number),
        };
        is_within(article, ARTICLES).then(|| (first..first + u64::from(count)).map(comment).collect())
    }

    /// The notifications of a user, if there is such a user.
    pub(crate) fn notifications(&self, user: u32) -> Option<Vec<Notification>> {
        let first = u64::from(user) * NOTIFICATIONS;
        let notification = |number| Notification {
            number,
            deed: self.seed.pick(&["liked", "commented on"], "notification.deed", number),
            actor: 1 + self.seed.below(USERS, "notification.actor", number),
            article: 1 + self.seed.below(ARTICLES, "notification.article", number),
            updated: self.instant("notification.updated", number),
        };
        is_within(user, USERS).then(|| (first..first + NOTIFICATIONS).map(notification).collect())
    }

    /// Ends in a 5 behind an even digit for one article in [`HALVES`], and in 0 for all others: only the first kind
    /// can be rounded in two ways.
    fn rating(&self, article: u32) -> u32 {
        let hundredths = 100 + self.seed.below(400, "article.rating", article.into());
        let is_half = self.seed.below(HALVES, "article.half", article.into()) == 0;
        if is_half { (hundredths & !1) * 10 + 5 } else { hundredths * 10 }
    }

    fn instant(&self, purpose: &str, number: u64) -> i64 {
        FOUNDED + i64::from(self.seed.below(AGE, purpose, number))
    }
}

fn is_within(number: u32, last: u32) -> bool {
    (1..=last).contains(&number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(seed: u64) -> Vec<(Article, Vec<Comment>)> {
        let community = Community::new(Seed(seed));
        let numbers = 1..=ARTICLES;
        numbers.map(|n| (community.article(n).unwrap(), community.comments(n).unwrap())).collect()
    }

    #[test]
    fn a_seed_makes_one_community() {
        assert_eq!(all(1), all(1));
        assert_ne!(all(1), all(2));
    }

    #[test]
    fn numbers_end_where_they_should() {
        let community = Community::new(Seed(1));
        assert!(community.article(0).is_none() && community.article(ARTICLES + 1).is_none());
        assert!(community.user(0).is_none() && community.user(USERS + 1).is_none());
        assert!(community.comments(0).is_none() && community.notifications(USERS + 1).is_none());
    }

    #[test]
    fn pages_hold_every_article_once() {
        let community = Community::new(Seed(1));
        let pages = ARTICLES.div_ceil(PER_PAGE);
        let numbers: Vec<_> =
            (1..=pages).flat_map(|page| community.articles(page)).map(|a| a.number).collect();
        assert_eq!(numbers, (1..=ARTICLES).collect::<Vec<_>>());
        assert!(community.articles(pages + 1).is_empty() && community.articles(u32::MAX).is_empty());
    }

    #[test]
    fn who_is_named_is_there() {
        let community = Community::new(Seed(3));
        for user in 1..=USERS {
            for notification in community.notifications(user).unwrap() {
                assert!(community.user(notification.actor).is_some());
                assert!(community.article(notification.article).is_some());
            }
        }
    }
}
