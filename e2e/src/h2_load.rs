//! An HTTP/2 client that never stops asking and counts what it puts on the wire. A library's client would not tell a
//! request that it never sent from one that the server lost.

use std::{collections::HashSet, net::SocketAddr};

use anyhow::{Context as _, Result, bail, ensure};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// Requests that a client keeps under way.
const UNDER_WAY: usize = 32;
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// Types and flags of frames (RFC 9113 section 6).
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// `:status: 200` in HPACK's static table (RFC 7541 appendix A).
const STATUS_200: u8 = 0x88;

struct Client {
    stream: TcpStream,
    /// A request's fields in HPACK.
    block: Vec<u8>,
    /// Streams whose answer has not ended.
    open: HashSet<u32>,
    next_stream: u32,
    /// The server wants no more requests.
    goes_away: bool,
    answered: usize,
}

/// Asks for `target` on one connection until the server says that it goes away, and waits for the answers to what was sent.
/// Returns how many came.
///
/// # Errors
/// When an answer is not a 200, or a request that was sent is refused or left without its answer.
///
/// # Panics
/// When `target` is longer than 126 bytes.
pub async fn ask_until_it_goes_away(server: SocketAddr, target: &str) -> Result<usize> {
    let mut client = Client {
        stream: TcpStream::connect(server).await?,
        block: request_block(target),
        open: HashSet::new(),
        next_stream: 1,
        goes_away: false,
        answered: 0,
    };
    let mut opening = PREFACE.to_vec();
    put_frame(&mut opening, SETTINGS, 0, 0, &[]);
    // Room for all that will ever come, so that windows are no concern of this client.
    put_frame(&mut opening, WINDOW_UPDATE, 0, 0, &0x7fff_0000_u32.to_be_bytes());
    client.stream.write_all(&opening).await?;
    loop {
        client.ask().await?;
        if !client.take_frame().await? {
            return Ok(client.answered);
        }
    }
}

impl Client {
    /// Sends requests until enough are under way.
    async fn ask(&mut self) -> Result<()> {
        let mut frames = Vec::new();
        while !self.goes_away && self.open.len() < UNDER_WAY {
            put_frame(&mut frames, HEADERS, END_STREAM | END_HEADERS, self.next_stream, &self.block);
            self.open.insert(self.next_stream);
            self.next_stream += 2;
        }
        // A server that was told to go may have closed: what is missing shows when nothing comes any more.
        self.stream.write_all(&frames).await.context("sending requests")
    }

    /// Takes what comes next; `false` at the end.
    async fn take_frame(&mut self) -> Result<bool> {
        let mut head = [0; 9];
        if let Err(error) = self.stream.read_exact(&mut head).await {
            let open = self.open.len();
            ensure!(open == 0, "the connection ended ({error}) with {open} requests unanswered");
            ensure!(self.goes_away, "the connection ended without a GOAWAY");
            return Ok(false);
        }
        let [a, b, c, kind, flags, id @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        self.stream.read_exact(&mut payload).await?;
        let id = u32::from_be_bytes(id) & 0x7fff_ffff;
        match kind {
            HEADERS => ensure!(payload.contains(&STATUS_200), "stream {id}: not a 200: {payload:?}"),
            RST_STREAM => bail!("stream {id} was reset: {payload:?}"),
            SETTINGS if flags & ACK == 0 => self.acknowledge(SETTINGS, &[]).await?,
            PING if flags & ACK == 0 => self.acknowledge(PING, &payload).await?,
            GOAWAY => self.hear_of_the_end(&payload)?,
            _ => {}
        }
        if matches!(kind, DATA | HEADERS) && flags & END_STREAM != 0 {
            ensure!(self.open.remove(&id), "stream {id} ended twice");
            self.answered += 1;
        }
        Ok(true)
    }

    async fn acknowledge(&mut self, kind: u8, payload: &[u8]) -> Result<()> {
        let mut frame = Vec::new();
        put_frame(&mut frame, kind, ACK, 0, payload);
        Ok(self.stream.write_all(&frame).await?)
    }

    fn hear_of_the_end(&mut self, payload: &[u8]) -> Result<()> {
        let (last, error) = (payload.first_chunk::<4>(), payload.get(4..8));
        let last = u32::from_be_bytes(*last.context("a GOAWAY without a stream")?) & 0x7fff_ffff;
        ensure!(error == Some(&[0; 4]), "GOAWAY with an error: {payload:?}");
        let refused: Vec<_> = self.open.iter().filter(|id| **id > last).collect();
        ensure!(refused.is_empty(), "GOAWAY after stream {last} refuses {refused:?}");
        self.goes_away = true;
        Ok(())
    }
}

/// `GET target` for host `a`, without Huffman coding and without the dynamic table (RFC 7541 section 6).
fn request_block(target: &str) -> Vec<u8> {
    let length = u8::try_from(target.len()).ok().filter(|length| *length < 127).expect("a short target");
    // :method GET, :scheme http, then :path and :authority by their names in the static table.
    [&[0x82, 0x86, 0x04, length], target.as_bytes(), &[0x01, 1, b'a']].concat()
}

fn put_frame(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    let length = u32::try_from(payload.len()).expect("a short frame").to_be_bytes();
    out.extend_from_slice(&length[1..]);
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
}
