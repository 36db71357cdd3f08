//! What is asked for most, kept so that a cache that starts empty can be filled before anybody waits for it.
//!
//! Who has just restarted a gateway has an empty cache, and every first request reaches the upstreams at once: that is when
//! a system that was well a minute ago falls over. So the URLs that are asked for most survive the process. The answers do
//! not: they may be wrong by then, and asking again is what makes them right.

/// Most URLs that a store keeps; those asked for least are left out.
pub const MAX_HOT_URLS: usize = 100_000;

/// Most bytes of host and target together. A longer URL is left out: it is not worth the room of many others, and with
/// [`MAX_HOT_URLS`] this bounds what a store holds.
pub const MAX_HOT_URL_BYTES: usize = 2048;

/// A URL whose answer may be kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CacheUrl {
    /// The host as requests name it, with its port if it is not the usual one of the scheme.
    pub host: String,
    /// Path and query.
    pub target: String,
    /// Whether it is asked for over TLS.
    pub secure: bool,
}

/// A URL, and how often it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HotUrl {
    /// Which.
    pub url: CacheUrl,
    /// How often, as far as it was counted; it orders URLs and says little else.
    pub count: u64,
}

/// What of `urls`, the most asked for first, a store keeps.
pub(crate) fn kept(urls: &[HotUrl]) -> impl Iterator<Item = &HotUrl> {
    let fits = |hot: &&HotUrl| hot.url.host.len() + hot.url.target.len() <= MAX_HOT_URL_BYTES;
    urls.iter().filter(fits).take(MAX_HOT_URLS)
}
