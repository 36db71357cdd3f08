//! What members write while the demo runs, bounded however long it does.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Comments that wait for the moderator; the oldest is let go first.
const MAX_PENDING: usize = 100;

/// Likes, and comments that wait for the moderator.
///
/// A new comment is not published at once. This is what keeps the two systems comparable: a comment that was
/// published between a request and its copy would look like a difference, and would be none.
#[derive(Debug, Default)]
pub(crate) struct Activity {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Users by the article they like.
    likes: BTreeMap<u32, BTreeSet<u32>>,
    pending: VecDeque<Pending>,
    /// Comments written so far.
    comments: u64,
}

/// A comment that waits for the moderator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pending {
    /// Its place among the comments written while the demo runs, from 1.
    pub(crate) number: u64,
    /// Number of the article.
    pub(crate) article: u32,
    /// Number of the user who wrote it.
    pub(crate) author: u32,
    pub(crate) text: String,
}

impl Activity {
    /// Notes that a user likes an article, once however often they say so. Gives how many do.
    pub(crate) fn like(&self, article: u32, user: u32) -> usize {
        let mut inner = self.lock();
        let fans = inner.likes.entry(article).or_default();
        fans.insert(user);
        fans.len()
    }

    /// Takes in a comment.
    pub(crate) fn comment(&self, article: u32, author: u32, text: String) -> Pending {
        let mut inner = self.lock();
        inner.comments += 1;
        let pending = Pending { number: inner.comments, article, author, text };
        if inner.pending.len() == MAX_PENDING {
            inner.pending.pop_front();
        }
        inner.pending.push_back(pending.clone());
        pending
    }

    /// What waits for the moderator, oldest first.
    pub(crate) fn pending(&self) -> Vec<Pending> {
        self.lock().pending.iter().cloned().collect()
    }

    /// How many articles a user likes.
    pub(crate) fn likes_of(&self, user: u32) -> usize {
        self.lock().likes.values().filter(|fans| fans.contains(&user)).count()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_likes_an_article_once() {
        let activity = Activity::default();
        assert_eq!([activity.like(1, 7), activity.like(1, 7), activity.like(1, 8)], [1, 1, 2]);
        activity.like(2, 7);
        assert_eq!(activity.likes_of(7), 2);
    }

    #[test]
    fn the_oldest_comments_make_room() {
        let activity = Activity::default();
        for _ in 0..MAX_PENDING + 5 {
            activity.comment(1, 2, "first".to_owned());
        }
        let pending = activity.pending();
        assert_eq!((pending.len(), pending[0].number), (MAX_PENDING, 6));
    }
}
