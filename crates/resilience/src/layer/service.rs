//! A service under a policy.

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tower_layer::Layer;
use tower_service::Service;

use crate::{Answer, Caller, Failed, Policy, Request};

/// Puts services under a policy.
pub struct PolicyLayer<T, E> {
    caller: Caller,
    policy: Arc<Policy<T, E>>,
}

/// A service under a policy.
pub struct PolicyService<S, T, E> {
    inner: S,
    caller: Caller,
    policy: Arc<Policy<T, E>>,
}

/// The future of an answer.
pub type Response<T, E> = Pin<Box<dyn Future<Output = Result<Answer<T>, Failed<E>>> + Send>>;

impl<T, E> PolicyLayer<T, E> {
    /// Calls are made by `caller` under `policy`.
    pub fn new(caller: Caller, policy: impl Into<Arc<Policy<T, E>>>) -> Self {
        Self { caller, policy: policy.into() }
    }
}

impl<S, T, E> Layer<S> for PolicyLayer<T, E> {
    type Service = PolicyService<S, T, E>;

    fn layer(&self, inner: S) -> Self::Service {
        PolicyService { inner, caller: self.caller.clone(), policy: self.policy.clone() }
    }
}

impl<S, Req, T, E> Service<Req> for PolicyService<S, T, E>
where
    S: Service<Req, Response = T, Error = E> + Clone + Send + Sync + 'static,
    S::Future: Send,
    Req: Clone + Send + Sync + 'static,
    T: Send + 'static,
    E: Send + 'static,
{
    type Response = Answer<T>;
    type Error = Failed<E>;
    type Future = Response<T, E>;

    /// Always ready: whether the service within is, each attempt finds out for itself.
    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let (inner, caller, policy) = (self.inner.clone(), self.caller.clone(), self.policy.clone());
        Box::pin(async move {
            let operation = |_| {
                let (mut service, request) = (inner.clone(), request.clone());
                async move {
                    poll_fn(|cx| service.poll_ready(cx)).await?;
                    service.call(request).await
                }
            };
            caller.call_with(&policy, Request::new(), operation).await
        })
    }
}

impl<T, E> Clone for PolicyLayer<T, E> {
    fn clone(&self) -> Self {
        Self { caller: self.caller.clone(), policy: self.policy.clone() }
    }
}

impl<S: Clone, T, E> Clone for PolicyService<S, T, E> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), caller: self.caller.clone(), policy: self.policy.clone() }
    }
}

impl<T, E> fmt::Debug for PolicyLayer<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicyLayer").field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl<S, T, E> fmt::Debug for PolicyService<S, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicyService").field("policy", &self.policy).finish_non_exhaustive()
    }
}
