//! The connection of one handle: opened when it is first needed, and again when it was lost.
//!
//! Opening may take longer than a call may: a name to resolve, TLS, a distant Redis. So it goes on by itself while
//! callers wait for it no longer than their own deadline, and the next caller finds it open. Callers who come meanwhile
//! wait for the same one.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use redis::{AsyncConnectionConfig, RedisError, aio::MultiplexedConnection};
use tokio::{sync::watch, task::JoinHandle, time::timeout};

use crate::{reason::Reason, reply, settings::Restarts, shared::Shared};

/// How long opening may take: a Redis that needs longer is of no use to a cache.
pub(crate) const OPEN_WITHIN: Duration = Duration::from_secs(1);

/// What became of opening; `None` while it is under way.
type Outcome = Option<Result<MultiplexedConnection, Reason>>;

/// The place of one connection.
#[derive(Debug, Default)]
pub(crate) struct Line {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Counts connections, so that nobody closes a newer one than the one that failed.
    number: u64,
    current: Option<Opening>,
}

#[derive(Debug)]
struct Opening {
    outcome: watch::Receiver<Outcome>,
    task: JoinHandle<()>,
}

/// An open connection and which one it is.
pub(crate) struct Open {
    pub(crate) connection: MultiplexedConnection,
    pub(crate) number: u64,
    /// It was opened for this call, so nobody else can have found it broken.
    pub(crate) fresh: bool,
}

impl Line {
    /// The connection, opened if need be.
    pub(crate) async fn open(&self, shared: &Arc<Shared>) -> Result<Open, Reason> {
        let (mut outcome, number, fresh) = self.current(shared);
        let ready = outcome.wait_for(Option::is_some).await.map_err(|_| Reason::Broken)?;
        match &*ready {
            Some(Ok(connection)) => Ok(Open { connection: connection.clone(), number, fresh }),
            Some(Err(reason)) => Err(*reason),
            None => Err(Reason::Broken),
        }
    }

    /// Gives up a connection that failed, unless there is a newer one. What others have under way on it goes on.
    pub(crate) fn close(&self, number: u64) {
        let mut state = self.lock();
        if state.number == number {
            state.current = None;
        }
    }

    /// Gives up the connection that is open; one that is being opened is left to it.
    pub(crate) fn close_open(&self) {
        let mut state = self.lock();
        if state.current.as_ref().is_some_and(|opening| opening.outcome.borrow().is_some()) {
            state.current = None;
        }
    }

    fn current(&self, shared: &Arc<Shared>) -> (watch::Receiver<Outcome>, u64, bool) {
        let mut state = self.lock();
        if let Some(opening) = &state.current
            && opening.is_of_use()
        {
            let fresh = opening.outcome.borrow().is_none();
            return (opening.outcome.clone(), state.number, fresh);
        }
        let (sender, outcome) = watch::channel(None);
        let shared = Arc::clone(shared);
        let task = tokio::spawn(async move {
            let opened = timeout(OPEN_WITHIN, connect(&shared)).await.unwrap_or(Err(Reason::Late));
            sender.send_replace(Some(opened));
        });
        state.number = state.number.wrapping_add(1);
        state.current = Some(Opening { outcome: outcome.clone(), task });
        (outcome, state.number, true)
    }

    /// A lock nobody panics under: what it guards is whole at every moment.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Opening {
    /// It is open, or may yet be. One whose runtime has ended never will.
    fn is_of_use(&self) -> bool {
        match &*self.outcome.borrow() {
            None => self.outcome.has_changed().is_ok(),
            Some(outcome) => outcome.is_ok(),
        }
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Connects, and makes sure that what this Redis holds is of this run of it.
async fn connect(shared: &Shared) -> Result<MultiplexedConnection, Reason> {
    // Our own deadlines hold, and theirs would only add a second set.
    let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
    let client = &shared.settings.client;
    let opened = client.get_multiplexed_async_connection_with_config(&config).await;
    let mut connection = opened.map_err(|error| reason(&error))?;
    if shared.settings.restarts == Restarts::Forget {
        adopt(shared, &mut connection).await?;
    }
    shared.counters.connections.one();
    Ok(connection)
}

async fn adopt(shared: &Shared, connection: &mut MultiplexedConnection) -> Result<(), Reason> {
    let info: String =
        redis::cmd("INFO").arg("server").query_async(connection).await.map_err(|error| reason(&error))?;
    let run_id = reply::run_id(&info).ok_or(Reason::Garbage)?;
    let names = &shared.names;
    let adopt = shared.scripts.adopt.on([&names.incarnation, &names.clock, &names.all]).with(run_id);
    let reply = adopt.send(connection).await.map_err(|error| reason(&error))?;
    reply::one_of(reply, &["same", "new"]).ok_or(Reason::Garbage)
}

/// What an error of the client means to us.
pub(crate) fn reason(error: &RedisError) -> Reason {
    use redis::ErrorKind;
    match error.kind() {
        ErrorKind::Parse | ErrorKind::UnexpectedReturnType => Reason::Garbage,
        _ if error.code() == Some("OOM") => Reason::Full,
        _ if error.detail().is_some_and(|detail| reply::is_full(detail.as_bytes())) => Reason::Full,
        _ => Reason::Broken,
    }
}
