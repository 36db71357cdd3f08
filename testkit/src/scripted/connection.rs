//! One connection of a scripted upstream.

use std::{io, sync::Arc};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    time::sleep,
};

use super::{Answer, Record, Shared, answer::Step};
use crate::{
    message::Received,
    wire::{parse_request, read_body, read_head, request_framing},
};

/// What becomes of the connection after a step.
enum After {
    Continue,
    Close,
}

/// Counts the connection as open for as long as this lives, also when its task is aborted.
struct Open(Arc<Shared>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.change(|seen| seen.open -= 1);
    }
}

pub(super) async fn serve(stream: TcpStream, number: usize, shared: Arc<Shared>) {
    let _open = Open(shared.clone());
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let mut stream = BufReader::with_capacity(64 * 1024, stream);
    while let Ok(Some(head)) = read_head(&mut stream).await {
        let (method, target, fields) = parse_request(&head).unwrap_or_default();
        let request = Received { head, method, target, fields, connection: number, ..Received::default() };
        let answer = (shared.script)(&request);
        let malformed = request.method.is_empty();
        let index = shared.change(|seen| {
            seen.requests.push(Record { request: request.clone(), done: false });
            seen.requests.len() - 1
        });
        let after = follow(&mut stream, &request, answer, |body| {
            shared.change(|seen| seen.requests[index].request.body = body);
        })
        .await;
        shared.change(|seen| seen.requests[index].done = true);
        // Where the next request would begin is unknown after a head that is none.
        if malformed || !matches!(after, Ok(After::Continue)) {
            return;
        }
    }
}

async fn follow(
    stream: &mut BufReader<TcpStream>,
    request: &Received,
    answer: Answer,
    mut got: impl FnMut(crate::message::Body),
) -> io::Result<After> {
    for step in answer.steps {
        match step {
            Step::ReadBody => got(read_body(stream, request_framing(&request.fields)).await),
            Step::Send(bytes) => stream.write_all(&bytes).await?,
            Step::Dribble(bytes, every) => {
                for byte in bytes {
                    stream.write_all(&[byte]).await?;
                    if !every.is_zero() {
                        sleep(every).await;
                    }
                }
            }
            Step::Pattern(mut body) => {
                while let Some(piece) = body.next_piece() {
                    stream.write_all(piece).await?;
                }
            }
            Step::Wait(gate) => gate.passed().await,
            Step::Echo => echo(stream).await?,
            Step::Hang => {
                tokio::io::copy(stream, &mut tokio::io::sink()).await?;
                return Ok(After::Close);
            }
            Step::Close => {
                stream.shutdown().await?;
                return Ok(After::Close);
            }
            Step::Reset => {
                stream.get_ref().set_zero_linger()?;
                return Ok(After::Close);
            }
        }
    }
    Ok(After::Continue)
}

async fn echo(stream: &mut BufReader<TcpStream>) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Ok(()),
            read => stream.write_all(&buffer[..read]).await?,
        }
    }
}
