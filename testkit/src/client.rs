//! A client that says what a test wants, right or wrong.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufReader},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::{sleep, timeout},
};

use crate::{
    message::{Body, Response},
    pattern::Pattern,
    wait::{PATIENCE, soon},
    wire::{Framing, parse_response, read_body, read_head, response_framing},
};

/// A body may be a large one.
const BODY_PATIENCE: Duration = PATIENCE.saturating_mul(10);

/// One connection. Every wait ends after [`crate::PATIENCE`] with [`io::ErrorKind::TimedOut`].
#[derive(Debug)]
pub struct RawClient {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
}

impl RawClient {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens there.
    pub async fn connect(server: SocketAddr) -> io::Result<Self> {
        let stream = soon("connect", TcpStream::connect(server)).await?;
        stream.set_nodelay(true)?;
        let (reader, writer) = stream.into_split();
        Ok(Self { reader: BufReader::with_capacity(64 * 1024, reader), writer })
    }

    /// Connects to a port of the loopback address.
    ///
    /// # Errors
    /// When nobody listens there.
    pub async fn connect_local(port: u16) -> io::Result<Self> {
        Self::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await
    }

    /// Writes bytes as they are.
    ///
    /// # Errors
    /// When the server has closed, or takes nothing.
    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        soon("write", self.writer.write_all(bytes.as_ref())).await
    }

    /// Writes bytes one at a time, each in a segment of its own, `every` apart (zero: as fast as it goes).
    ///
    /// # Errors
    /// When the server has closed, or takes nothing.
    pub async fn dribble(&mut self, bytes: impl AsRef<[u8]>, every: Duration) -> io::Result<()> {
        for byte in bytes.as_ref() {
            self.write([*byte]).await?;
            if !every.is_zero() {
                sleep(every).await;
            }
        }
        Ok(())
    }

    /// Writes a large body; the head, with the length, is the test's to write.
    ///
    /// # Errors
    /// When the server has closed, or takes nothing.
    pub async fn write_pattern(&mut self, mut body: Pattern) -> io::Result<()> {
        while let Some(piece) = body.next_piece() {
            soon("write", self.writer.write_all(piece)).await?;
        }
        Ok(())
    }

    /// Sends a GET to the server by its own address, such as an admin API that answers to no other name, and reads the
    /// response. The connection is closed afterwards.
    ///
    /// # Errors
    /// When the connection breaks, or the response is no HTTP.
    pub async fn get_by_address(&mut self, target: &str) -> io::Result<Response> {
        let server = self.writer.peer_addr()?;
        self.write(format!("GET {target} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n\r\n")).await?;
        self.read_response("GET").await
    }

    /// Sends a GET with these lines of header fields (`"X-A: b\r\n"`, or none), and reads the response.
    ///
    /// # Errors
    /// When the connection breaks, or the response is no HTTP.
    pub async fn get(&mut self, target: &str, fields: &str) -> io::Result<Response> {
        self.write(format!("GET {target} HTTP/1.1\r\nHost: test.example\r\n{fields}\r\n")).await?;
        self.read_response("GET").await
    }

    /// Reads the next final response; `method` is the request's, for a response to HEAD has no body.
    ///
    /// # Errors
    /// When the connection ends before the head does, or the head is no HTTP. A body that breaks off is no error: see
    /// [`Body::complete`].
    pub async fn read_response(&mut self, method: &str) -> io::Result<Response> {
        loop {
            let mut response = self.read_response_head().await?;
            let informational = (100..200).contains(&response.status) && response.status != 101;
            if !informational {
                let framing = response_framing(method, response.status, &response.fields);
                response.body = self.body(framing).await?;
                return Ok(response);
            }
        }
    }

    /// Reads the next head, an informational one (1xx) too; its body, if any, is still to be read.
    ///
    /// # Errors
    /// When the connection ends before the head does, or the head is no HTTP.
    pub async fn read_response_head(&mut self) -> io::Result<Response> {
        let head =
            soon("response", read_head(&mut self.reader)).await?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let (status, fields) = parse_response(&head)?;
        Ok(Response { head, status, fields, body: Body::default() })
    }

    /// Reads the body that belongs to a head read by [`Self::read_response_head`].
    ///
    /// # Errors
    /// When it comes to no end.
    pub async fn read_response_body(&mut self, method: &str, head: &Response) -> io::Result<Body> {
        self.body(response_framing(method, head.status, &head.fields)).await
    }

    async fn body(&mut self, framing: Framing) -> io::Result<Body> {
        let late = |_| io::Error::new(io::ErrorKind::TimedOut, "a body without end");
        timeout(BODY_PATIENCE, read_body(&mut self.reader, framing)).await.map_err(late)
    }

    /// Reads exactly so many bytes, as they are: chunk framing, WebSocket frames, anything.
    ///
    /// # Errors
    /// When the connection ends first.
    pub async fn read_exact(&mut self, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; count];
        soon("bytes", self.reader.read_exact(&mut bytes)).await?;
        Ok(bytes)
    }

    /// Reads until the server closes.
    ///
    /// # Errors
    /// When the server resets the connection, or keeps it open.
    pub async fn read_to_end(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        soon("end of the connection", self.reader.read_to_end(&mut bytes)).await?;
        Ok(bytes)
    }

    /// Waits until the server has closed the connection, in order or by reset, and drops what it sent before.
    ///
    /// # Errors
    /// When it keeps it open.
    pub async fn closed(&mut self) -> io::Result<()> {
        match self.read_to_end().await {
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Err(error),
            _ => Ok(()),
        }
    }

    /// Says that nothing more will be sent, and still reads.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn half_close(&mut self) -> io::Result<()> {
        self.writer.shutdown().await
    }

    /// Ends the connection by reset: the server learns at once, in the middle of whatever it does.
    ///
    /// # Errors
    /// When the connection is gone.
    pub fn reset(self) -> io::Result<()> {
        let stream = self.reader.into_inner().reunite(self.writer).map_err(io::Error::other)?;
        stream.set_zero_linger()
    }
}
