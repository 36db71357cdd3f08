//! The new systems, one per unit. Each owns its unit and asks through the gateway for everything else.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, State},
    routing::get,
};
use futures_util::future::try_join_all;
use http::HeaderMap;
use serde_json::Value;

use super::{
    bridge::Bridge,
    pages,
    refusal::Refusal,
    shared::{self, Books},
};
use crate::community::Notification;

pub(super) fn articles(books: Books) -> Router {
    shared::articles().merge(shared::ready()).with_state(books)
}

pub(super) fn comments(books: Books) -> Router {
    shared::comments().merge(shared::ready()).with_state(books)
}

pub(super) fn notifications(books: Books, bridge: Arc<Bridge>) -> Router {
    let list = get(notification_list);
    let state = (books, bridge);
    Router::new().route("/users/{id}/notifications", list).merge(shared::ready()).with_state(state)
}

/// Joins with users, which legacy owns, and with articles, which are on their way: whoever answers for them, the
/// gateway knows.
async fn notification_list(
    State((books, bridge)): State<(Books, Arc<Bridge>)>,
    Path(number): Path<u32>,
    headers: HeaderMap,
) -> Result<Json<Value>, Refusal> {
    let notifications = books.community.notifications(number).ok_or(Refusal::NotFound)?;
    let join = |notification: Notification| {
        let (books, bridge, headers) = (&books, &bridge, &headers);
        async move {
            let (actor, article) = tokio::try_join!(
                bridge.ask(format!("/users/{}", notification.actor), headers),
                bridge.ask(format!("/articles/{}", notification.article), headers),
            )?;
            Ok(pages::notification(&notification, books.dialect, &actor["name"], &article["title"]))
        }
    };
    let lines: Vec<Value> = try_join_all(notifications.into_iter().map(join)).await?;
    Ok(Json(lines.into()))
}
