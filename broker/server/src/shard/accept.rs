//! From a peer to a connection: accepting, placing, shaking hands.

use std::io;
use std::rc::Rc;

use broker_protocol::{Codec, ErrorCode};
use tokio::sync::mpsc;
use transport_api::{Incoming, Link, Listener, Placement};

use super::{Seat, Shard, connection, moving};
use crate::broker::Bind;
use crate::seating::Welcome;

/// How many peers over the limit of connections are told so at a time, per shard; further ones
/// are dropped without a word.
const REFUSALS_AT_A_TIME: usize = 256;

pub(super) fn open(binds: Vec<Bind>) -> io::Result<Vec<Box<dyn Listener>>> {
    binds.into_iter().map(|bind| bind()).collect()
}

/// Accepts peers and places them, until the listener ends or the task is aborted.
pub(super) async fn wait_on(
    shard: Rc<Shard>,
    mut listener: Box<dyn Listener>,
    seats: Vec<mpsc::Sender<Seat>>,
) {
    let placement = listener.placement();
    loop {
        let Ok(incoming) = listener.accept().await else {
            tracing::error!(transport = listener.transport(), "the listener ended");
            return;
        };
        match placement {
            Placement::WithListener => {
                let welcome = shard.exchange.seating.enter(shard.id);
                take_in(&shard, incoming, welcome);
            }
            Placement::Anywhere => {
                let (place, welcome) = shard.exchange.seating.place();
                // A shard that is gone is a broker that stops.
                let _ = seats[usize::from(place.0)].send(Seat::Peer { incoming, welcome }).await;
            }
        }
    }
}

/// Takes in the peers that were placed here.
pub(super) async fn seat_all(shard: Rc<Shard>, mut waiting: mpsc::Receiver<Seat>) {
    while let Some(seat) = waiting.recv().await {
        match seat {
            Seat::Peer { incoming, welcome } => take_in(&shard, incoming, welcome),
            Seat::Link { link, early, welcome } => {
                let guest = Guest::enter(&shard, welcome);
                if let Some(slot) = attach(&shard, link, guest) {
                    moving::hear(&shard, slot, &early);
                }
            }
        }
    }
}

/// Shakes hands in a task of its own: no peer waits for another's handshake.
fn take_in(shard: &Rc<Shard>, incoming: Box<dyn Incoming>, welcome: Welcome) {
    let guard = Guest::enter(shard, welcome);
    if welcome == Welcome::TooMany && shard.handshakes.get() > REFUSALS_AT_A_TIME {
        return;
    }
    let at_work = shard.clone();
    shard.spawn(async move {
        let peer = incoming.peer();
        let timeout = at_work.config.liveness.handshake_timeout;
        match tokio::time::timeout(timeout, incoming.handshake()).await {
            Ok(Ok(link)) => drop(attach(&at_work, link, guard)),
            Ok(Err(error)) => tracing::debug!(%peer, %error, "handshake failed"),
            Err(_) => tracing::debug!(%peer, ?timeout, "handshake timed out"),
        }
    });
}

fn attach(shard: &Rc<Shard>, link: Box<dyn Link>, guest: Guest) -> Option<u32> {
    let Ok(codec) = link.properties().subprotocol.codec.parse::<Codec>() else {
        tracing::error!(subprotocol = ?link.properties().subprotocol, "agreed on an unknown codec");
        return None;
    };
    let welcome = guest.welcome;
    let slot = connection::start(shard, link, codec, guest);
    if welcome == Welcome::TooMany {
        let reason = "the broker has as many connections as it may; try another, or later";
        shard.rules.borrow_mut().refuse(slot, ErrorCode::TooManyConnections, reason.to_owned());
        shard.work.notify_one();
        return None;
    }
    Some(slot)
}

/// A peer's place in the count of connections, given back when it is gone.
pub(super) struct Guest {
    shard: Rc<Shard>,
    welcome: Welcome,
    shaking: bool,
}

impl Guest {
    /// Takes over the place that was counted for a peer.
    fn enter(shard: &Rc<Shard>, welcome: Welcome) -> Self {
        shard.handshakes.set(shard.handshakes.get() + 1);
        Self { shard: shard.clone(), welcome, shaking: true }
    }

    /// The handshake is done.
    pub(super) fn settle(&mut self) {
        if std::mem::take(&mut self.shaking) {
            self.shard.handshakes.set(self.shard.handshakes.get() - 1);
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.settle();
        self.shard.exchange.seating.leave(self.shard.id);
    }
}
