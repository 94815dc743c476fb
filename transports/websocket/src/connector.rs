//! Opens connections to WebSocket servers.

use std::io;
use std::sync::{Arc, OnceLock};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_tungstenite::client_async_with_config;
use transport_api::{BoxFuture, ConnectError, Connector, Link, Subprotocol};
use transport_tls::{TrustError, explain_refusal};
use tungstenite::Error;
use tungstenite::client::ClientRequestBuilder;
use tungstenite::http::Uri;
use tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tungstenite::protocol::WebSocketConfig;

use crate::config::{ClientConfig, Messages};
use crate::head::HeadStream;
use crate::link::{Agreed, WebSocketLink};
use crate::reader::Role;
use crate::socket::prepare;
use crate::stream::Stream;
use crate::target::Target;
use crate::tls::TlsStream;

/// The longest answer to our request that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 16 * 1024;

/// Opens `ws://` and `wss://` URLs.
#[derive(Debug, Clone, Default)]
pub struct WebSocketConnector {
    config: ClientConfig,
    /// Made when it is first needed: trusting the system means reading its roots.
    tls: OnceLock<Arc<rustls::ClientConfig>>,
}

impl WebSocketConnector {
    /// Makes a connector.
    pub fn new(config: ClientConfig) -> Self {
        Self { config, tls: OnceLock::new() }
    }

    async fn open(
        &self,
        url: &str,
        offered: &[Subprotocol],
    ) -> Result<WebSocketLink, ConnectError> {
        let target = Target::parse(url)?;
        let tcp = self.dial(&target).await?;
        let peer = tcp.peer_addr().map_err(|error| target.unreachable(error))?;
        let (stream, subprotocol, read_early) = if target.tls {
            let stream = self.secure(tcp, &target).await?;
            let (stream, subprotocol, early) = upgrade(stream, &target, offered).await?;
            let (tcp, session) = stream.into_inner();
            (Stream::Tls(Box::new(TlsStream::new(tcp, session))), subprotocol, early)
        } else {
            let (tcp, subprotocol, early) = upgrade(tcp, &target, offered).await?;
            (Stream::Plain(tcp), subprotocol, early)
        };
        let agreed = Agreed {
            role: Role::Client,
            subprotocol,
            peer: peer.into(),
            messages: Messages::AsAgreed,
            packet_bytes_max: self.config.packet_bytes_max,
            read_early,
        };
        Ok(WebSocketLink::new(stream, agreed))
    }

    async fn dial(&self, target: &Target) -> Result<TcpStream, ConnectError> {
        let dial = async {
            let tcp = TcpStream::connect((target.host(), target.port)).await?;
            prepare(&SockRef::from(&tcp), self.config.unsent_bytes_max)?;
            io::Result::Ok(tcp)
        };
        dial.await.map_err(|error| target.unreachable(error))
    }

    async fn secure(
        &self,
        tcp: TcpStream,
        target: &Target,
    ) -> Result<tokio_rustls::client::TlsStream<TcpStream>, ConnectError> {
        let untrusted = |reason| ConnectError::Untrusted { address: target.address(), reason };
        let config = self.tls_config().map_err(|error| untrusted(error.to_string()))?;
        let name = ServerName::try_from(target.host().to_owned())
            .map_err(|error| untrusted(error.to_string()))?;
        TlsConnector::from(config).connect(name, tcp).await.map_err(|error| {
            match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
                Some(tls) => match explain_refusal(tls) {
                    Some(reason) => untrusted(reason),
                    None => target.refused(format!(
                        "no TLS: {tls}; if nothing is encrypted there, connect with ws://"
                    )),
                },
                None => target.unreachable(error),
            }
        })
    }
}

impl WebSocketConnector {
    fn tls_config(&self) -> Result<Arc<rustls::ClientConfig>, TrustError> {
        if let Some(config) = self.tls.get() {
            return Ok(config.clone());
        }
        let config = self.config.trust.client_config(&[])?;
        Ok(self.tls.get_or_init(|| config).clone())
    }
}

impl Connector for WebSocketConnector {
    fn schemes(&self) -> &'static [&'static str] {
        &["ws", "wss"]
    }

    fn connect<'a>(
        &'a self,
        url: &'a str,
        offered: &'a [Subprotocol],
    ) -> BoxFuture<'a, Result<Box<dyn Link>, ConnectError>> {
        Box::pin(async move { Ok(Box::new(self.open(url, offered).await?) as _) })
    }
}

/// Asks for a WebSocket. Returns the stream with what was agreed, and what was read past it.
async fn upgrade<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    target: &Target,
    offered: &[Subprotocol],
) -> Result<(S, Subprotocol, Vec<u8>), ConnectError> {
    let uri: Uri = target.url.as_str().parse().map_err(|_| target.unusable("no URI"))?;
    let request = offered.iter().fold(ClientRequestBuilder::new(uri), |request, one| {
        request.with_sub_protocol(one.websocket_name())
    });
    let mut head = HeadStream::new(stream, ANSWER_BYTES_MAX);
    // The frames that follow are read and written elsewhere: no buffers for them.
    let unused = WebSocketConfig::default().read_buffer_size(0).write_buffer_size(0);
    let result = client_async_with_config(request, &mut head, Some(unused)).await;
    let result = result.map(|(_, response)| response);
    let (stream, early) = head.into_parts();
    let response = result.map_err(|error| explain(error, target, &early))?;
    let chosen = response.headers().get(SEC_WEBSOCKET_PROTOCOL);
    let subprotocol = offered
        .iter()
        .find(|one| chosen.is_some_and(|name| name == one.websocket_name().as_str()))
        .ok_or_else(|| target.refused("it agreed on no subprotocol".to_owned()))?;
    Ok((stream, *subprotocol, early))
}

/// Says why a server didn't agree, in its own words where it had any.
fn explain(error: Error, target: &Target, body: &[u8]) -> ConnectError {
    match error {
        Error::Io(error) => target.unreachable(error),
        Error::Http(response) => {
            let words = String::from_utf8_lossy(body);
            let reason = format!("{} {}", response.status(), words.trim());
            target.refused(reason.trim_end().to_owned())
        }
        error => target.refused(error.to_string()),
    }
}
