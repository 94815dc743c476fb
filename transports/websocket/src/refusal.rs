//! What a peer is told that doesn't become a link: an HTTP answer with a sentence.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use transport_api::HandshakeError;
use tungstenite::Error;
use tungstenite::error::ProtocolError;
use tungstenite::handshake::server::{ErrorResponse, write_response};
use tungstenite::http::{HeaderValue, StatusCode};

/// How long we wait for a refused peer to hang up, so that our answer reaches it.
const LINGER: Duration = Duration::from_secs(1);
/// How much of what it still sends is thrown away meanwhile, in bytes.
const LINGER_BYTES_MAX: u64 = 64 * 1024;

/// Why a peer is refused, as HTTP puts it.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    /// Further headers.
    headers: &'static [(&'static str, &'static str)],
    reason: String,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, reason: impl Into<String>) -> Self {
        Self { status, headers: &[], reason: reason.into() }
    }

    /// The refusal for a request that the library found wanting, unless the connection broke.
    pub(crate) fn of(error: Error) -> Result<Self, HandshakeError> {
        use ProtocolError as P;
        match error {
            Error::Io(error) => Err(error.into()),
            Error::Protocol(P::HandshakeIncomplete) => {
                Err(io::Error::from(io::ErrorKind::UnexpectedEof).into())
            }
            Error::Protocol(P::WrongHttpMethod) => Ok(Self {
                status: StatusCode::METHOD_NOT_ALLOWED,
                headers: &[("Allow", "GET")],
                reason: "a WebSocket is asked for with GET".to_owned(),
            }),
            Error::Protocol(
                P::MissingConnectionUpgradeHeader | P::MissingUpgradeWebSocketHeader,
            ) => Ok(Self::upgrade_required(
                "this is a WebSocket endpoint and no web page: connect with a WebSocket client",
            )),
            Error::Protocol(P::MissingSecWebSocketVersionHeader) => {
                Ok(Self::upgrade_required("WebSocket version 13 is spoken here, and no other"))
            }
            error => {
                let reason = format!("no WebSocket request: {error}");
                Ok(Self::new(StatusCode::BAD_REQUEST, reason))
            }
        }
    }

    fn upgrade_required(reason: &str) -> Self {
        Self {
            status: StatusCode::UPGRADE_REQUIRED,
            headers: &[("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")],
            reason: reason.to_owned(),
        }
    }

    /// The answer to the request.
    pub(crate) fn response(&self) -> ErrorResponse {
        let body = format!("{}\n", self.reason);
        let mut response = ErrorResponse::new(None);
        *response.status_mut() = self.status;
        let length = HeaderValue::from(body.len());
        let headers = response.headers_mut();
        headers.insert("Content-Type", HeaderValue::from_static("text/plain; charset=utf-8"));
        headers.insert("Content-Length", length);
        headers.insert("Connection", HeaderValue::from_static("close"));
        for (name, value) in self.headers {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        *response.body_mut() = Some(body);
        response
    }

    /// Tells the peer, and waits a little for it to hang up.
    pub(crate) async fn tell(&self, stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
        let response = self.response();
        let mut answer = Vec::new();
        write_response(&mut answer, &response).expect("our own headers are ASCII");
        answer.extend_from_slice(response.body().as_deref().unwrap_or_default().as_bytes());
        say_last(stream, &answer).await;
    }
}

impl From<Refusal> for HandshakeError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused { reason: refusal.reason }
    }
}

/// Writes the last words to a peer, and waits a little for it to hang up: closing a socket with
/// unread bytes would take the words with it. A peer that is gone already needs none.
pub(crate) async fn say_last(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), words: &[u8]) {
    let saying = async {
        stream.write_all(words).await?;
        stream.shutdown().await?;
        let mut unwanted = [0; 1024];
        let mut left = LINGER_BYTES_MAX;
        while left > 0 {
            match stream.read(&mut unwanted).await? {
                0 => break,
                read => left = left.saturating_sub(read as u64),
            }
        }
        io::Result::Ok(())
    };
    let _ = tokio::time::timeout(LINGER, saying).await;
}
