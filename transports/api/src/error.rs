//! What can go wrong, one enum per thing a caller can react to.

use std::io;

use crate::CloseReason;

/// An established link has ended. Nothing further will be received or sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// The peer closed the link in good order.
    #[error("closed by the peer: {0}")]
    Closed(CloseReason),
    /// This end closed the link.
    #[error("closed here")]
    ClosedHere,
    /// The link broke without a closing word.
    #[error("the link broke: {0}")]
    Broken(#[source] io::Error),
    /// The peer broke the rules of the transport.
    #[error("the peer broke the rules of the transport: {reason}")]
    Protocol {
        /// What it did, for people.
        reason: String,
    },
    /// The peer announced or sent a packet above the limit.
    #[error("a packet of {bytes} bytes is over the limit of {limit}")]
    TooLarge {
        /// What was announced.
        bytes: u64,
        /// What is allowed.
        limit: usize,
    },
}

impl From<io::Error> for LinkError {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

/// A peer did not become a link.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// It took longer than the time-out.
    #[error("the handshake took longer than {0:?}")]
    TimedOut(std::time::Duration),
    /// The connection broke.
    #[error("the connection broke during the handshake: {0}")]
    Broken(#[source] io::Error),
    /// The peer spoke something else, or nothing that is offered here. It was told so, where the
    /// transport has words for it.
    #[error("refused: {reason}")]
    Refused {
        /// What was wrong, for people.
        reason: String,
    },
}

impl From<io::Error> for HandshakeError {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

/// A link could not be opened to a server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL cannot be used with this transport.
    #[error("the URL {url:?} can't be used: {reason}")]
    Url {
        /// The URL as given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Nobody answered, or the network failed.
    #[error("no connection to {address}: {source}")]
    Unreachable {
        /// Where the connection was tried.
        address: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The server's certificate is not trusted.
    #[error("the certificate of {address} is not trusted: {reason}")]
    Untrusted {
        /// Where the connection was tried.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The server refused, or speaks something else.
    #[error("refused by {address}: {reason}")]
    Refused {
        /// Where the connection was tried.
        address: String,
        /// What it said.
        reason: String,
    },
}

/// A listener can never accept again.
#[derive(Debug, thiserror::Error)]
#[error("the listener is closed")]
pub struct AcceptError;
