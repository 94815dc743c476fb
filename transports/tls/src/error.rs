//! What can be wrong with certificates, each with what to do about it.

use std::io;
use std::path::PathBuf;

/// A server can't be who it is meant to be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The file with the certificate can't be read as one.
    #[error(
        "no certificate in {path}: {reason}; give a PEM file that begins with the server's own \
         certificate, followed by those of its issuers"
    )]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file with the private key can't be read as one.
    #[error(
        "no private key in {path}: {reason}; give a PEM file with an unencrypted PKCS#8, PKCS#1 \
         or SEC1 key"
    )]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The key can't sign, or is not the one in the certificate.
    #[error(
        "the key in {key} doesn't go with the certificate in {certificate}: {source}; give the key \
         that the certificate was requested with"
    )]
    Mismatch {
        /// The file with the certificate.
        certificate: PathBuf,
        /// The file with the key.
        key: PathBuf,
        /// What rustls says.
        #[source]
        source: rustls::Error,
    },
    /// The development certificate can't be kept.
    #[error(
        "the development certificate can't be kept in {directory}: {source}; choose a data \
         directory that can be written, or configure a certificate and a key"
    )]
    Directory {
        /// Where it was to be kept.
        directory: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The development certificate can't be made.
    #[error("the development certificate can't be made: {source}")]
    Generate {
        /// What the generator said.
        #[source]
        source: rcgen::Error,
    },
}

/// A client can't know whom to trust.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The system has no usable root certificates.
    #[error(
        "the system has no root certificates ({reason}); install them (on Debian the package \
         ca-certificates), set SSL_CERT_FILE, or trust the server by its fingerprint"
    )]
    NoSystemRoots {
        /// What was tried.
        reason: String,
    },
    /// A file of root certificates can't be read.
    #[error("no root certificates in {path}: {reason}; give a PEM file with at least one")]
    RootsFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no root at all, or one that can't be one.
    #[error("the root certificates can't be used: {reason}")]
    Roots {
        /// What is wrong with them.
        reason: String,
    },
}
