//! One exchange over an HTTP/1.1 connection to a host.
//!
//! It runs in the task of the request: no channel and no second task stands between the two sockets. The request's body
//! goes up while the answer's head is awaited, and goes on going up while the answer's body comes down.

use std::{
    future::poll_fn,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
    time::Duration,
};

use banyan_http1::{
    Framing, HEAD_END, HeadLimits, HeadScanner, ResponseHead, encode_field, encode_request_line,
    parse_response,
};
use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Method, StatusCode, header};
use http_body::Frame;
use tokio::time::Instant;
use tokio_util::io::poll_read_buf;

use super::local::InFlight;
use crate::{
    forward::{self, Fields},
    outcome::Ending,
    wire::{
        body::{Broken, ReqBody},
        decoder::{BodyDecoder, Piece},
        outbox::Outbox,
        pump::{Pump, PumpError},
        room::Rooms,
        stream::Stream,
        timer::Deadline,
    },
};

/// Room made for one read of a head, and of a body.
const HEAD_READ: usize = 8 * 1024;
const BODY_READ: usize = 64 * 1024;
/// What an upstream's head may be; generous, since it is ours.
const LIMITS: HeadLimits = HeadLimits { bytes: 256 * 1024, target: 0, headers: 512 };

/// A connection to a host. Handed around in a box: it goes from the pool through an exchange and back.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) stream: Stream,
    pub(crate) buffer: BytesMut,
    deadline: Deadline,
    /// What it reads into and writes from, lent for an exchange.
    rooms: Rc<Rooms>,
    /// Exchanges begun on it.
    pub(crate) uses: u32,
    idle_since: Instant,
}

impl Connection {
    pub(crate) fn new(stream: Stream, rooms: Rc<Rooms>, now: Instant) -> Box<Self> {
        let (buffer, deadline) = (BytesMut::new(), Deadline::default());
        Box::new(Self { stream, buffer, deadline, rooms, uses: 0, idle_since: now })
    }

    pub(crate) fn idle_for(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.idle_since)
    }

    /// Whether the other end has neither closed it nor said anything out of turn. Costs no system call while nothing came.
    pub(crate) fn is_open(&mut self) -> bool {
        if self.stream.is_blocked() {
            // It answered without taking the whole request.
            return false;
        }
        let mut cx = Context::from_waker(std::task::Waker::noop());
        match self.stream.poll_readable(&mut cx) {
            Poll::Pending => true,
            Poll::Ready(()) => self.poll_fill(&mut cx, 64).is_pending(),
        }
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>, room: usize) -> Poll<std::io::Result<usize>> {
        self.buffer = self.rooms.reads.take(std::mem::take(&mut self.buffer));
        self.buffer.reserve(room);
        let filled = poll_read_buf(Pin::new(&mut self.stream), cx, &mut self.buffer);
        if filled.is_pending() && self.buffer.is_empty() {
            self.give_back_buffer();
        }
        filled
    }

    /// While nothing is read, somebody else may read into it.
    fn give_back_buffer(&mut self) {
        self.rooms.reads.give(std::mem::take(&mut self.buffer));
    }
}

/// Limits of one attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AttemptLimits {
    /// From the request sent to the answer's head.
    pub(crate) first_byte: Duration,
    /// The call's deadline.
    pub(crate) deadline: Instant,
    /// No progress of a body.
    pub(crate) idle: Duration,
    /// The exchange's end, if it must have one.
    pub(crate) whole: Option<Instant>,
}

impl AttemptLimits {
    /// How long the upstream may take after it took a piece of the request. An upload that makes progress may outlast the
    /// deadline, as a download may: both are held by `idle` and `whole`.
    pub(super) fn after_progress(&self) -> Instant {
        let until = Instant::now() + self.first_byte;
        self.whole.map_or(until, |whole| whole.min(until))
    }

    /// Which limit it was.
    pub(crate) fn ending(&self, now: Instant) -> Ending {
        if self.whole.is_some_and(|whole| now >= whole) {
            Ending::WholeTimeout
        } else if now >= self.deadline {
            Ending::Deadline
        } else {
            Ending::FirstByteTimeout
        }
    }
}

/// A failed attempt.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) broken: Broken,
    /// The connection had been idle and broke before one byte of an answer came: closed for being idle, most likely.
    pub(crate) stale: bool,
}

/// The answer's head, and the rest of the exchange as its body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) head: ResponseHead,
    pub(crate) body: UpstreamBody,
}

/// What is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outgoing<'a> {
    pub(crate) method: &'a Method,
    pub(crate) target: &'a str,
    pub(crate) fields: &'a Fields,
    pub(crate) host: &'a HeaderValue,
    pub(crate) framing: Framing,
    /// The protocol that it asks to switch to.
    pub(crate) upgrade: Option<&'a HeaderValue>,
    /// How long it may still take, for upstreams that are told.
    pub(crate) deadline: Option<&'a HeaderValue>,
}

/// Sends a request and waits for the answer's head. `now` is when the call began.
pub(crate) async fn send(
    mut connection: Box<Connection>,
    request: Outgoing<'_>,
    body: ReqBody,
    limits: AttemptLimits,
    call: InFlight,
    now: Instant,
) -> Result<Answer, Failure> {
    let mut outbox = Outbox::new(connection.rooms.writes.take(BytesMut::new()));
    write_head(&mut outbox.buffer, &request);
    connection.uses = connection.uses.saturating_add(1);
    connection.deadline.set(Some(limits.deadline.min(now + limits.first_byte)));
    let mut attempt = Attempt {
        connection,
        pump: Some(Pump::new(outbox, body, request.framing)),
        scanner: HeadScanner::default(),
        limits,
        answered: false,
        cut: false,
        watched: None,
    };
    match poll_fn(|cx| attempt.poll(cx, &request)).await {
        Ok(head) => {
            let now = Instant::now();
            call.judge_status(head.status, now);
            let body = attempt.into_body(&head, call, now);
            Ok(Answer { head, body })
        }
        Err(broken) => {
            let unanswered = broken.ending == Ending::Reset && !attempt.answered;
            // A connection that was used before may have been closed for being idle, which is no fault.
            let stale = unanswered && attempt.connection.uses > 1;
            if !stale && broken.ending.is_upstream_failure() {
                call.failed(Instant::now());
            }
            Err(Failure { broken, stale })
        }
    }
}

fn write_head(out: &mut BytesMut, request: &Outgoing<'_>) {
    encode_request_line(out, request.method, request.target);
    encode_field(out, &header::HOST, request.host);
    match request.framing {
        Framing::Length(length) => encode_field(out, &header::CONTENT_LENGTH, &length.into()),
        Framing::Chunked => encode_field(out, &header::TRANSFER_ENCODING, &forward::CHUNKED),
        Framing::Empty | Framing::UntilClose => {}
    }
    if let Some(protocol) = request.upgrade {
        encode_field(out, &header::CONNECTION, &forward::UPGRADE);
        encode_field(out, &header::UPGRADE, protocol);
    }
    if let Some(deadline) = request.deadline {
        encode_field(out, &forward::DEADLINE, deadline);
    }
    request.fields.encode(out);
    out.extend_from_slice(HEAD_END);
}

struct Attempt {
    connection: Box<Connection>,
    pump: Option<Pump<ReqBody>>,
    scanner: HeadScanner,
    limits: AttemptLimits,
    /// Bytes of an answer came.
    answered: bool,
    /// Our side broke while sending; the answer may still come, but nothing after it.
    cut: bool,
    /// Bytes written when progress was last looked at; `None` while the client is waited for.
    watched: Option<u64>,
}

impl Attempt {
    fn poll(&mut self, cx: &mut Context<'_>, request: &Outgoing<'_>) -> Poll<Result<ResponseHead, Broken>> {
        self.poll_upload(cx)?;
        match self.poll_head(cx, request) {
            Poll::Ready(result) => Poll::Ready(result),
            Poll::Pending => {
                ready!(self.connection.deadline.poll_passed(cx));
                Poll::Ready(Err(self.limits.ending(Instant::now()).into()))
            }
        }
    }

    /// Sends what can be sent, and says how long the upstream may take from now on: its time does not run while the client
    /// is waited for, and begins anew with every piece that it takes.
    fn poll_upload(&mut self, cx: &mut Context<'_>) -> Result<(), Broken> {
        let Some(pump) = &mut self.pump else { return Ok(()) };
        let result = pump.poll(cx, &mut self.connection.stream);
        let is_upload = pump.body_bytes > 0 || !pump.is_drained();
        let deadline = &mut self.connection.deadline;
        match result {
            Poll::Pending if is_upload && pump.outbox.is_empty() => {
                self.watched = None;
                deadline.set(self.limits.whole);
            }
            Poll::Pending if is_upload && self.watched != Some(pump.written) => {
                self.watched = Some(pump.written);
                deadline.set(Some(self.limits.after_progress()));
            }
            Poll::Pending => {}
            Poll::Ready(Ok(())) => {
                if is_upload {
                    deadline.set(Some(self.limits.after_progress()));
                }
                if let Some(pump) = self.pump.take() {
                    self.connection.rooms.writes.give(pump.outbox.buffer);
                }
            }
            Poll::Ready(Err(PumpError::Body(broken))) => return Err(broken),
            Poll::Ready(Err(PumpError::Length)) => return Err(Ending::BadRequest.into()),
            // The upstream may have answered and closed without reading on: its answer decides.
            Poll::Ready(Err(PumpError::Io)) => {
                self.pump = None;
                self.cut = true;
            }
        }
        Ok(())
    }

    fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        request: &Outgoing<'_>,
    ) -> Poll<Result<ResponseHead, Broken>> {
        loop {
            let (buffer, scanner) = (&mut self.connection.buffer, &mut self.scanner);
            let parsed = parse_response(buffer, scanner, request.method, &LIMITS);
            match parsed.map_err(|_| Ending::BadGateway)? {
                // Interim answers are between us and the upstream.
                Some(head)
                    if head.status.is_informational() && head.status != StatusCode::SWITCHING_PROTOCOLS => {}
                // Nobody asked for another protocol, and nobody here would speak it (RFC 9110 section 15.2.2).
                Some(head) if head.status == StatusCode::SWITCHING_PROTOCOLS && request.upgrade.is_none() => {
                    return Poll::Ready(Err(Ending::BadGateway.into()));
                }
                Some(head) => return Poll::Ready(Ok(head)),
                None => match ready!(self.connection.poll_fill(cx, HEAD_READ)) {
                    Ok(count) if count > 0 => self.answered = true,
                    _ if self.answered => return Poll::Ready(Err(Ending::BadGateway.into())),
                    _ => return Poll::Ready(Err(Ending::Reset.into())),
                },
            }
        }
    }

    fn into_body(mut self, head: &ResponseHead, call: InFlight, now: Instant) -> UpstreamBody {
        let pump = self.pump.take().filter(|pump| !pump.is_drained() || !pump.outbox.is_empty());
        let mut body = UpstreamBody {
            decoder: BodyDecoder::new(head.framing),
            keep: head.keep_alive && pump.is_none() && !self.cut,
            connection: Some(self.connection),
            pump: pump.map(Box::new),
            idle: self.limits.idle,
            whole: self.limits.whole,
            call: Some(call),
            answered_at: now,
        };
        if let Some(connection) = &mut body.connection {
            connection.deadline.set(None);
        }
        if head.status != StatusCode::SWITCHING_PROTOCOLS {
            body.release_if_done();
        }
        body
    }
}

/// Ready when nothing has come for `idle`, or the exchange has reached its end.
pub(super) fn poll_stalled(
    deadline: &mut Deadline,
    idle: Duration,
    whole: Option<Instant>,
    cx: &mut Context<'_>,
) -> Poll<Broken> {
    deadline.start(idle);
    if let Some(whole) = whole {
        deadline.cap(whole);
    }
    ready!(deadline.poll_passed(cx));
    let is_over = whole.is_some_and(|whole| Instant::now() >= whole);
    Poll::Ready(if is_over { Ending::WholeTimeout } else { Ending::IdleTimeout }.into())
}

/// The body of an answer, with the connection it comes from.
#[derive(Debug)]
pub(crate) struct UpstreamBody {
    decoder: BodyDecoder,
    connection: Option<Box<Connection>>,
    /// What of the request still goes up.
    pump: Option<Box<Pump<ReqBody>>>,
    keep: bool,
    idle: Duration,
    whole: Option<Instant>,
    call: Option<InFlight>,
    /// When the head came, or the last byte that had to be waited for.
    answered_at: Instant,
}

impl UpstreamBody {
    pub(crate) fn is_end(&self) -> bool {
        self.decoder.is_done() && self.connection.is_none()
    }

    /// The connection, after an upgrade.
    pub(crate) fn into_connection(mut self) -> Option<Box<Connection>> {
        self.connection.take()
    }

    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let result = ready!(self.poll_piece(cx));
        if result.is_err() {
            if let (Err(broken), Some(call)) = (&result, &self.call)
                && broken.ending == Ending::BodyReset
            {
                call.failed(Instant::now());
            }
            self.connection = None;
            self.call = None;
        }
        Poll::Ready(result.transpose())
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Frame<Bytes>>, Broken>> {
        loop {
            let Some(connection) = &mut self.connection else { return Poll::Ready(Ok(None)) };
            match self.decoder.decode(&mut connection.buffer).map_err(|_| Ending::BodyReset)? {
                Piece::Data(data) => {
                    self.release_if_done();
                    return Poll::Ready(Ok(Some(Frame::data(data))));
                }
                Piece::End(trailers) => {
                    self.release_if_done();
                    return Poll::Ready(Ok(trailers.map(Frame::trailers)));
                }
                Piece::NeedMore => ready!(self.poll_more(cx))?,
            }
            if self.connection.is_none() {
                return Poll::Ready(Ok(None));
            }
        }
    }

    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        let Some(connection) = &mut self.connection else { return Poll::Ready(Ok(())) };
        if let Some(pump) = &mut self.pump {
            match pump.poll(cx, &mut connection.stream) {
                Poll::Pending => {}
                Poll::Ready(Ok(()) | Err(PumpError::Io)) => self.pump = None,
                Poll::Ready(Err(PumpError::Body(broken))) => return Poll::Ready(Err(broken)),
                Poll::Ready(Err(PumpError::Length)) => return Poll::Ready(Err(Ending::BadRequest.into())),
            }
        }
        match connection.poll_fill(cx, BODY_READ) {
            Poll::Ready(Ok(count)) if count > 0 => {
                connection.deadline.set(None);
                self.answered_at = Instant::now();
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Ok(_)) if self.decoder.may_end_at_close() => {
                self.connection = None;
                self.call = None;
                Poll::Ready(Ok(()))
            }
            Poll::Ready(_) => Poll::Ready(Err(Ending::BodyReset.into())),
            Poll::Pending => self.poll_stalled(cx).map(Err),
        }
    }

    fn poll_stalled(&mut self, cx: &mut Context<'_>) -> Poll<Broken> {
        let Some(connection) = &mut self.connection else { return Poll::Pending };
        poll_stalled(&mut connection.deadline, self.idle, self.whole, cx)
    }

    /// Gives the connection back as soon as the last byte was read, however slowly the client takes it.
    fn release_if_done(&mut self) {
        if !self.decoder.is_done() {
            return;
        }
        let (Some(mut connection), Some(call)) = (self.connection.take(), self.call.take()) else { return };
        if self.keep && self.pump.is_none() && connection.buffer.is_empty() {
            connection.idle_since = self.answered_at;
            connection.give_back_buffer();
            connection.deadline.set(None);
            call.host.put_idle(connection);
        }
    }
}
