//! Small writes of one turn of a worker, made together at its end.
//!
//! Sending a kilobyte over a socket costs little; waking whoever waits for it costs much. A worker that answers one
//! connection after the other, as they come out of `epoll`, wakes the same peer for each of them, and the peer finds one
//! request, serves it and falls asleep again. If all that became ready is read and served first, and everything is sent
//! then, the peer is woken once and finds all of it.
//!
//! So a small write is copied, and made when the tasks that were ready have run: before the worker waits again, since the
//! task that sends is behind them in the queue. What is accepted is not yet sent, just as what the kernel accepts is not
//! yet delivered; that it failed shows in whatever is done next.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    io::{self, IoSlice},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker, ready},
};

use bytes::{Buf, BytesMut};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use super::room::Room;

/// What may wait on one connection. Larger writes are made at once: copying them would cost more than it spares.
const MOST: usize = 4 * 1024;

/// What a thread sends at the end of a turn. It must run on a runtime that takes local tasks.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    due: RefCell<Vec<Rc<Socket>>>,
    /// Wakes the task that sends, which the first write starts.
    sender: RefCell<Option<Waker>>,
    room: Room,
}

/// A socket with what was not sent yet.
#[derive(Debug)]
struct Socket {
    tcp: RefCell<TcpStream>,
    batch: Rc<Batch>,
    unsent: RefCell<BytesMut>,
    /// The batch knows of it.
    is_due: Cell<bool>,
    /// The kernel took no more: the connection's own task sends the rest.
    is_blocked: Cell<bool>,
    /// Why nothing can be sent any more.
    failed: Cell<Option<io::ErrorKind>>,
    /// Whose write waits here.
    writer: RefCell<Option<Waker>>,
}

/// A stream whose small writes are made at the end of the turn.
#[derive(Debug)]
pub(crate) struct Batched(Rc<Socket>);

impl Batch {
    fn add(self: &Rc<Self>, socket: &Rc<Socket>) {
        let mut due = self.due.borrow_mut();
        due.push(socket.clone());
        if due.len() > 1 {
            return;
        }
        // Either way the task that sends comes to stand behind those that are ready.
        match &*self.sender.borrow() {
            Some(sender) => sender.wake_by_ref(),
            None => drop(tokio::task::spawn_local(self.clone().run())),
        }
    }

    /// Sends what is due, turn by turn.
    async fn run(self: Rc<Self>) {
        poll_fn(|cx| {
            remember(&self.sender, cx);
            self.send();
            Poll::Pending
        })
        .await
    }

    fn send(&self) {
        let mut due = self.due.take();
        due.drain(..).for_each(|socket| socket.send_due());
        // Its room is kept. Nobody has come meanwhile: sending runs no task.
        self.due.replace(due);
    }
}

impl Socket {
    fn send_due(&self) {
        self.is_due.set(false);
        if !self.try_send() {
            self.is_blocked.set(true);
            if let Some(writer) = self.writer.take() {
                writer.wake();
            }
        }
    }

    /// Sends as much as the kernel takes; `false` when something is left.
    fn try_send(&self) -> bool {
        let mut unsent = self.unsent.borrow_mut();
        while !unsent.is_empty() {
            let sent = self.tcp.borrow().try_write(&unsent);
            match sent {
                Ok(0) => self.fail(io::ErrorKind::WriteZero, &mut unsent),
                Ok(count) => unsent.advance(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.fail(error.kind(), &mut unsent),
            }
        }
        self.is_blocked.set(false);
        unsent.clear();
        self.batch.room.give(std::mem::take(&mut unsent));
        true
    }

    fn fail(&self, why: io::ErrorKind, unsent: &mut BytesMut) {
        self.failed.set(Some(why));
        unsent.clear();
    }

    /// Ready when nothing is left.
    fn poll_send(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.try_send() {
            ready!(self.tcp.borrow().poll_write_ready(cx))?;
        }
        Poll::Ready(self.failed.get().map_or(Ok(()), |kind| Err(kind.into())))
    }

    /// Whoever looks at a connection that is blocked sends on: its task is the one that was woken. A failure shows when
    /// something is written.
    fn send_on(&self, cx: &mut Context<'_>) {
        if self.is_blocked.get() {
            let sent = self.poll_send(cx);
            tracing::trace!(?sent, "what did not go at once");
        }
    }
}

impl Batched {
    /// A stream whose small writes go out with `batch`.
    pub(crate) fn new(tcp: TcpStream, batch: Rc<Batch>) -> Self {
        Self(Rc::new(Socket {
            tcp: RefCell::new(tcp),
            batch,
            unsent: RefCell::default(),
            is_due: Cell::new(false),
            is_blocked: Cell::new(false),
            failed: Cell::new(None),
            writer: RefCell::default(),
        }))
    }

    /// Whether the kernel did not take all that was written.
    pub(crate) fn is_blocked(&self) -> bool {
        self.0.is_blocked.get()
    }

    /// Closes it with a reset.
    ///
    /// # Errors
    /// When the kernel refuses; it is closed in good order then.
    pub(crate) fn reset(self) -> io::Result<()> {
        self.0.tcp.borrow().set_zero_linger()
    }

    /// Whether something may be read now without waiting.
    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.send_on(cx);
        self.0.tcp.borrow().poll_read_ready(cx).map(|_| ())
    }

    /// Takes the parts if they are few bytes and nothing stands in their way.
    fn accept(&self, cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Option<usize> {
        let socket = &*self.0;
        let length = parts.iter().map(|part| part.len()).sum::<usize>();
        let mut unsent = socket.unsent.borrow_mut();
        if socket.is_blocked.get() || socket.failed.get().is_some() || unsent.len() + length > MOST {
            return None;
        }
        if unsent.is_empty() {
            *unsent = socket.batch.room.take(std::mem::take(&mut unsent));
        }
        parts.iter().for_each(|part| unsent.extend_from_slice(part));
        remember(&socket.writer, cx);
        if !socket.is_due.replace(true) {
            socket.batch.add(&self.0);
        }
        Some(length)
    }
}

/// Keeps the task's waker, cloned only if it is another one than last time.
fn remember(place: &RefCell<Option<Waker>>, cx: &Context<'_>) {
    let mut place = place.borrow_mut();
    if !place.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
        *place = Some(cx.waker().clone());
    }
}

impl AsyncRead for Batched {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.0.send_on(cx);
        Pin::new(&mut *self.0.tcp.borrow_mut()).poll_read(cx, buf)
    }
}

impl AsyncWrite for Batched {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if let Some(count) = self.accept(cx, &[IoSlice::new(buf)]) {
            return Poll::Ready(Ok(count));
        }
        ready!(self.0.poll_send(cx))?;
        Pin::new(&mut *self.0.tcp.borrow_mut()).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let Some(count) = self.accept(cx, bufs) {
            return Poll::Ready(Ok(count));
        }
        ready!(self.0.poll_send(cx))?;
        Pin::new(&mut *self.0.tcp.borrow_mut()).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Sends at once what would leave at the end of the turn.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_send(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.0.poll_send(cx))?;
        Pin::new(&mut *self.0.tcp.borrow_mut()).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use proptest::prelude::*;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::{TcpListener, TcpSocket},
        task::yield_now,
    };

    use super::*;

    /// Runs on a runtime such as a worker has.
    fn on_a_worker<T>(test: impl Future<Output = T>) -> T {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build_local(Default::default()).unwrap().block_on(test)
    }

    /// A stream of the batch, with next to no room in the kernel, and its other end.
    async fn pair(batch: &Rc<Batch>) -> (Batched, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_send_buffer_size(4_096).unwrap();
        let tcp = socket.connect(listener.local_addr().unwrap()).await.unwrap();
        let (peer, _) = listener.accept().await.unwrap();
        (Batched::new(tcp, batch.clone()), peer)
    }

    /// What lies ready to be read; on loopback that is all that was sent.
    fn ready(mut peer: &std::net::TcpStream) -> Vec<u8> {
        let mut bytes = Vec::new();
        let ended = peer.read_to_end(&mut bytes);
        assert!(ended.is_ok() || ended.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock));
        bytes
    }

    #[test]
    fn what_a_turn_writes_leaves_at_its_end() {
        on_a_worker(async {
            let batch = Rc::default();
            let ((mut one, one_peer), (mut other, other_peer)) = (pair(&batch).await, pair(&batch).await);
            for _ in 0..3 {
                one.write_all(b"a").await.unwrap();
                other.write_all(b"b").await.unwrap();
            }
            let (one_peer, other_peer) = (one_peer.into_std().unwrap(), other_peer.into_std().unwrap());
            assert_eq!((ready(&one_peer), ready(&other_peer)), (Vec::new(), Vec::new()));
            yield_now().await;
            assert_eq!((ready(&one_peer), ready(&other_peer)), (b"aaa".to_vec(), b"bbb".to_vec()));
        });
    }

    #[test]
    fn every_turn_has_its_end() {
        on_a_worker(async {
            let batch = Rc::default();
            let (mut stream, mut peer) = pair(&batch).await;
            for turn in 0..10 {
                stream.write_all(&[turn]).await.unwrap();
                assert_eq!(peer.read_u8().await.unwrap(), turn);
            }
        });
    }

    #[test]
    fn what_was_written_leaves_though_the_stream_is_dropped() {
        on_a_worker(async {
            let batch = Rc::default();
            let (mut stream, mut peer) = pair(&batch).await;
            stream.write_all(b"last words").await.unwrap();
            drop(stream);
            let mut heard = Vec::new();
            peer.read_to_end(&mut heard).await.unwrap();
            assert_eq!(heard, b"last words");
        });
    }

    #[test]
    fn a_flush_and_a_shutdown_do_not_wait_for_the_end_of_the_turn() {
        on_a_worker(async {
            let batch = Rc::default();
            let ((mut one, one_peer), (mut other, other_peer)) = (pair(&batch).await, pair(&batch).await);
            // Whoever sends for the batch never runs: this task does not wait.
            one.write_all(b"now").await.unwrap();
            one.flush().await.unwrap();
            other.write_all(b"bye").await.unwrap();
            other.shutdown().await.unwrap();
            let (one_peer, other_peer) = (one_peer.into_std().unwrap(), other_peer.into_std().unwrap());
            assert_eq!((ready(&one_peer), ready(&other_peer)), (b"now".to_vec(), b"bye".to_vec()));
        });
    }

    #[test]
    fn a_peer_that_is_gone_shows_in_what_is_written_next() {
        on_a_worker(async {
            let batch = Rc::default();
            let (mut stream, peer) = pair(&batch).await;
            peer.set_zero_linger().unwrap();
            drop(peer);
            stream.write_all(b"into the void").await.unwrap();
            yield_now().await;
            assert!(stream.write_all(b"more").await.is_err());
            assert!(stream.flush().await.is_err());
        });
    }

    /// Fills the kernel's buffers with writes that go at once, and leaves a small one behind that finds no room: returns all
    /// that was written. The kernel may make room at any time, so it may take more than one.
    async fn block(stream: &mut Batched) -> Vec<u8> {
        let mut written = Vec::new();
        while !stream.is_blocked() {
            poll_fn(|cx| {
                while let Poll::Ready(count) = Pin::new(&mut *stream).poll_write(cx, &[b'x'; MOST * 16]) {
                    written.resize(written.len() + count.unwrap(), b'x');
                }
                Poll::Ready(())
            })
            .await;
            stream.write_all(b"small").await.unwrap();
            written.extend_from_slice(b"small");
            yield_now().await;
        }
        written
    }

    #[test]
    fn whoever_waits_to_read_sends_what_found_no_room() {
        on_a_worker(async {
            let batch = Rc::default();
            let (mut stream, mut peer) = pair(&batch).await;
            let expected = block(&mut stream).await;
            let answers = async {
                let mut heard = vec![0; expected.len()];
                peer.read_exact(&mut heard).await.unwrap();
                peer.write_all(b"!").await.unwrap();
                heard
            };
            let (heard, answer) = tokio::join!(answers, stream.read_u8());
            assert!(heard == expected, "all of it, in order");
            assert_eq!(answer.unwrap(), b'!');
            assert!(!stream.is_blocked());
        });
    }

    #[test]
    fn a_flush_waits_until_all_has_left() {
        on_a_worker(async {
            let batch = Rc::default();
            let (mut stream, mut peer) = pair(&batch).await;
            let expected = block(&mut stream).await;
            // All but the last few bytes, which no flush could have left behind.
            let mut heard = vec![0; expected.len() - 1];
            let (read, flushed) = tokio::join!(peer.read_exact(&mut heard), stream.flush());
            assert!(read.is_ok() && flushed.is_ok() && !stream.is_blocked());
            heard.extend(ready(&peer.into_std().unwrap()));
            assert!(heard == expected, "all of it, in order");
        });
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// Whatever their sizes, and whoever runs in between, writes arrive in their order.
        #[test]
        fn writes_keep_their_order(writes in prop::collection::vec((0..3 * MOST, any::<bool>(), any::<bool>()), 1..40)) {
            on_a_worker(async {
                let batch = Rc::default();
                let (mut stream, mut peer) = pair(&batch).await;
                let (mut expected, mut byte) = (Vec::new(), 0_u8);
                let hears = tokio::task::spawn_local(async move {
                    let mut heard = Vec::new();
                    peer.read_to_end(&mut heard).await.unwrap();
                    heard
                });
                for (length, waits, in_parts) in writes {
                    let piece: Vec<_> = (0..length).map(|_| { byte = byte.wrapping_add(1); byte }).collect();
                    expected.extend_from_slice(&piece);
                    if in_parts {
                        let (one, other) = piece.split_at(length / 2);
                        let mut parts: &mut [_] = &mut [IoSlice::new(one), IoSlice::new(other)];
                        while parts.iter().any(|part| !part.is_empty()) {
                            let count = stream.write_vectored(parts).await.unwrap();
                            IoSlice::advance_slices(&mut parts, count);
                        }
                    } else {
                        stream.write_all(&piece).await.unwrap();
                    }
                    if waits {
                        yield_now().await;
                    }
                }
                stream.shutdown().await.unwrap();
                assert!(hears.await.unwrap() == expected, "another order");
            });
        }
    }
}
