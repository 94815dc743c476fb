//! `[tls]`: who the broker says it is.

use std::path::PathBuf;

use crate::config::declare::section;
use crate::config::kind::file;

section! {
    /// Who the broker says it is, for every listener that is encrypted. Without both files it makes a
    /// development certificate in the data directory and prints its fingerprint for clients to trust.
    pub struct Tls {
        /// The certificate chain in PEM, the broker's own first. Goes with `key`.
        certificate: Option<PathBuf> = None, file();
        /// The private key in PEM. Goes with `certificate`; nobody else should be able to read it.
        key: Option<PathBuf> = None, file();
    }
}
