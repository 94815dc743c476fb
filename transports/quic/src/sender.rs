//! All channels towards the peer.

use std::task::{Context, Poll};

use futures_util::future::join_all;
use quinn::{Connection, SendStream};
use transport_api::{Channel, LinkError, Packet, Sent};

use crate::datagrams::Datagrams;
use crate::outgoing::Outgoing;

/// All channels towards the peer: one blocked channel doesn't block another.
pub(crate) struct Sender {
    connection: Connection,
    control: Outgoing,
    /// Those that were used, few enough to be searched. Who got something of a window that all share
    /// goes behind the others.
    lanes: Vec<(u8, Outgoing)>,
    datagrams: Datagrams,
    /// Whether a channel became free that the user hasn't been told of.
    has_freed: bool,
}

impl Sender {
    pub(crate) fn new(connection: Connection, control: SendStream) -> Self {
        Self {
            datagrams: Datagrams::new(connection.clone()),
            connection,
            control: Outgoing::control(control),
            lanes: Vec::new(),
            has_freed: false,
        }
    }

    pub(crate) fn try_send(
        &mut self,
        channel: Channel,
        packet: &Packet<'_>,
    ) -> Result<Sent, LinkError> {
        match channel {
            Channel::Control => self.control.try_send(packet),
            Channel::Lane(number) => self.lane(number).try_send(packet),
            Channel::Datagram(lane) => self.datagrams.try_send(lane, packet),
        }
    }

    fn lane(&mut self, number: u8) -> &mut Outgoing {
        let at = self.lanes.iter().position(|(other, _)| *other == number);
        let at = at.unwrap_or_else(|| {
            self.lanes.push((number, Outgoing::lane(self.connection.clone(), number)));
            self.lanes.len() - 1
        });
        &mut self.lanes[at].1
    }

    fn channels(&self) -> impl Iterator<Item = &Outgoing> {
        [&self.control].into_iter().chain(self.lanes.iter().map(|(_, lane)| lane))
    }

    /// Bytes that QUIC has not taken yet.
    pub(crate) fn unsent(&self) -> usize {
        let streams: usize = self.channels().map(Outgoing::unsent).sum();
        streams + self.datagrams.unsent()
    }

    /// Moves what waits in every channel. Returns whether a channel is still blocked.
    pub(crate) fn flush(&mut self, cx: &mut Context<'_>) -> Result<bool, LinkError> {
        let mut is_blocked = false;
        let mut first_served = None;
        let lanes = self.lanes.iter_mut().map(|(_, lane)| lane);
        for (place, channel) in [&mut self.control].into_iter().chain(lanes).enumerate() {
            let unsent = channel.unsent();
            if unsent > 0 {
                let is_free = channel.poll_flush(cx)?.is_ready();
                self.has_freed |= is_free;
                is_blocked |= !is_free;
                if channel.unsent() < unsent && place > 0 {
                    first_served.get_or_insert(place - 1);
                }
            }
        }
        // It took what there was room for: next time the others are asked before it.
        if let Some(place) = first_served {
            self.lanes[place..].rotate_left(1);
        }
        if self.datagrams.is_blocked() {
            let is_free = self.datagrams.poll_flush(cx)?.is_ready();
            self.has_freed |= is_free;
            is_blocked |= !is_free;
        }
        Ok(is_blocked)
    }

    /// Waits until a channel became free since the last time, or none is blocked.
    pub(crate) fn poll_writable(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        let is_blocked = self.flush(cx)?;
        let has_freed = std::mem::take(&mut self.has_freed);
        if has_freed || !is_blocked { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    /// Sends what waits, ends every stream and waits until the peer has all of it, or is gone.
    pub(crate) async fn finish(self) {
        let lanes = self.lanes.into_iter().map(|(_, lane)| lane);
        join_all([self.control].into_iter().chain(lanes).map(Outgoing::finish)).await;
    }
}
