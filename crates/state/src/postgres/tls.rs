//! Encrypted connections, by rustls.
//!
//! The driver asks the server for TLS and hands over the socket; what is here makes the handshake. What went wrong in it is
//! said in words that tell what to do, since the first one to read it is often somebody whose authority has just renewed a
//! certificate.

use std::{
    future::Future,
    io,
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use rustls::{CertificateError, ClientConfig, crypto::aws_lc_rs, pki_types::ServerName};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::{
    Socket,
    tls::{ChannelBinding, MakeTlsConnect, TlsConnect},
};
use tokio_rustls::TlsConnector;

use super::trust::{Trust, Unusable};
use crate::encryption::Encryption;

/// What connections of one store need.
#[derive(Clone, Debug)]
pub(super) struct Tls(Option<Secured>);

#[derive(Clone, Debug)]
struct Secured {
    config: Arc<ClientConfig>,
    /// For people.
    roots: Option<PathBuf>,
}

impl Tls {
    /// Reads the file of authorities, if there is one.
    pub(super) fn new(encryption: &Encryption) -> Result<Self, Unusable> {
        let (trust, roots) = match encryption {
            Encryption::Off => return Ok(Self(None)),
            Encryption::Unchecked => (Trust::anybody(), None),
            Encryption::Authority(path) => (Trust::file(path)?, Some(path.clone())),
            Encryption::Full(Some(path)) => (Trust::file(path)?.with_name(), Some(path.clone())),
            Encryption::Full(None) => (Trust::public().with_name(), None),
        };
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| Unusable::new(Path::new(""), error))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(trust))
            .with_no_client_auth();
        Ok(Self(Some(Secured { config: Arc::new(config), roots })))
    }
}

impl MakeTlsConnect<Socket> for Tls {
    type Stream = Encrypted;
    type TlsConnect = Handshake;
    type Error = io::Error;

    /// Also called for connections that need no TLS: then nobody shakes hands.
    fn make_tls_connect(&mut self, host: &str) -> io::Result<Handshake> {
        Ok(Handshake { secured: self.0.clone(), host: host.to_owned() })
    }
}

/// One handshake.
pub(super) struct Handshake {
    secured: Option<Secured>,
    host: String,
}

impl TlsConnect<Socket> for Handshake {
    type Stream = Encrypted;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Encrypted>> + Send>>;

    fn connect(self, socket: Socket) -> Self::Future {
        Box::pin(async move {
            let Some(Secured { config, roots }) = self.secured else {
                return Err(io::Error::other("nobody asked for TLS"));
            };
            let name = ServerName::try_from(self.host)
                .map_err(|_| io::Error::other("the name of its host can be in no certificate"))?;
            let shaken = TlsConnector::from(config).connect(name, socket).await;
            shaken.map(|stream| Encrypted(Box::new(stream))).map_err(|error| said(error, roots.as_deref()))
        })
    }
}

/// Why a handshake failed, and what to do.
fn said(error: io::Error, roots: Option<&Path>) -> io::Error {
    let why = match error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(why)) => certificate(why, roots),
        Some(other) => format!("TLS failed: {other}"),
        // The connection broke.
        None => return error,
    };
    io::Error::other(why)
}

fn certificate(why: &CertificateError, roots: Option<&Path>) -> String {
    match (why, roots) {
        // Of another authority, or of another one with the same name, such as a renewed one.
        (CertificateError::UnknownIssuer | CertificateError::BadSignature, None) => {
            "the server's certificate is of no authority of the public web: name \
            the file with its authority's certificate by 'sslrootcert' in the address"
                .to_owned()
        }
        (CertificateError::UnknownIssuer | CertificateError::BadSignature, Some(path)) => format!(
            "the server's certificate is of no authority in {}: has the server another authority by now, or is this \
             another server?",
            path.display()
        ),
        (CertificateError::NotValidForNameContext { expected, presented }, _) => format!(
            "the server's certificate is not for {}, but for {}: write a name in the address that it is for",
            expected.to_str(),
            if presented.is_empty() {
                "no host (its subjectAltName is empty)".to_owned()
            } else {
                presented.join(", ")
            }
        ),
        (CertificateError::Expired | CertificateError::ExpiredContext { .. }, _) => {
            "the server's certificate has expired, or the clock of this machine is ahead".to_owned()
        }
        (CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. }, _) => {
            "the server's certificate is not valid yet, or the clock of this machine is behind".to_owned()
        }
        (other, _) => format!("the server's certificate is refused: {other}"),
    }
}

/// An encrypted connection.
#[derive(Debug)]
pub(super) struct Encrypted(Box<tokio_rustls::client::TlsStream<Socket>>);

impl tokio_postgres::tls::TlsStream for Encrypted {
    /// None: what it protects from, somebody on the way with a certificate that is trusted, `verify-full` does as well; and
    /// without a check of the certificate, whoever is on the way just leaves it out.
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for Encrypted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_read(context, into)
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_shutdown(context)
    }
}
