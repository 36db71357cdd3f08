//! Room for what is read and written, lent by a worker to the connection that does so.
//!
//! An idle connection holds no buffer, or 10,000 of them would hold 40 MB. But to ask the allocator for one with every
//! request costs more than to parse it, so a few that connections gave back are kept for whoever comes next: the last one
//! first, which still lies in the processor's cache.

use std::{cell::RefCell, rc::Rc};

use bytes::BytesMut;

use super::batch::Batch;

/// Buffers that are kept; more are not being read into at the same time.
const SPARE: usize = 16;
/// A buffer that has grown larger than this is not kept.
const LARGEST: usize = 128 * 1024;

/// What a worker lends its connections. What was read may still be held by somebody when its buffer comes back, what was
/// written is not: so they are kept apart.
#[derive(Debug, Default)]
pub(crate) struct Rooms {
    pub(crate) reads: Room,
    pub(crate) writes: Room,
    /// What leaves together.
    pub(crate) batch: Rc<Batch>,
}

/// Buffers that nobody uses.
#[derive(Debug, Default)]
pub(crate) struct Room {
    spare: RefCell<Vec<BytesMut>>,
}

impl Room {
    /// A buffer: the connection's own, if it has one.
    pub(crate) fn take(&self, own: BytesMut) -> BytesMut {
        if own.capacity() > 0 { own } else { self.spare.borrow_mut().pop().unwrap_or_default() }
    }

    /// Takes back a buffer with nothing in it; one that holds something is let go.
    pub(crate) fn give(&self, buffer: BytesMut) {
        let mut spare = self.spare.borrow_mut();
        if buffer.is_empty() && (1..=LARGEST).contains(&buffer.capacity()) && spare.len() < SPARE {
            spare.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_back_is_lent_again() {
        let room = Room::default();
        let mut first = room.take(BytesMut::new());
        first.extend_from_slice(&[b'x'; 4_096]);
        let place = first.as_ptr();
        first.clear();
        room.give(first);
        assert_eq!(room.take(BytesMut::new()).as_ptr(), place);
        assert_eq!(room.take(BytesMut::new()).capacity(), 0, "lent once");
    }

    #[test]
    fn nothing_that_is_read_is_given_away_and_little_is_kept() {
        let room = Room::default();
        room.give(BytesMut::from("secret"));
        room.give(BytesMut::with_capacity(LARGEST * 2));
        assert_eq!(room.take(BytesMut::new()).capacity(), 0);
        (0..100).for_each(|_| room.give(BytesMut::with_capacity(64)));
        assert_eq!(room.spare.borrow().len(), SPARE);
        let own = BytesMut::from("GET");
        assert_eq!(room.take(own), "GET");
    }
}
