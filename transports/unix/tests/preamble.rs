//! What a client in another language sees: lines, then bytes.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use transport_api::{HandshakeError, Listener, Subprotocol};
use transport_unix::{Config, listen};

const JSON: Subprotocol = Subprotocol { family: "broker", version: 1, codec: "json", text: true };

/// Sends `bytes` to a listener that speaks JSON; returns its whole answer, and how it saw the peer.
async fn say(bytes: &[u8]) -> (String, Result<Subprotocol, HandshakeError>) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("s");
    let mut listener = listen(&path, &Config::default(), &[JSON]).expect("the path is free");
    let mut socket = UnixStream::connect(&path).await.expect("somebody listens");
    socket.write_all(bytes).await.expect("it is taken");
    let incoming = listener.accept().await.expect("it listens");
    let link = incoming.handshake().await.map(|link| link.properties().subprotocol);
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.expect("it is text");
    (answer, link)
}

#[tokio::test]
async fn a_spoken_line_is_answered_with_itself() {
    let (answer, link) = say(b"broker/1 json\n").await;
    assert_eq!(answer, "broker/1 json\n");
    assert_eq!(link.expect("it is spoken"), JSON);
}

#[tokio::test]
async fn another_version_is_answered_with_what_is_spoken() {
    let (answer, link) = say(b"broker/2 json\n").await;
    assert_eq!(answer, "error: \"broker/2 json\" is not spoken here, but broker/1 json\n");
    assert!(matches!(link, Err(HandshakeError::Refused { .. })));
}

#[tokio::test]
async fn a_line_of_65_bytes_is_answered_without_reading_on() {
    let (answer, link) = say(&[b'x'; 65]).await;
    assert_eq!(answer, "error: the first line must name one of broker/1 json\n");
    assert!(matches!(link, Err(HandshakeError::Refused { .. })));
}
