//! What the end-to-end tests share: what an answer of the gateway looks like, and peers that speak HTTP/2, TLS and gRPC.
//! Everything that speaks HTTP/1.1 byte by byte, and the binary itself, is in `banyan-testkit`.
mod check;
mod cli;
pub mod grpc;
pub mod h2;
pub mod h2_load;
mod load;
pub mod tls;
mod unit;

pub use check::assert_problem;
pub use cli::cli;
pub use load::Load;
pub use unit::{Sides, Verdict};
