//! The store on a server: PostgreSQL, for many nodes.
//!
//! Invariants of what is stored, beside those of the file:
//! - Changes of units, flags and rollouts come one after the other, whoever makes them: each begins by raising the one row
//!   of `banyan.revision`, which the next has to wait for, and ends by telling it to all nodes.
//! - A step of a rollout is written only while no younger term than its own exists.
//! - An acknowledged change is on the server's disk.
//!
//! No call takes longer than [`Timing::call`], whatever the server does: it may be stopped, full, restarting or out of
//! reach. Then there is an error, and the next call connects again. A connection is used by one call at a time; there is one
//! for calls, one that has or wants the role of the leader, and one that hears of changes.
mod alerts;
mod convert;
mod desk;
mod error;
mod flags;
mod kept;
mod leader;
mod listener;
mod nodes;
mod reactor;
mod rollouts;
mod schema;
mod session;
mod tls;
mod trust;
mod units;

use std::{
    sync::{Arc, Once},
    time::{Duration, Instant, SystemTime},
};

use self::{
    desk::Desk,
    leader::Leader,
    reactor::Reactor,
    schema::Fault,
    session::{Call, Connector, Session},
    tls::Tls,
    trust::Unusable,
};
use crate::{
    AlertRecord, Beat, Change, Entry, FlagChange, FlagEntry, FlagRecord, HotUrl, NodeRecord, OpenError,
    Record, RolloutEntry, RolloutRecord, RolloutStep, ServerAddress, Store, StoreError, Term, Watch,
    evidence, watch::Bell,
};

/// How long things may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How long a call may take in all: waiting for its turn, connecting, asking. 4 s, which is less than who asks the
    /// admin API waits.
    pub call: Duration,
    /// How often it is asked whether there was a change, beside being told: 1 s. Also how soon it is noticed, with `call`
    /// on top, that a server is gone which does not say so.
    pub poll: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self { call: Duration::from_secs(4), poll: Duration::from_secs(1) }
    }
}

/// The store on a server.
#[derive(Debug)]
pub struct Postgres {
    calls: Desk<Option<Session>>,
    leader: Desk<Leader>,
    connector: Connector,
    timing: Timing,
    bell: Arc<Bell>,
    /// Nobody hears of changes before somebody waits for them: commands that ask once need no connection for it.
    listening: Once,
    /// Last, since sessions are cut before what drives them ends.
    _reactor: Reactor,
}

impl Postgres {
    /// Connects to a server, and makes the tables in the schema `banyan` of the database if there are none.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses, is not who it should be, or has tables of a newer version. Nothing that was there has changed
    /// then.
    pub fn open(server: &ServerAddress, timing: Timing) -> Result<Self, OpenError> {
        let failed = |source| OpenError::Server { server: server.clone(), source };
        let tls = Tls::new(&server.encryption).map_err(|Unusable { path, why }| OpenError::Authorities {
            server: server.clone(),
            path: path.into(),
            why,
        })?;
        let reactor = Reactor::start().map_err(|error| failed(StoreError::Failed(error.to_string())))?;
        let store = Self {
            calls: Desk::new(None),
            leader: Desk::new(Leader::default()),
            connector: Connector::new(server, tls, reactor.handle().clone()),
            timing,
            bell: Arc::default(),
            listening: Once::new(),
            _reactor: reactor,
        };
        store.with(|call| Ok(schema::migrate(call))).map_err(failed)?.map_err(|fault| match fault {
            Fault::Newer { found, known } => OpenError::NewerServer { server: server.clone(), found, known },
            Fault::Store(source) => failed(source),
        })?;
        Ok(store)
    }

    /// Runs `work` on the connection for calls, connecting first if there is none.
    fn with<T>(&self, work: impl FnOnce(&Call<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let until = Instant::now() + self.timing.call;
        let server = self.connector.server();
        let mut turn = self.calls.take(until).ok_or_else(|| error::busy(server))?;
        let session = match turn.take().filter(|session| !session.is_closed()) {
            Some(session) => session,
            None => self.connector.connect(until)?,
        };
        let call = Call::new(&session, server, until);
        let result = work(&call);
        let sound = call.is_sound();
        *turn = sound.then_some(session);
        result
    }

    /// Runs `work` as one transaction that tells every node.
    fn change_with<T>(&self, work: impl FnOnce(&Call<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.with(|call| call.change(work))
    }
}

impl Store for Postgres {
    fn units(&self) -> Result<Vec<Record>, StoreError> {
        self.with(units::all)
    }

    fn change(&self, change: &Change) -> Result<Record, StoreError> {
        self.change_with(|call| units::change(call, change))
    }

    fn forget(&self, unit: &str, by: &str, why: &str, at: SystemTime) -> Result<(), StoreError> {
        self.change_with(|call| units::forget(call, unit, by, why, at))
    }

    fn history(&self, unit: &str, limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.with(|call| units::history(call, unit, limit))
    }

    fn flags(&self) -> Result<Vec<FlagRecord>, StoreError> {
        self.with(flags::all)
    }

    fn change_flag(&self, change: &FlagChange) -> Result<FlagRecord, StoreError> {
        self.change_with(|call| flags::change(call, change))
    }

    fn flag_history(&self, key: &str, limit: usize) -> Result<Vec<FlagEntry>, StoreError> {
        self.with(|call| flags::history(call, key, limit))
    }

    fn rollouts(&self) -> Result<Vec<RolloutRecord>, StoreError> {
        self.with(rollouts::all)
    }

    fn step_rollout(&self, step: &RolloutStep) -> Result<(RolloutRecord, Option<Record>), StoreError> {
        self.change_with(|call| rollouts::step(call, step))
    }

    fn rollout_history(&self, unit: &str, limit: usize) -> Result<Vec<RolloutEntry>, StoreError> {
        self.with(|call| rollouts::history(call, unit, limit))
    }

    fn alerts_due(&self, now: SystemTime, limit: usize) -> Result<Vec<AlertRecord>, StoreError> {
        self.with(|call| alerts::due(call, now, limit))
    }

    fn alert_sent(&self, id: u64) -> Result<(), StoreError> {
        self.with(|call| alerts::sent(call, id))
    }

    fn alert_failed(&self, id: u64, next_at: SystemTime, why: &str) -> Result<(), StoreError> {
        self.with(|call| alerts::failed(call, id, next_at, why))
    }

    fn beat(&self, beat: &Beat) -> Result<(), StoreError> {
        self.with(|call| nodes::beat(call, beat))
    }

    fn nodes(&self) -> Result<Vec<NodeRecord>, StoreError> {
        self.with(nodes::all)
    }

    fn forget_node(&self, node: &str) -> Result<(), StoreError> {
        self.with(|call| nodes::forget(call, node))
    }

    fn put_evidence(&self, node: &str, unit: &str, epoch: u64, body: &[u8]) -> Result<(), StoreError> {
        evidence::check(body)?;
        self.with(|call| nodes::put_evidence(call, node, unit, epoch, body))
    }

    fn evidence(&self, unit: &str, epoch: u64) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.with(|call| nodes::evidence(call, unit, epoch))
    }

    fn lead(&self, node: &str) -> Result<Option<Term>, StoreError> {
        let until = Instant::now() + self.timing.call;
        let mut leader = self.leader.take(until).ok_or_else(|| error::busy(self.connector.server()))?;
        leader.lead(&self.connector, node, until)
    }

    fn watch(&self) -> Box<dyn Watch> {
        self.listening.call_once(|| {
            let listening = listener::listen(self.connector.clone(), self.bell.clone(), self.timing);
            self.connector.handle().spawn(listening);
        });
        Box::new(self.bell.listener())
    }

    fn secret(&self, name: &str, fresh: &[u8; 32]) -> Result<[u8; 32], StoreError> {
        self.with(|call| kept::secret(call, name, fresh))
    }

    fn hot_urls(&self) -> Result<Vec<HotUrl>, StoreError> {
        self.with(kept::hot_urls)
    }

    fn set_hot_urls(&self, urls: &[HotUrl]) -> Result<(), StoreError> {
        self.with(|call| call.quietly(|call| kept::set_hot_urls(call, urls)))
    }
}
