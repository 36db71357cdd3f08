//! The admin API of a running program.

use std::{fs, net::SocketAddr, path::Path};

use anyhow::Context;
use serde_json::Value;

use crate::{client::RawClient, message::Response};

/// A client of the admin API, with the program's token.
#[derive(Clone, Debug)]
pub struct Admin {
    address: SocketAddr,
    token: String,
}

/// An answer of the admin API.
#[derive(Clone, Debug)]
pub struct AdminAnswer {
    /// Status code.
    pub status: u16,
    /// Body as text: `/metrics` is no JSON.
    pub text: String,
    /// Body as JSON; null when it is none.
    pub json: Value,
}

impl Admin {
    pub(super) fn new(address: SocketAddr, token_file: &Path) -> anyhow::Result<Self> {
        let token = fs::read_to_string(token_file).with_context(|| token_file.display().to_string())?;
        Ok(Self { address, token: token.trim().to_owned() })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The bearer token.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Asks.
    ///
    /// # Errors
    /// When there is no answer; a refusal is one.
    pub async fn get(&self, path: &str) -> anyhow::Result<AdminAnswer> {
        self.send("GET", path, None).await
    }

    /// Changes something.
    ///
    /// # Errors
    /// When there is no answer; a refusal is one.
    pub async fn send(&self, method: &str, path: &str, body: Option<&Value>) -> anyhow::Result<AdminAnswer> {
        let Self { address, token } = self;
        let body = body.map(Value::to_string).unwrap_or_default();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut client = RawClient::connect(*address).await?;
        client.write(request).await?;
        Ok(client.read_response(method).await?.into())
    }

    /// The value of a metric sample, by its whole name with labels as `/metrics` shows it; `None` when there is none.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn metric(&self, sample: &str) -> anyhow::Result<Option<f64>> {
        let answer = self.get("/metrics").await?;
        let value =
            |line: &str| line.strip_prefix(sample)?.strip_prefix(' ')?.split(' ').next()?.parse().ok();
        Ok(answer.text.lines().find_map(value))
    }
}

impl From<Response> for AdminAnswer {
    fn from(response: Response) -> Self {
        Self { status: response.status, text: response.text(), json: response.json() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Reply, Scripted};

    #[tokio::test]
    async fn sends_the_token_and_reads_metrics() {
        let metrics = "# HELP a b\na_total{x=\"y\"} 7\na_total 8\n";
        let api = Scripted::start(move |_| Reply::new(200).body(metrics).into()).await.unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "secret\n").unwrap();
        let admin = Admin::new(api.address(), file.path()).unwrap();
        assert_eq!(admin.metric("a_total").await.unwrap(), Some(8.0));
        assert_eq!(admin.metric("a_total{x=\"y\"}").await.unwrap(), Some(7.0));
        assert_eq!(admin.metric("a_tot").await.unwrap(), None);
        let requests = api.requests();
        assert_eq!(requests[0].fields.get("authorization"), Some("Bearer secret"));
    }
}
