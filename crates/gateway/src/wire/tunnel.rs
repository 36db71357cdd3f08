//! After an upgrade: bytes in both directions until both sides have ended.

use std::{cell::Cell, io, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, split},
    time::{Instant, sleep_until},
};

/// Bytes copied at once in each direction.
const BUFFER: usize = 16 * 1024;

/// Copies until both sides have ended, one has failed, or nothing has passed for `idle`. Gives the bytes that the client got.
///
/// The directions are independent: a peer that does not read holds up only what is sent to it.
pub(crate) async fn run<C, U>(client: C, upstream: U, idle: Duration) -> u64
where
    C: AsyncRead + AsyncWrite + Unpin,
    U: AsyncRead + AsyncWrite + Unpin,
{
    let last = Cell::new(Instant::now());
    let (up, down) = (Cell::new(0), Cell::new(0));
    let (client_read, client_write) = split(client);
    let (upstream_read, upstream_write) = split(upstream);
    let both = async {
        tokio::try_join!(
            one_way(client_read, upstream_write, &last, &up),
            one_way(upstream_read, client_write, &last, &down),
        )
    };
    tokio::select! {
        result = both => if let Err(error) = result {
            tracing::debug!(%error, "a tunnel broke");
        },
        () = silence(&last, idle) => tracing::debug!("a tunnel was silent for too long"),
    }
    tracing::trace!(up = up.get(), down = down.get(), "a tunnel ended");
    down.get()
}

async fn one_way(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    last: &Cell<Instant>,
    count: &Cell<u64>,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        to.write_all(&buffer[..read]).await?;
        to.flush().await?;
        last.set(Instant::now());
        count.set(count.get() + read as u64);
    }
}

/// Ends once nothing has passed for `idle`.
async fn silence(last: &Cell<Instant>, idle: Duration) {
    loop {
        let until = last.get() + idle;
        if Instant::now() >= until {
            return;
        }
        sleep_until(until).await;
    }
}
