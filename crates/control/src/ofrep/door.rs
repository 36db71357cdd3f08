//! Who may ask, and how often.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::PoisonError,
    time::Duration,
};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderMap, StatusCode, header};
use tokio::time::{Instant, timeout};

use super::{
    Client, Shared,
    answer::{refused, refused_with, too_many},
};
use crate::{Token, guard};

/// From the head to the answer, the body of the request included.
const WHOLE: Duration = Duration::from_secs(10);
/// The protocol's other way to send a token.
const API_KEY: &str = "x-api-key";

/// Lets requests pass that may be answered.
///
/// The token comes before the limit, so that who has none cannot take the places of those who have.
pub(super) async fn pass(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let client =
        request.extensions().get::<Client>().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |client| client.0);
    match &shared.token {
        Some(token) if !is_authorised(request.headers(), token) => {
            let challenge = (header::WWW_AUTHENTICATE, "Bearer realm=\"banyan\"".to_owned());
            let details =
                "send the token of the config's 'ofrep.token_file' as 'Authorization: Bearer TOKEN'";
            return refused_with(StatusCode::UNAUTHORIZED, challenge, details);
        }
        Some(_) => {}
        // Without a token, whatever this machine runs may ask, but no page that made a name of its own lead here (DNS
        // rebinding). Pages of other origins need no more: they cannot read the answer, and nothing is changed.
        None => {
            let listen = shared.standing.plan().ofrep.as_ref().map(|ofrep| ofrep.listen);
            if let Some(listen) = listen
                && guard::is_foreign(request.uri().authority(), request.headers(), listen)
            {
                let details =
                    format!("without a token this answers only to localhost and its own address, {listen}");
                return refused(StatusCode::FORBIDDEN, details);
            }
        }
    }
    if let Err(wait) = admit(&shared, client) {
        return too_many(wait);
    }
    match timeout(WHOLE, next.run(request)).await {
        Ok(response) => response,
        Err(_) => refused(
            StatusCode::REQUEST_TIMEOUT,
            format!("the request was not complete within {} s", WHOLE.as_secs()),
        ),
    }
}

fn admit(shared: &Shared, client: IpAddr) -> Result<(), Duration> {
    // Without a config for it, it is on its way out.
    let rate = shared.standing.plan().ofrep.as_ref().map_or(1, |ofrep| ofrep.requests_per_second);
    shared.limiter.lock().unwrap_or_else(PoisonError::into_inner).admit(client, rate, Instant::now())
}

fn is_authorised(fields: &HeaderMap, token: &Token) -> bool {
    let bearer = guard::bearer_of(fields);
    let key = fields.get(API_KEY).and_then(|value| value.to_str().ok());
    [bearer, key].into_iter().flatten().any(|given| token.is(given))
}
