//! Faults of what is sent.

use std::collections::VecDeque;
use std::task::{Context, Poll};

use bytes::Bytes;
use transport_api::{Channel, Link, LinkError, Packet, Sent};

use crate::bent::Fault;

fn send(link: &mut dyn Link, channel: Channel, bytes: &Bytes) -> Result<Sent, LinkError> {
    link.try_send(channel, Packet::shared(bytes, 0..bytes.len()))
}

/// Sends every tenth packet after its successor.
#[derive(Default)]
pub(crate) struct Reorders {
    count: usize,
    held: Option<Bytes>,
}

impl Fault for Reorders {
    fn try_send(
        &mut self,
        link: &mut dyn Link,
        channel: Channel,
        packet: Packet<'_>,
    ) -> Result<Sent, LinkError> {
        self.count += 1;
        if self.count.is_multiple_of(10) {
            self.held = Some(packet.to_bytes());
            return Ok(Sent::Taken);
        }
        let sent = link.try_send(channel, packet)?;
        if sent == Sent::Taken
            && let Some(held) = self.held.take()
        {
            return send(link, channel, &held);
        }
        Ok(sent)
    }
}

/// Sends the hundredth packet twice.
#[derive(Default)]
pub(crate) struct Duplicates {
    count: usize,
}

impl Fault for Duplicates {
    fn try_send(
        &mut self,
        link: &mut dyn Link,
        channel: Channel,
        packet: Packet<'_>,
    ) -> Result<Sent, LinkError> {
        self.count += 1;
        let sent = link.try_send(channel, packet)?;
        if self.count == 100 && sent == Sent::Taken {
            return link.try_send(channel, packet);
        }
        Ok(sent)
    }
}

/// Takes the hundredth packet and forgets it.
#[derive(Default)]
pub(crate) struct LosesOne {
    count: usize,
}

impl Fault for LosesOne {
    fn try_send(
        &mut self,
        link: &mut dyn Link,
        channel: Channel,
        packet: Packet<'_>,
    ) -> Result<Sent, LinkError> {
        self.count += 1;
        if self.count == 100 { Ok(Sent::Taken) } else { link.try_send(channel, packet) }
    }
}

/// Cuts packets above 64 KiB.
#[derive(Default)]
pub(crate) struct CutsLargeOnes;

impl Fault for CutsLargeOnes {
    fn try_send(
        &mut self,
        link: &mut dyn Link,
        channel: Channel,
        packet: Packet<'_>,
    ) -> Result<Sent, LinkError> {
        let length = packet.len().min(65_536);
        link.try_send(channel, Packet::lent(&packet.as_slice()[..length]))
    }
}

/// Keeps what the link refuses, any amount of it, and says that it was taken.
#[derive(Default)]
pub(crate) struct BuffersWithoutBound {
    kept: VecDeque<(Channel, Bytes)>,
}

impl Fault for BuffersWithoutBound {
    fn try_send(
        &mut self,
        link: &mut dyn Link,
        channel: Channel,
        packet: Packet<'_>,
    ) -> Result<Sent, LinkError> {
        if !self.kept.is_empty() || link.try_send(channel, packet)? == Sent::Refused {
            self.kept.push_back((channel, packet.to_bytes()));
        }
        Ok(Sent::Taken)
    }
}

/// Says that it took what the link refused.
#[derive(Default)]
pub(crate) struct SaysTakenOfTheRefused;

impl Fault for SaysTakenOfTheRefused {
    fn try_send(
        &mut self,
        link: &mut dyn Link,
        channel: Channel,
        packet: Packet<'_>,
    ) -> Result<Sent, LinkError> {
        let sent = link.try_send(channel, packet)?;
        // Not those that fill the link, or it would seem to have no bound.
        Ok(if sent == Sent::Refused && packet.len() < 1000 { Sent::TakenAndBlocked } else { sent })
    }
}

/// Says that it refused a packet, and sends it all the same once there is room.
#[derive(Default)]
pub(crate) struct SendsTheRefused {
    kept: Option<(Channel, Bytes)>,
}

impl Fault for SendsTheRefused {
    fn try_send(
        &mut self,
        link: &mut dyn Link,
        channel: Channel,
        packet: Packet<'_>,
    ) -> Result<Sent, LinkError> {
        let sent = link.try_send(channel, packet)?;
        if sent == Sent::Refused {
            self.kept = Some((channel, packet.to_bytes()));
        }
        Ok(sent)
    }

    fn poll_writable(
        &mut self,
        link: &mut dyn Link,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), LinkError>> {
        std::task::ready!(link.poll_writable(cx))?;
        if let Some((channel, bytes)) = self.kept.take() {
            send(link, channel, &bytes)?;
        }
        Poll::Ready(Ok(()))
    }
}

/// Keeps a packet that the link refuses, says so truly, and spoils its second half.
#[derive(Default)]
pub(crate) struct SpoilsTheRest {
    kept: Option<(Channel, Bytes)>,
}

impl Fault for SpoilsTheRest {
    fn try_send(
        &mut self,
        link: &mut dyn Link,
        channel: Channel,
        packet: Packet<'_>,
    ) -> Result<Sent, LinkError> {
        if self.kept.is_some() {
            return Ok(Sent::Refused);
        }
        if link.try_send(channel, packet)? != Sent::Refused {
            return Ok(Sent::Taken);
        }
        let mut spoilt = packet.as_slice().to_vec();
        let half = spoilt.len() / 2;
        spoilt[half..].reverse();
        self.kept = Some((channel, spoilt.into()));
        Ok(Sent::TakenAndBlocked)
    }

    fn poll_writable(
        &mut self,
        link: &mut dyn Link,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), LinkError>> {
        while let Some((channel, bytes)) = &self.kept {
            std::task::ready!(link.poll_writable(cx))?;
            if send(link, *channel, bytes)? != Sent::Refused {
                self.kept = None;
            }
        }
        link.poll_writable(cx)
    }

    fn unsent(&self, link: &dyn Link) -> usize {
        link.unsent() + self.kept.as_ref().map_or(0, |(_, bytes)| bytes.len())
    }
}

/// Sends each lane as the next one.
#[derive(Default)]
pub(crate) struct MixesLanes;

impl Fault for MixesLanes {
    fn try_send(
        &mut self,
        link: &mut dyn Link,
        channel: Channel,
        packet: Packet<'_>,
    ) -> Result<Sent, LinkError> {
        let channel = match channel {
            Channel::Lane(lane) => Channel::Lane((lane + 1) % 16),
            other => other,
        };
        link.try_send(channel, packet)
    }
}

/// Refuses on every channel while one is blocked.
#[derive(Default)]
pub(crate) struct BlocksAllLanes {
    is_blocked: bool,
}

impl Fault for BlocksAllLanes {
    fn try_send(
        &mut self,
        link: &mut dyn Link,
        channel: Channel,
        packet: Packet<'_>,
    ) -> Result<Sent, LinkError> {
        if self.is_blocked {
            return Ok(Sent::Refused);
        }
        let sent = link.try_send(channel, packet)?;
        self.is_blocked = sent != Sent::Taken;
        Ok(sent)
    }

    fn poll_writable(
        &mut self,
        link: &mut dyn Link,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), LinkError>> {
        std::task::ready!(link.poll_writable(cx))?;
        self.is_blocked = false;
        Poll::Ready(Ok(()))
    }
}

/// Cuts datagrams.
#[derive(Default)]
pub(crate) struct CutsDatagrams;

impl Fault for CutsDatagrams {
    fn try_send(
        &mut self,
        link: &mut dyn Link,
        channel: Channel,
        packet: Packet<'_>,
    ) -> Result<Sent, LinkError> {
        let cut = usize::from(matches!(channel, Channel::Datagram(_)));
        link.try_send(channel, Packet::lent(&packet.as_slice()[cut..]))
    }
}

/// Pings with another mark.
#[derive(Default)]
pub(crate) struct ForgetsMarks;

impl Fault for ForgetsMarks {
    fn try_ping(&mut self, link: &mut dyn Link, mark: u64) -> Result<Sent, LinkError> {
        link.try_ping(mark & 0xFFFF_FFFF)
    }
}
