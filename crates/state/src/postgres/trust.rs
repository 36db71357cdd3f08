//! Whose certificate is good enough.
//!
//! rustls checks authority and name together or not at all, and libpq has modes in between. Beside, servers often have a
//! certificate that signed itself, as PostgreSQL's own manual shows how to make; such a one is an authority's, which rustls
//! takes from no server. Here it is good where the operator has put that very certificate into the file.

use std::{fmt, path::Path};

use rustls::{
    DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_cert_signed_by_trust_anchor, verify_server_name,
    },
    crypto::{WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::ParsedCertificate,
};
use rustls_pki_types::pem::PemObject as _;

/// What has to be true of who answers.
#[derive(Debug)]
pub(super) struct Trust {
    /// `None`: anybody may answer.
    authorities: Option<Authorities>,
    /// Whether the name has to be right.
    name: bool,
    algorithms: WebPkiSupportedAlgorithms,
}

#[derive(Debug)]
struct Authorities {
    roots: RootCertStore,
    /// Certificates that are good by themselves.
    known: Vec<CertificateDer<'static>>,
}

/// Why a file of authorities is of no use.
#[derive(Debug)]
pub(super) struct Unusable {
    pub(super) path: Box<Path>,
    pub(super) why: String,
}

impl Unusable {
    pub(super) fn new(path: &Path, why: impl fmt::Display) -> Self {
        Self { path: path.into(), why: why.to_string() }
    }
}

impl Trust {
    fn new(authorities: Option<Authorities>) -> Self {
        let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
        Self { authorities, name: false, algorithms }
    }

    /// In anybody.
    pub(super) fn anybody() -> Self {
        Self::new(None)
    }

    /// In the authorities of the public web, as they were when this program was built.
    pub(super) fn public() -> Self {
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        Self::new(Some(Authorities { roots, known: Vec::new() }))
    }

    /// In the certificates in a PEM file.
    pub(super) fn file(path: &Path) -> Result<Self, Unusable> {
        let unusable = |error: &dyn fmt::Display| Unusable::new(path, error);
        let read = CertificateDer::pem_file_iter(path).map_err(|error| unusable(&error))?;
        let known: Vec<_> = read.collect::<Result<_, _>>().map_err(|error| unusable(&error))?;
        if known.is_empty() {
            return Err(unusable(
                &"there is no certificate in it: it should begin with '-----BEGIN CERTIFICATE-----'",
            ));
        }
        let mut roots = RootCertStore::empty();
        for certificate in &known {
            roots.add(certificate.clone()).map_err(|error| unusable(&error))?;
        }
        Ok(Self::new(Some(Authorities { roots, known })))
    }

    /// And the name has to be right.
    pub(super) fn with_name(self) -> Self {
        Self { name: true, ..self }
    }
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(Authorities { roots, known }) = &self.authorities else {
            return Ok(ServerCertVerified::assertion());
        };
        let parsed = ParsedCertificate::try_from(certificate)?;
        if !known.contains(certificate) {
            let algorithms = self.algorithms.all;
            verify_server_cert_signed_by_trust_anchor(&parsed, roots, intermediates, now, algorithms)?;
        }
        if self.name {
            verify_server_name(&parsed, name)?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
