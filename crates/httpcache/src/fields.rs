//! Names of fields that `http` has no constant for.

use http::HeaderName;

pub(crate) static CACHE_GROUPS: HeaderName = HeaderName::from_static("cache-groups");
pub(crate) static CACHE_GROUP_INVALIDATION: HeaderName = HeaderName::from_static("cache-group-invalidation");
pub(crate) static CDN_CACHE_CONTROL: HeaderName = HeaderName::from_static("cdn-cache-control");
pub(crate) static PROXY_AUTHENTICATION_INFO: HeaderName =
    HeaderName::from_static("proxy-authentication-info");
pub(crate) static SET_COOKIE2: HeaderName = HeaderName::from_static("set-cookie2");
pub(crate) static SURROGATE_KEY: HeaderName = HeaderName::from_static("surrogate-key");
