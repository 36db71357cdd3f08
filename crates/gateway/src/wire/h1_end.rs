//! The end of an HTTP/1.1 client's connection: in good order, or so that it is seen that there was none.

use std::{rc::Rc, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};

use super::h1_body::{BodyState, Shared};

/// What is read and thrown away of a client that goes on sending after its answer, so that a reset does not destroy the
/// answer on its way (RFC 9112 section 9.6).
const LINGER_BYTES: usize = 512 * 1024;
/// How long that may take.
pub(super) const LINGER_TIME: Duration = Duration::from_secs(2);

/// Ends it so that the answer survives: our side first, then what the client still sends, then all.
pub(super) async fn close(shared: Rc<Shared>) {
    let Ok(shared) = Rc::try_unwrap(shared) else { return };
    let must_linger = shared.body.get() != BodyState::Done;
    let mut stream = shared.stream.into_inner();
    let linger = async {
        stream.shutdown().await?;
        let mut left = if must_linger { LINGER_BYTES } else { 0 };
        let mut scratch = vec![0; if must_linger { 16 * 1024 } else { 0 }];
        while left > 0 {
            let count = stream.read(&mut scratch).await?;
            left = if count == 0 { 0 } else { left.saturating_sub(count) };
        }
        std::io::Result::Ok(())
    };
    // Whatever fails here, the connection is over.
    if let Ok(Err(error)) = timeout(LINGER_TIME, linger).await {
        tracing::trace!(%error, "a client closed first");
    }
}

/// Ends it so that its client sees an error.
pub(super) fn cut(shared: Rc<Shared>) {
    if let Ok(shared) = Rc::try_unwrap(shared)
        && let Err(error) = shared.stream.into_inner().reset()
    {
        tracing::debug!(%error, "a connection could not be reset");
    }
}
