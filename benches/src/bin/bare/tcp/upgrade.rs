//! The handshakes, one client at a time.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use rustls::{ServerConfig, ServerConnection};
use tungstenite::handshake::machine::TryParse;
use tungstenite::handshake::server::{Request, create_response, write_response};
use tungstenite::http::HeaderValue;
use tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;

use super::connection::Connection;
use crate::SUBPROTOCOL;

/// How long a client may keep everybody waiting at once.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest request, in bytes.
const REQUEST_BYTES_MAX: usize = 8 * 1024;

/// Makes a connection of what was accepted.
///
/// # Errors
/// If the client goes away, takes too long, or wants something else.
pub(super) fn upgrade(
    mut tcp: TcpStream,
    tls: Option<&Arc<ServerConfig>>,
) -> anyhow::Result<Connection> {
    tcp.set_nonblocking(false)?;
    tcp.set_nodelay(true)?;
    tcp.set_read_timeout(Some(PATIENCE))?;
    let Some(config) = tls else {
        let early = agree(&mut tcp)?;
        return Ok(Connection::new(tcp, None, early)?);
    };
    let mut session = ServerConnection::new(config.clone())?;
    session.set_buffer_limit(None);
    let early = agree(&mut rustls::Stream::new(&mut session, &mut tcp))?;
    Ok(Connection::new(tcp, Some(Box::new(session)), early)?)
}

/// Answers the request for a WebSocket (RFC 6455 §4.2). Returns what came behind it.
fn agree(stream: &mut (impl Read + Write)) -> anyhow::Result<Vec<u8>> {
    let (request, early) = read_request(stream)?;
    let name = SUBPROTOCOL.websocket_name();
    let offers = request.headers().get_all(SEC_WEBSOCKET_PROTOCOL).iter();
    let is_offered = offers
        .filter_map(|offer| offer.to_str().ok())
        .flat_map(|offer| offer.split(','))
        .any(|offer| offer.trim() == name);
    if !is_offered {
        bail!("only {name} is spoken here");
    }
    let mut response = create_response(&request)?;
    response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_str(&name)?);
    let mut bytes = Vec::new();
    write_response(&mut bytes, &response)?;
    stream.write_all(&bytes)?;
    stream.flush()?;
    Ok(early)
}

fn read_request(stream: &mut impl Read) -> anyhow::Result<(Request, Vec<u8>)> {
    let (mut read, mut buffer) = (Vec::new(), [0; 1024]);
    while read.len() < REQUEST_BYTES_MAX {
        let length = stream.read(&mut buffer)?;
        if length == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        read.extend_from_slice(&buffer[..length]);
        if let Some((taken, request)) = Request::try_parse(&read)? {
            return Ok((request, read.split_off(taken)));
        }
    }
    bail!("a request has at most {REQUEST_BYTES_MAX} bytes here")
}
