//! The service without the library, as it is written in an afternoon: one question after the other, and an error is an error.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    routing,
};
use serde::de::DeserializeOwned;

use super::{
    SetUpError, client,
    data::{Listing, User},
    dependencies::Dependencies,
    profile::Profile,
    question::{Numbers, Question},
};

struct Service {
    at: Dependencies,
    numbers: Numbers,
}

/// `GET /profiles/{id}`.
pub(crate) fn router(at: Dependencies) -> Router {
    let service = Service { at, numbers: Numbers::default() };
    Router::new().route("/profiles/{id}", routing::get(profile)).with_state(Arc::new(service))
}

async fn profile(
    State(service): State<Arc<Service>>,
    Path(id): Path<u32>,
    fields: HeaderMap,
) -> Result<Json<Profile>, (StatusCode, String)> {
    let question = Question::first(service.numbers.of(&fields));
    let joined = join(&service.at, id, question).await;
    joined.map(Json).map_err(|error| (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")))
}

async fn join(at: &Dependencies, id: u32, question: Question) -> Result<Profile, SetUpError> {
    let user: User = get(at.users, id, question).await?;
    let recommendations: Listing = get(at.recommendations, id, question).await?;
    let reviews: Listing = get(at.reviews, id, question).await?;
    Ok(Profile {
        user,
        recommendations: recommendations.items,
        reviews: reviews.items,
        missing: Vec::new(),
        stale: Vec::new(),
        complete: true,
    })
}

async fn get<T: DeserializeOwned>(
    from: std::net::SocketAddr,
    id: u32,
    question: Question,
) -> Result<T, SetUpError> {
    let answer = client::get(from, &format!("/{id}"), question).await?;
    if !answer.status.is_success() {
        return Err(format!("it answered {}", answer.status).into());
    }
    Ok(serde_json::from_slice(&answer.body)?)
}
