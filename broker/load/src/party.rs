//! What is spoken with a server, and one connection to it.

use std::pin::Pin;
use std::task::{Context, Poll};

/// A future that stays in its thread.
pub type LocalFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// What is spoken with a server: opens connections to it.
pub trait Dialect {
    /// Opens a connection, ready to subscribe or to publish.
    ///
    /// # Errors
    /// Whatever stands in the way.
    fn open(&self) -> LocalFuture<'_, Result<Box<dyn Party>, LoadError>>;
}

/// One connection to a server under load.
pub trait Party {
    /// Has the subscription that follows get the newest message alone when it falls behind, where the
    /// protocol knows of that.
    fn conflate(&mut self) {}

    /// Subscribes, and returns when the subscription is in force.
    ///
    /// # Errors
    /// If the server refuses, or the connection ends.
    fn subscribe<'a>(&'a mut self, topic: &'a str) -> LocalFuture<'a, Result<(), LoadError>>;

    /// Appends a message to what is to be sent. The caller bounds how much that becomes.
    fn publish(&mut self, topic: &str, payload: &[u8]);

    /// Sends what was appended, as one packet where the protocol has such. Ready when all of it was
    /// taken; while it isn't, nothing may be appended.
    ///
    /// # Errors
    /// If the connection ends.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LoadError>>;

    /// Receives what has arrived, over a buffer that all connections share, and tells of it. Ready
    /// after some work, `Pending` when nothing more is there and the task will be woken.
    ///
    /// # Errors
    /// If the connection ends, or the server sends what can't be understood.
    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
        heard: &mut dyn FnMut(Heard<'_>),
    ) -> Poll<Result<(), LoadError>>;
}

/// What a connection received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard<'a> {
    /// Messages that came in one piece.
    Messages {
        /// How many, at least one.
        count: u64,
        /// The payload of the first.
        first: &'a [u8],
        /// The payload of the last.
        last: &'a [u8],
    },
    /// The server said that so many messages won't come.
    Gap {
        /// How many.
        count: u64,
    },
}

/// Why a load test can't go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// No connection came about.
    #[error(transparent)]
    Connect(#[from] transport_api::ConnectError),
    /// A connection ended.
    #[error("a connection ended: {0}")]
    Ended(String),
    /// The server refused what was asked.
    #[error("the server refused: {0}")]
    Refused(String),
    /// The server sent what can't be understood.
    #[error("the server sent what can't be understood: {0}")]
    Malformed(String),
    /// The plan can't be carried out.
    #[error("{0}")]
    Plan(String),
    /// Nothing was delivered although messages were published.
    #[error("nothing arrived in {0:?}; is the server alive?")]
    Silence(std::time::Duration),
}

impl From<transport_api::LinkError> for LoadError {
    fn from(error: transport_api::LinkError) -> Self {
        Self::Ended(error.to_string())
    }
}

impl From<std::io::Error> for LoadError {
    fn from(error: std::io::Error) -> Self {
        Self::Ended(error.to_string())
    }
}

impl From<broker_protocol::DecodeError> for LoadError {
    fn from(error: broker_protocol::DecodeError) -> Self {
        Self::Malformed(error.to_string())
    }
}
