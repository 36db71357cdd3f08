//! Opening a connection to a host.

use std::{io, sync::Arc};

use tokio::{
    net::TcpStream,
    time::{Instant, timeout},
};
use tokio_rustls::TlsConnector;

use super::host::{Host, SharedUpstream};
use crate::{outcome::Ending, wire::stream::Stream};

/// A fresh stream, and whether ALPN chose HTTP/2 (or it is spoken without asking).
pub(crate) struct Opened {
    pub(crate) stream: Stream,
    pub(crate) http2: bool,
}

/// Connects within the upstream's `connect` limit.
pub(crate) async fn open(upstream: &SharedUpstream, host: &Host) -> Result<Opened, Ending> {
    match timeout(upstream.config.connect, open_now(upstream, host)).await {
        Ok(result) => result,
        Err(_) => Err(Ending::ConnectTimeout),
    }
}

async fn open_now(upstream: &SharedUpstream, host: &Host) -> Result<Opened, Ending> {
    let tcp = TcpStream::connect(host.address).await.map_err(|error| ending_of(&error))?;
    // Without it small writes wait for acknowledgements; a failure to set it costs speed only.
    if let Err(error) = tcp.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
    }
    let (Some(server_name), Some(config)) = (&host.server_name, &upstream.tls) else {
        return Ok(Opened { stream: Stream::Tcp(tcp), http2: upstream.is_http2() });
    };
    let tls =
        TlsConnector::from(Arc::clone(config)).connect(server_name.clone(), tcp).await.map_err(|error| {
            // Once in a while is enough to be found; every attempt would fill the disk.
            if upstream.tls_trouble.is_due(Instant::now()) {
                let upstream = &*upstream.config.name;
                tracing::warn!(%error, upstream, endpoint = %host.address, "TLS with an upstream failed");
            }
            Ending::TlsError
        })?;
    let http2 = tls.get_ref().1.alpn_protocol() == Some(b"h2") || upstream.is_http2();
    Ok(Opened { stream: Stream::Client(Box::new(tls)), http2 })
}

fn ending_of(error: &io::Error) -> Ending {
    match error.kind() {
        io::ErrorKind::TimedOut => Ending::ConnectTimeout,
        _ => Ending::ConnectRefused,
    }
}
