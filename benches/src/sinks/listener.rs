//! Where sinks come from: a listener at which all of them have already knocked.

use std::collections::VecDeque;

use transport_api::{
    AcceptError, Address, BoxFuture, HandshakeError, Incoming, Link, Listener, Placement,
};

use super::link::SinkLink;

/// Yields its links one after the other, and then none for ever.
#[derive(Debug)]
pub(super) struct SinkListener {
    waiting: VecDeque<SinkLink>,
}

impl SinkListener {
    pub(super) fn new(links: Vec<SinkLink>) -> Self {
        Self { waiting: links.into() }
    }
}

impl Listener for SinkListener {
    fn transport(&self) -> &'static str {
        "sink"
    }

    fn local_address(&self) -> Address {
        Address::Unnamed
    }

    /// They are dealt to the shards in turn.
    fn placement(&self) -> Placement {
        Placement::Anywhere
    }

    fn accept(&mut self) -> BoxFuture<'_, Result<Box<dyn Incoming>, AcceptError>> {
        Box::pin(async {
            match self.waiting.pop_front() {
                Some(link) => Ok(Box::new(Knocking(link)) as Box<dyn Incoming>),
                None => std::future::pending().await,
            }
        })
    }
}

#[derive(Debug)]
struct Knocking(SinkLink);

impl Incoming for Knocking {
    fn peer(&self) -> Address {
        Address::Unnamed
    }

    fn handshake(self: Box<Self>) -> BoxFuture<'static, Result<Box<dyn Link>, HandshakeError>> {
        Box::pin(async { Ok(Box::new(self.0) as Box<dyn Link>) })
    }
}
