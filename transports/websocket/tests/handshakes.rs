//! What must not get lost around a handshake.

mod pair;

use pair::{BINCODE, End, JSON, Piece, accept, address, listener};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use transport_api::{Connector, Listener};
use transport_websocket::{Config, WebSocketConnector};

/// Reads one HTTP head.
async fn head(tcp: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        bytes.push(tcp.read_u8().await.expect("a head"));
    }
    String::from_utf8(bytes).expect("HTTP is text")
}

#[tokio::test]
async fn a_frame_that_comes_with_the_request_is_received() {
    let mut listener = listener(Config::default());
    let mut tcp = TcpStream::connect(address(&listener)).await.unwrap();
    let request = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
        Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\
        \x81\x85\0\0\0\0early\x81\x84\0\0\0\0more";
    tcp.write_all(request).await.unwrap();
    let mut server = End::new(accept(&mut listener).await.unwrap());
    assert_eq!(server.receive().await.unwrap(), Piece::text("early"));
    assert_eq!(server.receive().await.unwrap(), Piece::text("more"));
}

#[tokio::test]
async fn a_request_that_comes_byte_by_byte_is_served() {
    let mut listener = listener(Config::default());
    let mut tcp = TcpStream::connect(address(&listener)).await.unwrap();
    tcp.set_nodelay(true).unwrap();
    let request = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
        Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let drip = async {
        for byte in request {
            tcp.write_all(&[*byte]).await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    let ((), link) = tokio::join!(drip, accept(&mut listener));
    assert_eq!(link.unwrap().properties().subprotocol, JSON);
}

#[tokio::test]
async fn a_frame_that_comes_with_the_answer_is_received() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let serve = async {
        let (mut tcp, _) = listener.accept().await.unwrap();
        let request = head(&mut tcp).await;
        let key = request.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: "));
        let accept = tungstenite::handshake::derive_accept_key(key.unwrap().as_bytes());
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: broker.v1.json\r\n\r\n\
             \u{1}\u{3}ear"
        );
        tcp.write_all(answer.as_bytes()).await.unwrap();
        tcp.write_all(b"\x80\x02ly").await.unwrap();
        tcp
    };
    let connector = WebSocketConnector::default();
    let (client, _tcp) = tokio::join!(connector.connect(&url, &[BINCODE, JSON]), serve);
    let client = client.unwrap();
    assert_eq!(client.properties().subprotocol, JSON);
    assert_eq!(End::new(client).receive().await.unwrap(), Piece::text("early"));
}

#[tokio::test]
async fn a_peer_may_be_accepted_here_and_shake_hands_in_another_runtime() {
    let mut listener = listener(Config::default());
    let url = format!("ws://{}", listener.local_address());
    let elsewhere = async {
        let incoming = listener.accept().await.unwrap();
        tokio::task::spawn_blocking(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                let mut server = End::new(incoming.handshake().await.unwrap());
                let received = server.receive().await.unwrap();
                server.send(b"answer").await.unwrap();
                received
            })
        })
        .await
        .unwrap()
    };
    let talk = async {
        let connector = WebSocketConnector::default();
        let mut client = End::new(connector.connect(&url, &[JSON]).await.unwrap());
        client.send(b"question").await.unwrap();
        client.receive().await.unwrap()
    };
    let (received, answered) = tokio::join!(elsewhere, talk);
    assert_eq!((received, answered), (Piece::text("question"), Piece::text("answer")));
}
