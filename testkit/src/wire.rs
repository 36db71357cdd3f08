//! Reading HTTP/1.1 (RFC 9112), as far as tests need it.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt};

use crate::message::{Body, Collector, Fields};

/// A head longer than this is a runaway.
const MAX_HEAD: usize = 4 * 1024 * 1024;
/// Most header fields.
const MAX_FIELDS: usize = 4096;

/// How a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// There is none.
    Empty,
    /// After so many bytes.
    Length(u64),
    /// With the chunk of length zero.
    Chunked,
    /// With the connection.
    Close,
}

/// Reads up to and including the empty line; `None` when the connection ended before the first byte.
pub(crate) async fn read_head(reader: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let mut head = Vec::new();
    loop {
        let before = head.len();
        if reader.read_until(b'\n', &mut head).await? == 0 {
            return if head.is_empty() { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
        }
        if before > 0 && matches!(&head[before..], b"\r\n" | b"\n") {
            return Ok(Some(head));
        }
        if head.len() > MAX_HEAD {
            return Err(invalid("a head without end"));
        }
    }
}

/// Method, target and fields of a request's head; `None` when it is no HTTP.
pub(crate) fn parse_request(head: &[u8]) -> Option<(String, String, Fields)> {
    let mut fields = vec![httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    request.parse(head).ok()?.is_complete().then_some(())?;
    Some((request.method?.to_owned(), request.path?.to_owned(), Fields::of(request.headers)))
}

/// Status and fields of a response's head.
pub(crate) fn parse_response(head: &[u8]) -> io::Result<(u16, Fields)> {
    let mut fields = vec![httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut response = httparse::Response::new(&mut fields);
    let parsed = response.parse(head).map_err(|error| invalid(&error.to_string()))?;
    let status = response.code.filter(|_| parsed.is_complete());
    status.map(|status| (status, Fields::of(response.headers))).ok_or_else(|| invalid("half a head"))
}

/// How a request's body ends (RFC 9112 section 6.3).
pub(crate) fn request_framing(fields: &Fields) -> Framing {
    match framing(fields) {
        Framing::Close => Framing::Empty,
        other => other,
    }
}

/// How the body of a response to `method` ends (RFC 9112 section 6.3).
pub(crate) fn response_framing(method: &str, status: u16, fields: &Fields) -> Framing {
    let no_body = method == "HEAD" || (100..200).contains(&status) || [204, 304].contains(&status);
    let tunnel = method == "CONNECT" && (200..300).contains(&status);
    if no_body || tunnel { Framing::Empty } else { framing(fields) }
}

fn framing(fields: &Fields) -> Framing {
    if fields.get("transfer-encoding").is_some_and(|coding| coding.to_ascii_lowercase().ends_with("chunked"))
    {
        return Framing::Chunked;
    }
    let length = fields.get("content-length").and_then(|length| length.trim().parse().ok());
    length.map_or(Framing::Close, Framing::Length)
}

/// Reads a body. One that breaks off is no error: it says that it is not complete.
pub(crate) async fn read_body(reader: &mut (impl AsyncBufRead + Unpin), framing: Framing) -> Body {
    let mut body = Collector::default();
    let trailers = match framing {
        Framing::Empty => Ok(Fields::default()),
        Framing::Length(length) => read_exactly(reader, length, &mut body).await.map(|()| Fields::default()),
        Framing::Chunked => read_chunks(reader, &mut body).await,
        Framing::Close => read_to_close(reader, &mut body).await.map(|()| Fields::default()),
    };
    let complete = trailers.is_ok();
    body.finish(trailers.unwrap_or_default(), complete)
}

async fn read_exactly(
    reader: &mut (impl AsyncRead + Unpin),
    length: u64,
    body: &mut Collector,
) -> io::Result<()> {
    let mut left = length;
    let mut buffer = vec![0; 64 * 1024];
    while left > 0 {
        let room = usize::try_from(left).map_or(buffer.len(), |left| left.min(buffer.len()));
        let read = reader.read(&mut buffer[..room]).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        body.add(&buffer[..read]);
        left -= read as u64;
    }
    Ok(())
}

async fn read_chunks(reader: &mut (impl AsyncBufRead + Unpin), body: &mut Collector) -> io::Result<Fields> {
    loop {
        let line = read_line(reader).await?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(size, 16).map_err(|_| invalid("a chunk without size"))?;
        if size == 0 {
            return read_trailers(reader).await;
        }
        read_exactly(reader, size, body).await?;
        if !read_line(reader).await?.is_empty() {
            return Err(invalid("a chunk longer than it said"));
        }
    }
}

async fn read_trailers(reader: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Fields> {
    let mut trailers = Fields::default();
    loop {
        let line = read_line(reader).await?;
        if line.is_empty() {
            return Ok(trailers);
        }
        let (name, value) = line.split_once(':').ok_or_else(|| invalid("a trailer without colon"))?;
        trailers.0.push((name.to_owned(), value.trim().to_owned()));
    }
}

async fn read_to_close(reader: &mut (impl AsyncRead + Unpin), body: &mut Collector) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match reader.read(&mut buffer).await? {
            0 => return Ok(()),
            read => body.add(&buffer[..read]),
        }
    }
}

/// A line, without its end.
async fn read_line(reader: &mut (impl AsyncBufRead + Unpin)) -> io::Result<String> {
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line).await?;
    let line = line.strip_suffix(b"\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    Ok(String::from_utf8_lossy(line).into_owned())
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn chunked(mut bytes: &[u8]) -> Body {
        read_body(&mut bytes, Framing::Chunked).await
    }

    #[tokio::test]
    async fn chunks_and_trailers() {
        let body = chunked(b"3;a=b\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-Sum: 7\r\n\r\n").await;
        assert_eq!((body.bytes.as_slice(), body.length, body.complete), (&b"abc0123456789"[..], 13, true));
        assert_eq!(body.trailers.get("x-sum"), Some("7"));
    }

    #[tokio::test]
    async fn what_breaks_off_or_lies_is_not_complete() {
        for bytes in ["5\r\nab", "2\r\nabc\r\n0\r\n\r\n", "x\r\n", "1\r\na\r\n", "0\r\nno colon\r\n\r\n"] {
            assert!(!chunked(bytes.as_bytes()).await.complete, "{bytes:?}");
        }
        assert!(!read_body(&mut &b"ab"[..], Framing::Length(3)).await.complete);
        assert!(read_body(&mut &b"ab"[..], Framing::Close).await.complete);
    }

    #[tokio::test]
    async fn heads_end_at_the_empty_line() {
        let mut bytes: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\nbody";
        let head = read_head(&mut bytes).await.unwrap().unwrap();
        let (method, target, fields) = parse_request(&head).unwrap();
        assert_eq!((method.as_str(), target.as_str(), fields.get("HOST")), ("GET", "/", Some("a")));
        assert_eq!(bytes, b"body");
        assert_eq!(read_head(&mut &b""[..]).await.unwrap(), None);
        assert!(read_head(&mut &b"GET / HT"[..]).await.is_err());
    }

    #[test]
    fn bodies_end_as_the_standard_says() {
        let length = Fields(vec![("Content-Length".to_owned(), "5".to_owned())]);
        assert_eq!(response_framing("GET", 200, &length), Framing::Length(5));
        assert_eq!(response_framing("HEAD", 200, &length), Framing::Empty);
        assert_eq!(response_framing("GET", 304, &length), Framing::Empty);
        assert_eq!(response_framing("GET", 200, &Fields::default()), Framing::Close);
        assert_eq!(request_framing(&Fields::default()), Framing::Empty);
    }
}
