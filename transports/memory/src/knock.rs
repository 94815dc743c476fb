//! What stands between connecting and being accepted: the handshake of this transport.

use std::io;

use tokio::sync::oneshot;
use transport_api::{Address, BoxFuture, HandshakeError, Incoming, Link, Preamble, Subprotocol};

use crate::{MemoryLink, Network};

/// A peer at the door, as the connecting end holds it.
///
/// It has said nothing yet: kept like this it is a slow handshake, dropped a broken one.
#[derive(Debug)]
pub struct Knock {
    pub(crate) lines: oneshot::Sender<Vec<String>>,
    pub(crate) answer: oneshot::Receiver<Result<MemoryLink, String>>,
}

impl Knock {
    /// Offers `lines`, each the line of a subprotocol without its newline, and waits for the answer.
    ///
    /// # Errors
    /// What the listener said against it.
    pub async fn offer(self, lines: Vec<String>) -> Result<MemoryLink, String> {
        let gone = || "the listener is gone".to_owned();
        self.lines.send(lines).map_err(|_| gone())?;
        self.answer.await.unwrap_or_else(|_| Err(gone()))
    }
}

/// A peer at the door, as the listening end gets it.
#[derive(Debug)]
pub(crate) struct Knocking {
    pub(crate) lines: oneshot::Receiver<Vec<String>>,
    pub(crate) answer: oneshot::Sender<Result<MemoryLink, String>>,
}

/// Both ends of a door.
pub(crate) fn knock() -> (Knock, Knocking) {
    let (say, lines) = oneshot::channel();
    let (answer, answered) = oneshot::channel();
    (Knock { lines: say, answer: answered }, Knocking { lines, answer })
}

/// A peer that the listener accepted.
#[derive(Debug)]
pub(crate) struct MemoryIncoming {
    pub(crate) network: Network,
    pub(crate) name: String,
    pub(crate) spoken: Vec<Subprotocol>,
    pub(crate) knocking: Knocking,
}

impl MemoryIncoming {
    async fn shake_hands(self) -> Result<Box<dyn Link>, HandshakeError> {
        let lines = self.knocking.lines.await.map_err(|_| gone())?;
        let chosen = lines.iter().find_map(|line| Preamble::choose(line, &self.spoken));
        let Some(subprotocol) = chosen else {
            let reason = refusal(&lines, &self.spoken);
            // Nobody needs to hear it who is gone.
            let _ = self.knocking.answer.send(Err(reason.clone()));
            return Err(HandshakeError::Refused { reason });
        };
        let (client, server) = self.network.make_link(&self.name, subprotocol);
        self.knocking.answer.send(Ok(client)).map_err(|_| gone())?;
        Ok(Box::new(server))
    }
}

impl Incoming for MemoryIncoming {
    fn peer(&self) -> Address {
        Address::Unnamed
    }

    fn handshake(self: Box<Self>) -> BoxFuture<'static, Result<Box<dyn Link>, HandshakeError>> {
        Box::pin(self.shake_hands())
    }
}

fn refusal(lines: &[String], spoken: &[Subprotocol]) -> String {
    let spoken: Vec<_> = spoken.iter().map(|one| one.preamble().trim_end().to_owned()).collect();
    format!("spoken here is {spoken:?}, not {lines:?}")
}

fn gone() -> HandshakeError {
    HandshakeError::Broken(io::ErrorKind::UnexpectedEof.into())
}
