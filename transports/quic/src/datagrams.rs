//! Datagrams towards the peer.

use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use bytes::{BufMut, Bytes, BytesMut};
use quinn::{Connection, SendDatagramError};
use transport_api::{LinkError, Packet, Sent};

use crate::failures::link_error;

type Handing = Pin<Box<dyn Future<Output = Result<(), SendDatagramError>> + Send>>;

/// Datagrams towards the peer.
///
/// One that finds QUIC's buffer full is held until there is room, and none is taken behind it:
/// whoever sends keeps what is newest meanwhile. Held is at most one.
pub(crate) struct Datagrams {
    connection: Connection,
    held: Option<Held>,
}

struct Held {
    handing: Handing,
    bytes: usize,
}

impl Datagrams {
    pub(crate) fn new(connection: Connection) -> Self {
        Self { connection, held: None }
    }

    /// Takes a datagram for a lane, unless another one is held. One that is larger than the path
    /// allows is lost: datagrams may be lost anywhere.
    pub(crate) fn try_send(&mut self, lane: u8, packet: &Packet<'_>) -> Result<Sent, LinkError> {
        if self.is_blocked() {
            return Ok(Sent::Refused);
        }
        let datagram = with_lane(lane, packet);
        let bytes = datagram.len();
        if bytes <= self.connection.datagram_send_buffer_space() {
            return match self.connection.send_datagram(datagram) {
                Err(SendDatagramError::ConnectionLost(error)) => Err(link_error(error)),
                _ => Ok(Sent::Taken),
            };
        }
        let connection = self.connection.clone();
        let handing = Box::pin(async move { connection.send_datagram_wait(datagram).await });
        self.held = Some(Held { handing, bytes });
        match self.poll_flush(&mut Context::from_waker(Waker::noop()))? {
            Poll::Ready(()) => Ok(Sent::Taken),
            Poll::Pending => Ok(Sent::TakenAndBlocked),
        }
    }

    pub(crate) fn is_blocked(&self) -> bool {
        self.held.is_some()
    }

    /// Bytes that QUIC has not taken yet.
    pub(crate) fn unsent(&self) -> usize {
        self.held.as_ref().map_or(0, |held| held.bytes)
    }

    /// Waits until QUIC has taken the one that is held.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        let Some(held) = &mut self.held else { return Poll::Ready(Ok(())) };
        let handed = ready!(held.handing.as_mut().poll(cx));
        self.held = None;
        Poll::Ready(match handed {
            Err(SendDatagramError::ConnectionLost(error)) => Err(link_error(error)),
            _ => Ok(()),
        })
    }
}

fn with_lane(lane: u8, packet: &Packet<'_>) -> Bytes {
    let mut datagram = BytesMut::with_capacity(1 + packet.len());
    datagram.put_u8(lane);
    datagram.put_slice(packet.as_slice());
    datagram.freeze()
}
