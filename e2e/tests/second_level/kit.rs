//! What these tests share: a Redis of their own, gateways in front of one upstream, and the figures they count.

use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use banyan_e2e::cli;
use banyan_testkit::{Banyan, Port, RawClient, Received, Reply, Scripted, eventually};
use tempfile::TempDir;

/// A `redis-server` of this test's own; it ends with this value.
pub(crate) struct Redis {
    process: Option<Child>,
    port: Port,
    dir: TempDir,
}

impl Redis {
    /// One that answers.
    pub(crate) async fn start() -> Result<Self> {
        let mut redis = Self::absent()?;
        redis.come().await?;
        Ok(redis)
    }

    /// A place where one will be.
    pub(crate) fn absent() -> Result<Self> {
        Ok(Self { process: None, port: Port::reserve()?, dir: tempfile::tempdir()? })
    }

    /// Starts it, and waits until it answers.
    pub(crate) async fn come(&mut self) -> Result<()> {
        let port = self.port.number().to_string();
        let process = Command::new("redis-server")
            .args(["--bind", "127.0.0.1", "--port", &port, "--save", "", "--appendonly", "no", "--dir"])
            .arg(self.dir.path())
            .stdout(Stdio::null())
            .spawn()
            .context("redis-server: apt-get install redis-server")?;
        self.process = Some(process);
        eventually(async || {
            let mut client = RawClient::connect_local(self.port.number()).await?;
            client.write("PING\r\n").await?;
            ensure!(client.read_exact(7).await? == b"+PONG\r\n");
            Ok(())
        })
        .await
    }

    /// A config whose cache shares this Redis, with this said of it besides. Answers to `/tagged/{id}` carry a tag.
    pub(crate) fn config(&self, upstream: &Scripted, besides: &str) -> String {
        format!(
            "cache: {{ redis: {{ url: \"redis://{}\", deadline: 5s, lease: 5s }}{besides} }}\n\
             upstreams: {{ only: {{ endpoints: [\"{}\"], breaker: off }} }}\nroutes:\n  - {{ match: \"GET /tagged/{{id}}\", \
             to: only, cache: {{ ttl: 1h, tags: [ \"thing:{{id}}\" ] }} }}\n  - {{ match: \"* /{{rest...}}\", to: only }}\n",
            self.port.address(),
            upstream.url()
        )
    }

    /// A gateway that shares it.
    pub(crate) async fn gateway(&self, upstream: &Scripted) -> Result<Banyan> {
        Banyan::start(&self.config(upstream, "")).await
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            // It may be gone already, which is as good.
            process.kill().and_then(|()| process.wait()).ok();
        }
    }
}

/// An upstream whose answers may be kept for an hour, with this field too.
pub(crate) async fn upstream(field: Option<(&'static str, &'static str)>) -> Result<Scripted> {
    let script = move |request: &Received| {
        let reply = Reply::new(200).field("Cache-Control", "max-age=3600").body(said(request));
        field.into_iter().fold(reply, |reply, (name, value)| reply.field(name, value)).into()
    };
    Ok(Scripted::start(script).await?)
}

fn said(request: &Received) -> String {
    format!("{} {}", request.target, request.fields.get("accept-language").unwrap_or("-"))
}

/// Asks, expects 200, and says how the cache came to the answer.
pub(crate) async fn ask(banyan: &Banyan, target: &str, fields: &str) -> Result<String> {
    let answer = banyan.client().await?.get(target, fields).await?;
    ensure!(answer.status == 200 && answer.text().starts_with(target), "{target}: {}", answer.text());
    Ok(answer.fields.get("cache-status").unwrap_or_default().to_owned())
}

/// Asks until the answer lies in this gateway's memory: a moment after it was given.
pub(crate) async fn keep(banyan: &Banyan, target: &str) -> Result<()> {
    eventually(async || {
        let status = ask(banyan, target, "").await?;
        ensure!(status.contains("; hit") && !status.contains("second-level"), "{target}: {status}");
        Ok(())
    })
    .await
}

/// How often something happened at the shared level.
pub(crate) async fn count(banyan: &Banyan, event: &str) -> Result<u64> {
    let sample = format!("banyan_cache_second_level_total{{event=\"{event}\"}}");
    let value = banyan.admin()?.metric(&sample).await?.with_context(|| format!("no {sample}"))?;
    Ok(value.to_string().parse()?)
}

/// Waits until so much was written there, and expects leases for exactly that and nothing refused.
pub(crate) async fn has_written(banyan: &Banyan, values: u64) -> Result<()> {
    eventually(async || {
        let stored = count(banyan, "stored").await?;
        ensure!(stored == values, "{stored} of {values} were written");
        Ok(())
    })
    .await?;
    for (event, expected) in
        [("stored", values), ("lease_won", values), ("lease_held", 0), ("lease_lost", 0), ("fenced", 0)]
    {
        let happened = count(banyan, event).await?;
        ensure!(happened == expected, "{event}: {happened}, and not {expected}");
    }
    Ok(())
}

/// Throws away what these words say, at one gateway.
pub(crate) async fn purge(banyan: &Banyan, words: &[&str]) -> Result<String> {
    cli(banyan, &[&["cache", "purge", "--by", "ann", "--why", "wrong prices"], words].concat(), 0).await
}
