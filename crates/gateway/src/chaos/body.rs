//! A body spoiled on its way.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use http_body::{Body as _, Frame};

use super::Fault;
use crate::{
    outcome::Ending,
    wire::body::{Broken, ResBody},
};

/// A body, and what is done to it.
#[derive(Debug)]
pub(crate) struct Spoiled {
    body: ResBody,
    fault: Fault,
    /// Bytes that pass before it ends, of a fault that ends it.
    left: u64,
}

impl Spoiled {
    /// `length` is that of the whole body, if it is known; then half of it passes.
    pub(crate) const fn new(body: ResBody, fault: Fault, length: Option<u64>) -> Self {
        let left = match length {
            Some(length) => length / 2,
            None => 1,
        };
        Self { body, fault, left }
    }

    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        if self.fault != Fault::Corrupt && self.left == 0 {
            return Poll::Ready(self.end());
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        let Some(Ok(frame)) = frame else { return Poll::Ready(frame) };
        Poll::Ready(match frame.into_data() {
            Ok(data) if self.fault == Fault::Corrupt => Some(Ok(Frame::data(corrupted(&data)))),
            Ok(mut data) => {
                let room = usize::try_from(self.left).unwrap_or(usize::MAX);
                data.truncate(room);
                self.left -= data.len() as u64;
                Some(Ok(Frame::data(data)))
            }
            // Trailers come at the end, which a body that is cut short never reaches.
            Err(trailers) if self.fault == Fault::Corrupt => Some(Ok(trailers)),
            Err(_) => self.end(),
        })
    }

    fn end(&self) -> Option<Result<Frame<Bytes>, Broken>> {
        match self.fault {
            Fault::Reset => Some(Err(Broken { ending: Ending::BodyReset, detail: Some("chaos") })),
            Fault::Truncate | Fault::Corrupt => None,
        }
    }
}

/// A NUL in the middle, which neither JSON nor text bears.
fn corrupted(data: &[u8]) -> Bytes {
    let mut data = BytesMut::from(data);
    let middle = data.len() / 2;
    if let Some(byte) = data.get_mut(middle) {
        *byte = 0;
    }
    data.freeze()
}
