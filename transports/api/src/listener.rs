//! How links come to be at the serving end.

use std::future::Future;
use std::pin::Pin;

use crate::{AcceptError, Address, HandshakeError, Link};

/// A boxed future that may move between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Waits at an address for peers.
pub trait Listener: Send {
    /// The transport's name in URLs and metrics.
    fn transport(&self) -> &'static str;

    /// Where it listens, with the port that the system chose.
    fn local_address(&self) -> Address;

    /// Where the links that it accepts may live.
    fn placement(&self) -> Placement;

    /// Waits for the next peer. Doesn't wait for its handshake.
    ///
    /// Passing faults (no file descriptor left, a peer that is gone already) are the listener's own
    /// to wait out: only an end for good is an error.
    ///
    /// # Cancel safety
    /// No peer is lost when the future is dropped.
    fn accept(&mut self) -> BoxFuture<'_, Result<Box<dyn Incoming>, AcceptError>>;
}

/// A peer whose handshake isn't done yet.
///
/// It may be moved to another thread and runtime first, if the listener's
/// [`placement`](Listener::placement) is [`Placement::Anywhere`].
pub trait Incoming: Send {
    /// The other end.
    fn peer(&self) -> Address;

    /// Does the handshake, in the runtime where the link will live.
    ///
    /// The caller bounds it by a time-out; dropping the future turns the peer away.
    ///
    /// # Errors
    /// What the peer did wrong. It was told so, where the transport has words for it.
    fn handshake(self: Box<Self>) -> BoxFuture<'static, Result<Box<dyn Link>, HandshakeError>>;
}

/// Where a listener's links may live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// In any runtime of the process: the peer is moved there before its handshake.
    Anywhere,
    /// Only in the runtime in which the listener was made.
    WithListener,
}
