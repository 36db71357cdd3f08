//! Bytes on their way out of one connection, bounded: small pieces are copied together, a large one is written from
//! where it lies.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use banyan_http1::{CHUNK_END, encode_chunk_head};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::AsyncWrite;

use super::stream::Stream;

/// Pieces up to this size are copied behind what is there, so that head and small body leave in one system call.
const COPY_BELOW: usize = 8 * 1024;
/// No more is taken in while this many bytes wait.
const FULL_AT: usize = 64 * 1024;

/// Bytes that wait to be written: `buffer`, then `large`, then `suffix`.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    pub(crate) buffer: BytesMut,
    large: Bytes,
    suffix: &'static [u8],
}

impl Outbox {
    /// An empty one that writes from `room`.
    pub(crate) const fn new(room: BytesMut) -> Self {
        Self { buffer: room, large: Bytes::new(), suffix: &[] }
    }

    /// Whether another piece may be put in.
    pub(crate) fn has_room(&self) -> bool {
        self.large.is_empty() && self.suffix.is_empty() && self.buffer.len() < FULL_AT
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.buffer.is_empty() && self.large.is_empty() && self.suffix.is_empty()
    }

    /// Puts in data as it is.
    pub(crate) fn put(&mut self, data: Bytes) {
        if data.len() <= COPY_BELOW {
            self.buffer.put_slice(&data);
        } else {
            self.large = data;
        }
    }

    /// Puts in data as one chunk.
    pub(crate) fn put_chunk(&mut self, data: Bytes) {
        if data.is_empty() {
            return;
        }
        encode_chunk_head(&mut self.buffer, data.len());
        if data.len() <= COPY_BELOW {
            self.buffer.put_slice(&data);
            self.buffer.put_slice(CHUNK_END);
        } else {
            self.large = data;
            self.suffix = CHUNK_END;
        }
    }

    /// Writes until nothing is left here; says how many bytes have gone so far in this call even while pending.
    pub(crate) fn poll_hand_over(
        &mut self,
        stream: &mut Stream,
        cx: &mut Context<'_>,
        written: &mut u64,
    ) -> Poll<io::Result<()>> {
        while !self.is_empty() {
            let count = if self.large.is_empty() && self.suffix.is_empty() {
                ready!(Pin::new(&mut *stream).poll_write(cx, &self.buffer))?
            } else {
                let parts =
                    [IoSlice::new(&self.buffer), IoSlice::new(&self.large), IoSlice::new(self.suffix)];
                ready!(Pin::new(&mut *stream).poll_write_vectored(cx, &parts))?
            };
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            *written += count as u64;
            self.advance(count);
        }
        stream.poll_hand_over(cx)
    }

    fn advance(&mut self, mut count: usize) {
        for part in [&mut self.buffer as &mut dyn Buf, &mut self.large, &mut self.suffix] {
            let take = part.remaining().min(count);
            part.advance(take);
            count -= take;
        }
    }
}
