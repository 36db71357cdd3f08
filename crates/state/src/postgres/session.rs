//! One connection, and asking it something within a time.

use std::{
    cell::Cell,
    future::poll_fn,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{runtime::Handle, task::JoinHandle};
use tokio_postgres::{AsyncMessage, Client, Connection, Row, Socket, types::ToSql};

use super::{
    convert::get,
    error::{asking, connecting, late},
    reactor::wait,
    tls::{Encrypted, Tls},
};
use crate::{Address, ServerAddress, StoreError, watch::Bell};

/// Where changes are told.
pub(super) const CHANNEL: &str = "banyan";

/// Makes connections to one server.
#[derive(Clone, Debug)]
pub(super) struct Connector {
    config: Box<tokio_postgres::Config>,
    tls: Tls,
    server: Arc<str>,
    handle: Handle,
}

/// The settings of every connection.
///
/// - A statement ends before the call that waits for it does, so that the error says what took so long.
/// - A client that was stopped in the middle of a transaction holds up nobody for long.
/// - A client whose machine is gone is noticed within 7 s, so that its locks, such as the leader's, are free then.
/// - What was acknowledged is on the disk, also on a server that is set up to be careless.
const SET_UP: &str = "
    SET statement_timeout = '2500ms';
    SET lock_timeout = '1500ms';
    SET idle_in_transaction_session_timeout = '5s';
    SET tcp_keepalives_idle = 3;
    SET tcp_keepalives_interval = 2;
    SET tcp_keepalives_count = 2;
    SET tcp_user_timeout = 7000;
    SET client_min_messages = warning;
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';
";

impl Connector {
    pub(super) fn new(server: &ServerAddress, tls: Tls, handle: Handle) -> Self {
        let mut config = server.config.clone();
        config
            .connect_timeout(Duration::from_secs(2))
            .tcp_user_timeout(Duration::from_secs(5))
            .keepalives_idle(Duration::from_secs(3))
            .keepalives_interval(Duration::from_secs(2))
            .keepalives_retries(2);
        if config.get_application_name().is_none() {
            config.application_name("banyan");
        }
        let server = Address::Server(server.clone()).to_string().into();
        Self { config, tls, server, handle }
    }

    /// What errors call the server.
    pub(super) fn server(&self) -> &str {
        &self.server
    }

    /// Where tasks are spawned.
    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Connects; blocks until then.
    pub(super) fn connect(&self, until: Instant) -> Result<Session, StoreError> {
        let this = self.clone();
        let mut connecting = self.handle.spawn(async move { this.connected(None).await });
        match wait(until, &mut connecting) {
            Some(Ok(connected)) => connected,
            Some(Err(failed)) => Err(StoreError::Failed(failed.to_string())),
            None => {
                connecting.abort();
                Err(late(&self.server))
            }
        }
    }

    /// Connects, for tasks of the reactor. Notifications go to `bell`.
    pub(super) async fn connected(&self, bell: Option<Arc<Bell>>) -> Result<Session, StoreError> {
        let failed = |error| connecting(&self.server, &error);
        let (client, connection) = self.config.connect(self.tls.clone()).await.map_err(failed)?;
        let session = Session { client, driving: tokio::spawn(drive(connection, bell)) };
        session.client.batch_execute(SET_UP).await.map_err(failed)?;
        Ok(session)
    }
}

/// A connection. It is cut with this value, whatever the server is doing: one that does not answer would otherwise hold it
/// open until it does, and everything that it has locked.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) client: Client,
    driving: JoinHandle<()>,
}

impl Session {
    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Ends when the connection does.
    pub(super) async fn closed(&mut self) {
        // It is aborted only when this is dropped, and a panic is an end as good as any.
        (&mut self.driving).await.ok();
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.driving.abort();
    }
}

/// Moves bytes both ways until the connection ends, and rings for notifications: their text is a revision.
async fn drive(mut connection: Connection<Socket, Encrypted>, bell: Option<Arc<Bell>>) {
    while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
        if let (Some(bell), AsyncMessage::Notification(notification)) = (&bell, message)
            && let Ok(revision) = notification.payload().parse()
        {
            bell.at_least(revision);
        }
    }
}

/// What a statement's placeholders stand for.
pub(super) type Values<'a> = &'a [&'a (dyn ToSql + Sync)];

/// Asking one session, with an end.
pub(super) struct Call<'a> {
    session: &'a Session,
    server: &'a str,
    until: Instant,
    /// Whether every answer came, so that the session is known to be at rest.
    sound: Cell<bool>,
}

impl<'a> Call<'a> {
    pub(super) fn new(session: &'a Session, server: &'a str, until: Instant) -> Self {
        Self { session, server, until, sound: Cell::new(true) }
    }

    pub(super) fn rows(&self, sql: &str, values: Values<'_>) -> Result<Vec<Row>, StoreError> {
        self.ask(self.session.client.query(sql, values))
    }

    pub(super) fn maybe_row(&self, sql: &str, values: Values<'_>) -> Result<Option<Row>, StoreError> {
        self.ask(self.session.client.query_opt(sql, values))
    }

    pub(super) fn row(&self, sql: &str, values: Values<'_>) -> Result<Row, StoreError> {
        self.ask(self.session.client.query_one(sql, values))
    }

    pub(super) fn run(&self, sql: &str, values: Values<'_>) -> Result<(), StoreError> {
        self.ask(self.session.client.execute(sql, values)).map(drop)
    }

    /// Several statements, without values.
    pub(super) fn batch(&self, sql: &str) -> Result<(), StoreError> {
        self.ask(self.session.client.batch_execute(sql))
    }

    /// Whether the session may be used again.
    pub(super) fn is_sound(&self) -> bool {
        self.sound.get() && !self.session.is_closed()
    }

    /// Runs `work` as one transaction that tells every node, and that no other such transaction runs beside: all of them
    /// begin with the same row. So what `work` reads is still so when it writes.
    pub(super) fn change<T>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.transaction(|call| {
            let revision = call.row("UPDATE banyan.revision SET value = value + 1 RETURNING value", &[])?;
            let revision: i64 = get(&revision, 0)?;
            let done = work(call)?;
            Ok((done, format!("NOTIFY {CHANNEL}, '{revision}'; COMMIT")))
        })
    }

    /// Runs `work` as one transaction that wakes nobody.
    pub(super) fn quietly<T>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.transaction(|call| Ok((work(call)?, "COMMIT".to_owned())))
    }

    /// After an error nothing of `work` has happened, unless the error is about the connection: then nobody knows. `work`
    /// says how the transaction ends.
    fn transaction<T>(
        &self,
        work: impl FnOnce(&Self) -> Result<(T, String), StoreError>,
    ) -> Result<T, StoreError> {
        let done = self.batch("BEGIN").and_then(|()| work(self)).and_then(|(done, end)| {
            self.batch(&end)?;
            Ok(done)
        });
        // A session that cannot even take back what it did is not used again.
        if done.is_err() && self.is_sound() && self.batch("ROLLBACK").is_err() {
            self.sound.set(false);
        }
        done
    }

    fn ask<T>(
        &self,
        answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, StoreError> {
        let result = match wait(self.until, answer) {
            Some(answer) => answer.map_err(|error| asking(self.server, &error)),
            None => Err(late(self.server)),
        };
        if matches!(result, Err(StoreError::Unreachable(_))) {
            self.sound.set(false);
        }
        result
    }
}
