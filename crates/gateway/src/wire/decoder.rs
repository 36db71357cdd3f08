//! The bytes of one body, cut out of a connection's.

use banyan_http1::{Chunk, ChunkedDecoder, Framing, Refusal};
use bytes::{Bytes, BytesMut};
use http::HeaderMap;

/// Reads one HTTP/1.1 body.
#[derive(Debug)]
pub(crate) enum BodyDecoder {
    Length(u64),
    Chunked(ChunkedDecoder),
    UntilClose,
}

/// What decoding gave.
#[derive(Debug)]
pub(crate) enum Piece {
    NeedMore,
    Data(Bytes),
    End(Option<HeaderMap>),
}

impl BodyDecoder {
    pub(crate) fn new(framing: Framing) -> Self {
        match framing {
            Framing::Empty => Self::Length(0),
            Framing::Length(length) => Self::Length(length),
            Framing::Chunked => Self::Chunked(ChunkedDecoder::default()),
            Framing::UntilClose => Self::UntilClose,
        }
    }

    pub(crate) fn decode(&mut self, buffer: &mut BytesMut) -> Result<Piece, Refusal> {
        match self {
            Self::Length(0) => Ok(Piece::End(None)),
            Self::Length(_) | Self::UntilClose if buffer.is_empty() => Ok(Piece::NeedMore),
            Self::Length(left) => {
                let take = usize::try_from(*left).unwrap_or(usize::MAX).min(buffer.len());
                *left -= take as u64;
                Ok(Piece::Data(buffer.split_to(take).freeze()))
            }
            Self::UntilClose => Ok(Piece::Data(buffer.split().freeze())),
            Self::Chunked(decoder) => Ok(match decoder.decode(buffer)? {
                Chunk::NeedMore => Piece::NeedMore,
                Chunk::Data(data) => Piece::Data(data),
                Chunk::End(trailers) => Piece::End(trailers),
            }),
        }
    }

    /// Whether nothing is left to read.
    pub(crate) const fn is_done(&self) -> bool {
        match self {
            Self::Length(left) => *left == 0,
            Self::Chunked(decoder) => decoder.is_done(),
            Self::UntilClose => false,
        }
    }

    /// Whether the end of the stream is the end of the body.
    pub(crate) const fn may_end_at_close(&self) -> bool {
        matches!(self, Self::UntilClose)
    }
}
