//! Alerts as JSON that is posted.

use std::{error::Error, time::Duration};

use http::{HeaderMap, Method, Request, header};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::time::timeout;

use super::{Failure, Letter};

/// Posts JSON. Connections are not kept: an alert an hour gains nothing by it.
#[derive(Clone)]
pub(super) struct Poster {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl Poster {
    /// `None` when this machine can do no TLS at all.
    pub(super) fn new() -> Option<Self> {
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(rustls::crypto::aws_lc_rs::default_provider())
            .ok()?
            .https_or_http()
            .enable_http1()
            .build();
        // A request that was cancelled may have arrived; sending it again is for the sender to decide.
        let client = Client::builder(TokioExecutor::new())
            .retry_canceled_requests(false)
            .pool_max_idle_per_host(0)
            .build(connector);
        Some(Self { client })
    }

    /// Posts a letter; it has arrived when the answer is 2xx. What is wrong, else, in words without the URL.
    pub(super) async fn post(&self, url: &str, letter: &Letter, at_most: Duration) -> Result<(), Failure> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(url)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, concat!("banyan/", env!("CARGO_PKG_VERSION")))
            .body(Full::new(Bytes::from(letter.to_webhook().to_string())))
            .map_err(|_| "the URL is none".to_owned())?;
        let why = match timeout(at_most, self.client.request(request)).await {
            Err(_) => format!("no answer within {} s", at_most.as_secs_f32()),
            Ok(Err(error)) if error.is_connect() => {
                format!("it cannot be connected to: {}", root_cause(&error))
            }
            Ok(Err(_)) => "the connection broke off before an answer".to_owned(),
            Ok(Ok(answer)) if answer.status().is_success() => return Ok(()),
            Ok(Ok(answer)) => {
                let why = format!("it answered with status {}", answer.status().as_u16());
                return Err(Failure { why, retry_after: retry_after(answer.headers()) });
            }
        };
        Err(why.into())
    }
}

/// `Retry-After` in seconds (RFC 9110 section 10.2.3), as chat services say it; a date is not read.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// What is below all that only says that something is wrong: a refused connection and a certificate that nobody trusts
/// are mended by different people. No part of the URL is in it, since the address is not named here.
fn root_cause(error: &(dyn Error + 'static)) -> String {
    let mut cause = error;
    while let Some(below) = cause.source() {
        cause = below;
    }
    cause.to_string()
}
