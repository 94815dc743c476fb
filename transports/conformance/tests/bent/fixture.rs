//! Listeners and connectors whose links are bent, or that are bent themselves.

use std::marker::PhantomData;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::task::yield_now;
use transport_api::{
    AcceptError, Address, BoxFuture, Channel, ConnectError, Connector, HandshakeError, Incoming,
    Lanes, Link, Listener, PingSupport, Placement, Subprotocol,
};
use transport_conformance::{Bounds, Fixture, Guard, Place, Reined, Reins, Stranger};
use transport_memory::{Conditions, Config, Direction, Faults, Network, Stall, pair};

use super::{Bent, Fault};

/// What is bent beside the links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// Nothing.
    Faithful,
    /// Accepting waits for the handshake.
    ShakesHandsFirst,
    /// Accepting has the peer in its hand when it is given up.
    DropsPeers,
    /// A garbage handshake closes the listener.
    FallsShut,
    /// Whoever is refused isn't told why.
    Speechless,
    /// The connector lets nobody refuse it.
    Insistent,
}

/// Links in memory that are bent by `F`, behind a door that may be bent.
pub(crate) struct BentFixture<F> {
    network: Network,
    config: Config,
    door: Door,
    listeners: AtomicUsize,
    fault: PhantomData<fn() -> F>,
}

impl<F: Fault> BentFixture<F> {
    pub(crate) fn new(door: Door) -> Self {
        let config = Config {
            lanes: Lanes::Separate,
            ping: PingSupport::Native,
            datagram_bytes_max: Some(1200),
            ..Config::default()
        };
        let network = Network::new(1);
        network.set_config(config.clone());
        Self { network, config, door, listeners: AtomicUsize::new(0), fault: PhantomData }
    }
}

impl<F: Fault> Fixture for BentFixture<F> {
    fn listen<'a>(&'a self, spoken: &'a [Subprotocol]) -> BoxFuture<'a, Place> {
        Box::pin(async move {
            let name = format!("listener-{}", self.listeners.fetch_add(1, Ordering::Relaxed));
            let url = format!("memory://{name}");
            let listener = Box::new(self.network.listen(name, spoken).expect("the name is free"));
            let connector = Box::new(self.network.connector());
            Place {
                listener: Box::new(BentListener::<F> {
                    listener,
                    door: self.door,
                    fault: PhantomData,
                }),
                connector: Box::new(BentConnector::<F> {
                    connector,
                    door: self.door,
                    fault: PhantomData,
                }),
                url,
            }
        })
    }

    fn bounds(&self) -> Bounds {
        // Each lane has a capacity of its own, beside what it holds back of one packet.
        let in_flight_bytes_max = 17 * (Conditions::CAPACITY_BYTES + 16 * 1024);
        Bounds { in_flight_bytes_max, ..Bounds::default() }
    }

    fn stranger<'a>(&'a self, url: &'a str, stranger: Stranger) -> Option<BoxFuture<'a, Guard>> {
        Some(Box::pin(async move {
            let knock = self.network.connector().knock(url).await.expect("somebody listens");
            match stranger {
                Stranger::Silent => Guard::new(knock),
                Stranger::Garbage => Guard::new(tokio::spawn(knock.offer(vec!["\0\0".into()]))),
            }
        }))
    }

    fn reined_link(&self) -> Option<BoxFuture<'_, Reined>> {
        let (client, server) = pair(self.config.clone());
        let reins = Box::new(MemoryReins(client.faults()));
        let (client, server) =
            (Bent::<F>::boxed(Box::new(client)), Bent::<F>::boxed(Box::new(server)));
        Some(Box::pin(async { Reined { client, server, reins, guard: Guard::new(()) } }))
    }
}

struct MemoryReins(Faults);

impl Reins for MemoryReins {
    fn freeze(&self) {
        self.0.freeze();
    }

    fn thaw(&self) {
        self.0.thaw();
    }

    fn cut(&self) {
        self.0.cut();
    }

    fn hold_lane(&self, lane: u8) -> bool {
        let stall = Stall::Channel(Channel::Lane(lane));
        self.0.change(Direction::ToClient, |conditions| conditions.stall = stall);
        true
    }
}

struct BentListener<F> {
    listener: Box<dyn Listener>,
    door: Door,
    fault: PhantomData<fn() -> F>,
}

impl<F: Fault> Listener for BentListener<F> {
    fn transport(&self) -> &'static str {
        self.listener.transport()
    }

    fn local_address(&self) -> Address {
        self.listener.local_address()
    }

    fn placement(&self) -> Placement {
        self.listener.placement()
    }

    fn accept(&mut self) -> BoxFuture<'_, Result<Box<dyn Incoming>, AcceptError>> {
        Box::pin(async move {
            let incoming = self.listener.accept().await?;
            let peer = incoming.peer();
            if self.door == Door::DropsPeers {
                yield_now().await;
            }
            if !matches!(self.door, Door::ShakesHandsFirst | Door::FallsShut) {
                let handshake = incoming.handshake();
                return Ok(Box::new(BentIncoming::<F> { peer, handshake, fault: PhantomData }) as _);
            }
            let shaken = incoming.handshake().await;
            if self.door == Door::FallsShut && shaken.is_err() {
                return Err(AcceptError);
            }
            let handshake = Box::pin(async move { shaken });
            Ok(Box::new(BentIncoming::<F> { peer, handshake, fault: PhantomData }) as _)
        })
    }
}

struct BentIncoming<F> {
    peer: Address,
    handshake: BoxFuture<'static, Result<Box<dyn Link>, HandshakeError>>,
    fault: PhantomData<fn() -> F>,
}

impl<F: Fault> Incoming for BentIncoming<F> {
    fn peer(&self) -> Address {
        self.peer.clone()
    }

    fn handshake(self: Box<Self>) -> BoxFuture<'static, Result<Box<dyn Link>, HandshakeError>> {
        Box::pin(async move { self.handshake.await.map(Bent::<F>::boxed) })
    }
}

struct BentConnector<F> {
    connector: Box<dyn Connector>,
    door: Door,
    fault: PhantomData<fn() -> F>,
}

impl<F: Fault> Connector for BentConnector<F> {
    fn schemes(&self) -> &'static [&'static str] {
        self.connector.schemes()
    }

    fn connect<'a>(
        &'a self,
        url: &'a str,
        offered: &'a [Subprotocol],
    ) -> BoxFuture<'a, Result<Box<dyn Link>, ConnectError>> {
        Box::pin(async move {
            let offered = match self.door {
                Door::Insistent => &[Config::SUBPROTOCOL],
                _ => offered,
            };
            match self.connector.connect(url, offered).await {
                Err(ConnectError::Refused { address, .. }) if self.door == Door::Speechless => {
                    Err(ConnectError::Refused { address, reason: String::new() })
                }
                other => other.map(Bent::<F>::boxed),
            }
        })
    }
}
