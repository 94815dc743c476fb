//! The handshake at the serving end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_tungstenite::accept_hdr_async_with_config;
use transport_api::{HandshakeError, Subprotocol};
use tungstenite::Error;
use tungstenite::handshake::server::{Callback, ErrorResponse, Request, Response};
use tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tungstenite::http::{HeaderValue, StatusCode};
use tungstenite::protocol::WebSocketConfig;

use crate::config::Config;
use crate::head::HeadStream;
use crate::link::{Agreed, WebSocketLink};
use crate::negotiate::{check_origin, choose};
use crate::reader::Role;
use crate::refusal::{Refusal, say_last};
use crate::stream::Stream;
use crate::tls::TlsStream;

/// The first byte of a TLS connection: a record of the kind "handshake" (RFC 8446 §5.1).
const TLS_HANDSHAKE: u8 = 0x16;
/// A fatal alert, `handshake_failure`, as a TLS record (RFC 8446 §6).
const TLS_REFUSED: [u8; 7] = [0x15, 3, 3, 0, 2, 2, 40];

/// What a listener and its peers share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    /// Best first.
    pub(crate) subprotocols: Vec<Subprotocol>,
}

/// Makes a link of a TCP connection.
pub(crate) async fn accept(
    tcp: TcpStream,
    peer: SocketAddr,
    shared: &Shared,
) -> Result<WebSocketLink, HandshakeError> {
    let (stream, subprotocol, read_early) = match &shared.config.tls {
        None => {
            let (tcp, subprotocol, early) = upgrade(tcp, shared).await?;
            (Stream::Plain(tcp), subprotocol, early)
        }
        Some(tls) => {
            let stream = accept_tls(tcp, tls).await?;
            let (stream, subprotocol, early) = upgrade(stream, shared).await?;
            let (tcp, session) = stream.into_inner();
            (Stream::Tls(Box::new(TlsStream::new(tcp, session))), subprotocol, early)
        }
    };
    let agreed = Agreed {
        role: Role::Server,
        subprotocol,
        peer: peer.into(),
        messages: shared.config.messages,
        packet_bytes_max: shared.config.packet_bytes_max,
        read_early,
    };
    Ok(WebSocketLink::new(stream, agreed))
}

async fn accept_tls(
    mut tcp: TcpStream,
    tls: &Arc<ServerConfig>,
) -> Result<tokio_rustls::server::TlsStream<TcpStream>, HandshakeError> {
    let mut first = [0];
    // HTTP methods are capital letters, and no TLS connection begins with one.
    if tcp.peek(&mut first).await? == 1 && first[0].is_ascii_uppercase() {
        let reason = "TLS is spoken here: connect with wss://";
        let refusal = Refusal::new(StatusCode::BAD_REQUEST, reason);
        refusal.tell(&mut tcp).await;
        return Err(refusal.into());
    }
    TlsAcceptor::from(tls.clone()).accept(tcp).await.map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => {
            HandshakeError::Refused { reason: format!("no TLS: {error}") }
        }
        _ => error.into(),
    })
}

/// Answers the HTTP request. Returns the stream with what was agreed, and what was read past it.
async fn upgrade<S: AsyncRead + AsyncWrite + Unpin + Send>(
    stream: S,
    shared: &Shared,
) -> Result<(S, Subprotocol, Vec<u8>), HandshakeError> {
    let mut head = HeadStream::new(stream, shared.config.request_bytes_max);
    let mut decision = None;
    let decide = Decide { shared, decision: &mut decision };
    // The frames that follow are read and written elsewhere: no buffers for them.
    let unused = WebSocketConfig::default().read_buffer_size(0).write_buffer_size(0);
    let result = accept_hdr_async_with_config(&mut head, decide, Some(unused)).await.map(drop);
    match (result, decision) {
        (Ok(()), Some(Ok(subprotocol))) => {
            let (stream, early) = head.into_parts();
            Ok((stream, subprotocol, early))
        }
        (_, Some(Err(refusal))) => {
            // The library has said it.
            say_last(&mut head.into_parts().0, &[]).await;
            Err(refusal.into())
        }
        (Err(error), _) => Err(refuse(head, error, shared.config.request_bytes_max).await),
        (Ok(()), None) => unreachable!("the library asks before it agrees"),
    }
}

/// Decides on a request that is a proper one for a WebSocket, at whatever path.
fn decide(request: &Request, shared: &Shared) -> Result<Subprotocol, Refusal> {
    check_origin(request.headers(), &shared.config.origins_allowed)?;
    choose(request.headers(), &shared.subprotocols)
}

/// Answers for the library a request that is a proper one, and keeps the decision.
struct Decide<'a> {
    shared: &'a Shared,
    decision: &'a mut Option<Result<Subprotocol, Refusal>>,
}

impl Callback for Decide<'_> {
    fn on_request(
        self,
        request: &Request,
        mut response: Response,
    ) -> Result<Response, ErrorResponse> {
        let decision = self.decision.insert(decide(request, self.shared));
        let subprotocol = decision.as_ref().map_err(Refusal::response)?;
        // Named only to a peer that named any (RFC 6455 §4.2.2).
        if request.headers().contains_key(SEC_WEBSOCKET_PROTOCOL) {
            let name = HeaderValue::from_str(&subprotocol.websocket_name())
                .expect("names of subprotocols are ASCII");
            response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, name);
        }
        Ok(response)
    }
}

/// Tells a peer that its request isn't one for a WebSocket.
async fn refuse<S: AsyncRead + AsyncWrite + Unpin>(
    head: HeadStream<S>,
    error: Error,
    request_bytes_max: usize,
) -> HandshakeError {
    let (too_long, first) = (head.is_too_long(), head.first_byte());
    let (mut stream, _) = head.into_parts();
    if first == Some(TLS_HANDSHAKE) {
        say_last(&mut stream, &TLS_REFUSED).await;
        return HandshakeError::Refused { reason: "TLS where it isn't spoken".into() };
    }
    let refusal = if too_long {
        let reason = format!("a request has at most {request_bytes_max} bytes here");
        Refusal::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, reason)
    } else {
        match Refusal::of(error) {
            Ok(refusal) => refusal,
            Err(broken) => return broken,
        }
    };
    refusal.tell(&mut stream).await;
    refusal.into()
}
