//! Upstreams: which endpoint to ask, the connections to it, and one exchange over them.
pub(crate) mod ask;
pub(crate) mod connect;
pub(crate) mod ewma;
pub(crate) mod h1;
pub(crate) mod h2;
pub(crate) mod health;
pub(crate) mod host;
pub(crate) mod keeper;
pub(crate) mod local;
pub(crate) mod resolve;
