//! An HTTP/1.1 client's connection: one request after the other, each answered before the next is looked at.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll, ready},
    time::Duration,
};

use banyan_http1::{
    Framing, HEAD_END, HeadLimits, HeadScanner, HostMemory, Known, RequestHead, encode_field,
    encode_status_line, parse_request,
};
use bytes::BytesMut;
use http::{Method, StatusCode, Version, header};
use tokio::{
    io::{AsyncReadExt as _, AsyncWrite as _},
    time::{Instant, timeout},
};

use super::{
    answer::Reply,
    body::{Broken, ReqBody, ResBody},
    h1_again,
    h1_body::{BodyState, H1Body, Shared},
    h1_frame::{answer_framing, refused, say_connection},
    h2,
    head::Head,
    outbox::Outbox,
    pump::{Pump, PumpError},
    stream::{Rewound, Stream},
    timer::Deadline,
    tunnel,
};
use crate::{
    cache::exact::Again,
    exchange::Exchange,
    forward::Client,
    outcome::Ending,
    pipeline::{self, Incoming},
    worker::Worker,
};

/// Room made for one read of a head.
const HEAD_READ: usize = 4 * 1024;
/// What HTTP/2 with prior knowledge begins with (RFC 9113 section 3.4).
const H2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// How long an idle connection may still bring a request once the drain has begun. Closing it at once would race with a
/// request on its way.
const DRAIN_IDLE: Duration = Duration::from_secs(1);
/// What is read and thrown away of a request that was answered before its end, so that its connection can be kept.
const DISCARD_BYTES: usize = 64 * 1024;
/// What is read and thrown away of a client that goes on sending after its answer, so that a reset does not destroy the
/// answer on its way (RFC 9112 section 9.6).
const LINGER_BYTES: usize = 512 * 1024;
const LINGER_TIME: Duration = Duration::from_secs(2);

/// One connection.
struct Connection {
    worker: Rc<Worker>,
    client: Client,
    shared: Rc<Shared>,
    deadline: Deadline,
    hosts: HostMemory,
    /// Its task is woken when the drain begins. Once is enough, since it is always the same task.
    watches_drain: bool,
}

/// What a connection brought next.
enum Next {
    Request(RequestHead),
    /// One that is the same to the last byte as one before it.
    Again(Again),
    Http2,
    Refused(Broken),
    Closed,
}

/// What becomes of a connection after an answer.
enum After {
    Keep,
    Close,
    /// At once, and so that nobody can take what was sent for the whole.
    Cut,
    /// The answer switched protocols; this is its upstream.
    Tunnel(Box<crate::upstream::h1::Connection>, Box<Exchange>),
}

/// Serves a connection to its end.
pub(crate) async fn serve(worker: Rc<Worker>, stream: Stream, client: Client) {
    let shared = Shared {
        stream: RefCell::new(stream),
        buffer: RefCell::new(BytesMut::new()),
        body: Cell::new(BodyState::Done),
        unread: RefCell::default(),
    };
    let drained = worker.clone();
    let mut drain = pin!(drained.drain_begun());
    let mut connection = Connection {
        worker,
        client,
        shared: Rc::new(shared),
        deadline: Deadline::default(),
        hosts: HostMemory::default(),
        watches_drain: false,
    };
    loop {
        let after = match connection.next(drain.as_mut()).await {
            Next::Request(head) => connection.exchange(head).await,
            Next::Again(again) => connection.give_again(&again).await,
            Next::Refused(broken) => connection.refuse(broken).await,
            Next::Http2 => return connection.into_http2().await,
            Next::Closed => return,
        };
        match after {
            After::Keep => {}
            After::Close => return connection.close().await,
            After::Cut => return connection.cut(),
            After::Tunnel(upstream, exchange) => return connection.tunnel(*upstream, *exchange).await,
        }
    }
}

impl Connection {
    /// Waits for the next request's head.
    async fn next(&mut self, mut drain: Pin<&mut impl Future<Output = ()>>) -> Next {
        let local = self.worker.local();
        let (limits, timeouts) = (local.compiled.plan.limits, local.compiled.plan.timeouts);
        drop(local);
        let head_limits = HeadLimits { bytes: limits.head, target: limits.uri, headers: limits.headers };
        let mut scanner = HeadScanner::default();
        let (mut begun, mut was_blocked) = (false, false);
        let mut idle_since = self.worker.recent();
        self.deadline.set(None);
        poll_fn(|cx| {
            loop {
                if let Some(next) = self.parse(&mut scanner, &head_limits) {
                    return Poll::Ready(next);
                }
                if !begun && !self.shared.buffer.borrow().is_empty() {
                    (begun, was_blocked) = (true, false);
                    self.deadline.set(None);
                    self.deadline.start(timeouts.head);
                }
                match self.poll_head_bytes(cx) {
                    Poll::Ready(true) => {}
                    Poll::Ready(false) => return Poll::Ready(Next::Closed),
                    Poll::Pending => break,
                }
            }
            // While the client does not take its last answer, it is not idle: it has as long as any that is slow.
            let is_blocked = !begun && self.shared.stream.borrow().is_blocked();
            if is_blocked != was_blocked {
                was_blocked = is_blocked;
                idle_since = Instant::now();
                self.deadline.set(None);
            }
            if is_blocked {
                self.deadline.start(timeouts.write);
            }
            self.deadline.start_at(idle_since, timeouts.keep_alive);
            // Asked for again after it was ready, the future would panic; by then the worker knows.
            let is_draining =
                self.worker.is_draining() || (!self.watches_drain && drain.as_mut().poll(cx).is_ready());
            self.watches_drain = true;
            if !begun && !is_blocked && is_draining {
                self.deadline.shorten(DRAIN_IDLE);
            }
            ready!(self.deadline.poll_passed(cx));
            Poll::Ready(if begun { Next::Refused(Ending::HeadTimeout.into()) } else { Next::Closed })
        })
        .await
    }

    /// What the bytes that are here come to, if they are enough.
    fn parse(&mut self, scanner: &mut HeadScanner, limits: &HeadLimits) -> Option<Next> {
        if self.shared.buffer.borrow().starts_with(b"PRI * HTTP/2.0\r\n") {
            let is_http2 = self.is_preface()?;
            return Some(if is_http2 { Next::Http2 } else { Next::Refused(Ending::BadVersion.into()) });
        }
        let mut buffer = self.shared.buffer.borrow_mut();
        if let Some(again) = h1_again::find(&self.worker, &self.client, scanner, &mut buffer) {
            return Some(Next::Again(again));
        }
        match parse_request(&mut buffer, scanner, limits, &mut self.hosts) {
            Ok(head) => head.map(Next::Request),
            Err(refusal) => Some(Next::Refused(refused(refusal))),
        }
    }

    /// Whether the buffer holds the whole preface; `None` while it may still become it.
    fn is_preface(&self) -> Option<bool> {
        let buffer = self.shared.buffer.borrow();
        let seen = buffer.len().min(H2_PREFACE.len());
        if buffer[..seen] != H2_PREFACE[..seen] {
            return Some(false);
        }
        (seen == H2_PREFACE.len()).then_some(true)
    }

    /// Reads more of a head; `false` at the end of the stream. An idle connection holds no buffer.
    fn poll_head_bytes(&self, cx: &mut Context<'_>) -> Poll<bool> {
        if self.shared.buffer.borrow().is_empty() {
            let readable = self.shared.stream.borrow().poll_readable(cx);
            if readable.is_pending() {
                self.worker.rooms.reads.give(self.shared.buffer.take());
                return Poll::Pending;
            }
            self.shared.buffer.replace_with(|buffer| self.worker.rooms.reads.take(std::mem::take(buffer)));
        }
        let count = ready!(self.shared.poll_fill(cx, HEAD_READ));
        Poll::Ready(count.is_ok_and(|count| count > 0))
    }

    /// Answers a request that is the same to the last byte as one before it.
    async fn give_again(&mut self, again: &Again) -> After {
        self.shared.body.set(BodyState::Done);
        let mut outbox = Outbox::new(self.worker.rooms.writes.take(BytesMut::new()));
        h1_again::put(again, &mut outbox);
        let mut written = 0;
        // Nearly always all of it goes at once.
        let flushed = poll_fn(|cx| {
            Poll::Ready(outbox.poll_hand_over(&mut self.shared.stream.borrow_mut(), cx, &mut written))
        });
        let ended = match flushed.await {
            Poll::Ready(Ok(())) => {
                self.worker.rooms.writes.give(outbox.buffer);
                Ok(())
            }
            Poll::Ready(Err(_)) => Err(Ending::ClientGone),
            Poll::Pending => {
                let mut pump = Pump::new(outbox, ResBody::empty(), Framing::Empty);
                let ended = self.write(&mut pump).await;
                self.worker.rooms.writes.give(pump.into_room());
                ended
            }
        };
        let (ending, sent) =
            (ended.err().unwrap_or(Ending::Ok), if ended.is_ok() { again.hit.length() } else { 0 });
        self.worker.finish_again(again, &self.client.address, ending, sent);
        if ended.is_ok() {
            return After::Keep;
        }
        self.shared.body.set(BodyState::Broken);
        After::Close
    }

    /// Serves one request.
    async fn exchange(&mut self, head: RequestHead) -> After {
        let worker = self.worker.clone();
        let body = self.body(&head);
        let (version, keep_alive, raw) = (head.version, head.keep_alive, head.raw);
        let fields = Head::from(head.fields);
        let mut exchange = Box::new(pipeline::begin(&worker, &self.client, version, &fields));
        exchange.method = Some(head.method.clone());
        exchange.target = Some(head.target.clone());
        let body = match body {
            Ok(body) => body,
            Err(broken) => {
                self.shared.body.set(BodyState::Broken);
                let response = pipeline::refuse(&worker, &mut exchange, broken);
                return self.deliver(exchange, response, &head.method, version, false).await;
            }
        };
        let mut incoming =
            Incoming { method: head.method, target: head.target, host: head.host, head: fields, body };
        let response = {
            let mut serving = pin!(pipeline::serve(&worker, &self.client, &mut exchange, &mut incoming));
            let shared = &self.shared;
            poll_fn(|cx| match serving.as_mut().poll(cx) {
                Poll::Ready(response) => Poll::Ready(Some(response)),
                Poll::Pending => poll_gone(shared, cx).map(|()| None),
            })
            .await
        };
        let Some(response) = response else {
            exchange.ending = Ending::ClientGone;
            worker.finish(&exchange);
            return After::Close;
        };
        // What of its body was not sent up lies in the connection; see `read_to_end`.
        incoming.body = ReqBody::Empty;
        if keep_alive && self.shared.body.get() == BodyState::Done {
            h1_again::remember(&worker, &self.client, &raw, &exchange, &response);
        }
        drop(raw);
        self.deliver(exchange, response, &incoming.method, version, keep_alive).await
    }

    fn body(&self, head: &RequestHead) -> Result<ReqBody, Broken> {
        self.shared.body.set(BodyState::Done);
        if head.framing == Framing::Empty {
            return Ok(ReqBody::Empty);
        }
        let local = self.worker.local();
        let (limit, stall) = (local.compiled.plan.limits.body, local.compiled.plan.timeouts.body);
        if let (Framing::Length(length), Some(limit)) = (head.framing, limit)
            && length > limit
        {
            return Err(Ending::BodyTooLarge.into());
        }
        let body = H1Body::new(self.shared.clone(), head.framing, head.expects_continue, limit, stall);
        body.check_first_chunk()?;
        Ok(ReqBody::H1(Box::new(body)))
    }

    /// Answers what never became a request.
    async fn refuse(&mut self, broken: Broken) -> After {
        let worker = self.worker.clone();
        let mut exchange =
            Box::new(pipeline::begin(&worker, &self.client, Version::HTTP_11, &Head::default()));
        let response = pipeline::refuse(&worker, &mut exchange, broken);
        self.shared.body.set(BodyState::Broken);
        self.deliver(exchange, response, &Method::GET, Version::HTTP_11, false).await
    }

    /// Writes an answer and ends the exchange.
    async fn deliver(
        &mut self,
        mut exchange: Box<Exchange>,
        mut response: Reply,
        method: &Method,
        version: Version,
        keep_alive: bool,
    ) -> After {
        let status = response.status();
        let framing = answer_framing(&mut response, method, version);
        let keep = keep_alive
            && !exchange.ending.poisons_connection()
            && self.shared.body.get() != BodyState::Broken
            && framing != Framing::UntilClose
            && !self.worker.is_draining();
        let upgraded = status == StatusCode::SWITCHING_PROTOCOLS;
        say_connection(response.head_mut(), version, keep, upgraded);
        let mut outbox = Outbox::new(self.worker.rooms.writes.take(BytesMut::new()));
        self.write_head(&mut outbox.buffer, &exchange, &response);
        let body = response.into_body();
        if upgraded {
            return self.switch(exchange, outbox, body).await;
        }
        let mut pump = Pump::new(outbox, body, framing);
        let ended = match self.write(&mut pump).await {
            Ok(()) if !keep => self.flush().await,
            ended => ended,
        };
        exchange.sent = pump.body_bytes;
        self.worker.rooms.writes.give(pump.into_room());
        if let Err(ending) = ended {
            exchange.ending = ending;
        }
        self.worker.finish(&exchange);
        if keep && ended.is_ok() {
            if self.read_to_end().await {
                return After::Keep;
            }
            // Whether it succeeds shows nowhere: the exchange has ended.
            self.flush().await.ok();
        }
        if ended.is_err() {
            self.shared.body.set(BodyState::Broken);
            if framing == Framing::UntilClose {
                // Closed in good order, half an answer would look whole (RFC 9112 section 8).
                return After::Cut;
            }
        }
        After::Close
    }

    /// Writes the head of an answer; that of a kept one lies ready.
    fn write_head(&self, out: &mut BytesMut, exchange: &Exchange, response: &Reply) {
        if let Some(hit) = response.body().stored() {
            hit.encode(out);
        } else {
            encode_status_line(out, Version::HTTP_11, response.status());
            if !response.head().any(|known| known == Known::Date) {
                encode_field(out, &header::DATE, &self.worker.date(exchange.started));
            }
        }
        response.head().encode_all(out);
        out.extend_from_slice(HEAD_END);
    }

    /// Whether the request was read to its end, if need be by throwing away what is left of it. A client that is answered
    /// early goes on sending; closing on it could destroy the answer, and it would lose its connection for nothing.
    async fn read_to_end(&self) -> bool {
        match self.shared.body.get() {
            BodyState::Done => true,
            BodyState::Broken => false,
            BodyState::Open => {
                let mut left = DISCARD_BYTES;
                let discard = poll_fn(|cx| self.shared.poll_discard(cx, &mut left));
                timeout(LINGER_TIME, discard).await.unwrap_or(false)
            }
        }
    }

    /// Writes until the body is through, the client is gone or has stopped reading.
    async fn write(&mut self, pump: &mut Pump<ResBody>) -> Result<(), Ending> {
        let stall = self.worker.local().compiled.plan.timeouts.write;
        self.deadline.set(None);
        let mut seen = 0;
        poll_fn(|cx| {
            match pump.poll(cx, &self.shared.stream) {
                Poll::Ready(Ok(())) => return Poll::Ready(Ok(())),
                Poll::Ready(Err(PumpError::Io)) => return Poll::Ready(Err(Ending::ClientGone)),
                Poll::Ready(Err(PumpError::Length)) => return Poll::Ready(Err(Ending::BodyReset)),
                Poll::Ready(Err(PumpError::Body(broken))) => return Poll::Ready(Err(broken.ending)),
                Poll::Pending => {}
            }
            if poll_gone(&self.shared, cx).is_ready() {
                return Poll::Ready(Err(Ending::ClientGone));
            }
            if pump.outbox.is_empty() || pump.written != seen {
                seen = pump.written;
                self.deadline.set(None);
            }
            if pump.outbox.is_empty() {
                return Poll::Pending;
            }
            self.deadline.start(stall);
            ready!(self.deadline.poll_passed(cx));
            Poll::Ready(Err(Ending::ClientStalled))
        })
        .await
    }

    /// Waits until what was written has left; only then may the connection be closed.
    async fn flush(&mut self) -> Result<(), Ending> {
        let stall = self.worker.local().compiled.plan.timeouts.write;
        self.deadline.set(None);
        poll_fn(|cx| {
            let flushed = Pin::new(&mut *self.shared.stream.borrow_mut()).poll_flush(cx);
            if let Poll::Ready(result) = flushed {
                return Poll::Ready(result.map_err(|_| Ending::ClientGone));
            }
            self.deadline.start(stall);
            ready!(self.deadline.poll_passed(cx));
            Poll::Ready(Err(Ending::ClientStalled))
        })
        .await
    }

    /// Sends `101 Switching Protocols`.
    async fn switch(&mut self, exchange: Box<Exchange>, outbox: Outbox, body: ResBody) -> After {
        let Some(upstream) = body.into_upgraded() else { return After::Close };
        let mut pump = Pump::new(outbox, ResBody::empty(), Framing::Empty);
        match self.write(&mut pump).await {
            Ok(()) => After::Tunnel(upstream, exchange),
            Err(_) => After::Close,
        }
    }

    async fn tunnel(self, upstream: crate::upstream::h1::Connection, mut exchange: Exchange) {
        let idle = self.worker.local().compiled.plan.timeouts.tunnel;
        let Ok(shared) = Rc::try_unwrap(self.shared) else { return };
        let client = Rewound::new(shared.buffer.into_inner(), shared.stream.into_inner());
        let upstream = Rewound::new(upstream.buffer, upstream.stream);
        exchange.sent = tunnel::run(client, upstream, idle).await;
        self.worker.finish(&exchange);
    }

    async fn into_http2(self) {
        let Ok(shared) = Rc::try_unwrap(self.shared) else { return };
        let stream = Rewound::new(shared.buffer.into_inner(), shared.stream.into_inner());
        h2::serve(self.worker, stream, self.client).await;
    }

    /// Ends the connection so that its client sees an error.
    fn cut(self) {
        if let Ok(shared) = Rc::try_unwrap(self.shared)
            && let Err(error) = shared.stream.into_inner().reset()
        {
            tracing::debug!(%error, "a connection could not be reset");
        }
    }

    /// Ends the connection so that the answer survives: our side first, then what the client still sends, then all.
    async fn close(self) {
        use tokio::io::AsyncWriteExt as _;
        let Ok(shared) = Rc::try_unwrap(self.shared) else { return };
        let must_linger = shared.body.get() != BodyState::Done;
        let mut stream = shared.stream.into_inner();
        let linger = async {
            stream.shutdown().await?;
            let mut left = if must_linger { LINGER_BYTES } else { 0 };
            let mut scratch = vec![0; if must_linger { 16 * 1024 } else { 0 }];
            while left > 0 {
                let count = stream.read(&mut scratch).await?;
                left = if count == 0 { 0 } else { left.saturating_sub(count) };
            }
            std::io::Result::Ok(())
        };
        // Whatever fails here, the connection is over.
        if let Ok(Err(error)) = timeout(LINGER_TIME, linger).await {
            tracing::trace!(%error, "a client closed first");
        }
    }
}

/// Ready when the client has closed its side while it waits for an answer. Requests it has sent ahead are kept, up to a bound.
fn poll_gone(shared: &Shared, cx: &mut Context<'_>) -> Poll<()> {
    while shared.body.get() == BodyState::Done && shared.buffer.borrow().len() < HEAD_READ {
        ready!(shared.stream.borrow().poll_readable(cx));
        match ready!(shared.poll_fill(cx, HEAD_READ)) {
            Ok(count) if count > 0 => {}
            _ => return Poll::Ready(()),
        }
    }
    Poll::Pending
}
