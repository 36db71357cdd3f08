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

impl From<banyan_config::plan::Admin> for Named {
    fn from(admin: banyan_config::plan::Admin) -> Self {
        Self { base: Some(format!("http://{}", admin.listen)), token_file: Some(admin.token_file) }
    }
}

/// A gateway goes on with its old config when the file is broken, and that is when one must be able to move units back: so
/// a broken file is said, and then what can be read of it is tried, or the usual places.
fn named_by(config: &Path) -> Named {
    let report = match banyan_config::load(config) {
        Ok(plan) => return Named::from(plan.admin),
        Err(report) => report,
    };
    let problem = match report.problems() {
        [first, rest @ ..] => {
            let line = first.span.map_or_else(String::new, |span| format!(":{}", span.line));
            let more = if rest.is_empty() { String::new() } else { format!(" (and {} more)", rest.len()) };
            format!("{}{line}: {}{more}", report.file(), first.message)
        }
        [] => report.file().to_owned(),
    };
    eprintln!("banyan: the config is broken, 'banyan check' says how: {problem}");
    if let Some(admin) = banyan_config::find_admin(config) {
        let named = Named::from(admin);
        eprintln!(
            "banyan: it still says where the gateway is, so trying {}",
            named.base.as_deref().unwrap_or_default()
        );
        return named;
    }
    let token_file = config.with_file_name(USUAL_TOKEN);
    eprintln!(
        "banyan: it does not say where the gateway is; trying the usual place, which is the same as\n    --admin \
         {USUAL_ADMIN} --token-file {}\n  (the config's admin.listen, and its state file with '.admin-token' behind)",
        token_file.display()
    );
    Named { base: None, token_file: Some(token_file) }
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
        self.send_if(method, path, body, None)
    }

    /// Changes something, if it is at a version still.
    ///
    /// # Errors
    /// When it is refused or nobody answers.
    pub(crate) fn send_if(
        &self,
        method: &str,
        path: &str,
        body: &Value,
        version: Option<u64>,
    ) -> Result<Value> {
        let url = format!("{}{path}", self.base);
        let request = if method == "PUT" { self.agent.put(url) } else { self.agent.post(url) };
        let request = match version {
            Some(version) => request.header("if-match", format!("\"{version}\"")),
            None => request,
        };
        self.answer(request.header("authorization", self.bearer()).send_json(body))
    }

    /// Ends something; who and why stand in the query.
    ///
    /// # Errors
    /// When it is refused or nobody answers.
    pub(crate) fn end(&self, path: &str) -> Result<Value> {
        let request = self.agent.delete(format!("{}{path}", self.base));
        self.answer(request.header("authorization", self.bearer()).call())
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

/// A path with parameters. It may have some already.
pub(crate) fn with_query(path: &str, parameters: &[(&str, &str)]) -> String {
    parameters.iter().fold(path.to_owned(), |path, (name, value)| {
        let joint = if path.contains('?') { '&' } else { '?' };
        format!("{path}{joint}{name}={}", encoded(value))
    })
}

/// A text as a part of a path or query: everything but unreserved characters is escaped (RFC 3986 section 2).
pub(crate) fn encoded(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_stays_one_part_of_a_url() {
        assert_eq!(encoded("/users/{id}"), "%2Fusers%2F%7Bid%7D");
        assert_eq!(
            with_query("/v1/a?path=b", &[("by", "ann & co"), ("why", "50% für alle #1")]),
            "/v1/a?path=b&by=ann%20%26%20co&why=50%25%20f%C3%BCr%20alle%20%231"
        );
        assert_eq!(with_query("/v1/a", &[("why", "")]), "/v1/a?why=");
    }

    #[test]
    fn a_broken_config_still_says_where_the_gateway_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = folder.path().join("banyan.yaml");
        fs::write(&config, "version: 1\nadmin: { listen: 127.0.0.1:1234, token_file: ./token }\nunits: [\n")
            .expect("a file");
        let named = named_by(&config);
        assert_eq!(named.base.as_deref(), Some("http://127.0.0.1:1234"));
        assert_eq!(named.token_file, Some(folder.path().join("./token")));
        fs::write(&config, "admin: [\n").expect("a file");
        let named = named_by(&config);
        assert_eq!((named.base, named.token_file), (None, Some(folder.path().join(USUAL_TOKEN))));
    }
}
