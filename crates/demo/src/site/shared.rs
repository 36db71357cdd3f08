//! Pages that both systems serve. They differ by their dialect only.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    response::IntoResponse,
    routing::get,
};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{dialect::Dialect, pages, refusal::Refusal};
use crate::community::{Community, USERS};

/// What a system works with.
#[derive(Clone, Debug)]
pub(super) struct Books {
    pub(super) community: Arc<Community>,
    pub(super) dialect: Dialect,
}

/// The pages of the unit `articles`.
pub(super) fn articles() -> Router<Books> {
    Router::new().route("/articles", get(list)).route("/articles/{id}", get(article))
}

/// The pages of the unit `comments`.
pub(super) fn comments() -> Router<Books> {
    Router::new().route("/articles/{id}/comments", get(comment_list).post(comment))
}

/// Tells a health check that requests are welcome.
pub(super) fn ready<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/ready", get(|| async { Json(json!({ "ready": true })) }))
}

/// The user who asks: the number in `x-user-id: user-7`.
pub(super) fn who_asks(headers: &HeaderMap) -> Result<u32, Refusal> {
    let value = headers.get(crate::USER_FIELD).and_then(|value| value.to_str().ok());
    let number = value.and_then(|value| value.strip_prefix(crate::USER_PREFIX)?.parse().ok());
    number.filter(|number| (1..=USERS).contains(number)).ok_or(Refusal::WhoAsks)
}

#[derive(Deserialize)]
struct Page {
    page: Option<u32>,
}

async fn list(State(books): State<Books>, Query(query): Query<Page>) -> Json<Value> {
    let articles = books.community.articles(query.page.unwrap_or(1));
    Json(articles.iter().map(|article| pages::article_line(article, books.dialect)).collect())
}

async fn article(State(books): State<Books>, Path(number): Path<u32>) -> Result<Json<Value>, Refusal> {
    let article = books.community.article(number).ok_or(Refusal::NotFound)?;
    Ok(Json(pages::article(&article, books.dialect)))
}

async fn comment_list(State(books): State<Books>, Path(number): Path<u32>) -> Result<Json<Value>, Refusal> {
    let comments = books.community.comments(number).ok_or(Refusal::NotFound)?;
    Ok(Json(comments.iter().map(|comment| pages::comment(comment, books.dialect)).collect()))
}

#[derive(Deserialize)]
struct NewComment {
    text: String,
}

async fn comment(
    State(books): State<Books>,
    Path(number): Path<u32>,
    headers: HeaderMap,
    Json(new): Json<NewComment>,
) -> Result<impl IntoResponse, Refusal> {
    let author = who_asks(&headers)?;
    let article = books.community.article(number).ok_or(Refusal::NotFound)?;
    let pending = books.community.activity.comment(article.number, author, new.text);
    let location = [(header::LOCATION, "/moderation")];
    Ok((StatusCode::CREATED, location, Json(pages::pending(&pending))))
}
