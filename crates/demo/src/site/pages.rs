//! What the site answers, as JSON.

use serde_json::{Value, json};

use super::dialect::{Dialect, rfc3339};
use crate::community::{Article, Comment, Notification, Pending, User};

/// `GET /articles/{id}`.
pub(super) fn article(article: &Article, dialect: Dialect) -> Value {
    json!({
        "id": article.number,
        "title": article.title,
        "author": article.author,
        "text": article.text,
        "rating": f64::from(dialect.rating(article)) / 100.0,
        "updated_at": dialect.updated_at(article.updated),
    })
}

/// One of `GET /articles`.
pub(super) fn article_line(article: &Article, dialect: Dialect) -> Value {
    json!({
        "id": article.number,
        "title": article.title,
        "author": article.author,
        "updated_at": dialect.updated_at(article.updated),
    })
}

/// One of `GET /articles/{id}/comments`.
pub(super) fn comment(comment: &Comment, dialect: Dialect) -> Value {
    json!({
        "id": comment.number,
        "author": comment.author,
        "text": comment.text,
        "updated_at": dialect.updated_at(comment.updated),
    })
}

/// The answer to `POST /articles/{id}/comments`, and one of `GET /moderation`.
pub(super) fn pending(pending: &Pending) -> Value {
    json!({
        "id": pending.number,
        "article": pending.article,
        "author": pending.author,
        "text": pending.text,
        "state": "waits for the moderator",
    })
}

/// `GET /users/{id}`.
pub(super) fn user(user: &User, likes: usize) -> Value {
    json!({ "id": user.number, "name": user.name, "joined": rfc3339(user.joined), "likes": likes })
}

/// One of `GET /users/{id}/notifications`: joined with the name of who did it and the title of what it was done to.
pub(super) fn notification(
    notification: &Notification,
    dialect: Dialect,
    actor: &Value,
    title: &Value,
) -> Value {
    json!({
        "id": notification.number,
        "deed": notification.deed,
        "actor": { "id": notification.actor, "name": actor },
        "article": { "id": notification.article, "title": title },
        "updated_at": dialect.updated_at(notification.updated),
    })
}
