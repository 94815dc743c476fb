//! Connections are spread evenly over the shards, whatever came and went before.

#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use broker::{Broker, Running, SUBPROTOCOLS};
use broker_protocol::Codec::Bincode;
use broker_tests::{Client, PATIENCE, Transport};
use tokio::time::timeout;
use transport_api::{AcceptError, Address, BoxFuture, Incoming, Listener, Placement};
use transport_memory::Network;

broker_tests::over_transport!(memory Memory: a_shard_that_was_left_fills_up_again);
broker_tests::over_transport!(ws WebSocket: a_shard_that_was_left_fills_up_again);

/// Connects, and tells in which shard the connection was placed.
async fn connect(setting: &broker_tests::Setting, name: &str) -> (usize, Client) {
    let before = setting.running.connections();
    let client = Client::connect(&setting.place, Bincode, name).await;
    let after = setting.running.connections();
    let shard = before.iter().zip(&after).position(|(before, after)| before < after).unwrap();
    (shard, client)
}

/// Waits until that is how many connections the shards have.
async fn count(running: &Running, expected: &[usize]) {
    let counting = async {
        while running.connections() != expected {
            tokio::task::yield_now().await;
        }
    };
    let counted = timeout(PATIENCE, counting).await;
    assert!(counted.is_ok(), "{:?} instead of {expected:?}", running.connections());
}

async fn a_shard_that_was_left_fills_up_again(over: Transport) {
    let setting = over.start_with(Broker::builder().shards(4)).await.unwrap();
    let mut clients = Vec::new();
    for number in 0..40 {
        clients.push(connect(&setting, &format!("client-{number}")).await);
    }
    count(&setting.running, &[10; 4]).await;
    clients.retain(|(shard, _)| *shard != 2);
    count(&setting.running, &[10, 10, 0, 10]).await;
    for number in 0..14 {
        clients.push(connect(&setting, &format!("late-{number}")).await);
    }
    let counts = setting.running.connections();
    assert_eq!(counts.iter().sum::<usize>(), 44);
    assert_eq!((counts.iter().min(), counts.iter().max()), (Some(&11), Some(&11)), "{counts:?}");
}

/// A listener whose connections can't move to another shard, as over QUIC.
struct Staying(Box<dyn Listener>);

impl Listener for Staying {
    fn transport(&self) -> &'static str {
        self.0.transport()
    }

    fn local_address(&self) -> Address {
        self.0.local_address()
    }

    fn placement(&self) -> Placement {
        Placement::WithListener
    }

    fn accept(&mut self) -> BoxFuture<'_, Result<Box<dyn Incoming>, AcceptError>> {
        self.0.accept()
    }
}

#[tokio::test]
async fn connections_that_stay_with_their_listener_leave_the_other_shards_to_the_others() {
    let network = Network::new(1);
    let staying = network.listen("staying", &SUBPROTOCOLS).unwrap();
    let moving = network.listen("moving", &SUBPROTOCOLS).unwrap();
    let builder = Broker::builder().shards(2);
    let builder = builder.listen(move || Ok(Box::new(Staying(Box::new(staying)))));
    let running = builder.listen(move || Ok(Box::new(moving))).start().await.unwrap();
    let connector = network.connector();
    let mut links = Vec::new();
    for (name, expected) in [
        ("staying", [1, 0]),
        ("staying", [2, 0]),
        ("moving", [2, 1]),
        ("moving", [2, 2]),
        ("staying", [3, 2]),
        ("moving", [3, 3]),
    ] {
        let url = format!("memory://{name}");
        links.push(
            transport_api::Connector::connect(&connector, &url, &SUBPROTOCOLS).await.unwrap(),
        );
        assert_eq!(running.connections(), expected, "after one more that is {name}");
    }
    links.clear();
    count(&running, &[0, 0]).await;
}
