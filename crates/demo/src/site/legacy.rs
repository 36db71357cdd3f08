//! The old system: every page of the site, and it calls nobody.

use axum::{
    Json, Router,
    extract::{Path, State},
    routing::{get, post},
};
use http::HeaderMap;
use serde_json::{Value, json};

use super::{
    pages,
    refusal::Refusal,
    shared::{self, Books},
};

pub(super) fn router(books: Books) -> Router {
    Router::new()
        .merge(shared::articles())
        .merge(shared::comments())
        .merge(shared::ready())
        .route("/articles/{id}/likes", post(like))
        .route("/users/{id}", get(profile))
        .route("/users/{id}/notifications", get(notifications))
        .route("/moderation", get(moderation))
        .with_state(books)
}

async fn like(
    State(books): State<Books>,
    Path(number): Path<u32>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    let user = shared::who_asks(&headers)?;
    let article = books.community.article(number).ok_or(Refusal::NotFound)?;
    Ok(Json(json!({ "likes": books.community.activity.like(article.number, user) })))
}

async fn profile(State(books): State<Books>, Path(number): Path<u32>) -> Result<Json<Value>, Refusal> {
    let user = books.community.user(number).ok_or(Refusal::NotFound)?;
    Ok(Json(pages::user(&user, books.community.activity.likes_of(user.number))))
}

async fn moderation(State(books): State<Books>) -> Json<Value> {
    Json(books.community.activity.pending().iter().map(pages::pending).collect())
}

/// Joins in its own books, as one big system can.
async fn notifications(State(books): State<Books>, Path(number): Path<u32>) -> Result<Json<Value>, Refusal> {
    let community = &books.community;
    let notifications = community.notifications(number).ok_or(Refusal::NotFound)?;
    let lines = notifications.iter().map(|notification| {
        let actor = community.user(notification.actor).map_or(Value::Null, |user| user.name.into());
        let title =
            community.article(notification.article).map_or(Value::Null, |article| article.title.into());
        pages::notification(notification, books.dialect, &actor, &title)
    });
    Ok(Json(lines.collect()))
}
