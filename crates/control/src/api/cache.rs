//! The cache: look, throw away, fill.

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
};
use banyan_state::CacheUrl;
use http::StatusCode;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::{Outcome, Shared};
use crate::{
    Purge, cache_url,
    extract::{Body, Reason},
    problem::Problem,
    view::{CacheView, EntryView, PurgedView, WarmView},
};

/// Bytes of a list of URLs.
pub(super) const MAX_LIST: usize = 16 * 1024 * 1024;
/// URLs of a list.
const MAX_URLS: usize = 100_000;
/// Wrong URLs of a list that are told of.
const MAX_TOLD: usize = 20;
/// Requests a second, unless said otherwise.
const USUAL_RATE: u32 = 20;
const MAX_RATE: u32 = 10_000;
/// Bytes of a tag or pattern.
const MAX_NAME: usize = 8192;

/// Which URL.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// Its scheme, host, path and query. Answers are looked for over TLS and not.
    #[param(example = "http://a.example/users/7?lang=en")]
    url: String,
}

/// What to throw away: exactly one of `url`, `tag`, `pattern` and `all`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PurgeOrder {
    /// All answers to this URL, over TLS or not, whatever they vary by and whoever they are from.
    #[schema(example = "http://a.example/users/7?lang=en")]
    url: Option<String>,
    /// All answers with this tag, of the config or of `Surrogate-Key`.
    #[schema(example = "user:7")]
    tag: Option<String>,
    /// All answers whose host, path and query fit this, in which `*` stands for any text. Without the scheme.
    #[schema(example = "a.example/users/*")]
    pattern: Option<String>,
    /// Everything; only `true`.
    all: Option<bool>,
    /// Who; `admin` unless given. At most 1,000 characters.
    #[schema(max_length = 1000)]
    by: Option<String>,
    /// Why, for the audit log. At most 1,000 characters.
    #[schema(max_length = 1000)]
    why: Option<String>,
}

/// What to ask for before anybody does.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WarmOrder {
    /// URLs with scheme and host, 1 to 100,000.
    #[schema(min_items = 1, max_items = 100_000, example = json!(["http://a.example/users/7"]))]
    urls: Vec<String>,
    /// Requests a second at most, 1 to 10,000; 20 unless given.
    #[schema(minimum = 1, maximum = 10_000)]
    rate: Option<u32>,
    /// Who; `admin` unless given. At most 1,000 characters.
    #[schema(max_length = 1000)]
    by: Option<String>,
    /// Why, for the audit log. At most 1,000 characters.
    #[schema(max_length = 1000)]
    why: Option<String>,
}

/// How full the cache is, and what was counted about it.
#[utoipa::path(
    get, path = "/v1/cache", operation_id = "show_cache", security(("token" = [])),
    responses((status = 200, body = CacheView), (status = 401, body = Problem), (status = 404, body = Problem))
)]
pub(super) async fn show(State(shared): State<Shared>) -> Outcome<Json<CacheView>> {
    shared.caching.status().map(|status| Json(CacheView::from(status)))
}

/// The kept answers to a URL: all variants, from all sides, at most 100. None is an empty list.
#[utoipa::path(
    get, path = "/v1/cache/entries", operation_id = "list_cache_entries", security(("token" = [])), params(Which),
    responses(
        (status = 200, body = [EntryView]), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 404, body = Problem)
    )
)]
pub(super) async fn entries(
    State(shared): State<Shared>,
    which: Result<Query<Which>, QueryRejection>,
) -> Outcome<Json<Vec<EntryView>>> {
    let Query(Which { url }) = which.map_err(|error| Problem::invalid(error.body_text()))?;
    let answers = shared.caching.inspect(read(&url)?).await?;
    Ok(Json(answers.into_iter().map(EntryView::from).collect()))
}

/// Throws kept answers away, here and on the level that gateways share. What is on its way meanwhile is not kept either. That
/// level knows no patterns: with one, all of it goes, and everything that the gateways keep in memory.
#[utoipa::path(
    post, path = "/v1/cache/purge", operation_id = "purge_cache", security(("token" = [])),
    request_body = PurgeOrder,
    responses(
        (status = 200, body = PurgedView), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 404, body = Problem)
    )
)]
pub(super) async fn purge(
    State(shared): State<Shared>,
    Body(order): Body<PurgeOrder>,
) -> Outcome<Json<PurgedView>> {
    let (purge, reason) = order.check()?;
    shared.caching.purge(purge, reason.hand()?).await.map(Json)
}

/// Begins to ask for URLs, so that their answers are kept before anybody waits for them. Live requests come first. Answers
/// at once; `GET` says how far it is.
#[utoipa::path(
    post, path = "/v1/cache/warm", operation_id = "warm_cache", security(("token" = [])), request_body = WarmOrder,
    responses(
        (status = 202, body = WarmView), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem), (status = 413, body = Problem),
        (status = 503, body = Problem)
    )
)]
pub(super) async fn warm(
    State(shared): State<Shared>,
    Body(order): Body<WarmOrder>,
) -> Outcome<(StatusCode, Json<WarmView>)> {
    shared.caching.status()?;
    let WarmOrder { urls, rate, by, why } = order;
    let hand = Reason::new(by, why).hand()?;
    shared.caching.warm(list(&urls)?, speed(rate)?, &hand)?;
    Ok((StatusCode::ACCEPTED, progress(&shared)?))
}

/// How far filling the cache is, or how it ended.
#[utoipa::path(
    get, path = "/v1/cache/warm", operation_id = "show_cache_warming", security(("token" = [])),
    responses((status = 200, body = WarmView), (status = 401, body = Problem), (status = 404, body = Problem))
)]
pub(super) async fn warming(State(shared): State<Shared>) -> Outcome<Json<WarmView>> {
    progress(&shared)
}

fn progress(shared: &Shared) -> Outcome<Json<WarmView>> {
    let (_, progress) = shared.caching.status()?;
    Ok(Json(progress.map(WarmView::from).unwrap_or_default()))
}

fn read(url: &str) -> Outcome<CacheUrl> {
    cache_url(url).map_err(|error| Problem::invalid(format!("url '{url}': {error}")))
}

/// All of them, or everything that is wrong with them, up to a bound.
fn list(urls: &[String]) -> Outcome<Vec<CacheUrl>> {
    if urls.is_empty() || urls.len() > MAX_URLS {
        let detail = format!("'urls' has {} entries: send 1 to {MAX_URLS} at once", urls.len());
        return Err(Problem::invalid(detail).with("pointer", "/urls"));
    }
    let (mut read, mut wrong) = (Vec::with_capacity(urls.len()), Vec::new());
    for (place, url) in urls.iter().enumerate() {
        match cache_url(url) {
            Ok(url) => read.push(url),
            Err(error) => wrong.push(format!("urls[{place}] '{url}': {error}")),
        }
    }
    if wrong.is_empty() {
        return Ok(read);
    }
    let more = wrong.len().saturating_sub(MAX_TOLD);
    wrong.truncate(MAX_TOLD);
    let more = if more == 0 { String::new() } else { format!("; and {more} more") };
    let detail = format!("nothing was asked for: {}{more}", wrong.join("; "));
    Err(Problem::invalid(detail).with("pointer", "/urls"))
}

fn speed(rate: Option<u32>) -> Outcome<u32> {
    let rate = rate.unwrap_or(USUAL_RATE);
    if (1..=MAX_RATE).contains(&rate) {
        return Ok(rate);
    }
    let detail = format!("rate {rate}: from 1 to {MAX_RATE} requests a second");
    Err(Problem::invalid(detail).with("pointer", "/rate"))
}

impl PurgeOrder {
    /// The one thing that is meant, and who wants it why.
    fn check(self) -> Outcome<(Purge, Reason)> {
        let reason = Reason::new(self.by, self.why);
        let purge = match (self.url, self.tag, self.pattern, self.all) {
            (Some(url), None, None, None) => Purge::Url(read(&url)?),
            (None, Some(tag), None, None) => Purge::Tag(name("tag", tag)?),
            (None, None, Some(pattern), None) => Purge::Pattern(without_scheme(name("pattern", pattern)?)?),
            (None, None, None, Some(true)) => Purge::All,
            (None, None, None, Some(false)) => {
                return Err(Problem::invalid(
                    "'all' is false, so nothing is meant: write true, or something else",
                ));
            }
            _ => {
                return Err(Problem::invalid("say exactly one of 'url', 'tag', 'pattern' and 'all'"));
            }
        };
        Ok((purge, reason))
    }
}

fn name(what: &str, text: String) -> Outcome<String> {
    let wrong = if text.is_empty() {
        "is empty, which fits nothing"
    } else if text.len() > MAX_NAME {
        "is longer than anything that is kept"
    } else if text.chars().any(char::is_control) {
        "holds control characters"
    } else {
        return Ok(text);
    };
    Err(Problem::invalid(format!("'{what}' {wrong}")).with("pointer", format!("/{what}")))
}

/// With it, it would fit nothing, and nobody would notice.
fn without_scheme(pattern: String) -> Outcome<String> {
    let lower = pattern.to_ascii_lowercase();
    if !["http://", "https://"].iter().any(|scheme| lower.starts_with(scheme)) {
        return Ok(pattern);
    }
    let detail = "a pattern begins with the host, such as 'a.example/users/*': remove the scheme";
    Err(Problem::invalid(detail).with("pointer", "/pattern"))
}
