//! Finding the end of a head, and the limits a head must keep.

use memchr::memchr_iter;

use crate::Refusal;

/// Limits of a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadLimits {
    /// Bytes of the whole head, start line and empty line included.
    pub bytes: usize,
    /// Bytes of the request target.
    pub target: usize,
    /// Header fields.
    pub headers: usize,
}

/// Finds the empty line that ends a head, reading every byte once however many reads it takes.
#[derive(Clone, Copy, Debug, Default)]
pub struct HeadScanner {
    scanned: usize,
    line_start: usize,
}

/// Whether each line of a whole head ends in CR and LF, given where a parser that is content with LF has found its fields:
/// the same as [`HeadScanner`] says, for a head that came in one piece.
pub(crate) fn has_whole_line_ends(head: &[u8], fields: &[httparse::Header<'_>]) -> bool {
    let start = head.as_ptr().addr();
    let follows_an_end = |at: usize| at >= 2 && head.get(at - 2..at) == Some(b"\r\n");
    follows_an_end(head.len())
        && follows_an_end(head.len() - 2)
        && fields.iter().all(|field| follows_an_end(field.name.as_ptr().addr().wrapping_sub(start)))
}

impl HeadScanner {
    /// Whether nothing was looked at yet.
    pub(crate) const fn is_fresh(&self) -> bool {
        self.scanned == 0
    }

    /// The length of the head at the start of `buffer`, or `None` when more bytes are needed.
    ///
    /// # Errors
    /// [`Refusal::BareLf`] for a line that ends without CR; RFC 9112 section 2.2 lets a recipient accept it, and
    /// two recipients that differ in this are how requests are smuggled.
    pub fn find_end(&mut self, buffer: &[u8]) -> Result<Option<usize>, Refusal> {
        let from = self.scanned;
        for offset in memchr_iter(b'\n', &buffer[from..]) {
            let newline = from + offset;
            if newline == self.line_start || buffer[newline - 1] != b'\r' {
                return Err(Refusal::BareLf);
            }
            let is_empty_line = newline - 1 == self.line_start;
            self.scanned = newline + 1;
            self.line_start = newline + 1;
            if is_empty_line {
                return Ok(Some(newline + 1));
            }
        }
        self.scanned = buffer.len();
        Ok(None)
    }
}
