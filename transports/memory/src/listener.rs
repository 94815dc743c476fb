//! The listening end.

use tokio::sync::mpsc;
use transport_api::{AcceptError, Address, BoxFuture, Incoming, Listener, Placement, Subprotocol};

use crate::Network;
use crate::knock::{Knocking, MemoryIncoming};

/// Waits at a name of a [`Network`]. Dropping it frees the name; its links live on.
#[derive(Debug)]
pub struct MemoryListener {
    network: Network,
    name: String,
    spoken: Vec<Subprotocol>,
    knocks: mpsc::Receiver<Knocking>,
}

impl MemoryListener {
    pub(crate) fn new(
        network: Network,
        name: String,
        spoken: Vec<Subprotocol>,
        knocks: mpsc::Receiver<Knocking>,
    ) -> Self {
        Self { network, name, spoken, knocks }
    }

    async fn next(&mut self) -> Result<Box<dyn Incoming>, AcceptError> {
        // The network keeps a sender for as long as this listener exists.
        let knocking = self.knocks.recv().await.ok_or(AcceptError)?;
        Ok(Box::new(MemoryIncoming {
            network: self.network.clone(),
            name: self.name.clone(),
            spoken: self.spoken.clone(),
            knocking,
        }))
    }
}

impl Listener for MemoryListener {
    fn transport(&self) -> &'static str {
        crate::TRANSPORT
    }

    fn local_address(&self) -> Address {
        Address::Name(self.name.clone())
    }

    fn placement(&self) -> Placement {
        Placement::Anywhere
    }

    fn accept(&mut self) -> BoxFuture<'_, Result<Box<dyn Incoming>, AcceptError>> {
        Box::pin(self.next())
    }
}
