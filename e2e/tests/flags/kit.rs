//! A gateway with flags, and an application that asks for them.

use anyhow::Result;
use banyan_e2e::Sides;
use banyan_testkit::{Banyan, RawClient, Response, Setup};
use serde_json::{Value, json};

/// Flags of the config.
pub(crate) const FLAGS: &str = "\
flags:
  new-editor: { percent: 30%, metadata: { owner: web } }
  spell-check: { percent: 50%, prerequisites: [ { flag: new-editor, variant: on } ] }
  theme:
    variants: { light: white, dark: black }
    default: light
    segments: [ { name: germans, when: [ { attribute: country, in: [ de, at ] } ], variant: dark } ]
retired_flags: [ old-editor ]
";

/// A config with these lines about OFREP.
pub(crate) fn config(sides: &Sides, ofrep: &str) -> String {
    format!("ofrep: {{ listen: \"127.0.0.1:EXTRA_PORT\"{ofrep} }}\n{FLAGS}{}", sides.config("percent: 30%"))
}

/// A running gateway with two sides behind it.
pub(crate) struct World {
    pub(crate) sides: Sides,
    pub(crate) banyan: Banyan,
}

impl World {
    pub(crate) async fn start(ofrep: &str) -> Result<Self> {
        let sides = Sides::start().await?;
        let banyan = Setup::new(&config(&sides, ofrep)).start().await?;
        Ok(Self { sides, banyan })
    }

    pub(crate) async fn application(&self) -> Result<Application> {
        Ok(Application {
            client: RawClient::connect(self.banyan.extra_address()).await?,
            fields: String::new(),
        })
    }
}

/// A connection to the server of flags.
pub(crate) struct Application {
    pub(crate) client: RawClient,
    /// Lines of fields that go with every question.
    pub(crate) fields: String,
}

impl Application {
    /// Asks for one flag.
    pub(crate) async fn single(&mut self, key: &str, context: Value) -> Result<Response> {
        let path = format!("/ofrep/v1/evaluate/flags/{key}");
        self.post(&path, "", &json!({ "context": context }).to_string()).await
    }

    /// Asks for all flags, with more fields.
    pub(crate) async fn bulk(&mut self, context: Value, fields: &str) -> Result<Response> {
        self.post("/ofrep/v1/evaluate/flags", fields, &json!({ "context": context }).to_string()).await
    }

    pub(crate) async fn post(&mut self, path: &str, fields: &str, body: &str) -> Result<Response> {
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{}{fields}Content-Length: {}\r\n\r\n{body}",
            self.fields,
            body.len()
        );
        self.client.write(request).await?;
        Ok(self.client.read_response("POST").await?)
    }
}
