//! What QUIC says of a connection's end, in the words of the transport traits.

use std::io;

use quinn::{ApplicationClose, ConnectionClose, ConnectionError, TransportErrorCode, VarInt};
use rustls::{AlertDescription, CertificateError};
use transport_api::{CloseCode, CloseReason, ConnectError, HandshakeError, LinkError};
use transport_tls::explain_refusal;

/// The application code of an end that vanished without a word. Not a
/// [`CloseCode`](transport_api::CloseCode): nobody chose it.
pub(crate) const ABANDONED: VarInt = VarInt::from_u32(255);

/// Why an established link has ended.
pub(crate) fn link_error(error: ConnectionError) -> LinkError {
    match error {
        ConnectionError::ApplicationClosed(close) if close.error_code == ABANDONED => {
            LinkError::Broken(io::ErrorKind::UnexpectedEof.into())
        }
        ConnectionError::ApplicationClosed(close) => LinkError::Closed(close_reason(&close)),
        ConnectionError::LocallyClosed => LinkError::ClosedHere,
        ConnectionError::TransportError(error) => LinkError::Protocol { reason: error.to_string() },
        other => LinkError::Broken(io_error(other)),
    }
}

fn close_reason(close: &ApplicationClose) -> CloseReason {
    let code = CloseCode::from_application(close.error_code.into_inner());
    let text = &close.reason[..close.reason.len().min(CloseReason::TEXT_BYTES_MAX)];
    CloseReason::new(code, String::from_utf8_lossy(text).into_owned())
}

fn io_error(error: ConnectionError) -> io::Error {
    let kind = match &error {
        ConnectionError::TimedOut => io::ErrorKind::TimedOut,
        ConnectionError::Reset => io::ErrorKind::ConnectionReset,
        _ => io::ErrorKind::ConnectionAborted,
    };
    io::Error::new(kind, error)
}

/// Why a peer did not become a link.
pub(crate) fn handshake_error(error: ConnectionError) -> HandshakeError {
    if alert(&error) == Some(AlertDescription::NoApplicationProtocol) {
        let reason = "the peer offers no protocol (ALPN) that is spoken here".to_owned();
        return HandshakeError::Refused { reason };
    }
    match error {
        ConnectionError::TransportError(error) => {
            HandshakeError::Refused { reason: error.to_string() }
        }
        ConnectionError::ConnectionClosed(close) => {
            HandshakeError::Refused { reason: format!("the peer gave up: {close}") }
        }
        other => HandshakeError::Broken(io_error(other)),
    }
}

/// Why a connection to a server failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The server doesn't speak what was offered; it may speak something else.
    NotSpoken,
    /// Anything else.
    Other(ConnectError),
}

impl Failure {
    /// Whether the server answered, so that its answer is worth more than another's silence.
    pub(crate) fn is_answer(&self) -> bool {
        !matches!(self, Self::Other(ConnectError::Unreachable { .. }))
    }
}

/// Why a connection to `address` failed.
pub(crate) fn connect_failure(address: &str, error: ConnectionError) -> Failure {
    let alert = alert(&error);
    if alert == Some(AlertDescription::NoApplicationProtocol) {
        return Failure::NotSpoken;
    }
    let address = address.to_owned();
    Failure::Other(match error {
        ConnectionError::TransportError(error) if alert.is_some() => {
            ConnectError::Untrusted { address, reason: certificate_reason(alert, error.reason) }
        }
        ConnectionError::TransportError(error) => {
            ConnectError::Refused { address, reason: error.to_string() }
        }
        ConnectionError::ConnectionClosed(close) => {
            ConnectError::Refused { address, reason: refusal(&close) }
        }
        ConnectionError::ApplicationClosed(close) => {
            ConnectError::Refused { address, reason: close_reason(&close).to_string() }
        }
        ConnectionError::VersionMismatch => {
            let reason = "it speaks no version of QUIC that is spoken here".to_owned();
            ConnectError::Refused { address, reason }
        }
        other => ConnectError::Unreachable { address, source: io_error(other) },
    })
}

fn refusal(close: &ConnectionClose) -> String {
    match close.error_code {
        TransportErrorCode::CONNECTION_REFUSED => "it accepts no more connections".to_owned(),
        _ => close.to_string(),
    }
}

/// The words of TLS for a refused certificate, with advice where there is some.
///
/// QUIC passes on an alert and a text, not the error of TLS; the alert tells which it was.
fn certificate_reason(alert: Option<AlertDescription>, reason: String) -> String {
    let known = match alert {
        Some(AlertDescription::UnknownCA) => Some(CertificateError::UnknownIssuer),
        Some(AlertDescription::DecryptError) => Some(CertificateError::BadSignature),
        Some(AlertDescription::CertificateExpired) => Some(CertificateError::Expired),
        _ => None,
    };
    known
        .and_then(|known| explain_refusal(&rustls::Error::InvalidCertificate(known)))
        .unwrap_or_else(|| own_words(&reason).unwrap_or(&reason).to_owned())
}

/// The words of a verifier of our own, taken out of what TLS wraps around them.
fn own_words(reason: &str) -> Option<&str> {
    let (_, wrapped) = reason.split_once("Other(OtherError(")?;
    wrapped.strip_suffix("))")
}

/// The alert of TLS that ended a handshake (RFC 9001 §4.8), from whichever end.
fn alert(error: &ConnectionError) -> Option<AlertDescription> {
    let code = match error {
        ConnectionError::TransportError(error) => u64::from(error.code),
        ConnectionError::ConnectionClosed(close) => u64::from(close.error_code),
        _ => return None,
    };
    let alert = code.checked_sub(CRYPTO_ERROR)?;
    u8::try_from(alert).ok().map(AlertDescription::from)
}

/// The first of the 256 transport codes that carry an alert of TLS (RFC 9000 §20.1).
const CRYPTO_ERROR: u64 = 0x100;
