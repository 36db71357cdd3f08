//! Certificates for a test, and clients that trust them.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs, pki_types::ServerName};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

/// A certificate for `localhost`, in files and for clients.
#[derive(Debug)]
pub struct Certificate {
    folder: TempDir,
    roots: Arc<RootCertStore>,
}

impl Certificate {
    /// Makes one.
    ///
    /// # Panics
    /// When there is no room for the files.
    #[must_use]
    pub fn localhost() -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("cert.pem"), cert.pem()).expect("room for a file");
        std::fs::write(folder.path().join("key.pem"), signing_key.serialize_pem()).expect("room for a file");
        let mut roots = RootCertStore::empty();
        roots.add(cert.der().clone()).expect("a certificate that may sign itself");
        Self { folder, roots: Arc::new(roots) }
    }

    /// Where the certificate is, in PEM.
    #[must_use]
    pub fn cert(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    /// Where the key is, in PEM.
    #[must_use]
    pub fn key(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }

    /// Connects and offers `protocols` by ALPN.
    ///
    /// # Panics
    /// When the handshake fails: the test is about what comes after it.
    pub async fn connect(&self, address: SocketAddr, protocols: &[&str]) -> TlsStream<TcpStream> {
        let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider's own versions")
            .with_root_certificates(self.roots.clone())
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        let tcp = TcpStream::connect(address).await.expect("somebody listens");
        let name = ServerName::try_from("localhost").expect("a name");
        TlsConnector::from(Arc::new(config)).connect(name, tcp).await.expect("a handshake")
    }
}
