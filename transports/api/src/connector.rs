//! How links come to be at the dialling end.

use crate::{BoxFuture, ConnectError, Link, Subprotocol};

/// Opens links to servers.
pub trait Connector: Send + Sync {
    /// The URL schemes that it opens, for example `["ws", "wss"]`.
    fn schemes(&self) -> &'static [&'static str];

    /// Opens a link, with the first of `offered` that the server speaks.
    ///
    /// The caller bounds it by a time-out. Dropping the future gives the attempt up.
    ///
    /// # Errors
    /// Whatever stood in the way, with the address that was tried.
    fn connect<'a>(
        &'a self,
        url: &'a str,
        offered: &'a [Subprotocol],
    ) -> BoxFuture<'a, Result<Box<dyn Link>, ConnectError>>;
}
