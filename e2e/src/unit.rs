//! A unit between two sides that say which they are.

use anyhow::{Context as _, Result, ensure};
use banyan_testkit::{Admin, AdminAnswer, Answer, RawClient, Received, Reply, Response, Scripted};
use serde_json::json;

/// Two upstreams, `old` and `new`.
pub struct Sides {
    /// Answers `legacy`.
    pub legacy: Scripted,
    /// Answers `replacement`.
    pub replacement: Scripted,
}

/// What an answer says about its side, in `Banyan-Unit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// `legacy` or `replacement`.
    pub side: String,
    /// `percent` or `fallback`.
    pub reason: String,
    /// The subject's bucket.
    pub bucket: u32,
}

impl Sides {
    /// Starts two sides that answer every request with their name.
    ///
    /// # Errors
    /// When they cannot listen.
    pub async fn start() -> Result<Self> {
        let say = |name: &'static str| move |_: &Received| Answer::from(Reply::new(200).body(name));
        Self::of(say("legacy"), say("replacement")).await
    }

    /// Starts two sides that follow scripts.
    ///
    /// # Errors
    /// When they cannot listen.
    pub async fn of(
        legacy: impl Fn(&Received) -> Answer + Send + Sync + 'static,
        replacement: impl Fn(&Received) -> Answer + Send + Sync + 'static,
    ) -> Result<Self> {
        Ok(Self { legacy: Scripted::start(legacy).await?, replacement: Scripted::start(replacement).await? })
    }

    /// A config with the unit `articles` between them. Subjects are found by header; `more` is more of the unit, on lines
    /// of its own.
    #[must_use]
    pub fn config(&self, more: &str) -> String {
        self.config_by("subject: [ \"header:x-user-id\" ]", more)
    }

    /// The same with another line about subjects.
    #[must_use]
    pub fn config_by(&self, subject: &str, more: &str) -> String {
        let more: String = more.lines().map(|line| format!("    {line}\n")).collect();
        format!(
            "upstreams:\n\
             \x20 old: {{ endpoints: [\"{}\"] }}\n\
             \x20 new: {{ endpoints: [\"{}\"] }}\n\
             units:\n\
             \x20 articles:\n\
             \x20   legacy: old\n\
             \x20   replacement: new\n\
             \x20   {subject}\n\
             {more}\
             \x20   routes:\n\
             \x20     - {{ match: \"GET /articles\" }}\n\
             \x20     - {{ match: \"GET /articles/{{id}}\" }}\n\
             \x20     - {{ match: \"POST /articles\", effect: write }}\n",
            self.legacy.url(),
            self.replacement.url()
        )
    }

    /// Sets the share of `articles`.
    ///
    /// # Errors
    /// When there is no answer; a refusal is one.
    pub async fn set(admin: &Admin, percent: &str) -> Result<AdminAnswer> {
        admin.send("PUT", "/v1/units/articles", Some(&json!({ "percent": percent }))).await
    }

    /// Sets the share of `articles`, which must be acknowledged.
    ///
    /// # Errors
    /// When it is not.
    pub async fn move_to(admin: &Admin, percent: &str) -> Result<()> {
        let answer = Self::set(admin, percent).await?;
        ensure!(
            answer.status == 200 && answer.json["percent"] == percent,
            "{} {}",
            answer.status,
            answer.text
        );
        Ok(())
    }
}

impl Verdict {
    /// Reads it off an answer.
    ///
    /// # Errors
    /// When it does not say, or not in the form it should.
    pub fn of(response: &Response) -> Result<Self> {
        let field = response.fields.get("banyan-unit").context("no Banyan-Unit")?;
        let mut parts = field.split(';');
        ensure!(parts.next() == Some("articles"), "{field}");
        let mut parameter = |name: &str| {
            let (key, value) = parts.next().and_then(|part| part.split_once('=')).context("a parameter")?;
            ensure!(key == name, "{name} is not next in {field}");
            Ok(value.to_owned())
        };
        Ok(Self {
            side: parameter("side")?,
            reason: parameter("reason")?,
            bucket: parameter("bucket")?.parse()?,
        })
    }

    /// Asks for `target` as a user, and checks that the answer came from the side it says.
    ///
    /// # Errors
    /// When it is not answered with 200, or by another side.
    pub async fn ask(client: &mut RawClient, target: &str, user: &str) -> Result<Self> {
        let response = client.get(target, &format!("X-User-Id: {user}\r\n")).await?;
        ensure!(response.status == 200, "{} {}", response.status, response.text());
        let verdict = Self::of(&response)?;
        ensure!(response.text() == verdict.side, "{verdict:?}, but {} answered", response.text());
        Ok(verdict)
    }
}
