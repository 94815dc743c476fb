//! Who to be and whom to trust: certificates for the transports that encrypt.
//!
//! A server has one [`ServerIdentity`]: a certificate from files, or a development certificate that
//! is made at the first start. A client has one [`Trust`]: the roots of the system, roots of its
//! own, or exactly one certificate by its [`Fingerprint`]. Both become configurations of rustls,
//! which the transports hand to their TLS or QUIC stack.
//!
//! One crypto provider (aws-lc-rs) is named everywhere. The process default of rustls is neither
//! read nor set, so that a program that embeds the broker keeps its own.

mod development;
mod error;
mod explain;
mod fingerprint;
mod identity;
mod pinned;
mod provider;
mod trust;

pub use error::{IdentityError, TrustError};
pub use explain::explain_refusal;
pub use fingerprint::{Fingerprint, ParseFingerprintError};
pub use identity::ServerIdentity;
pub use trust::Trust;
