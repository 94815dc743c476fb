//! Whom a client trusts.

use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

use crate::identity::read_chain;
use crate::pinned::PinnedCertificate;
use crate::provider::provider;
use crate::{Fingerprint, TrustError};

/// Whom a client trusts.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum Trust {
    /// Certificates for the host's name that the roots of the operating system vouch for.
    #[default]
    System,
    /// Certificates for the host's name that these roots vouch for, and no others.
    Roots(Vec<CertificateDer<'static>>),
    /// Exactly this certificate, whatever its names, dates and issuer.
    Fingerprint(Fingerprint),
}

impl Trust {
    /// Reads [`Trust::Roots`] from a PEM file.
    ///
    /// # Errors
    /// If the file can't be read or holds no certificate.
    pub fn roots_from_pem(path: &Path) -> Result<Self, TrustError> {
        let path_owned = || path.to_owned();
        let chain = read_chain(path);
        let roots = chain.map_err(|reason| TrustError::RootsFile { path: path_owned(), reason })?;
        Ok(Self::Roots(roots))
    }

    /// A configuration for TLS 1.2 and 1.3 that offers `alpn`, best first.
    ///
    /// With an empty `alpn` the extension is left out. Reads the system's roots anew with each
    /// call: make it once and share it.
    ///
    /// # Errors
    /// If there is no root to trust, or one that can't be one.
    pub fn client_config(&self, alpn: &[Vec<u8>]) -> Result<Arc<ClientConfig>, TrustError> {
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("the provider speaks TLS 1.2 and 1.3");
        let builder = match self {
            Self::System => builder.with_webpki_verifier(verifier(system_roots()?)?),
            Self::Roots(roots) => builder.with_webpki_verifier(verifier(own_roots(roots)?)?),
            Self::Fingerprint(expected) => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(PinnedCertificate::new(*expected))),
        };
        let mut config = builder.with_no_client_auth();
        config.alpn_protocols = alpn.to_vec();
        Ok(Arc::new(config))
    }
}

impl From<Fingerprint> for Trust {
    fn from(fingerprint: Fingerprint) -> Self {
        Self::Fingerprint(fingerprint)
    }
}

fn verifier(roots: RootCertStore) -> Result<Arc<WebPkiServerVerifier>, TrustError> {
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
        .build()
        .map_err(|error| TrustError::Roots { reason: error.to_string() })
}

fn own_roots(certificates: &[CertificateDer<'static>]) -> Result<RootCertStore, TrustError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots
            .add(certificate.clone())
            .map_err(|error| TrustError::Roots { reason: error.to_string() })?;
    }
    Ok(roots)
}

/// The system's roots: some of these are regularly unusable, which is no reason to trust nobody.
fn system_roots() -> Result<RootCertStore, TrustError> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (usable, _) = roots.add_parsable_certificates(found.certs);
    if usable > 0 {
        return Ok(roots);
    }
    let reason = found.errors.first().map_or("none was found".to_owned(), ToString::to_string);
    Err(TrustError::NoSystemRoots { reason })
}
