//! The request body of an HTTP/1.1 client, read from the connection that its answer is written to.

use std::{
    cell::{Cell, RefCell},
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
    time::Duration,
};

use banyan_http1::{Framing, Refusal};
use bytes::{Bytes, BytesMut};
use http_body::{Frame, SizeHint};
use tokio::io::AsyncWrite as _;
use tokio_util::io::poll_read_buf;

use super::{
    body::Broken,
    decoder::{BodyDecoder, Piece},
    stream::Stream,
    timer::Deadline,
};
use crate::outcome::Ending;

const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
/// Room made for one read of a body.
const READ_BYTES: usize = 32 * 1024;

/// What the answer's writer and the body's reader share of a client connection. They run in one task and borrow in turn.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) stream: RefCell<Stream>,
    pub(crate) buffer: RefCell<BytesMut>,
    pub(crate) body: Cell<BodyState>,
    /// How to read on in a body that nobody wanted to the end.
    pub(crate) unread: RefCell<Option<BodyDecoder>>,
}

/// How far the current request's body was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyState {
    /// To the end: the next request may follow.
    Done,
    /// Not to the end.
    Open,
    /// It broke; nothing on this connection makes sense any more.
    Broken,
}

impl Shared {
    /// Reads what is left of a body that was answered before its end, and throws it away: `true` when the end came within
    /// `limit` bytes, so that the next request may follow.
    pub(crate) fn poll_discard(&self, cx: &mut Context<'_>, limit: &mut usize) -> Poll<bool> {
        let mut unread = self.unread.borrow_mut();
        let Some(decoder) = &mut *unread else { return Poll::Ready(false) };
        loop {
            let piece = decoder.decode(&mut self.buffer.borrow_mut());
            match piece {
                Ok(Piece::Data(data)) => match limit.checked_sub(data.len()) {
                    Some(left) => *limit = left,
                    None => return Poll::Ready(false),
                },
                Ok(Piece::End(_)) => {
                    self.body.set(BodyState::Done);
                    return Poll::Ready(true);
                }
                Ok(Piece::NeedMore) => match ready!(self.poll_fill(cx, READ_BYTES)) {
                    Ok(count) if count > 0 => {}
                    _ => return Poll::Ready(false),
                },
                Err(_) => return Poll::Ready(false),
            }
        }
    }

    /// Reads what is there into the buffer, making room for at most `room` bytes.
    pub(crate) fn poll_fill(&self, cx: &mut Context<'_>, room: usize) -> Poll<io::Result<usize>> {
        let mut buffer = self.buffer.borrow_mut();
        buffer.reserve(room);
        poll_read_buf(Pin::new(&mut *self.stream.borrow_mut()), cx, &mut *buffer)
    }
}

/// A body being read.
#[derive(Debug)]
pub(crate) struct H1Body {
    shared: Rc<Shared>,
    decoder: BodyDecoder,
    declared: Option<u64>,
    left: Option<u64>,
    go_ahead: &'static [u8],
    stall: Deadline,
    timeout: Duration,
}

impl H1Body {
    /// A body that follows in `shared`'s buffer and stream. With `expects_continue` the client is told to go ahead
    /// when the body is first asked for: by then a route was found and an upstream is there.
    pub(crate) fn new(
        shared: Rc<Shared>,
        framing: Framing,
        expects_continue: bool,
        limit: Option<u64>,
        timeout: Duration,
    ) -> Self {
        shared.body.set(BodyState::Open);
        shared.unread.replace(None);
        let declared = if let Framing::Length(length) = framing { Some(length) } else { None };
        Self {
            shared,
            decoder: BodyDecoder::new(framing),
            declared,
            left: limit,
            go_ahead: if expects_continue { CONTINUE } else { &[] },
            stall: Deadline::default(),
            timeout,
        }
    }

    /// See [`super::body::ReqBody::limit`].
    pub(crate) fn limit(&mut self, limit: u64) -> bool {
        self.left = Some(limit);
        self.declared.is_none_or(|declared| declared <= limit)
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        self.declared.map_or_else(SizeHint::default, SizeHint::with_exact)
    }

    /// Looks at the bytes that came with the head: a first chunk that is malformed is refused before anything is forwarded.
    pub(crate) fn check_first_chunk(&self) -> Result<(), Broken> {
        if let BodyDecoder::Chunked(_) = self.decoder {
            let mut ahead = BytesMut::from(&self.shared.buffer.borrow()[..]);
            let mut decoder = BodyDecoder::new(Framing::Chunked);
            while !ahead.is_empty() {
                match decoder.decode(&mut ahead) {
                    Ok(Piece::Data(_)) => {}
                    Ok(Piece::NeedMore | Piece::End(_)) => break,
                    Err(refusal) => return Err(self.broken(refusal)),
                }
            }
        }
        Ok(())
    }

    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let result = ready!(self.poll_piece(cx));
        if let Err(broken) = &result {
            self.shared.body.set(BodyState::Broken);
            return Poll::Ready(Some(Err(*broken)));
        }
        Poll::Ready(result.transpose())
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Frame<Bytes>>, Broken>> {
        loop {
            let piece = self.decoder.decode(&mut self.shared.buffer.borrow_mut());
            if self.decoder.is_done() && self.shared.body.get() == BodyState::Open {
                self.shared.body.set(BodyState::Done);
            }
            match piece.map_err(|refusal| self.broken(refusal))? {
                Piece::Data(data) => {
                    self.count(data.len())?;
                    return Poll::Ready(Ok(Some(Frame::data(data))));
                }
                Piece::End(trailers) => return Poll::Ready(Ok(trailers.map(Frame::trailers))),
                Piece::NeedMore => ready!(self.poll_more(cx))?,
            }
        }
    }

    fn count(&mut self, size: usize) -> Result<(), Broken> {
        if let Some(left) = &mut self.left {
            *left = left.checked_sub(size as u64).ok_or(Ending::BodyTooLarge)?;
        }
        Ok(())
    }

    /// Waits for more bytes, first telling the client to send them if it asked.
    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        while !self.go_ahead.is_empty() {
            let stream = &mut *self.shared.stream.borrow_mut();
            let written = ready!(Pin::new(stream).poll_write(cx, self.go_ahead));
            self.go_ahead = &self.go_ahead[written.map_err(|_| Ending::ClientGone)?..];
        }
        match self.shared.poll_fill(cx, READ_BYTES) {
            Poll::Ready(Ok(count)) if count > 0 => {
                self.stall.set(None);
                Poll::Ready(Ok(()))
            }
            Poll::Ready(_) => Poll::Ready(Err(Ending::ClientGone.into())),
            Poll::Pending => {
                self.stall.start(self.timeout);
                ready!(self.stall.poll_passed(cx));
                Poll::Ready(Err(Ending::BodyTimeout.into()))
            }
        }
    }

    fn broken(&self, refusal: Refusal) -> Broken {
        self.shared.body.set(BodyState::Broken);
        let detail = if let Refusal::BadChunk(detail) = refusal { Some(detail) } else { None };
        Broken { ending: Ending::BadRequest, detail }
    }
}

impl Drop for H1Body {
    /// A client that still waits to be told to go ahead may or may not send its body: that cannot be read on.
    fn drop(&mut self) {
        if self.shared.body.get() == BodyState::Open && self.go_ahead.is_empty() {
            let decoder = std::mem::replace(&mut self.decoder, BodyDecoder::Length(0));
            self.shared.unread.replace(Some(decoder));
        }
    }
}
