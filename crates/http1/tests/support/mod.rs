//! Parsing from a text in one line.
#![allow(dead_code, reason = "each test file uses a part")]

use banyan_http1::{
    BadResponse, HeadLimits, HeadScanner, HostMemory, Refusal, RequestHead, ResponseHead, parse_request,
    parse_response,
};
use bytes::BytesMut;
use http::Method;

/// Limits nothing here comes near.
pub(crate) const WIDE: HeadLimits = HeadLimits { bytes: 64 * 1024, target: 16 * 1024, headers: 200 };

/// Parses what must be a whole request head, and returns what follows it.
pub(crate) fn request_and_rest(text: impl AsRef<[u8]>) -> Result<(RequestHead, BytesMut), Refusal> {
    let mut buffer = BytesMut::from(text.as_ref());
    let head = parse_request(&mut buffer, &mut HeadScanner::default(), &WIDE, &mut HostMemory::default())?;
    Ok((head.expect("a whole head"), buffer))
}

/// Parses what must be a whole request head.
pub(crate) fn request(text: impl AsRef<[u8]>) -> Result<RequestHead, Refusal> {
    request_and_rest(text).map(|(head, _)| head)
}

/// The refusal of a request head.
pub(crate) fn refusal(text: impl AsRef<[u8]>) -> Refusal {
    let text = text.as_ref();
    match request(text) {
        Ok(head) => panic!("accepted {:?} as {head:?}", text.escape_ascii().to_string()),
        Err(refusal) => refusal,
    }
}

/// Parses the answer to a request with `method`.
pub(crate) fn response(method: Method, text: impl AsRef<[u8]>) -> Result<ResponseHead, BadResponse> {
    let mut buffer = BytesMut::from(text.as_ref());
    let head = parse_response(&mut buffer, &mut HeadScanner::default(), &method, &WIDE)?;
    Ok(head.expect("a whole head"))
}
