//! Sockets and bytes: listening, TLS, HTTP/1.1 and HTTP/2 towards clients, bodies, tunnels.
pub(crate) mod accept;
pub(crate) mod body;
pub(crate) mod decoder;
pub(crate) mod h1;
pub(crate) mod h1_again;
mod h1_body;
mod h1_frame;
pub(crate) mod h2;
pub(crate) mod listen;
pub(crate) mod local;
pub(crate) mod outbox;
pub(crate) mod pump;
pub(crate) mod room;
pub(crate) mod stream;
pub(crate) mod timer;
pub(crate) mod tls;
pub(crate) mod tunnel;
