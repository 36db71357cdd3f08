//! Moves a body to a connection: takes frames while there is room, writes while there is something to write.

use std::{
    cell::RefCell,
    pin::Pin,
    task::{Context, Poll},
};

use banyan_http1::{Framing, LAST_CHUNK, encode_trailers};
use bytes::{BufMut, Bytes, BytesMut};
use http_body::{Body, Frame};

use super::{outbox::Outbox, stream::Stream};

/// Lends a stream for the length of a call.
///
/// A server connection is shared between the answer being written and the request body being read, so it is lent, never held.
pub(crate) trait LendStream {
    fn lend<T>(&mut self, use_it: impl FnOnce(&mut Stream) -> T) -> T;
}

impl LendStream for &mut Stream {
    fn lend<T>(&mut self, use_it: impl FnOnce(&mut Stream) -> T) -> T {
        use_it(self)
    }
}

impl LendStream for &RefCell<Stream> {
    fn lend<T>(&mut self, use_it: impl FnOnce(&mut Stream) -> T) -> T {
        use_it(&mut self.borrow_mut())
    }
}

/// A body on its way to a connection.
#[derive(Debug)]
pub(crate) struct Pump<B> {
    body: Option<B>,
    framing: Framing,
    pub(crate) outbox: Outbox,
    /// Bytes written so far; whoever limits stalls watches it grow.
    pub(crate) written: u64,
    /// Bytes of the body taken so far.
    pub(crate) body_bytes: u64,
}

/// Why a body did not arrive.
#[derive(Debug)]
pub(crate) enum PumpError<E> {
    /// The body itself broke.
    Body(E),
    /// It is shorter or longer than its head said.
    Length,
    /// The connection broke.
    Io,
}

impl<B: Body<Data = Bytes> + Unpin> Pump<B> {
    /// `outbox` holds the head already. With [`Framing::Empty`] the body is not even looked at.
    pub(crate) fn new(outbox: Outbox, body: B, framing: Framing) -> Self {
        let body = (framing != Framing::Empty).then_some(body);
        Self { body, framing, outbox, written: 0, body_bytes: 0 }
    }

    /// Whether the whole body was taken, though perhaps not yet written.
    pub(crate) fn is_drained(&self) -> bool {
        self.body.is_none()
    }

    /// Gives up the body, and the room with what was not written of it.
    pub(crate) fn into_room(self) -> BytesMut {
        self.outbox.buffer
    }

    /// Ready when everything was taken and handed over.
    pub(crate) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        mut stream: impl LendStream,
    ) -> Poll<Result<(), PumpError<B::Error>>> {
        loop {
            let starved = match self.fill(cx) {
                Ok(starved) => starved,
                Err(error) => {
                    // What came before the break goes out as far as it can: half an answer is told from none.
                    let flushed =
                        stream.lend(|stream| self.outbox.poll_hand_over(stream, cx, &mut self.written));
                    tracing::trace!(?flushed, "a body broke off");
                    return Poll::Ready(Err(error));
                }
            };
            match stream.lend(|stream| self.outbox.poll_hand_over(stream, cx, &mut self.written)) {
                Poll::Ready(Ok(())) if self.body.is_none() => return Poll::Ready(Ok(())),
                Poll::Ready(Ok(())) if starved => return Poll::Pending,
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => return Poll::Ready(Err(PumpError::Io)),
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// Takes frames while there is room; `true` when the body has none at the moment.
    fn fill(&mut self, cx: &mut Context<'_>) -> Result<bool, PumpError<B::Error>> {
        while self.outbox.has_room() {
            let Some(body) = &mut self.body else { return Ok(false) };
            match Pin::new(body).poll_frame(cx) {
                Poll::Pending => return Ok(true),
                Poll::Ready(None) => {
                    self.body = None;
                    self.finish()?;
                }
                Poll::Ready(Some(Ok(frame))) => self.put(frame)?,
                Poll::Ready(Some(Err(error))) => return Err(PumpError::Body(error)),
            }
        }
        Ok(false)
    }

    fn put(&mut self, frame: Frame<Bytes>) -> Result<(), PumpError<B::Error>> {
        match frame.into_data() {
            Ok(data) => {
                self.body_bytes += data.len() as u64;
                match &mut self.framing {
                    Framing::Chunked => self.outbox.put_chunk(data),
                    Framing::UntilClose => self.outbox.put(data),
                    Framing::Length(left) => {
                        *left = left.checked_sub(data.len() as u64).ok_or(PumpError::Length)?;
                        self.outbox.put(data);
                    }
                    Framing::Empty => {}
                }
            }
            Err(frame) => {
                if let (Ok(trailers), Framing::Chunked) = (frame.into_trailers(), self.framing) {
                    encode_trailers(&mut self.outbox.buffer, &trailers);
                    self.body = None;
                }
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), PumpError<B::Error>> {
        match self.framing {
            Framing::Chunked => self.outbox.buffer.put_slice(LAST_CHUNK),
            Framing::Length(left) if left > 0 => return Err(PumpError::Length),
            _ => {}
        }
        Ok(())
    }
}
