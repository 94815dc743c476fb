//! Names that can be listened on and connected to.

use transport_api::{Address, ConnectError, Connector, Listener, Subprotocol};
use transport_memory::{Config, ListenError, Network};

const SPOKEN: [Subprotocol; 1] = [Config::SUBPROTOCOL];

#[tokio::test]
async fn a_name_has_one_listener_and_is_free_once_that_is_dropped() {
    let network = Network::new(1);
    let listener = network.listen("here", &SPOKEN).expect("the name is free");
    assert_eq!(listener.local_address(), Address::Name("here".into()));
    assert!(matches!(network.listen("here", &SPOKEN), Err(ListenError::Taken { .. })));
    drop(listener);
    assert!(network.listen("here", &SPOKEN).is_ok());
}

#[tokio::test]
async fn nobody_at_the_name_and_a_bad_url_are_told_apart() {
    let connector = Network::new(1).connector();
    let nobody = connector.connect("memory://nowhere", &SPOKEN).await;
    assert!(matches!(nobody, Err(ConnectError::Unreachable { .. })));
    for url in ["memory://", "memory:x", "ws://x"] {
        let bad = connector.connect(url, &SPOKEN).await;
        assert!(matches!(bad, Err(ConnectError::Url { .. })), "{url}");
    }
}

#[tokio::test]
async fn a_network_lists_its_links_as_long_as_an_end_lives() {
    let network = Network::new(1);
    let mut listener = network.listen("here", &SPOKEN).expect("the name is free");
    let connector = network.connector();
    let accepting = async { listener.accept().await.expect("it listens").handshake().await };
    let (client, server) = tokio::join!(connector.connect("memory://here", &SPOKEN), accepting);
    let (client, server) = (client.expect("connected"), server.expect("accepted"));
    assert_eq!(client.properties().peer, Address::Name("here".into()));
    assert_eq!(server.properties().peer, Address::Name("client-1".into()));
    assert_eq!(network.links().len(), 1);
    drop(client);
    assert_eq!(network.links().len(), 1);
    drop(server);
    assert_eq!(network.links().len(), 0);
}
