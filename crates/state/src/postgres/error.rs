//! What PostgreSQL says, in the words of the store.

use std::{error::Error as _, io};

use tokio_postgres::{Error, error::SqlState};

use crate::StoreError;

/// A connection that did not come about: whatever the reason, the store cannot be reached.
pub(super) fn connecting(server: &str, error: &Error) -> StoreError {
    match said(error).as_str() {
        NO_TLS => unreachable(server, NO_TLS_HERE),
        why => unreachable(server, why),
    }
}

/// What the driver says of a server without TLS.
const NO_TLS: &str = "server does not support TLS";
const NO_TLS_HERE: &str = "the server does not offer TLS: switch it on there ('ssl = on'), or add 'sslmode=disable' to the \
    address where the way to the server is private";

/// A statement that failed.
pub(super) fn asking(server: &str, error: &Error) -> StoreError {
    let Some(code) = error.code() else {
        let broken = error.is_closed() || error.source().is_some_and(|cause| cause.is::<io::Error>());
        let said = said(error);
        return if broken { unreachable(server, &said) } else { StoreError::Failed(said) };
    };
    match code {
        &SqlState::LOCK_NOT_AVAILABLE | &SqlState::T_R_DEADLOCK_DETECTED => StoreError::Locked,
        &SqlState::DISK_FULL => StoreError::Full,
        // What the server took too long for, or has no room for, or refuses because it only follows another.
        &SqlState::QUERY_CANCELED
        | &SqlState::TOO_MANY_CONNECTIONS
        | &SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT
        | &SqlState::READ_ONLY_SQL_TRANSACTION => unreachable(server, &said(error)),
        // Connection exceptions, and an operator's intervention: https://www.postgresql.org/docs/current/errcodes-appendix.html
        code if code.code().starts_with("08") || code.code().starts_with("57P") => {
            unreachable(server, &said(error))
        }
        _ => StoreError::Failed(said(error)),
    }
}

/// An answer that did not come in time.
pub(super) fn late(server: &str) -> StoreError {
    unreachable(server, "no answer in time")
}

/// Others were served for so long that the turn did not come.
pub(super) fn busy(server: &str) -> StoreError {
    unreachable(server, "too many calls wait for it")
}

fn unreachable(server: &str, why: &str) -> StoreError {
    StoreError::Unreachable(format!("{server}: {why}"))
}

/// In one line.
fn said(error: &Error) -> String {
    match (error.as_db_error(), error.source()) {
        (Some(said), _) => said.message().to_owned(),
        (None, Some(cause)) => cause.to_string(),
        (None, None) => error.to_string(),
    }
}
