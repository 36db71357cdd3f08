//! Everything that may come in broken, over the wire against the real binary: it is refused, nothing of it reaches an
//! upstream, and others are served meanwhile.
mod chunks;
mod configs;
mod heads;
mod limits;
mod slow;
mod store;

use anyhow::Result;
use banyan_e2e::assert_problem;
use banyan_testkit::{Answer, Banyan, Received, Reply, Scripted};

/// An upstream that answers everything, and a gateway that sends everything to it. `more` is more of the config.
async fn pass_through(more: &str) -> Result<(Scripted, Banyan)> {
    let upstream = Scripted::start(|_| Reply::new(200).body("ok").into()).await?;
    let banyan = behind(&upstream, more).await?;
    Ok((upstream, banyan))
}

/// A gateway that sends everything to `upstream`.
async fn behind(upstream: &Scripted, more: &str) -> Result<Banyan> {
    let config = format!(
        "upstreams: {{ only: {{ endpoints: [\"{}\"] }} }}\nroutes: [ {{ match: \"* /{{rest...}}\", to: only }} ]\n{more}",
        upstream.url()
    );
    Banyan::start(&config).await
}

/// Sends what must be refused: with this status and type, the connection closed, the upstream never asked, and the next
/// client served.
async fn refused(request: impl AsRef<[u8]>, status: u16, slug: &str) -> Result<()> {
    refused_with("", request, status, slug).await
}

/// The same under a config of its own.
async fn refused_with(more: &str, request: impl AsRef<[u8]>, status: u16, slug: &str) -> Result<()> {
    let (upstream, banyan) = pass_through(more).await?;
    let mut client = banyan.client().await?;
    client.write(request).await?;
    let response = client.read_response("POST").await?;
    assert_problem(&response, status, slug);
    assert_eq!(response.fields.get("connection"), Some("close"));
    client.closed().await?;
    others_are_served(&banyan).await?;
    let targets: Vec<_> = upstream.requests().into_iter().map(|request| request.target).collect();
    assert_eq!(targets, ["/others"], "nothing of what was refused was forwarded");
    Ok(())
}

/// Another client is served.
async fn others_are_served(banyan: &Banyan) -> Result<()> {
    let mut other = banyan.client().await?;
    let response = other.get("/others", "").await?;
    assert_eq!((response.status, response.text().as_str()), (200, "ok"));
    Ok(())
}

/// An upstream that answers `/others` and leaves what else comes to `answer`.
async fn upstream_with(answer: impl Fn() -> Answer + Send + Sync + 'static) -> Result<Scripted> {
    let script = move |request: &Received| match request.target.as_str() {
        "/others" => Reply::new(200).body("ok").into(),
        _ => answer(),
    };
    Ok(Scripted::start(script).await?)
}
