//! A byte stream: plain or TLS, towards a client or an upstream.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use bytes::{Buf, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::{client, server};

use super::batch::{Batch, Batched};

/// A connected stream.
#[derive(Debug)]
pub(crate) enum Stream {
    /// Cleartext.
    Tcp(TcpStream),
    /// Cleartext, and what is written leaves with what others write.
    Batched(Batched),
    /// TLS, we are the server.
    Server(Box<server::TlsStream<TcpStream>>),
    /// TLS, we are the client.
    Client(Box<client::TlsStream<TcpStream>>),
}

impl Stream {
    /// The same stream, with small writes that go out with `batch` if it can be told what they are.
    pub(crate) fn batched(self, batch: &Rc<Batch>) -> Self {
        match self {
            Self::Tcp(tcp) => Self::Batched(Batched::new(tcp, batch.clone())),
            other => other,
        }
    }

    /// Closes it with a reset. Whoever speaks TLS is not told of an end either (RFC 8446 section 6.1).
    ///
    /// # Errors
    /// When the kernel refuses; it is closed in good order then, and TLS alone shows the difference.
    pub(crate) fn reset(self) -> io::Result<()> {
        match self {
            Self::Tcp(tcp) => tcp.set_zero_linger(),
            Self::Batched(batched) => batched.reset(),
            Self::Server(tls) => tls.get_ref().0.set_zero_linger(),
            Self::Client(tls) => tls.get_ref().0.set_zero_linger(),
        }
    }

    /// Sees to it that what was written leaves, in this turn or as soon as it can; a flush would wait until it has left.
    pub(crate) fn poll_hand_over(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Batched(_) => Poll::Ready(Ok(())),
            other => Pin::new(other).poll_flush(cx),
        }
    }

    /// Whether something that was handed over could not leave yet.
    pub(crate) fn is_blocked(&self) -> bool {
        matches!(self, Self::Batched(batched) if batched.is_blocked())
    }

    /// Whether something may be read now without waiting; TLS cannot tell before it reads.
    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Self::Tcp(tcp) => tcp.poll_read_ready(cx).map(|_| ()),
            Self::Batched(batched) => batched.poll_readable(cx),
            Self::Server(_) | Self::Client(_) => Poll::Ready(()),
        }
    }
}

/// Does the same to whichever stream it is.
macro_rules! each {
    ($self:expr, $stream:ident => $do:expr) => {
        match $self.get_mut() {
            Stream::Tcp(stream) => {
                let $stream = Pin::new(stream);
                $do
            }
            Stream::Batched(stream) => {
                let $stream = Pin::new(stream);
                $do
            }
            Stream::Server(stream) => {
                let $stream = Pin::new(&mut **stream);
                $do
            }
            Stream::Client(stream) => {
                let $stream = Pin::new(&mut **stream);
                $do
            }
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => stream.poll_read(cx, buf))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        each!(self, stream => stream.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        each!(self, stream => stream.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => stream.poll_shutdown(cx))
    }
}

/// A stream with bytes that were read from it already, given back in front of the rest.
#[derive(Debug)]
pub(crate) struct Rewound {
    prefix: BytesMut,
    stream: Stream,
}

impl Rewound {
    pub(crate) fn new(prefix: BytesMut, stream: Stream) -> Self {
        Self { prefix, stream }
    }
}

impl AsyncRead for Rewound {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.prefix.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let take = self.prefix.len().min(buf.remaining());
        buf.put_slice(&self.prefix[..take]);
        self.prefix.advance(take);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Rewound {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
