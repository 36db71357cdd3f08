//! How an HTTP/1.1 answer says where it ends and whether its connection stays, and what a refused head is answered.

use banyan_http1::{Framing, Refusal, parse_length};
use http::{HeaderValue, Method, StatusCode, Version, header};
use http_body::Body as _;

use super::{
    answer::Reply,
    body::Broken,
    head::{Head, Values as _},
};
use crate::{forward, outcome::Ending};

/// How an answer's body is framed towards the client; sets the fields that say so.
pub(super) fn answer_framing(response: &mut Reply, method: &Method, version: Version) -> Framing {
    let (status, held, ended) =
        (response.status(), response.body().held_length(), response.body().is_end_stream());
    if response.body().stored().is_some() {
        // Its head says the length, and that it is not sent is no reason to say otherwise.
        let is_sent = method != Method::HEAD && status != StatusCode::NO_CONTENT;
        return held.filter(|length| is_sent && *length > 0).map_or(Framing::Empty, Framing::Length);
    }
    let head = response.head_mut();
    if status == StatusCode::NO_CONTENT || status.is_informational() {
        head.remove(&header::CONTENT_LENGTH);
        return Framing::Empty;
    }
    if method == Method::HEAD || status == StatusCode::NOT_MODIFIED {
        return Framing::Empty;
    }
    if let Some(length) = held {
        head.set(header::CONTENT_LENGTH, length.into());
    }
    let declared = head.first(&header::CONTENT_LENGTH).and_then(parse_length);
    match declared {
        Some(length) => Framing::Length(length),
        None if ended => {
            head.set(header::CONTENT_LENGTH, 0.into());
            Framing::Empty
        }
        None if version == Version::HTTP_10 => Framing::UntilClose,
        None => {
            head.set(header::TRANSFER_ENCODING, forward::CHUNKED);
            Framing::Chunked
        }
    }
}

/// Says whether the connection stays, where the version's default is the other way round.
pub(super) fn say_connection(head: &mut Head, version: Version, keep: bool, upgraded: bool) {
    if upgraded {
        return;
    }
    if !keep {
        head.set(header::CONNECTION, HeaderValue::from_static("close"));
    } else if version == Version::HTTP_10 {
        head.set(header::CONNECTION, HeaderValue::from_static("keep-alive"));
    }
}

/// Why a head was refused, as the exchange ends.
pub(super) fn refused(refusal: Refusal) -> Broken {
    let (ending, detail) = match refusal {
        Refusal::HeadTooLarge | Refusal::TooManyHeaders => (Ending::HeadTooLarge, None),
        Refusal::TargetTooLong => (Ending::TargetTooLong, None),
        Refusal::BadVersion => (Ending::BadVersion, None),
        Refusal::UnknownTransferCoding => (Ending::UnknownCoding, None),
        Refusal::Malformed(detail) | Refusal::BadChunk(detail) => (Ending::BadRequest, Some(detail)),
        Refusal::BareLf => (Ending::BadRequest, Some("a line of the head ends in a bare LF")),
        Refusal::BadTarget => (Ending::BadRequest, Some("the request target is not valid")),
        Refusal::BadContentLength => (Ending::BadRequest, Some("Content-Length is repeated or not a number")),
        Refusal::LengthAndEncoding => {
            (Ending::BadRequest, Some("Transfer-Encoding and Content-Length stand in one request"))
        }
        Refusal::BadTransferEncoding => {
            (Ending::BadRequest, Some("Transfer-Encoding does not say where the request ends"))
        }
        Refusal::MissingHost => (Ending::BadRequest, Some("the Host field is missing")),
        Refusal::BadHost => (Ending::BadRequest, Some("the Host field is repeated or not valid")),
        Refusal::HostMismatch => {
            (Ending::BadRequest, Some("the request target names another host than the Host field"))
        }
    };
    Broken { ending, detail }
}
