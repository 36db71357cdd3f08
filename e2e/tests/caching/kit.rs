//! What these tests share: an upstream that counts, a gateway that keeps, and a client that looks at who answered.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use anyhow::{Context as _, Result, ensure};
use banyan_testkit::{Answer, Banyan, RawClient, Received, Reply, Response, Scripted, eventually};

/// An hour from the upstream's own mouth.
pub(crate) const HOUR: (&str, &str) = ("Cache-Control", "max-age=3600");

/// A gateway whose cache is on, in front of one upstream that all of these routes lead to.
pub(crate) async fn keeping(endpoint: &str, routes: &[&str]) -> Result<Banyan> {
    keeping_with(endpoint, "{}", routes).await
}

/// As [`keeping`], with this said of the cache as a whole.
pub(crate) async fn keeping_with(endpoint: &str, cache: &str, routes: &[&str]) -> Result<Banyan> {
    Banyan::start(&config(endpoint, cache, routes)).await
}

/// The config of [`keeping_with`].
pub(crate) fn config(endpoint: &str, cache: &str, routes: &[&str]) -> String {
    let mut config = format!(
        "cache: {cache}\nupstreams: {{ only: {{ endpoints: [\"{endpoint}\"], breaker: off }} }}\nroutes:\n"
    );
    for route in routes.iter().chain(&["match: \"* /{rest...}\""]) {
        config.push_str(&format!("  - {{ {route}, to: only }}\n"));
    }
    config
}

/// An upstream that follows a script, and a gateway in front of it that keeps what it may.
pub(crate) async fn kept(
    script: impl Fn(&Received) -> Answer + Send + Sync + 'static,
) -> Result<(Scripted, Banyan)> {
    kept_by(&[], script).await
}

/// As [`kept`], with these routes before the one for all the rest.
pub(crate) async fn kept_by(
    routes: &[&str],
    script: impl Fn(&Received) -> Answer + Send + Sync + 'static,
) -> Result<(Scripted, Banyan)> {
    let upstream = Scripted::start(script).await?;
    let banyan = keeping(&upstream.url(), routes).await?;
    Ok((upstream, banyan))
}

/// Counts the requests for each target, from 0.
#[derive(Default)]
pub(crate) struct Counts(Mutex<HashMap<String, usize>>);

impl Counts {
    /// How many came for this request's target before.
    pub(crate) fn next(&self, request: &Received) -> usize {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(request.target.clone()).or_insert(0);
        *count += 1;
        *count - 1
    }
}

/// A response with several fields.
pub(crate) fn reply(status: u16, fields: &[(&str, &str)]) -> Reply {
    fields.iter().fold(Reply::new(status), |reply, (name, value)| reply.field(name, value))
}

/// Answers each request with its number, by these fields.
pub(crate) fn numbered(
    fields: &'static [(&str, &str)],
) -> impl Fn(&Received) -> Answer + Send + Sync + 'static {
    let counts = Counts::default();
    move |request| whole(request, reply(200, fields), &counts.next(request).to_string())
}

/// The response to this request, without its body when the method is HEAD.
pub(crate) fn whole(request: &Received, reply: Reply, body: &str) -> Answer {
    let reply = reply.body(body);
    if request.method == "HEAD" { Answer::new().send(reply.head()) } else { reply.into() }
}

/// What the upstream says in its answers to one target, told by the bodies.
pub(crate) async fn text(client: &mut RawClient, target: &str, fields: &str) -> Result<String> {
    let response = client.get(target, fields).await?;
    ensure!(response.status == 200, "{target}: {}", response.status);
    Ok(response.text())
}

/// Asks until the answer is this one: for what goes on behind the answers.
pub(crate) async fn becomes(banyan: &Banyan, target: &str, body: &str) -> Result<Response> {
    let mut client = banyan.client().await?;
    eventually(async || {
        let response = client.get(target, "").await?;
        ensure!(response.text() == body, "{target} is {} ({})", response.text(), response.status);
        Ok(response)
    })
    .await
}

/// Sends a request without a body by any method, and reads the response.
pub(crate) async fn send(
    client: &mut RawClient,
    method: &str,
    target: &str,
    fields: &str,
) -> Result<Response> {
    let length = if matches!(method, "GET" | "HEAD") { "" } else { "Content-Length: 0\r\n" };
    client.write(format!("{method} {target} HTTP/1.1\r\nHost: test.example\r\n{length}{fields}\r\n")).await?;
    Ok(client.read_response(method).await?)
}

/// What the cache says it did (RFC 9211).
pub(crate) fn cache_status(response: &Response) -> &str {
    response.fields.get("cache-status").unwrap_or_default()
}

/// A figure, by its name as `/metrics` shows it.
pub(crate) async fn metric(banyan: &Banyan, sample: &str) -> Result<f64> {
    banyan.admin()?.metric(sample).await?.with_context(|| format!("no {sample}"))
}
