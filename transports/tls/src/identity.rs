//! Who a server is.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};

use crate::provider::provider;
use crate::{Fingerprint, IdentityError, development};

/// A server's certificate and key, of which it is certain that they belong together.
#[derive(Debug, Clone)]
pub struct ServerIdentity {
    key: Arc<CertifiedKey>,
}

impl ServerIdentity {
    /// Loads a certificate with its chain, and its key, from PEM files.
    ///
    /// # Errors
    /// If a file can't be read, holds nothing of the kind, or the two don't belong together.
    pub fn load(certificate_pem: &Path, key_pem: &Path) -> Result<Self, IdentityError> {
        let chain = read_chain(certificate_pem).map_err(|reason| IdentityError::Certificate {
            path: certificate_pem.to_owned(),
            reason,
        })?;
        let key = PrivateKeyDer::from_pem_file(key_pem).map_err(|error| IdentityError::Key {
            path: key_pem.to_owned(),
            reason: error.to_string(),
        })?;
        let key = CertifiedKey::from_der(chain, key, &provider()).map_err(|source| {
            IdentityError::Mismatch {
                certificate: certificate_pem.to_owned(),
                key: key_pem.to_owned(),
                source,
            }
        })?;
        Ok(Self { key: Arc::new(key) })
    }

    /// Loads the development certificate from `directory`, making it first where there is none.
    ///
    /// It is for `localhost`, `127.0.0.1` and `::1`, valid for 13 days, and nobody's word stands
    /// behind it: clients trust it by its [`Fingerprint`]. It is kept as
    /// `development-certificate.pem` and `development-key.pem` (readable by its owner alone). One
    /// that can't be read or has less than a day left is replaced, so that the fingerprint changes
    /// about every twelve days, and never while the server runs.
    ///
    /// # Errors
    /// If the directory can't be made or written.
    pub fn development(directory: &Path) -> Result<Self, IdentityError> {
        development::load_or_make(directory, SystemTime::now())
    }

    /// What a client can trust instead of an authority.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self.leaf())
    }

    /// The server's own certificate, without its chain.
    pub fn leaf(&self) -> &CertificateDer<'static> {
        self.key.cert.first().expect("a chain that was read has a certificate")
    }

    /// A configuration for TLS 1.2 and 1.3 that agrees on one of `alpn`, best first.
    ///
    /// With an empty `alpn` the extension is left out. QUIC takes the same configuration and uses
    /// TLS 1.3 of it.
    pub fn server_config(&self, alpn: &[Vec<u8>]) -> Arc<ServerConfig> {
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("the provider speaks TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(self.key.clone())));
        config.alpn_protocols = alpn.to_vec();
        Arc::new(config)
    }
}

/// Reads all certificates of a PEM file, at least one.
pub(crate) fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let chain = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| error.to_string())?;
    if chain.is_empty() { Err("there is none in it".to_owned()) } else { Ok(chain) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_another_certificate_is_refused_with_both_files_named() {
        let directories = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        for directory in &directories {
            ServerIdentity::development(directory.path()).unwrap();
        }
        let certificate = directories[0].path().join("development-certificate.pem");
        let key = directories[1].path().join("development-key.pem");
        let error = ServerIdentity::load(&certificate, &key).unwrap_err().to_string();
        assert!(error.contains(certificate.to_str().unwrap()), "{error}");
        assert!(error.contains(key.to_str().unwrap()), "{error}");
    }

    #[test]
    fn a_missing_or_empty_file_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("certificate.pem");
        let missing = ServerIdentity::load(&path, &path).unwrap_err();
        assert!(matches!(missing, IdentityError::Certificate { .. }));
        std::fs::write(&path, "nothing").unwrap();
        let empty = ServerIdentity::load(&path, &path).unwrap_err().to_string();
        assert!(empty.contains("certificate.pem: there is none in it; give"), "{empty}");
    }
}
