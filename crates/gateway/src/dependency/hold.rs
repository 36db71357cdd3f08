//! Holding an answer until it is whole, so that one that breaks off or is not what was promised can still be replaced.
//!
//! Only what is small is held: what was read of a larger answer is sent on, and the rest is streamed behind it.

use std::collections::VecDeque;

use banyan_http1::parse_length;
use banyan_resilience::promise::{Breach, Promise};
use bytes::{Bytes, BytesMut};
use http::{Method, StatusCode, header};
use http_body::{Body as _, Frame};
use http_body_util::BodyExt as _;

use crate::{
    outcome::Ending,
    wire::{
        answer::Reply,
        body::{Broken, ResBody},
        head::Values as _,
    },
};

/// Answers that say they are no larger are held where something else could be answered in their place.
const HOLD_BYTES: u64 = 64 * 1024;
/// Answers that must be looked into are held up to this size; larger ones pass unread.
const CHECK_BYTES: usize = 1024 * 1024;

/// Whether an answer that says how long it is, and is small, should be whole before its head is sent.
pub(crate) fn is_worth_holding(reply: &Reply) -> bool {
    let length = reply.head().first(&header::CONTENT_LENGTH).and_then(parse_length);
    reply.status() != StatusCode::SWITCHING_PROTOCOLS
        && !reply.body().is_end_stream()
        && length.is_some_and(|length| length <= HOLD_BYTES)
}

/// Reads an answer whole. `Err` when it breaks off.
pub(crate) async fn whole(mut reply: Reply) -> Result<Reply, Broken> {
    let body = std::mem::replace(reply.body_mut(), ResBody::empty());
    let (frames, rest) = ahead(body, usize::try_from(HOLD_BYTES).unwrap_or(usize::MAX)).await?;
    *reply.body_mut() = ResBody::ahead(frames, rest);
    Ok(reply)
}

/// Looks whether an answer is what was promised, reading it as far as that needs.
pub(crate) async fn kept(mut reply: Reply, promise: &Promise, method: &Method) -> Result<Reply, Broken> {
    let status = reply.status();
    // An error of the server's own is judged by its status alone.
    if status == StatusCode::SWITCHING_PROTOCOLS || status.is_server_error() {
        return Ok(reply);
    }
    let kind = reply.headers().get(header::CONTENT_TYPE).cloned();
    let kind = kind.as_ref().and_then(|value| value.to_str().ok());
    promise.check_head(status.as_u16(), kind).map_err(|breach| broken(&breach))?;
    // Nobody was asked for a coding; what comes in one all the same cannot be read.
    let is_coded = reply.headers().contains_key(header::CONTENT_ENCODING);
    if method == Method::HEAD || is_coded || !promise.needs_body_of(status.as_u16()) {
        return Ok(reply);
    }
    let body = std::mem::replace(reply.body_mut(), ResBody::empty());
    let (frames, rest) = ahead(body, CHECK_BYTES).await?;
    if rest.is_none() {
        promise.check(status.as_u16(), kind, &join(&frames)).map_err(|breach| broken(&breach))?;
    }
    *reply.body_mut() = ResBody::ahead(frames, rest);
    Ok(reply)
}

/// Reads frames until the end, or until there are more bytes than `limit`; then the rest comes too.
async fn ahead(mut body: ResBody, limit: usize) -> Result<(VecDeque<Frame<Bytes>>, Option<ResBody>), Broken> {
    let (mut frames, mut size) = (VecDeque::new(), 0);
    while let Some(frame) = body.frame().await {
        let frame = frame?;
        size += frame.data_ref().map_or(0, Bytes::len);
        frames.push_back(frame);
        if size > limit {
            return Ok((frames, Some(body)));
        }
    }
    Ok((frames, None))
}

fn join(frames: &VecDeque<Frame<Bytes>>) -> Bytes {
    if let [Some(only)] = frames.iter().map(Frame::data_ref).collect::<Vec<_>>()[..] {
        return only.clone();
    }
    let mut whole = BytesMut::new();
    frames.iter().filter_map(Frame::data_ref).for_each(|data| whole.extend_from_slice(data));
    whole.freeze()
}

/// The kind of breach, in words that are ours: nothing of an answer may leak into logs and problems.
const fn broken(breach: &Breach) -> Broken {
    let detail = match breach {
        Breach::Status(_) => "the status is none of those promised",
        Breach::ContentType { .. } => "the content type is not the one promised",
        Breach::NotJson(_) => "the body is not JSON",
        Breach::Missing(_) => "a required member is missing from the body",
        Breach::Schema(_) => "the body breaks the schema",
    };
    Broken { ending: Ending::InvalidAnswer, detail: Some(detail) }
}
