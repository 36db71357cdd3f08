//! The way from a replacement back through the gateway, to whatever answers for the rest of the site.

use std::{net::SocketAddr, sync::OnceLock, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Request};
use http_body_util::Full;
use serde_json::Value;

use super::refusal::Refusal;
use crate::{USER_FIELD, client::Client};

/// What a call on behalf of another takes along: who asks, the trace, how often it has passed the gateway, and how long
/// its caller will wait.
const PASSED_ON: [HeaderName; 5] = [
    HeaderName::from_static(USER_FIELD),
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
    HeaderName::from_static("banyan-hops"),
    HeaderName::from_static("banyan-deadline-ms"),
];
/// How long an answer is waited for; less than the gateway waits for the page that is made of it.
const LIMIT: Duration = Duration::from_secs(2);

/// The gateway as a replacement knows it: not at all before it runs.
#[derive(Debug, Default)]
pub(super) struct Bridge {
    gateway: OnceLock<Client>,
}

impl Bridge {
    /// Says where the gateway is. It is said once: later addresses are not taken.
    pub(super) fn connect(&self, gateway: SocketAddr) {
        self.gateway.get_or_init(|| Client::new(gateway));
    }

    /// What the site answers at `path`, on behalf of the request with these `headers`.
    ///
    /// # Errors
    /// When there is no gateway or no answer in JSON with status 200.
    pub(super) async fn ask(&self, path: String, headers: &HeaderMap) -> Result<Value, Refusal> {
        let gateway = self.gateway.get().ok_or(Refusal::BadGateway)?;
        let mut request = Request::new(Full::<Bytes>::default());
        *request.uri_mut() = path.parse().map_err(|_| Refusal::BadGateway)?;
        for name in PASSED_ON {
            if let Some(value) = headers.get(&name) {
                request.headers_mut().insert(name, value.clone());
            }
        }
        let answer = gateway.ask(request, LIMIT).await.map_err(|_| Refusal::BadGateway)?;
        if answer.status != http::StatusCode::OK {
            return Err(Refusal::BadGateway);
        }
        serde_json::from_slice(&answer.body).map_err(|_| Refusal::BadGateway)
    }
}
