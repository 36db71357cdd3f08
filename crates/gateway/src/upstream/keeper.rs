//! The keeper: a thread of its own that checks endpoints and resolves names again, so that no worker ever does.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use banyan_config::plan::{Endpoint, Health};
use banyan_http1::{HeadLimits, HeadScanner, parse_response};
use bytes::BytesMut;
use http::Method;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    task::JoinSet,
    time::{MissedTickBehavior, interval, timeout},
};

use super::{
    connect,
    health::Finding,
    host::{Host, SharedUpstream},
};
use crate::wire::stream::Stream;

/// How often names are resolved again.
const RESOLVE_EVERY: Duration = Duration::from_secs(30);
/// How soon when they could not be.
const RESOLVE_RETRY: Duration = Duration::from_secs(2);
/// Largest head of a health answer.
const LIMITS: HeadLimits = HeadLimits { bytes: 64 * 1024, target: 0, headers: 128 };

/// Everything that is done for these upstreams, until the set is dropped.
pub(crate) fn keep(upstreams: &[Arc<SharedUpstream>]) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    for upstream in upstreams {
        for endpoint in &upstream.config.endpoints {
            if endpoint.host.parse::<std::net::IpAddr>().is_err() {
                tasks.spawn_local(resolve_for_ever(upstream.clone(), endpoint.clone()));
            }
        }
        if let Some(health) = &upstream.config.health {
            tasks.spawn_local(check_for_ever(upstream.clone(), health.clone()));
        }
    }
    tasks
}

async fn resolve_for_ever(upstream: Arc<SharedUpstream>, endpoint: Endpoint) {
    let mut failed = false;
    loop {
        match resolve(&endpoint).await {
            Ok(addresses) => {
                upstream.set_addresses(&endpoint, &addresses);
                failed = false;
            }
            // Addresses known from before stay: a resolver that is down must not take an upstream down.
            Err(error) if !failed => {
                failed = true;
                tracing::warn!(upstream = &*upstream.config.name, host = endpoint.host, %error, "name not resolved");
            }
            Err(_) => {}
        }
        tokio::time::sleep(if failed { RESOLVE_RETRY } else { RESOLVE_EVERY }).await;
    }
}

async fn resolve(endpoint: &Endpoint) -> std::io::Result<Vec<SocketAddr>> {
    let mut addresses: Vec<_> =
        tokio::net::lookup_host((endpoint.host.as_str(), endpoint.port)).await?.collect();
    addresses.sort_unstable();
    addresses.dedup();
    if addresses.is_empty() { Err(std::io::Error::other("it has no address")) } else { Ok(addresses) }
}

async fn check_for_ever(upstream: Arc<SharedUpstream>, health: Health) {
    let mut ticks = interval(health.every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let mut checks = JoinSet::new();
        for host in upstream.hosts.load_full().iter() {
            let (upstream, host, health) = (upstream.clone(), host.clone(), health.clone());
            checks.spawn_local(async move {
                let finding = timeout(health.timeout, check(&upstream, &host, &health)).await;
                host.checked(finding.unwrap_or(Finding::Silent), &upstream.config);
            });
        }
        while checks.join_next().await.is_some() {}
    }
}

/// One GET on a connection of its own: a pooled one would hide that new ones are refused.
async fn check(upstream: &SharedUpstream, host: &Host, health: &Health) -> Finding {
    let Ok(opened) = connect::open(upstream, host).await else { return Finding::Silent };
    let status = if opened.http2 {
        check_h2(opened.stream, host, &health.path).await
    } else {
        check_h1(opened.stream, host, &health.path).await
    };
    match status {
        Some(200..=399) => Finding::Well,
        Some(status) => Finding::Unwell(status),
        None => Finding::Silent,
    }
}

async fn check_h1(mut stream: Stream, host: &Host, path: &str) -> Option<u16> {
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: {}\r\nuser-agent: banyan-health\r\nconnection: close\r\n\r\n",
        host.authority
    );
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut buffer = BytesMut::new();
    let mut scanner = HeadScanner::default();
    loop {
        if stream.read_buf(&mut buffer).await.ok()? == 0 {
            return None;
        }
        if let Some(head) = parse_response(&mut buffer, &mut scanner, &Method::GET, &LIMITS).ok()? {
            return Some(head.status.as_u16());
        }
    }
}

async fn check_h2(stream: Stream, host: &Host, path: &str) -> Option<u16> {
    let io = hyper_util::rt::TokioIo::new(stream);
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(crate::wire::local::LocalExecutor, io).await.ok()?;
    let driver = tokio::task::spawn_local(connection);
    let scheme = if host.server_name.is_some() { "https" } else { "http" };
    let request = http::Request::get(format!("{scheme}://{}{path}", host.authority))
        .header(http::header::USER_AGENT, "banyan-health")
        .body(http_body_util::Empty::<bytes::Bytes>::new())
        .ok()?;
    let status = sender.send_request(request).await.ok().map(|response| response.status().as_u16());
    driver.abort();
    status
}
