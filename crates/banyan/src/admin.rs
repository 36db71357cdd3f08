//! A client of the admin API.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::Value;

use crate::cli::Remote;

/// How long an answer may take: the API itself gives up on its store after 5 s.
const PATIENCE: Duration = Duration::from_secs(10);
/// Where a config is looked for when nothing says otherwise.
const USUAL_CONFIG: &str = "banyan.yaml";
/// Where the admin API is when there is no config either.
const USUAL_ADMIN: &str = "http://127.0.0.1:9901";
const USUAL_TOKEN: &str = "banyan.db.admin-token";

/// One gateway's admin API.
#[derive(Debug)]
pub(crate) struct Admin {
    base: String,
    token: String,
    agent: ureq::Agent,
}

/// Where a config says the API and its token are.
#[derive(Debug, Default)]
struct Named {
    base: Option<String>,
    token_file: Option<PathBuf>,
}

/// A gateway goes on with its old config when the file is broken, and that is when one must be able to move units back:
/// so a broken file is said, and then the usual places are tried.
fn named_by(config: &Path) -> Named {
    match banyan_config::load(config) {
        Ok(plan) => Named {
            base: Some(format!("http://{}", plan.admin.listen)),
            token_file: Some(plan.admin.token_file),
        },
        Err(report) => {
            eprintln!(
                "banyan: {report}\nbanyan: trying {USUAL_ADMIN}; name another with --admin and --token-file"
            );
            Named { base: None, token_file: config.parent().map(|folder| folder.join(USUAL_TOKEN)) }
        }
    }
}

impl Admin {
    /// Finds the API and its token: what is given by name wins over what a config says.
    ///
    /// # Errors
    /// When there is no token to be read.
    pub(crate) fn find(remote: &Remote) -> Result<Self> {
        let config = remote.config.clone().or_else(|| {
            let usual = Path::new(USUAL_CONFIG);
            usual.exists().then(|| usual.to_owned())
        });
        if let Some(path) = remote.config.as_ref().filter(|path| !path.exists()) {
            bail!("there is no config file {}", path.display());
        }
        let named = match &config {
            Some(path) if remote.admin.is_none() || remote.token_file.is_none() => named_by(path),
            _ => Named::default(),
        };
        let base = remote.admin.clone().or(named.base).unwrap_or_else(|| USUAL_ADMIN.to_owned());
        let file = remote.token_file.clone().or(named.token_file).unwrap_or_else(|| USUAL_TOKEN.into());
        let token = fs::read_to_string(&file).with_context(|| {
            format!(
                "cannot read the admin token in {}: name the gateway's config with --config, or the token with --token-file",
                file.display()
            )
        })?;
        let config = ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).http_status_as_error(false);
        let base = base.trim_end_matches('/').to_owned();
        Ok(Self { base, token: token.trim().to_owned(), agent: config.build().into() })
    }

    /// Asks for something.
    ///
    /// # Errors
    /// When it is refused or nobody answers.
    pub(crate) fn get(&self, path: &str) -> Result<Value> {
        let request = self.agent.get(format!("{}{path}", self.base)).header("authorization", self.bearer());
        self.answer(request.call())
    }

    /// Changes something.
    ///
    /// # Errors
    /// When it is refused or nobody answers.
    pub(crate) fn send(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let url = format!("{}{path}", self.base);
        let request = if method == "PUT" { self.agent.put(url) } else { self.agent.post(url) };
        self.answer(request.header("authorization", self.bearer()).send_json(body))
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }

    fn answer(&self, result: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Value> {
        let mut response = result.map_err(|error| {
            anyhow!("no gateway answers at {}: {error}\nis it running, and is this its admin address (--admin, --config)?", self.base)
        })?;
        let status = response.status();
        let text = response.body_mut().read_to_string().context("the answer broke off")?;
        let body: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        if status.is_success() {
            return Ok(body);
        }
        let detail = body["detail"].as_str().or_else(|| body["title"].as_str()).unwrap_or("no reason given");
        bail!("{detail} (status {})", status.as_u16())
    }
}
