//! Who drives.
//!
//! The role is an advisory lock of a session of its own. It ends with the session, and the session ends with the process:
//! at once when the process is killed, since its kernel closes the connection; within 7 s when its machine is gone, since the
//! server probes the connection. A process that is stopped while its machine goes on is the case that neither of these
//! ends. So who has the role says about every second that they act, and who finds that they have not for [`SILENCE`] ends
//! their session. Whatever they do when they wake is of an older term then.

use std::time::Instant;

use super::{
    convert::{count, get},
    session::{Call, Connector, Session},
};
use crate::{StoreError, Term};

/// "Bany" and "lead": the advisory lock of the one who drives.
const LOCK: i64 = 0x4261_6E79_6C65_6164;

/// For how long the one who drives may be silent, as an interval of the server's. More than what lies between two asks even
/// if one takes as long as a call may (1 s and 4 s), and short enough to be replaced within 10 s.
const SILENCE: &str = "6 seconds";

/// The session that has the role or asks for it.
#[derive(Debug, Default)]
pub(super) struct Leader {
    session: Option<Session>,
    /// Who has it here, and in which term.
    held: Option<(String, Term)>,
}

impl Leader {
    /// See [`crate::Store::lead`].
    pub(super) fn lead(
        &mut self,
        connector: &Connector,
        node: &str,
        until: Instant,
    ) -> Result<Option<Term>, StoreError> {
        let result = self.ask(connector, node, until);
        if result.is_err() {
            // The role ends with the session, so that it is not held by one who believes to have lost it.
            *self = Self::default();
        }
        result
    }

    fn ask(&mut self, connector: &Connector, node: &str, until: Instant) -> Result<Option<Term>, StoreError> {
        if self.session.as_ref().is_none_or(Session::is_closed) {
            *self = Self::default();
        }
        let session = match &mut self.session {
            Some(session) => session,
            none => none.insert(connector.connect(until)?),
        };
        let call = Call::new(session, connector.server(), until);
        if let Some((holder, term)) = &self.held
            && holder == node
            && is_newest(&call, *term)?
        {
            return Ok(Some(*term));
        }
        let ours = self.held.is_some() || take(&call)? || (end_silent(&call)? && take(&call)?);
        if !ours {
            return Ok(None);
        }
        let term = next_term(&call, node)?;
        self.held = Some((node.to_owned(), term));
        Ok(Some(term))
    }
}

/// Whether the lock is ours now.
fn take(call: &Call<'_>) -> Result<bool, StoreError> {
    get(&call.row("SELECT pg_try_advisory_lock($1)", &[&LOCK])?, 0)
}

/// Begins a term.
fn next_term(call: &Call<'_>, node: &str) -> Result<Term, StoreError> {
    let sql = "INSERT INTO banyan.leadership (term, node, backend, seen)
        VALUES (1, $1, pg_backend_pid(), clock_timestamp())
        ON CONFLICT (one) DO UPDATE SET term = leadership.term + 1, node = excluded.node,
            backend = excluded.backend, seen = excluded.seen
        RETURNING term";
    let number = count(&call.row(sql, &[&node])?, 0)?;
    Term::new(number).ok_or_else(|| StoreError::Failed("terms count from 1".to_owned()))
}

/// Says that the one who drives acts, and whether they still do: a server that was set back to an earlier state may have
/// forgotten the term.
fn is_newest(call: &Call<'_>, term: Term) -> Result<bool, StoreError> {
    let sql = "UPDATE banyan.leadership SET seen = clock_timestamp() RETURNING term";
    let newest = call.maybe_row(sql, &[])?;
    Ok(newest.map(|row| count(&row, 0)).transpose()? == Some(term.number()))
}

/// Ends the session that has the role, if its process has been silent for too long; whether it has ended. Only one that
/// holds our lock, in this database: numbers of sessions are used again. One of another user may not be ended by us; it is
/// left alone.
fn end_silent(call: &Call<'_>) -> Result<bool, StoreError> {
    let sql = format!(
        "SELECT pg_terminate_backend(held.pid, 1000)
        FROM banyan.leadership AS leader
            JOIN pg_locks AS held ON held.pid = leader.backend AND held.locktype = 'advisory' AND held.granted
                AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                AND (held.classid::bigint << 32 | held.objid::bigint) = $1 AND held.objsubid = 1
            JOIN pg_stat_activity AS session ON session.pid = held.pid AND session.usename = current_user
        WHERE leader.seen < clock_timestamp() - interval '{SILENCE}'"
    );
    call.maybe_row(&sql, &[&LOCK])?.map_or(Ok(false), |row| get(&row, 0))
}
