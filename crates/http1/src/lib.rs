//! A strict HTTP/1.1 codec (RFC 9112) without I/O: bytes in, heads and body frames out, and back again.
//!
//! Why our own: a gateway stands between two parsers, and every message on whose end they disagree is a way to
//! smuggle a request past it. So this codec refuses what RFC 9112 calls an error *and* what it merely lets a
//! recipient repair (a bare LF, a repeated `Content-Length`, `Transfer-Encoding` beside `Content-Length`), says
//! which it was, and leaves the answer to the caller. Tokens are read by `httparse`.
//!
//! Pure: it knows no socket, no clock and no runtime, so every state is reachable from a test.
mod chunked;
mod encode;
mod extension;
mod fields;
mod head;
mod known;
mod names;
mod refusal;
mod request;
mod response;

pub use chunked::{Chunk, ChunkedDecoder, MAX_CHUNK_LINE};
pub use encode::{
    CHUNK_END, HEAD_END, LAST_CHUNK, encode_chunk_head, encode_field, encode_fields, encode_request_line,
    encode_status_line, encode_trailers,
};
pub use fields::FieldLines;
pub use head::{HeadLimits, HeadScanner};
pub use known::Known;
pub use names::Names;
pub use refusal::{BadResponse, Refusal};
pub use request::{HostMemory, RequestHead, parse_length, parse_request};
pub use response::{ResponseHead, parse_response};

/// How the end of a body is known (RFC 9112 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    Empty,
    /// Exactly this many bytes, at least one.
    Length(u64),
    /// Chunked transfer coding.
    Chunked,
    /// Everything until the connection closes; answers only.
    UntilClose,
}
