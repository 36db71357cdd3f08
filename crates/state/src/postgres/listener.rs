//! Hearing of changes, on a connection of its own.
//!
//! The server tells with each commit (`NOTIFY`). A connection that broke without a sound would tell nothing, and so would
//! a proxy in between that drops what it does not know; so the revision is also asked for again and again, which is how
//! it is noticed that the server is gone.

use std::{sync::Arc, time::Duration};

use tokio::time::{sleep, timeout};

use super::{
    Timing,
    convert::count,
    error::{asking, late},
    session::{CHANNEL, Connector, Session},
};
use crate::{StoreError, watch::Bell};

/// How long it waits before it connects again. Short, since a change that comes meanwhile is heard of only then.
const AGAIN: Duration = Duration::from_millis(500);

/// Listens until it is dropped.
pub(super) async fn listen(connector: Connector, bell: Arc<Bell>, timing: Timing) {
    loop {
        let why = match attend(&connector, &bell, timing).await {
            StoreError::Unreachable(why) | StoreError::Failed(why) => why,
            other => other.to_string(),
        };
        bell.trouble(why);
        sleep(AGAIN).await;
    }
}

/// Connects and listens, until that is not possible any more; says why.
async fn attend(connector: &Connector, bell: &Arc<Bell>, timing: Timing) -> StoreError {
    let opening = timeout(timing.call, async {
        let session = connector.connected(Some(bell.clone())).await?;
        let listen = format!("LISTEN {CHANNEL}");
        let failed = |error| asking(connector.server(), &error);
        session.client.batch_execute(&listen).await.map_err(failed)?;
        bell.at(revision(connector, &session).await?);
        Ok(session)
    });
    let mut session = match opening.await {
        Ok(Ok(session)) => session,
        Ok(Err(error)) => return error,
        Err(_) => return late(connector.server()),
    };
    loop {
        tokio::select! {
            () = session.closed() => return closed(connector),
            () = sleep(timing.poll) => {}
        }
        match timeout(timing.call, revision(connector, &session)).await {
            Ok(Ok(revision)) => bell.at_least(revision),
            Ok(Err(error)) => return error,
            Err(_) => return late(connector.server()),
        }
    }
}

fn closed(connector: &Connector) -> StoreError {
    StoreError::Unreachable(format!("{}: the connection was closed", connector.server()))
}

async fn revision(connector: &Connector, session: &Session) -> Result<u64, StoreError> {
    let asked = session.client.query_one("SELECT value FROM banyan.revision", &[]).await;
    count(&asked.map_err(|error| asking(connector.server(), &error))?, 0)
}
