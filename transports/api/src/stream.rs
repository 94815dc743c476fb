//! The adapter for authors of plain transports: a correct link over any async byte stream.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::{
    Channel, CloseReason, Framing, Lanes, Link, LinkError, Packet, PingSupport, Properties,
    Received, Sent, Sink,
};

/// A link over any reliable, ordered byte stream.
///
/// An author of a new transport opens the stream, lets it agree on a
/// [`Subprotocol`](crate::Subprotocol), and wraps it. Correct, and not as fast as a link written
/// for its socket: success may cost the runtime a wake-up.
///
/// Packets are written to the stream as they come and it is not flushed after each: a stream that
/// gathers writes of its own accord needs a link of its own.
///
/// # Bounds
/// Holds at most the rest of one packet.
#[derive(Debug)]
pub struct StreamLink<S> {
    stream: S,
    properties: Properties,
    rest: Vec<u8>,
    rest_sent: usize,
    received_early: Vec<u8>,
    state: State,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Open,
    Closing,
    Closed,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> StreamLink<S> {
    /// Wraps a stream. `received_early` is what was read past the handshake.
    ///
    /// Whatever `properties` say of framing, lanes and pings is set to what a byte stream is.
    pub fn new(stream: S, properties: Properties, received_early: Vec<u8>) -> Self {
        let properties = Properties {
            framing: Framing::Stream,
            lanes: Lanes::Shared,
            ping: PingSupport::None,
            datagram_bytes_max: None,
            ..properties
        };
        Self {
            stream,
            properties,
            rest: Vec::new(),
            rest_sent: 0,
            received_early,
            state: State::Open,
        }
    }

    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.rest_sent < self.rest.len() {
            let rest = &self.rest[self.rest_sent..];
            match ready!(Pin::new(&mut self.stream).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                sent => self.rest_sent += sent,
            }
        }
        self.rest = Vec::new();
        self.rest_sent = 0;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn hand_over(bytes: &[u8], sink: &mut dyn Sink) -> Poll<Result<(), LinkError>> {
        sink.receive(Received::Data(Channel::Control, bytes));
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Link for StreamLink<S> {
    fn properties(&self) -> &Properties {
        &self.properties
    }

    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
        sink: &mut dyn Sink,
    ) -> Poll<Result<(), LinkError>> {
        if self.state != State::Open {
            return Poll::Ready(Err(LinkError::ClosedHere));
        }
        if !self.received_early.is_empty() {
            return Self::hand_over(&std::mem::take(&mut self.received_early), sink);
        }
        let mut buffer = ReadBuf::new(buffer);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
        match buffer.filled() {
            [] => Poll::Ready(Err(LinkError::Broken(io::ErrorKind::UnexpectedEof.into()))),
            bytes => Self::hand_over(bytes, sink),
        }
    }

    fn try_send(&mut self, _channel: Channel, packet: Packet<'_>) -> Result<Sent, LinkError> {
        if self.state != State::Open {
            return Err(LinkError::ClosedHere);
        }
        if !self.rest.is_empty() {
            return Ok(Sent::Refused);
        }
        let mut cx = Context::from_waker(Waker::noop());
        let bytes = packet.as_slice();
        let sent = match Pin::new(&mut self.stream).poll_write(&mut cx, bytes) {
            Poll::Ready(sent) => sent?,
            // Taken nevertheless: only bytes held back give `poll_writable` something to wait for.
            Poll::Pending => 0,
        };
        if sent == bytes.len() {
            return Ok(Sent::Taken);
        }
        self.rest.extend_from_slice(&bytes[sent..]);
        Ok(Sent::TakenAndBlocked)
    }

    fn poll_writable(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        self.poll_rest(cx).map_err(LinkError::from)
    }

    fn unsent(&self) -> usize {
        self.rest.len() - self.rest_sent
    }

    fn close(&mut self, _reason: CloseReason) {
        if self.state == State::Open {
            self.state = State::Closing;
        }
    }

    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.state == State::Closing {
            if self.unsent() > 0 && ready!(self.poll_rest(cx)).is_err() {
                self.state = State::Closed;
                return Poll::Ready(());
            }
            let _ = ready!(Pin::new(&mut self.stream).poll_shutdown(cx));
            self.state = State::Closed;
        }
        Poll::Ready(())
    }
}
