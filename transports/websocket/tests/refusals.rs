//! What peers are told that don't become links.

mod pair;

use pair::{JSON, accept, address, listener, secured};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use transport_api::{ConnectError, Connector, HandshakeError, Listener, Subprotocol};
use transport_websocket::{ClientConfig, Config, WebSocketConnector};

const UPGRADE: &str = "Host: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                       Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// Says `request` to a listener with `config`. Returns the answer and what came of the peer.
async fn say(config: Config, request: &[u8]) -> (Vec<u8>, Result<String, HandshakeError>) {
    let mut listener = listener(config);
    let mut tcp = TcpStream::connect(address(&listener)).await.expect("it listens");
    let ask = async {
        tcp.write_all(request).await.expect("it is read");
        let mut answer = vec![0; 2000];
        let read = tcp.read(&mut answer).await.expect("an answer");
        answer.truncate(read);
        drop(tcp);
        answer
    };
    let (answer, link) = tokio::join!(ask, accept(&mut listener));
    (answer, link.map(|link| link.properties().subprotocol.websocket_name()))
}

/// Says `request`, and expects an answer of that status with those words in it.
async fn refused(config: Config, request: &str, status: &str, words: &str) -> String {
    let (answer, link) = say(config, request.as_bytes()).await;
    let answer = String::from_utf8(answer).expect("HTTP");
    assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{request}: {answer}");
    assert!(answer.contains("content-type: text/plain"), "{answer}");
    assert!(answer.contains(words), "{answer}");
    assert!(matches!(link, Err(HandshakeError::Refused { .. })), "{link:?}");
    answer
}

async fn refused_by_default(request: &str, status: &str, words: &str) -> String {
    refused(Config::default(), request, status, words).await
}

#[tokio::test]
async fn a_web_browser_at_the_port_is_told_to_come_back_with_a_websocket() {
    let request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let answer = refused_by_default(request, "426", "connect with a WebSocket client").await;
    assert!(answer.contains("upgrade: websocket"), "{answer}");
}

#[tokio::test]
async fn another_method_or_version_is_named_with_what_is_spoken() {
    let post = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello";
    assert!(refused_by_default(post, "405", "GET").await.contains("allow: GET"));
    refused_by_default("GET / HTTP/1.0\r\n\r\n", "400", "no WebSocket request").await;
    let request = format!("GET / HTTP/1.1\r\n{UPGRADE}\r\n").replace("Version: 13", "Version: 8");
    refused_by_default(&request, "426", "version 13").await;
    let request = format!("GET / HTTP/1.1\r\n{UPGRADE}\r\n").replace("==", "");
    refused_by_default(&request, "400", "no WebSocket request").await;
}

#[tokio::test]
async fn garbage_is_answered_and_ends() {
    refused_by_default("\x01\x02garbage\r\n\r\n", "400", "no WebSocket request").await;
    refused_by_default("{\"type\":\"connect\"}\n", "400", "no WebSocket request").await;
}

#[tokio::test]
async fn only_unknown_subprotocols_are_refused_with_those_that_are_spoken() {
    let request = format!("GET / HTTP/1.1\r\n{UPGRADE}Sec-WebSocket-Protocol: mqtt\r\n\r\n");
    refused_by_default(&request, "400", "broker.v1.bincode, broker.v1.json").await;
}

#[tokio::test]
async fn who_offers_nothing_gets_json_at_any_path_and_no_name_for_it() {
    let request = format!("GET /any/path?x=y HTTP/1.1\r\n{UPGRADE}\r\n");
    let (answer, link) = say(Config::default(), request.as_bytes()).await;
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
    assert!(answer.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{answer}");
    assert!(!answer.to_lowercase().contains("sec-websocket-protocol"), "{answer}");
    assert_eq!(link.unwrap(), "broker.v1.json");
}

#[tokio::test]
async fn a_request_of_the_limit_is_served_and_a_longer_one_is_refused() {
    let head = format!("GET / HTTP/1.1\r\n{UPGRADE}X: ");
    let request = |bytes: usize| format!("{head}{}\r\n\r\n", "x".repeat(bytes - head.len() - 4));
    let config = Config { request_bytes_max: 3000, ..Config::default() };
    let (answer, _) = say(config.clone(), request(3000).as_bytes()).await;
    assert!(answer.starts_with(b"HTTP/1.1 101"));
    refused(config, &request(3001), "431", "at most 3000 bytes").await;
}

#[tokio::test]
async fn a_page_of_an_origin_that_is_not_listed_is_refused() {
    let config =
        Config { origins_allowed: vec!["https://example.com".into()], ..Config::default() };
    let request = |origin| format!("GET / HTTP/1.1\r\n{UPGRADE}Origin: {origin}\r\n\r\n");
    let (answer, _) = say(config.clone(), request("https://example.com").as_bytes()).await;
    assert!(answer.starts_with(b"HTTP/1.1 101"));
    refused(config, &request("https://example.org"), "403", "origin").await;
}

#[tokio::test]
async fn a_tls_hello_at_a_plain_port_gets_an_alert() {
    let hello = [0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0];
    let (answer, link) = say(Config::default(), &hello).await;
    assert_eq!(answer[..2], [0x15, 3], "a TLS alert");
    assert!(matches!(link, Err(HandshakeError::Refused { .. })), "{link:?}");
}

#[tokio::test]
async fn plain_http_at_a_tls_port_is_told_so() {
    let request = format!("GET / HTTP/1.1\r\n{UPGRADE}\r\n");
    refused(secured(Config::default()).0, &request, "400", "wss://").await;
}

#[tokio::test]
async fn a_peer_that_hangs_up_is_broken_and_not_refused() {
    for config in [Config::default(), secured(Config::default()).0] {
        let mut listener = listener(config);
        drop(TcpStream::connect(address(&listener)).await.unwrap());
        let link = accept(&mut listener).await.map(drop);
        assert!(matches!(link, Err(HandshakeError::Broken(_))), "{link:?}");
    }
}

/// Connects to a listener with `config`.
async fn connect(config: Config, client: ClientConfig, offered: &[Subprotocol]) -> ConnectError {
    let scheme = if config.tls.is_some() { "wss" } else { "ws" };
    let mut listener = listener(config);
    let url = format!("{scheme}://{}", address(&listener));
    let connector = WebSocketConnector::new(client);
    let (client, _) = tokio::join!(connector.connect(&url, offered), accept(&mut listener));
    client.map(drop).expect_err("a refusal")
}

#[tokio::test]
async fn a_client_hears_why_it_was_refused() {
    let other = Subprotocol { family: "other", ..JSON };
    let error = connect(Config::default(), ClientConfig::default(), &[other]).await;
    assert!(matches!(error, ConnectError::Refused { .. }), "{error:?}");
    assert!(error.to_string().contains("broker.v1.bincode, broker.v1.json"), "{error}");
}

#[tokio::test]
async fn a_server_that_is_not_trusted_is_told_apart_from_one_that_refuses() {
    let (config, _) = secured(Config::default());
    let (_, trusts_another) = secured(Config::default());
    let error = connect(config, trusts_another, &[JSON]).await;
    assert!(matches!(error, ConnectError::Untrusted { .. }), "{error:?}");
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_unreachable() {
    let listener = listener(Config::default());
    let url = format!("ws://{}", listener.local_address());
    drop(listener);
    let connector = WebSocketConnector::default();
    let error = connector.connect(&url, &[JSON]).await.map(drop).unwrap_err();
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error:?}");
}
