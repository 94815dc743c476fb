//! Trust in one certificate, by its fingerprint.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, SignatureScheme,
};

use crate::Fingerprint;
use crate::provider::provider;

/// Accepts the one certificate that has the fingerprint, from whoever proves to have its key.
///
/// Names, dates and issuer count for nothing: the fingerprint says more than they do. The signature
/// over the handshake is still verified; without it anybody could show the certificate.
#[derive(Debug)]
pub(crate) struct PinnedCertificate {
    expected: Fingerprint,
    provider: Arc<CryptoProvider>,
}

impl PinnedCertificate {
    pub(crate) fn new(expected: Fingerprint) -> Self {
        Self { expected, provider: provider() }
    }
}

/// The server showed another certificate.
#[derive(thiserror::Error)]
#[error(
    "the server's certificate has the fingerprint {seen}, expected {expected}; compare it with the \
     one that the server printed when it started: a development certificate is renewed every 12 \
     days, any other difference means that somebody else answers"
)]
struct OtherCertificate {
    seen: Fingerprint,
    expected: Fingerprint,
}

/// The sentence for people: TLS quotes this form where only a text is passed on, as by QUIC.
impl fmt::Debug for OtherCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl ServerCertVerifier for PinnedCertificate {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let (seen, expected) = (Fingerprint::of(end_entity), self.expected);
        if seen == expected {
            return Ok(ServerCertVerified::assertion());
        }
        let other = OtherError(Arc::new(OtherCertificate { seen, expected }));
        Err(Error::InvalidCertificate(CertificateError::Other(other)))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }

    fn root_hint_subjects(&self) -> Option<&[DistinguishedName]> {
        None
    }
}
