//! Sentences for people about certificates that were refused.

use rustls::{CertificateError, Error};

/// Says why a client refused a server's certificate and what to do, if that is what `error` is.
pub fn explain_refusal(error: &Error) -> Option<String> {
    let Error::InvalidCertificate(refusal) = error else { return None };
    Some(match refusal {
        CertificateError::Other(other) => other.to_string(),
        // A root of the same name with another key, as the last development certificate, ends in
        // a bad signature.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            format!("{error}; {ISSUER_HELP}")
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            format!("{error}; it has to be renewed at the server, or this machine's clock is wrong")
        }
        _ => error.to_string(),
    })
}

/// What to do about an issuer that nobody here knows.
const ISSUER_HELP: &str = "nobody who is trusted here vouches for it: trust the issuer's root, or \
                           exactly this certificate by the fingerprint that the server printed \
                           when it started";
