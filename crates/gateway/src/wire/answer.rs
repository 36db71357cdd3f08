//! An answer on its way to the client.

use http::{HeaderMap, Response, StatusCode};

use super::{body::ResBody, head::Head};

/// An answer. In a box, since it goes through every step of the pipeline.
pub(crate) type Reply = Box<Answer>;

/// Status, fields and body of an answer.
#[derive(Debug)]
pub(crate) struct Answer {
    status: StatusCode,
    head: Head,
    body: ResBody,
}

impl Answer {
    /// An answer of 200 with no fields yet.
    pub(crate) fn new(body: ResBody) -> Reply {
        Self::of(StatusCode::OK, Head::default(), body)
    }

    pub(crate) fn of(status: StatusCode, head: Head, body: ResBody) -> Reply {
        Box::new(Self { status, head, body })
    }

    pub(crate) const fn status(&self) -> StatusCode {
        self.status
    }

    pub(crate) const fn status_mut(&mut self) -> &mut StatusCode {
        &mut self.status
    }

    pub(crate) const fn head(&self) -> &Head {
        &self.head
    }

    pub(crate) const fn head_mut(&mut self) -> &mut Head {
        &mut self.head
    }

    /// The fields as a map; see [`Head::map`] for what it costs.
    pub(crate) fn headers(&self) -> &HeaderMap {
        self.head.map()
    }

    /// The fields as a map to be changed; see [`Head::map_mut`].
    pub(crate) fn headers_mut(&mut self) -> &mut HeaderMap {
        self.head.map_mut()
    }

    pub(crate) const fn body(&self) -> &ResBody {
        &self.body
    }

    pub(crate) const fn body_mut(&mut self) -> &mut ResBody {
        &mut self.body
    }

    pub(crate) fn into_body(self) -> ResBody {
        self.body
    }

    /// As others know it.
    pub(crate) fn into_http(self) -> Response<ResBody> {
        let mut response = Response::new(self.body);
        (*response.status_mut(), *response.headers_mut()) = (self.status, self.head.into_map());
        response
    }
}
