//! The service with the library: it answers with the right user and says what it lacks.

use std::{future::ready, sync::Arc};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing,
};
use banyan_resilience::{CallError, Caller, Failed, Observer, Request, Source, promise::Promise};

use super::{
    SetUpError,
    data::{Listing, User},
    dependencies::Dependencies,
    fetch::{Fault, Remote},
    last_good::LastGood,
    policies::{self, ListPolicy, UserPolicy},
    profile::{Profile, RECOMMENDATIONS, REVIEWS, USER},
    question::{Numbers, Question},
};

struct Service {
    caller: Caller,
    users: (Remote, UserPolicy),
    recommendations: (Remote, ListPolicy),
    reviews: (Remote, ListPolicy),
    last_good: LastGood<User>,
    numbers: Numbers,
}

/// The user, and whether it is from before.
struct Found {
    user: User,
    is_stale: bool,
}

/// `GET /profiles/{id}`. The seed is that of the jitter in backoffs.
pub(crate) fn router(at: Dependencies, seed: u64, observer: Arc<dyn Observer>) -> Result<Router, SetUpError> {
    let service = Arc::new(Service::new(at, seed, observer)?);
    Ok(Router::new().route("/profiles/{id}", routing::get(profile)).with_state(service))
}

async fn profile(State(service): State<Arc<Service>>, Path(id): Path<u32>, fields: HeaderMap) -> Response {
    let request = service.numbers.of(&fields);
    let (user, recommendations, reviews) = tokio::join!(
        service.user(id, request),
        service.list(&service.recommendations, id, request),
        service.list(&service.reviews, id, request),
    );
    let Found { user, is_stale } = match user {
        Ok(Some(found)) => found,
        Ok(None) => return (StatusCode::NOT_FOUND, "there is no such user\n").into_response(),
        Err(failed) => return unavailable(&failed),
    };
    let is_missing = [(RECOMMENDATIONS, recommendations.is_none()), (REVIEWS, reviews.is_none())];
    let missing: Vec<_> = is_missing
        .into_iter()
        .filter(|(_, is_missing)| *is_missing)
        .map(|(name, _)| name.to_owned())
        .collect();
    let complete = missing.is_empty() && !is_stale;
    let stale = if is_stale { vec![USER.to_owned()] } else { Vec::new() };
    let (recommendations, reviews) = (recommendations.unwrap_or_default(), reviews.unwrap_or_default());
    Json(Profile { user, recommendations, reviews, missing, stale, complete }).into_response()
}

impl Service {
    fn new(at: Dependencies, seed: u64, observer: Arc<dyn Observer>) -> Result<Self, SetUpError> {
        let json = Promise::new().with_status(200)?.with_content_type("application/json")?;
        let user = json.clone().with_status(404)?.with_required("/id")?.with_required("/name")?;
        let list = json.with_required("/items")?;
        let optional = |at, name| -> Result<_, SetUpError> {
            Ok((Remote { at, promise: list.clone() }, policies::optional(name)?))
        };
        Ok(Self {
            caller: Caller::new().seeded(seed).observed_by(observer),
            users: (Remote { at: at.users, promise: user }, policies::users()?),
            recommendations: optional(at.recommendations, RECOMMENDATIONS)?,
            reviews: optional(at.reviews, REVIEWS)?,
            last_good: LastGood::new(),
            numbers: Numbers::default(),
        })
    }

    /// The user: fresh, or else as last seen. `None` when there is no such user.
    async fn user(&self, id: u32, request: u64) -> Result<Option<Found>, Failed<Fault>> {
        let (remote, policy) = &self.users;
        let ask = |attempt| async move {
            match remote.fetch::<User>(id, Question::of(request, &attempt)).await {
                // Well-formed, and somebody else: the worst answer of all.
                Ok(Some(user)) if user.id != id => Err(Fault::Other),
                result => result,
            }
        };
        let as_last_seen = |_why: &_| self.last_good.get(id).map(|user| ready(Ok(Some(user))));
        let answer = self.caller.call_or(policy, Request::new(), ask, as_last_seen).await?;
        let is_stale = answer.source == Source::Fallback;
        if let (Some(user), false) = (&answer.value, is_stale) {
            self.last_good.put(id, user.clone());
        }
        Ok(answer.value.map(|user| Found { user, is_stale }))
    }

    /// A list, or nothing when it cannot be had.
    async fn list(
        &self,
        (remote, policy): &(Remote, ListPolicy),
        id: u32,
        request: u64,
    ) -> Option<Vec<String>> {
        let ask = |attempt| async move {
            match remote.fetch::<Listing>(id, Question::of(request, &attempt)).await {
                Ok(Some(list)) if list.user != id => Err(Fault::Other),
                result => result,
            }
        };
        let answer = self.caller.call_with(policy, Request::new(), ask).await.ok()?;
        answer.value.map(|list| list.items)
    }
}

/// No user, neither fresh nor from before. The caller is told when it is worth to come back.
fn unavailable(failed: &Failed<Fault>) -> Response {
    let after = match &failed.error {
        CallError::Refused(refused) => refused.retry_after.as_secs().saturating_add(1),
        CallError::Inner(_) | CallError::Timeout | CallError::Deadline => 1,
    };
    let fields = [(header::RETRY_AFTER, after.to_string())];
    (StatusCode::SERVICE_UNAVAILABLE, fields, format!("users: {failed}\n")).into_response()
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinSet;

    use super::*;
    use crate::world::{
        Counts,
        judge::{Ending, judge},
    };

    /// The service, the servers of its optional dependencies, and that of `users`.
    async fn service() -> (Arc<Service>, JoinSet<()>, JoinSet<()>) {
        let (mut optional, mut users) = (JoinSet::new(), JoinSet::new());
        let critical = Dependencies::start(7, &mut users).await.unwrap().users;
        let at = Dependencies { users: critical, ..Dependencies::start(7, &mut optional).await.unwrap() };
        (Arc::new(Service::new(at, 7, Arc::new(Counts::default())).unwrap()), optional, users)
    }

    async fn ask(service: &Arc<Service>, id: u32) -> Response {
        profile(State(service.clone()), Path(id), HeaderMap::new()).await
    }

    #[tokio::test(start_paused = true)]
    async fn when_users_is_down_its_last_good_value_answers_and_is_marked() {
        let (service, _optional, mut users) = service().await;
        assert_eq!(ask(&service, 7).await.status(), StatusCode::OK);
        users.shutdown().await;
        let (head, body) = ask(&service, 7).await.into_parts();
        let body = axum::body::to_bytes(body, 10_000).await.unwrap();
        assert_eq!(judge(7, head.status, &body), Ending::Marked);
        let profile: Profile = serde_json::from_slice(&body).unwrap();
        assert_eq!((profile.stale, profile.complete), (vec![USER.to_owned()], false));
    }

    #[tokio::test(start_paused = true)]
    async fn a_user_that_was_never_seen_is_unavailable_and_the_answer_says_when_to_come_back() {
        let (service, _optional, mut users) = service().await;
        users.shutdown().await;
        let response = ask(&service, 7).await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
    }

    #[tokio::test(start_paused = true)]
    async fn a_profile_of_nobody_is_not_found() {
        let (service, _optional, _users) = service().await;
        assert_eq!(ask(&service, 0).await.status(), StatusCode::NOT_FOUND);
    }
}
