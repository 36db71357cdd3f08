//! The three services that a profile is joined from, under chaos.

use std::{io, net::SocketAddr};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing,
};
use futures_util::stream;
use serde::Serialize;
use tokio::{task::JoinSet, time::sleep};

use super::{
    chaos::{Chaos, Ends},
    data::{self, Listing},
    question::{Numbers, Question},
    serve,
};

/// Where the three are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dependencies {
    /// `GET /7`: user 7, without whom there is no profile.
    pub(crate) users: SocketAddr,
    /// `GET /7`: what user 7 might like. A profile can do without.
    pub(crate) recommendations: SocketAddr,
    /// `GET /7`: what user 7 wrote. A profile can do without.
    pub(crate) reviews: SocketAddr,
}

/// One of the three.
struct Dependency {
    /// Tells it from the others in the chaos.
    number: u64,
    chaos: Chaos,
    /// For those who ask by hand.
    numbers: Numbers,
    /// The answer about a user, if there is such a user.
    knows: fn(u32) -> Option<Vec<u8>>,
}

impl Dependencies {
    /// Starts them, each on a port of its own.
    pub(crate) async fn start(seed: u64, servers: &mut JoinSet<()>) -> io::Result<Self> {
        let chaos = Chaos { seed };
        let mut start = async |number, knows| {
            let dependency = Dependency { number, chaos, numbers: Numbers::default(), knows };
            let router = Router::new().route("/{id}", routing::get(answer));
            serve::start(router.with_state(std::sync::Arc::new(dependency)), servers).await
        };
        Ok(Self {
            users: start(0, |id| json(&data::user(id)?)).await?,
            recommendations: start(1, |id| listing(id, data::recommendations)).await?,
            reviews: start(2, |id| listing(id, data::reviews)).await?,
        })
    }
}

async fn answer(
    State(own): State<std::sync::Arc<Dependency>>,
    Path(id): Path<u32>,
    fields: HeaderMap,
) -> Response {
    let question = Question::read(&fields).unwrap_or_else(|| Question::first(own.numbers.of(&fields)));
    let fate = own.chaos.fate(own.number, question);
    sleep(fate.takes).await;
    let Some(mut whole) = (own.knows)(id) else { return not_found() };
    let half = whole.len() / 2;
    match fate.ends {
        Ends::Well => as_json(Body::from(whole)),
        Ends::Error => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Ends::Half => {
            whole.truncate(half);
            as_json(Body::from(whole))
        }
        Ends::Reset => {
            whole.truncate(half);
            // A body that fails makes the server drop the connection.
            let reset = Err(io::Error::from(io::ErrorKind::ConnectionReset));
            as_json(Body::from_stream(stream::iter([Ok(Bytes::from(whole)), reset])))
        }
    }
}

fn not_found() -> Response {
    let problem = Json(serde_json::json!({ "title": "there is no such user" }));
    (StatusCode::NOT_FOUND, problem).into_response()
}

fn as_json(body: Body) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

fn listing(user: u32, of: fn(u32) -> Vec<String>) -> Option<Vec<u8>> {
    data::user(user)?;
    json(&Listing { user, items: of(user) })
}

fn json(value: &impl Serialize) -> Option<Vec<u8>> {
    serde_json::to_vec(value).ok()
}
