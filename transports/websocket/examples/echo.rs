//! Sends every message back as it came, text as text and binary as binary: what the Autobahn suite
//! talks to.
//!
//! `cargo run --example echo -p transport-websocket -- 127.0.0.1:0` prints the URL it serves.

use std::future::poll_fn;
use std::io;
use std::time::Duration;

use transport_api::{Channel, CloseCode, CloseReason, Link, Listener, Packet, Received};
use transport_api::{Incoming, LinkError, Sent, Subprotocol};
use transport_websocket::{Config, Messages, listen};

/// What the suite sends at most, in bytes.
const PACKET_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How long a peer may take to say goodbye.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or("127.0.0.1:0".to_owned());
    let address = address.parse().map_err(io::Error::other)?;
    let echo = Subprotocol { family: "echo", version: 1, codec: "any", text: true };
    let config = Config {
        packet_bytes_max: PACKET_BYTES_MAX,
        messages: Messages::Mirrored,
        ..Config::default()
    };
    let mut listener = listen(address, config, &[echo])?;
    println!("ws://{}", listener.local_address());
    loop {
        let incoming = listener.accept().await.map_err(io::Error::other)?;
        tokio::spawn(serve(incoming));
    }
}

/// Echoes until the peer has enough.
async fn serve(incoming: Box<dyn Incoming>) {
    let mut link = match incoming.handshake().await {
        Ok(link) => link,
        Err(error) => return eprintln!("no link: {error}"),
    };
    let Err(end) = echo(&mut *link).await;
    eprintln!("{}: {end}", link.properties().peer);
    link.close(CloseReason::new(CloseCode::Normal, ""));
    // What the peer was told last must reach it.
    let _ = tokio::time::timeout(CLOSE_TIMEOUT, poll_fn(|cx| link.poll_closed(cx))).await;
}

async fn echo(link: &mut dyn Link) -> Result<std::convert::Infallible, LinkError> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let mut message = None;
        let mut sink = |received: Received<'_>| {
            if let Received::Data(_, bytes) = received {
                message = Some(bytes.to_vec());
            }
            // One message at a time: it goes back as the kind of the last that came.
            message.is_none()
        };
        poll_fn(|cx| link.poll_receive(cx, &mut buffer, &mut sink)).await?;
        if let Some(message) = message {
            send(link, &message).await?;
        }
    }
}

async fn send(link: &mut dyn Link, message: &[u8]) -> Result<(), LinkError> {
    loop {
        match link.try_send(Channel::Control, Packet::lent(message))? {
            Sent::Taken => return Ok(()),
            Sent::TakenAndBlocked => return poll_fn(|cx| link.poll_writable(cx)).await,
            Sent::Refused => poll_fn(|cx| link.poll_writable(cx)).await?,
        }
    }
}
