//! One established connection.

use std::task::{Context, Poll};

use crate::{Address, CloseReason, LinkError, Packet, Subprotocol};

/// One established connection; the same trait for both of its ends.
///
/// A link lives in one place (a shard of the broker, a task of a client) and is driven by it alone.
/// It starts no task that outlives it and holds at most one unfinished packet per channel.
///
/// # Ordering
/// Packets of one channel arrive whole, in order and once, or the link ends. Channels are
/// independent of each other where [`Properties::lanes`] is [`Lanes::Separate`].
///
/// # The end
/// An end that closed answers [`LinkError::ClosedHere`] from then on. The end of the peer is seen by
/// whichever of receiving, sending and waiting to be writable comes first, and by all of them after.
/// Dropping a link without [`Link::close`] is an abrupt death: the peer sees
/// [`LinkError::Broken`], not a close in good order.
///
/// # Cancel safety
/// Every method does its work before it returns: a caller may stop polling at any time and lose
/// nothing.
pub trait Link: Send {
    /// What this link is; constant for its life.
    fn properties(&self) -> &Properties;

    /// Receives what has arrived, handing it piece by piece to `sink`.
    ///
    /// `buffer` is lent for the time of the call and may be used for reading; it isn't empty, and
    /// what it held before has no meaning. Links may share one. `Ready(Ok(()))` says that at least one piece was
    /// handed over, or that the sink asked to pause, or that the link did a fair share of work and
    /// wants to be polled again; `Pending` that nothing more is there, and the task will be woken.
    ///
    /// With [`Framing::Packets`] each piece is one whole packet; with [`Framing::Stream`] pieces
    /// are cut anywhere. A link doesn't read on while nobody polls: that is the back-pressure
    /// towards the peer.
    ///
    /// # Errors
    /// The link has ended; what had arrived before was handed over first.
    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
        sink: &mut dyn Sink,
    ) -> Poll<Result<(), LinkError>>;

    /// Takes one packet without blocking, as a whole or not at all.
    ///
    /// Doesn't wake a task when it succeeds. What a socket took only in part is copied aside by the
    /// link and counted in [`Link::unsent`]. An empty packet carries nothing: it is taken and need
    /// not arrive.
    ///
    /// A datagram may be lost once it is taken, and is if it is larger than
    /// [`Properties::datagram_bytes_max`]. While the way takes no more of them they are refused, so
    /// that whoever sends can keep what is newest; datagrams of all lanes are one blocked channel then.
    ///
    /// # Errors
    /// The link has ended.
    fn try_send(&mut self, channel: Channel, packet: Packet<'_>) -> Result<Sent, LinkError>;

    /// Waits until [`Link::try_send`] would take another packet, moving what was copied aside.
    ///
    /// To be polled only after [`Sent::TakenAndBlocked`] or [`Sent::Refused`], and until it is
    /// ready. With [`Lanes::Separate`] it is ready as soon as one of the blocked channels is free:
    /// offering again tells which, and to wait for a further one is to poll again. What the others
    /// hold back moves on whenever the link is polled, to receive as well.
    ///
    /// # Errors
    /// The link has ended.
    fn poll_writable(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LinkError>>;

    /// Bytes that were taken and are not yet with the operating system or the network.
    fn unsent(&self) -> usize;

    /// Says that a turn is over and nothing more comes for now: the moment to hand a batch on.
    fn end_turn(&mut self) {}

    /// Sends a ping of the transport's own, where it has one ([`Properties::ping`]).
    ///
    /// Its answer comes as [`Received::Pong`] with the same mark.
    ///
    /// # Errors
    /// The link has ended.
    fn try_ping(&mut self, _mark: u64) -> Result<Sent, LinkError> {
        Ok(Sent::Refused)
    }

    /// Begins to close the link with a reason for the peer.
    ///
    /// What was taken before is still sent, as far as [`Link::poll_closed`] is polled.
    fn close(&mut self, reason: CloseReason);

    /// Waits, after [`Link::close`], until everything has left and the peer knows.
    ///
    /// The caller bounds the wait by a time-out; dropping the link ends it at once. Ready at once on
    /// a link that has broken. What the peer still sends is discarded.
    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()>;
}

/// What takes the pieces that a link receives.
pub trait Sink {
    /// Takes one piece. Returns whether the link may go on; `false` pauses it after this piece.
    fn receive(&mut self, received: Received<'_>) -> bool;
}

impl<F: FnMut(Received<'_>) -> bool> Sink for F {
    fn receive(&mut self, received: Received<'_>) -> bool {
        self(received)
    }
}

/// One piece that arrived.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Received<'a> {
    /// Bytes of a channel: a whole packet, or whatever a stream brought.
    Data(Channel, &'a [u8]),
    /// The peer answered [`Link::try_ping`].
    Pong(u64),
    /// A sign of life of the transport itself, such as the peer's own ping.
    Alive,
}

/// Where in a link a packet travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Channel {
    /// Commands and their answers; with [`Lanes::Shared`], everything.
    Control,
    /// Deliveries of one lane, with [`Lanes::Separate`] only, and only from the accepting end: the
    /// connecting end sends everything as [`Channel::Control`]. On streams the transport writes the
    /// lane's number in front (one byte) and takes it off again: it is not in the packet.
    Lane(u8),
    /// Unreliable deliveries of one lane, from the accepting end: a datagram, which begins with the
    /// lane's number, written and taken off by the transport.
    Datagram(u8),
}

/// What became of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// Taken; another one may follow at once.
    Taken,
    /// Taken, part of it held back: poll [`Link::poll_writable`] before the next.
    TakenAndBlocked,
    /// Not taken, nothing of it: poll [`Link::poll_writable`] and offer it again.
    Refused,
}

/// What a link is; constant for its life.
#[derive(Debug, Clone)]
pub struct Properties {
    /// The transport's name in URLs and metrics: `ws`, `wss`, `quic`, `unix`, `memory`.
    pub transport: &'static str,
    /// What was agreed on.
    pub subprotocol: Subprotocol,
    /// The other end.
    pub peer: Address,
    /// Whether packets keep their borders.
    pub framing: Framing,
    /// Whether lanes have channels of their own.
    pub lanes: Lanes,
    /// Who sends pings.
    pub ping: PingSupport,
    /// The largest datagram, in bytes with the lane's number, or `None` where there are none.
    pub datagram_bytes_max: Option<usize>,
}

/// Whether packets keep their borders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// A packet arrives as the packet that was sent.
    Packets,
    /// Bytes arrive in order, cut anywhere.
    Stream,
}

/// Whether lanes have channels of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lanes {
    /// Everything travels in [`Channel::Control`].
    Shared,
    /// Each lane is a stream of its own.
    Separate,
}

/// Who sends pings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PingSupport {
    /// The transport has none: pings are frames.
    None,
    /// The transport has its own, answered by every implementation of it, in order with the data.
    Native,
}
