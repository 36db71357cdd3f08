//! What passes through unchanged, and what is changed on purpose.
mod bodies;
mod bridge;
mod fields;
mod grpc;
mod http2;
mod messages;
mod upgrade;

use anyhow::Result;
use banyan_testkit::{Answer, Banyan, Received, Scripted};

/// A gateway that sends everything to `endpoint`; `more` is more of the config.
async fn in_front_of(endpoint: &str, more: &str) -> Result<Banyan> {
    let config = format!(
        "upstreams: {{ only: {{ endpoints: [\"{endpoint}\"] }} }}\nroutes: [ {{ match: \"* /{{rest...}}\", to: only }} ]\n{more}"
    );
    Banyan::start(&config).await
}

/// An upstream that follows a script, and a gateway in front of it.
async fn proxy(script: impl Fn(&Received) -> Answer + Send + Sync + 'static) -> Result<(Scripted, Banyan)> {
    let upstream = Scripted::start(script).await?;
    let banyan = in_front_of(&upstream.url(), "").await?;
    Ok((upstream, banyan))
}
