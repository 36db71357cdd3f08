//! One batch to the collector.

use std::time::Duration;

use hyper_rustls::HttpsConnectorBuilder;
use opentelemetry::KeyValue;
use opentelemetry_http::hyper::HyperClient;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{Resource, trace::SpanExporter as _};
use tokio::time::Instant;

use super::{FinishedSpan, SpansError, convert::span_data};

/// Limit for one export, retries included.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);
/// A collector that is down says the same thing all the time.
const COMPLAINT_INTERVAL: Duration = Duration::from_secs(60);

/// The connection to a collector.
pub(super) struct Exporter {
    inner: SpanExporter,
    complained: Option<Instant>,
}

impl Exporter {
    /// `endpoint` is the base URL of the collector (OTLP 1.x, "OTLP/HTTP Request").
    pub(super) fn new(endpoint: &str) -> Result<Self, SpansError> {
        check(endpoint)?;
        let unusable = |reason: String| SpansError::Endpoint { endpoint: endpoint.to_owned(), reason };
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(rustls::crypto::aws_lc_rs::default_provider())
            .map_err(|error| unusable(error.to_string()))?
            .https_or_http()
            .enable_http1()
            .build();
        let mut inner = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_timeout(EXPORT_TIMEOUT)
            .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
            .with_http_client(HyperClient::new(connector, EXPORT_TIMEOUT, None))
            .build()
            .map_err(|error| unusable(error.to_string()))?;
        inner.set_resource(&resource());
        Ok(Self { inner, complained: None })
    }

    /// Sends one batch. Returns whether the collector took it; if not, says so once in a while.
    pub(super) async fn export(&mut self, batch: Vec<FinishedSpan>) -> bool {
        let spans = batch.len();
        let result = self.inner.export(batch.into_iter().map(span_data).collect()).await;
        let Err(error) = result else { return true };
        let now = Instant::now();
        if self.complained.is_none_or(|last| now.duration_since(last) >= COMPLAINT_INTERVAL) {
            self.complained = Some(now);
            tracing::warn!(%error, spans, "the collector did not take spans; they are dropped and counted");
        }
        false
    }
}

fn check(endpoint: &str) -> Result<(), SpansError> {
    let unusable =
        |reason: &str| SpansError::Endpoint { endpoint: endpoint.to_owned(), reason: reason.to_owned() };
    let url: http::Uri = endpoint.parse().map_err(|_| unusable("it is not a URL"))?;
    if !matches!(url.scheme_str(), Some("http" | "https")) || url.host().is_none_or(str::is_empty) {
        return Err(unusable("it must begin with http:// or https:// and name a host"));
    }
    if url.query().is_some() {
        return Err(unusable("a base URL has no query"));
    }
    Ok(())
}

fn resource() -> Resource {
    Resource::builder_empty()
        .with_attributes([
            KeyValue::new("service.name", "banyan"),
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        ])
        .build()
}
