//! What the operator of a route decides against, or beyond, what its origin says.

use std::time::Duration;

/// The overrides of one route. The default has none: the origin's fields are obeyed as they are.
///
/// A rule says *how long*, and never *for whom*. So `ttl` replaces everything an origin states about time, also "do not
/// reuse without asking" (`no-cache`, `max-age=0`), since frameworks send those by default and nobody meant them. It does
/// not replace `private`, `no-store`, a cookie being set or an authorised request: those say that an answer belongs to
/// somebody, and a time in a config file is no evidence that it does not. Whoever knows better has the two `allow_` rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// How long good answers (200, 203, 204, 300, 301, 308) are fresh after they arrived, whatever the origin states. Zero
    /// keeps nothing.
    pub ttl: Option<Duration>,
    /// How long "not found" (404, 410) is believed after it arrived, whatever the origin states. Zero keeps nothing.
    pub negative: Option<Duration>,
    /// How long after that a stale answer may be given while it is fetched anew; in place of the origin's.
    pub stale_while_revalidate: Option<Duration>,
    /// How long after that a stale answer may be given instead of an error; in place of the origin's.
    pub stale_if_error: Option<Duration>,
    /// Whether answers that set a cookie are kept, cookie and all.
    pub allow_set_cookie: bool,
    /// Whether answers to requests with `Authorization` are kept though the origin does not say that they may be. Safe
    /// only when the identity is part of the key.
    pub allow_authorization: bool,
}
