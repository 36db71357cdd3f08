//! What is to be fetched, and asking the upstream for it.

use std::{rc::Rc, time::SystemTime};

use banyan_config::plan::UpstreamId;
use banyan_httpcache::{self as httpcache, Validators};
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use tokio::time::Instant;

use super::{look::Want, rules::CachedRoute};
use crate::{
    exchange::Asked,
    forward::{self, Fields},
    stages::call::{self, Behalf, Call, Inquiry},
    wire::{
        answer::Reply,
        body::{Broken, ReqBody},
    },
    worker::{Local, Worker},
};

/// Fields by which some frameworks let a client ask for another path or method than it says. What is kept for all must not
/// be decided by them (RFC 9111 section 7.1).
const OVERRIDES: [HeaderName; 5] = [
    HeaderName::from_static("x-original-url"),
    HeaderName::from_static("x-rewrite-url"),
    HeaderName::from_static("x-http-method-override"),
    HeaderName::from_static("x-http-method"),
    HeaderName::from_static("x-method-override"),
];

/// What is to be fetched, with all that is needed for it: nobody who waits has to stay.
pub(crate) struct Fetch {
    pub(crate) worker: Rc<Worker>,
    pub(crate) local: Rc<Local>,
    behalf: Behalf,
    upstream: UpstreamId,
    target: String,
    pub(crate) fields: Fields,
    host: HeaderValue,
    pub(crate) want: Want,
}

/// An answer of an upstream, when it was asked for and when it came.
pub(super) struct Came {
    pub(super) reply: Reply,
    pub(super) asked: Asked,
    pub(super) exchange: httpcache::Exchange,
    /// When it was asked for.
    pub(super) since: Instant,
}

impl Fetch {
    pub(crate) fn new(worker: &Rc<Worker>, local: &Rc<Local>, inquiry: &Inquiry<'_>, want: &Want) -> Self {
        let Inquiry { behalf, upstream, call } = inquiry;
        let mut fields = call.fields.clone();
        // A client's conditions are for what comes of the fetch, and not for the fetch.
        for name in [header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE, header::IF_RANGE, header::RANGE] {
            fields.leave_out(name);
        }
        let route = local.compiled.cached[want.route].as_ref();
        for name in OVERRIDES {
            if !route.is_some_and(|route| route.has_in_key(&name)) {
                fields.leave_out(name);
            }
        }
        Self {
            worker: worker.clone(),
            local: local.clone(),
            // It has the time that its upstream's policy gives, however little the first one who waits has left.
            behalf: Behalf { deadline: None, ..*behalf },
            upstream: *upstream,
            target: call.target.to_owned(),
            fields,
            host: call.host.clone(),
            want: want.clone(),
        }
    }

    /// What the config says of the answers to it.
    pub(super) fn route(&self) -> Option<&CachedRoute> {
        self.local.compiled.cached[self.want.route].as_ref()
    }

    /// Asks the upstream; with `validators`, only whether what is kept still holds.
    pub(super) async fn ask(&self, validators: Option<Validators>) -> Result<Came, (Broken, Asked)> {
        let since = Instant::now();
        let mut fields = self.fields.clone();
        if let Some(validators) = validators {
            let mut said = HeaderMap::new();
            validators.put_on(&mut said);
            said.iter().for_each(|(name, value)| fields.say(name.clone(), value.clone()));
        }
        let call = Call {
            method: &Method::GET,
            target: &self.target,
            fields: &fields,
            host: &self.host,
            upgrade: None,
            repeatable: true,
            now: since,
        };
        let mut asked = Asked::default();
        let (worker, local) = (&self.worker, &self.local);
        let inquiry = Inquiry { behalf: self.behalf, upstream: self.upstream, call };
        let result = call::ask(worker, local, &mut asked, inquiry, ReqBody::Empty).await;
        let exchange = httpcache::Exchange {
            asked_at: worker.wall_clock(since),
            answered_at: worker.wall_clock(Instant::now()),
        };
        match result {
            Ok(mut reply) => {
                forward::strip_hop_by_hop(reply.head_mut());
                Ok(Came { reply, asked, exchange, since })
            }
            Err(broken) => Err((broken, asked)),
        }
    }
}

/// The wall clock now.
pub(super) fn wall_clock(fetch: &Fetch) -> SystemTime {
    fetch.worker.wall_clock(Instant::now())
}
