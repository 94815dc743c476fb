//! A network between one client and a server that can be frozen and cut.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::UdpSocket;
use tokio::sync::watch;
use transport_conformance::Reins;

/// The largest datagram that is carried, in bytes.
const DATAGRAM_BYTES_MAX: usize = 64 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Frozen,
    Cut,
}

/// Carries datagrams between one client and a server.
pub(crate) struct Relay {
    /// Where the client finds the server.
    pub(crate) address: SocketAddr,
    state: watch::Sender<State>,
}

impl Relay {
    pub(crate) async fn start(server: SocketAddr) -> Self {
        let front = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap());
        let back = Arc::new(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap());
        back.connect(server).await.unwrap();
        let address = front.local_addr().unwrap();
        let (state, watched) = watch::channel(State::Open);
        tokio::spawn(carry(front, back, watched));
        Self { address, state }
    }
}

impl Reins for Relay {
    fn freeze(&self) {
        self.state.send_replace(State::Frozen);
    }

    fn thaw(&self) {
        self.state.send_replace(State::Open);
    }

    fn cut(&self) {
        self.state.send_replace(State::Cut);
    }
}

/// The first datagram tells who the client is; then both ways run on their own.
async fn carry(front: Arc<UdpSocket>, back: Arc<UdpSocket>, state: watch::Receiver<State>) {
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    let Ok((length, client)) = front.recv_from(&mut buffer).await else { return };
    front.connect(client).await.unwrap();
    let _ = back.send(&buffer[..length]).await;
    let there = one_way(front.clone(), back.clone(), state.clone());
    tokio::join!(there, one_way(back, front, state));
}

/// What comes while the network is frozen waits in the socket that it came to.
async fn one_way(from: Arc<UdpSocket>, to: Arc<UdpSocket>, mut state: watch::Receiver<State>) {
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    loop {
        // Fails once the relay is gone.
        let Ok(now) = state.wait_for(|state| *state != State::Frozen).await.map(|now| *now) else {
            return;
        };
        if now == State::Cut {
            return;
        }
        tokio::select! {
            changed = state.changed() => if changed.is_err() { return },
            received = from.recv(&mut buffer) => if let Ok(length) = received {
                let _ = to.send(&buffer[..length]).await;
            },
        }
    }
}
