//! The chunked transfer coding (RFC 9112 section 7.1), read strictly.

use bytes::{Buf, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::{
    HeadScanner, Refusal,
    extension::{are_extensions, may_become_extensions},
};

/// Longest line that announces a chunk, extensions included. Longer ones only serve attacks.
pub const MAX_CHUNK_LINE: usize = 1024;
/// Largest trailer section, in bytes.
const MAX_TRAILERS: usize = 16 * 1024;
/// Most trailer fields.
const MAX_TRAILER_FIELDS: usize = 64;

/// A piece of a chunked body.
#[derive(Debug, PartialEq)]
pub enum Chunk {
    /// More bytes are needed.
    NeedMore,
    /// Body bytes, never empty.
    Data(Bytes),
    /// The end, with trailer fields if there were any.
    End(Option<HeaderMap>),
}

/// Decodes a chunked body piece by piece.
#[derive(Debug, Default)]
pub struct ChunkedDecoder {
    state: State,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Size,
    Data(u64),
    DataEnd,
    Trailers(HeadScanner),
    Done,
}

impl ChunkedDecoder {
    /// Takes the next piece off the front of `buffer`.
    ///
    /// # Errors
    /// [`Refusal::BadChunk`]; nothing after it can be trusted.
    pub fn decode(&mut self, buffer: &mut BytesMut) -> Result<Chunk, Refusal> {
        loop {
            match &mut self.state {
                State::Size => match take_size(buffer)? {
                    None => return Ok(Chunk::NeedMore),
                    Some(0) => self.state = State::Trailers(HeadScanner::default()),
                    Some(size) => self.state = State::Data(size),
                },
                State::Data(left) => {
                    if buffer.is_empty() {
                        return Ok(Chunk::NeedMore);
                    }
                    let take = usize::try_from(*left).unwrap_or(usize::MAX).min(buffer.len());
                    *left -= take as u64;
                    if *left == 0 {
                        self.state = State::DataEnd;
                    }
                    return Ok(Chunk::Data(buffer.split_to(take).freeze()));
                }
                State::DataEnd => {
                    if buffer.len() < 2 && b"\r\n".starts_with(buffer) {
                        return Ok(Chunk::NeedMore);
                    }
                    if !buffer.starts_with(b"\r\n") {
                        return Err(Refusal::BadChunk("a chunk is longer than its size says"));
                    }
                    buffer.advance(2);
                    self.state = State::Size;
                }
                State::Trailers(scanner) => {
                    let Some(trailers) = take_trailers(buffer, scanner)? else { return Ok(Chunk::NeedMore) };
                    self.state = State::Done;
                    return Ok(Chunk::End((!trailers.is_empty()).then_some(trailers)));
                }
                State::Done => return Ok(Chunk::End(None)),
            }
        }
    }

    /// Whether the end was read.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }
}

/// `chunk-size [ chunk-ext ] CRLF`.
fn take_size(buffer: &mut BytesMut) -> Result<Option<u64>, Refusal> {
    let Some(newline) = memchr::memchr(b'\n', buffer) else {
        // What is there must already look like a size, so that garbage is refused at once.
        parse_size_line(buffer.strip_suffix(b"\r").unwrap_or(buffer), true)?;
        return Ok(None);
    };
    let line = buffer[..newline].strip_suffix(b"\r").ok_or(Refusal::BadChunk("a bare LF"))?;
    let size = parse_size_line(line, false)?;
    buffer.advance(newline + 1);
    Ok(Some(size))
}

fn parse_size_line(line: &[u8], partial: bool) -> Result<u64, Refusal> {
    if line.len() > MAX_CHUNK_LINE {
        return Err(Refusal::BadChunk("the line of a chunk size is too long"));
    }
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    if digits == 0 && !(partial && line.is_empty()) {
        return Err(Refusal::BadChunk("a chunk size is not a hexadecimal number"));
    }
    if digits > 16 {
        return Err(Refusal::BadChunk("a chunk size is too large"));
    }
    let rest = &line[digits..];
    let well_formed = if partial { may_become_extensions(rest) } else { are_extensions(rest) };
    if !well_formed {
        return Err(Refusal::BadChunk("a chunk extension is not well-formed"));
    }
    let text = std::str::from_utf8(&line[..digits]).unwrap_or_default();
    Ok(u64::from_str_radix(text, 16).unwrap_or(0))
}

fn take_trailers(buffer: &mut BytesMut, scanner: &mut HeadScanner) -> Result<Option<HeaderMap>, Refusal> {
    let end = scanner.find_end(buffer).map_err(|_| Refusal::BadChunk("a bare LF in the trailer"))?;
    if end.unwrap_or(buffer.len()) > MAX_TRAILERS {
        return Err(Refusal::BadChunk("the trailer is too large"));
    }
    let Some(end) = end else { return Ok(None) };
    let section = buffer.split_to(end).freeze();
    let mut slots = [httparse::EMPTY_HEADER; MAX_TRAILER_FIELDS];
    let fields = match httparse::parse_headers(&section, &mut slots) {
        Ok(httparse::Status::Complete((_, fields))) => fields,
        _ => return Err(Refusal::BadChunk("a trailer field is not well-formed")),
    };
    let mut trailers = HeaderMap::new();
    for field in fields {
        let name = HeaderName::from_bytes(field.name.as_bytes());
        let value = HeaderValue::from_maybe_shared(section.slice_ref(field.value));
        let (Ok(name), Ok(value)) = (name, value) else {
            return Err(Refusal::BadChunk("a trailer field is not well-formed"));
        };
        if may_be_trailer(&name) {
            trailers.append(name, value);
        }
    }
    Ok(Some(trailers))
}

/// Fields that frame, route or authorise a message mean nothing once it has been acted upon (RFC 9110 section 6.5.1).
fn may_be_trailer(name: &HeaderName) -> bool {
    ![
        header::TRANSFER_ENCODING,
        header::CONTENT_LENGTH,
        header::HOST,
        header::CONNECTION,
        header::UPGRADE,
        header::TE,
        header::TRAILER,
        header::AUTHORIZATION,
        header::COOKIE,
        header::SET_COOKIE,
        header::CONTENT_TYPE,
        header::CONTENT_ENCODING,
        header::CONTENT_RANGE,
        header::EXPECT,
        header::CACHE_CONTROL,
    ]
    .contains(name)
}
