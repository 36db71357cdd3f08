//! Bodies of requests and answers, wherever they come from.

use std::{
    cell::Cell,
    collections::VecDeque,
    fmt,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::{h1_body::H1Body, timer::Deadline};
use crate::{
    cache::{flight::Waiter, hit::Hit},
    chaos::Spoiled,
    dependency::guard::Guard,
    outcome::Ending,
    shadow::tap::Tap,
    upstream::{h1::UpstreamBody, h2::H2Body},
};

/// Why a body broke off: the ending that the exchange gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) ending: Ending,
    /// What exactly, for the problem document; static, so that nothing of the request leaks into it.
    pub(crate) detail: Option<&'static str>,
}

impl From<Ending> for Broken {
    fn from(ending: Ending) -> Self {
        Self { ending, detail: None }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.detail.unwrap_or(self.ending.row().title))
    }
}

impl std::error::Error for Broken {}

/// The body of a request.
#[derive(Debug)]
pub(crate) enum ReqBody {
    /// Nothing.
    Empty,
    /// Held in memory, so it can be sent again.
    Held(Bytes),
    /// From an HTTP/1.1 client.
    H1(Box<H1Body>),
    /// From an HTTP/2 client.
    H2(Box<H2Request>),
    /// What was read ahead, then the rest.
    Ahead(VecDeque<Frame<Bytes>>, Box<ReqBody>),
    /// The same, watched by whoever limits how long the upstream may take.
    Watched(Box<ReqBody>, Rc<Taken>),
}

/// How far an upstream has taken a body.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    /// Frames, the end among them.
    pub(crate) frames: Cell<u64>,
    /// The upstream would take more, but the client has not sent it.
    pub(crate) waits: Cell<bool>,
}

/// An HTTP/2 client's body, held to the same limits as an HTTP/1.1 client's.
#[derive(Debug)]
pub(crate) struct H2Request {
    pub(crate) incoming: Incoming,
    pub(crate) left: Option<u64>,
    pub(crate) stall: Deadline,
    pub(crate) timeout: std::time::Duration,
}

impl ReqBody {
    /// The same body once more, if that is possible.
    pub(crate) fn again(&self) -> Option<Self> {
        match self {
            Self::Empty => Some(Self::Empty),
            Self::Held(data) => Some(Self::Held(data.clone())),
            Self::H1(_) | Self::H2(_) | Self::Ahead(..) | Self::Watched(..) => None,
        }
    }

    /// Watches a body that is still on its way.
    pub(crate) fn watched(self, taken: &Rc<Taken>) -> Self {
        match self {
            Self::Empty | Self::Held(_) => self,
            other => Self::Watched(Box::new(other), taken.clone()),
        }
    }

    /// Its bytes, if they are in memory.
    pub(crate) fn held(&self) -> Option<Bytes> {
        match self {
            Self::Empty => Some(Bytes::new()),
            Self::Held(data) => Some(data.clone()),
            Self::H1(_) | Self::H2(_) | Self::Ahead(..) | Self::Watched(..) => None,
        }
    }

    /// Lowers the limit on its size (a route's own) and says whether its declared length keeps it.
    pub(crate) fn limit(&mut self, limit: u64) -> bool {
        match self {
            Self::H1(body) => body.limit(limit),
            Self::H2(body) => {
                body.left = Some(limit);
                body.incoming.size_hint().lower() <= limit
            }
            Self::Empty | Self::Held(_) | Self::Ahead(..) | Self::Watched(..) => true,
        }
    }

    /// Reads up to `limit` bytes into memory. A body that is larger stays a stream, with what was read in front.
    pub(crate) async fn hold(mut self, limit: usize) -> Result<Self, Broken> {
        if matches!(self, Self::Empty | Self::Held(_)) {
            return Ok(self);
        }
        let mut frames = VecDeque::new();
        let mut size = 0;
        let mut only_data = true;
        while size <= limit {
            match std::future::poll_fn(|cx| Pin::new(&mut self).poll_frame(cx)).await {
                Some(frame) => {
                    let frame = frame?;
                    size += frame.data_ref().map_or(0, Bytes::len);
                    only_data &= frame.is_data();
                    frames.push_back(frame);
                }
                None if only_data => return Ok(Self::Held(join(frames, size))),
                None => return Ok(Self::Ahead(frames, Box::new(Self::Empty))),
            }
        }
        Ok(Self::Ahead(frames, Box::new(self)))
    }
}

fn join(mut frames: VecDeque<Frame<Bytes>>, size: usize) -> Bytes {
    if frames.len() == 1 {
        return frames.pop_front().and_then(|frame| frame.into_data().ok()).unwrap_or_default();
    }
    let mut whole = Vec::with_capacity(size);
    frames.iter().filter_map(Frame::data_ref).for_each(|data| whole.extend_from_slice(data));
    whole.into()
}

impl Body for ReqBody {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let this = self.get_mut();
        match this {
            Self::Empty => Poll::Ready(None),
            Self::Held(data) => {
                let data = std::mem::take(data);
                *this = Self::Empty;
                Poll::Ready((!data.is_empty()).then(|| Ok(Frame::data(data))))
            }
            Self::H1(body) => body.poll_frame(cx),
            Self::H2(body) => body.poll_frame(cx),
            Self::Ahead(frames, rest) => match frames.pop_front() {
                Some(frame) => Poll::Ready(Some(Ok(frame))),
                None => Pin::new(&mut **rest).poll_frame(cx),
            },
            Self::Watched(body, taken) => {
                let frame = Pin::new(&mut **body).poll_frame(cx);
                taken.waits.set(frame.is_pending());
                taken.frames.set(taken.frames.get() + u64::from(frame.is_ready()));
                frame
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Held(data) => data.is_empty(),
            Self::H1(_) | Self::Ahead(..) => false,
            Self::Watched(body, _) => body.is_end_stream(),
            Self::H2(body) => body.incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Held(data) => SizeHint::with_exact(data.len() as u64),
            Self::H1(body) => body.size_hint(),
            Self::H2(body) => body.incoming.size_hint(),
            Self::Watched(body, _) => body.size_hint(),
            Self::Ahead(frames, rest) => {
                let ahead: u64 =
                    frames.iter().filter_map(Frame::data_ref).map(|data| data.len() as u64).sum();
                match (rest.size_hint().exact(), frames.iter().all(Frame::is_data)) {
                    (Some(exact), true) => SizeHint::with_exact(exact + ahead),
                    _ => SizeHint::default(),
                }
            }
        }
    }
}

impl H2Request {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match Pin::new(&mut self.incoming).poll_frame(cx) {
            Poll::Pending => {
                self.stall.start(self.timeout);
                ready!(self.stall.poll_passed(cx));
                Poll::Ready(Some(Err(Ending::BodyTimeout.into())))
            }
            Poll::Ready(Some(Ok(frame))) => {
                self.stall.set(None);
                if let (Some(left), Some(data)) = (&mut self.left, frame.data_ref()) {
                    match left.checked_sub(data.len() as u64) {
                        Some(rest) => *left = rest,
                        None => return Poll::Ready(Some(Err(Ending::BodyTooLarge.into()))),
                    }
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(_))) => Poll::Ready(Some(Err(Ending::ClientGone.into()))),
            Poll::Ready(None) => Poll::Ready(None),
        }
    }
}

/// The body of an answer.
#[derive(Debug)]
pub(crate) struct ResBody {
    source: Source,
    tap: Option<Box<Tap>>,
    guard: Option<Guard>,
}

#[derive(Debug)]
pub(crate) enum Source {
    Empty,
    Held(Bytes),
    H1(UpstreamBody),
    H2(Box<H2Body>),
    /// What was read ahead, then the rest.
    Ahead(VecDeque<Frame<Bytes>>, Option<Box<ResBody>>),
    /// On purpose not what the upstream sent.
    Spoiled(Box<Spoiled>),
    /// Kept in memory, head and all.
    Stored(Hit),
    /// From a fetch that others may wait for too.
    Flight(Waiter),
}

impl ResBody {
    pub(crate) const fn empty() -> Self {
        Self::new(Source::Empty)
    }

    pub(crate) const fn held(data: Bytes) -> Self {
        Self::new(Source::Held(data))
    }

    pub(crate) fn ahead(frames: VecDeque<Frame<Bytes>>, rest: Option<Self>) -> Self {
        Self::new(Source::Ahead(frames, rest.map(Box::new)))
    }

    pub(crate) const fn new(source: Source) -> Self {
        Self { source, tap: None, guard: None }
    }

    /// Holds on to `guard` until the body has ended, and tells it how.
    pub(crate) fn guard(&mut self, guard: Guard) {
        self.guard = Some(guard);
    }

    /// Lets `tap` see everything that passes.
    pub(crate) fn tap(&mut self, tap: Box<Tap>) {
        self.tap = Some(tap);
    }

    /// Its length, when it is ours and in memory.
    pub(crate) fn held_length(&self) -> Option<u64> {
        match &self.source {
            Source::Held(data) => Some(data.len() as u64),
            Source::Stored(hit) => Some(hit.length()),
            _ => None,
        }
    }

    /// Where it comes from.
    #[cfg(test)]
    pub(crate) fn source(&self) -> &Source {
        &self.source
    }

    /// The kept answer that it is, as long as nothing was taken of it.
    pub(crate) fn stored(&self) -> Option<&Hit> {
        if let Source::Stored(hit) = &self.source { Some(hit) } else { None }
    }

    /// The upstream connection of an answer that switched protocols.
    pub(crate) fn into_upgraded(self) -> Option<Box<crate::upstream::h1::Connection>> {
        match self.source {
            Source::H1(body) => body.into_connection(),
            _ => None,
        }
    }
}

impl Body for ResBody {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let frame = ready!(match &mut self.source {
            Source::Empty => Poll::Ready(None),
            Source::Held(data) => {
                let data = std::mem::take(data);
                self.source = Source::Empty;
                Poll::Ready((!data.is_empty()).then(|| Ok(Frame::data(data))))
            }
            Source::H1(body) => body.poll_frame(cx),
            Source::H2(body) => body.poll_frame(cx),
            Source::Ahead(frames, rest) => match (frames.pop_front(), rest) {
                (Some(frame), _) => Poll::Ready(Some(Ok(frame))),
                (None, Some(rest)) => Pin::new(&mut **rest).poll_frame(cx),
                (None, None) => Poll::Ready(None),
            },
            Source::Spoiled(body) => body.poll_frame(cx),
            Source::Stored(hit) => {
                let data = hit.entry.body.clone();
                self.source = Source::Empty;
                Poll::Ready((!data.is_empty()).then(|| Ok(Frame::data(data))))
            }
            Source::Flight(waiter) => waiter.poll_frame(cx),
        });
        if !matches!(frame, Some(Ok(_)))
            && let Some(guard) = self.guard.take()
        {
            guard.ended(frame.as_ref().and_then(|frame| frame.as_ref().err()).map(|broken| broken.ending));
        }
        match (&frame, &mut self.tap) {
            (_, None) => {}
            (Some(Ok(frame)), Some(tap)) => frame.data_ref().into_iter().for_each(|data| tap.saw(data)),
            (Some(Err(_)), tap) => *tap = None,
            (None, tap) => {
                if let Some(tap) = tap.take() {
                    tap.complete();
                }
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        // With a tap the end must be seen to be told.
        self.tap.is_none()
            && match &self.source {
                Source::Empty => true,
                Source::Held(data) => data.is_empty(),
                Source::H1(body) => body.is_end(),
                Source::H2(body) => body.is_end(),
                Source::Spoiled(_) | Source::Flight(_) => false,
                Source::Stored(hit) => hit.entry.body.is_empty(),
                Source::Ahead(frames, rest) => {
                    frames.is_empty() && rest.as_ref().is_none_or(|rest| rest.is_end_stream())
                }
            }
    }
}
