//! A connection that never waits, for the stub, the generator and the naive client alike.

use std::io::{ErrorKind, Read, Write};

use mio::net::TcpStream;

/// A stream, what was read from it and not used, and what the kernel has not taken yet.
pub(crate) struct Socket {
    stream: TcpStream,
    /// Bytes that came and wait to be understood.
    pub(crate) unread: Vec<u8>,
    unsent: Vec<u8>,
}

/// The other side has closed the connection, or it broke.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Closed;

impl Socket {
    /// A socket that is registered for reading and writing, edge-triggered.
    pub(crate) fn new(stream: TcpStream) -> Self {
        // A connection still in the making refuses the option at worst, and is slower for it.
        stream.set_nodelay(true).ok();
        Self { stream, unread: Vec::new(), unsent: Vec::new() }
    }

    /// The stream, to register it.
    pub(crate) fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// Sends what is left to send, then takes in what has come. `Closed` may come with bytes in `unread`: the last words.
    ///
    /// # Errors
    /// When no more will come.
    pub(crate) fn exchange(&mut self, buffer: &mut [u8]) -> Result<(), Closed> {
        self.send(&[])?;
        loop {
            match self.stream.read(buffer) {
                Ok(0) => return Err(Closed),
                Ok(read) => self.unread.extend_from_slice(&buffer[..read]),
                Err(error) if is_not_ready(&error) => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Err(Closed),
            }
        }
    }

    /// Sends as much as the kernel takes and keeps the rest for the next [`Self::exchange`].
    ///
    /// # Errors
    /// When the connection is over.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> Result<(), Closed> {
        let mut waiting = std::mem::take(&mut self.unsent);
        if waiting.is_empty() {
            let written = self.write_some(bytes)?;
            waiting.extend_from_slice(&bytes[written..]);
        } else {
            waiting.extend_from_slice(bytes);
            let written = self.write_some(&waiting)?;
            waiting.drain(..written);
        }
        self.unsent = waiting;
        Ok(())
    }

    fn write_some(&mut self, bytes: &[u8]) -> Result<usize, Closed> {
        let mut written = 0;
        while written < bytes.len() {
            match self.stream.write(&bytes[written..]) {
                Ok(count) => written += count,
                Err(error) if is_not_ready(&error) => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Err(Closed),
            }
        }
        Ok(written)
    }
}

/// A connection that is still being made takes and gives nothing, like one that is full or empty.
fn is_not_ready(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected)
}
