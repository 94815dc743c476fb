//! One connection: its link, polled to read from it.
//!
//! Writing is the turn's affair. A poll writes nothing unless the link had refused: then it waits
//! until the link is writable, tells the rules, and leaves the rest to the turn again.

use std::cell::{Cell, RefCell, RefMut};
use std::num::NonZeroU16;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Wake as _};

use broker_core::{Channel, Flushed, Framing, Heard, LinkInfo, Outlet, Peer, PongTo, Run, Verdict};
use broker_protocol::Codec;
use tokio::time::Sleep;
use transport_api::{
    Channel as LinkChannel, CloseReason, Framing as LinkFraming, Lanes, Link, LinkError, Packet,
    PingSupport, Received, Sent,
};

use super::Shard;
use super::accept::Guest;
use super::ready::Signal;

/// How often a connection is read in a row before others come.
const READS_IN_A_ROW: usize = 4;

/// One connection.
pub(crate) struct Connection {
    pub(super) slot: Cell<u32>,
    /// Nothing, once it went to another shard.
    link: RefCell<Option<Box<dyn Link>>>,
    pub(super) framing: Framing,
    /// Whether the link refused and is to be polled for room.
    pub(super) blocked: Cell<bool>,
    /// Whether anything it sent went to the sequencer since it last waited for the broker: then it
    /// waits again when that is overrun.
    publishes: Cell<bool>,
    /// Whether it stands in a list of connections that wait.
    paused: Cell<bool>,
    pub(super) stage: RefCell<Stage>,
    signal: Arc<Signal>,
    _guest: Guest,
}

/// How far a connection came.
pub(super) enum Stage {
    Open,
    /// The session has ended: its closing word is to be sent, and the link closed, in this time.
    Closing(Box<Farewell>),
}

/// What is left to do for a connection whose session has ended.
pub(super) struct Farewell {
    /// What the link is closed with, until it is.
    pub(super) reason: Option<CloseReason>,
    pub(super) deadline: Pin<Box<Sleep>>,
}

/// What of a datagram is left beside the lane's number.
fn without_lane(datagram_bytes: usize) -> Option<NonZeroU16> {
    NonZeroU16::new(u16::try_from(datagram_bytes.saturating_sub(1)).unwrap_or(u16::MAX))
}

/// Starts a connection. Returns its session's slot.
pub(super) fn start(shard: &Rc<Shard>, link: Box<dyn Link>, codec: Codec, mut guest: Guest) -> u32 {
    guest.settle();
    let properties = link.properties();
    let info = LinkInfo {
        codec,
        separate_lanes: properties.lanes == Lanes::Separate,
        pings: match properties.ping {
            PingSupport::None => PongTo::Frame,
            PingSupport::Native => PongTo::Transport,
        },
        secret: rand::random(),
        datagram_bytes_max: properties.datagram_bytes_max.and_then(without_lane),
    };
    let framing = match properties.framing {
        LinkFraming::Packets => Framing::Packets,
        LinkFraming::Stream => Framing::Stream,
    };
    let slot = shard.rules.borrow_mut().attach(shard.now(), info);
    let connection = Rc::new(Connection {
        slot: Cell::new(slot),
        link: RefCell::new(Some(link)),
        framing,
        blocked: Cell::new(false),
        publishes: Cell::new(false),
        paused: Cell::new(false),
        stage: RefCell::new(Stage::Open),
        signal: shard.ready.enter(slot),
        _guest: guest,
    });
    let mut connections = shard.connections.borrow_mut();
    if connections.len() <= slot as usize {
        connections.resize_with(slot as usize + 1, || None);
    }
    connections[slot as usize] = Some(connection);
    slot
}

impl Connection {
    pub(super) fn poll(self: &Rc<Self>, shard: &Rc<Shard>, cx: &mut Context<'_>) {
        if matches!(*self.stage.borrow(), Stage::Closing(_)) {
            return self.poll_closing(shard, cx);
        }
        let polled = self.poll_room(shard, cx).and_then(|()| self.poll_read(shard, cx));
        if let Err(error) = polled {
            tracing::debug!(slot = self.slot.get(), %error, "link ended");
            shard.lose(self, &error);
        }
    }

    /// The link, which is here as long as the connection is driven.
    pub(super) fn link(&self) -> RefMut<'_, Box<dyn Link>> {
        RefMut::map(self.link.borrow_mut(), |link| link.as_mut().expect("a link that is driven"))
    }

    /// Takes the link off, to go to another shard.
    pub(super) fn leave(&self) -> Option<Box<dyn Link>> {
        self.link.borrow_mut().take()
    }

    /// It is in this slot from now on.
    pub(super) fn settle_in(&self, slot: u32) {
        self.slot.set(slot);
        self.signal.settle_in(slot);
    }

    /// What is known of its link, while it is here.
    pub(super) fn peer(&self) -> Option<Peer> {
        let link = self.link.borrow();
        let properties = link.as_ref()?.properties();
        Some(Peer { transport: properties.transport, address: properties.peer.to_string() })
    }

    /// Has it polled.
    pub(super) fn wake(&self) {
        self.signal.wake_by_ref();
    }

    /// Waits for room in a link that refused.
    fn poll_room(&self, shard: &Shard, cx: &mut Context<'_>) -> Result<(), LinkError> {
        if self.blocked.get()
            && let Poll::Ready(ready) = self.link().poll_writable(cx)
        {
            ready?;
            self.blocked.set(false);
            let mut rules = shard.rules.borrow_mut();
            // Whoever makes room reads. A link that is always full takes no pings, and a client
            // that is behind has nothing to say: room is the sign of life that it gives.
            rules.sign_of_life(shard.now(), self.slot.get());
            rules.writable(self.slot.get());
            drop(rules);
            shard.work.notify_one();
        }
        Ok(())
    }

    fn poll_read(
        self: &Rc<Self>,
        shard: &Rc<Shard>,
        cx: &mut Context<'_>,
    ) -> Result<(), LinkError> {
        for _ in 0..READS_IN_A_ROW {
            if self.link.borrow().is_none() || !self.may_read(shard) {
                return Ok(());
            }
            match self.read_once(shard, cx) {
                Poll::Ready(read) => read?,
                Poll::Pending => return Ok(()),
            }
        }
        cx.waker().wake_by_ref();
        Ok(())
    }

    fn read_once(
        self: &Rc<Self>,
        shard: &Rc<Shard>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), LinkError>> {
        let now = shard.now();
        let batch_bytes_max = shard.batch_bytes_max.get();
        let mut rules = shard.rules.borrow_mut();
        let mut buffer = shard.buffer.borrow_mut();
        let before = rules.batch_bytes();
        let mut elsewhere = None;
        let polled = self.link().poll_receive(cx, &mut buffer, &mut |piece: Received<'_>| {
            let slot = self.slot.get();
            match piece {
                Received::Data(_, bytes) => match rules.receive(now, slot, bytes, self.framing) {
                    Heard::Here(slot) => self.slot.set(slot),
                    Heard::Elsewhere { shard, early } => {
                        elsewhere = Some((shard, early));
                        return false;
                    }
                },
                Received::Pong(mark) => {
                    rules.sign_of_life(now, slot);
                    rules.returned(now, slot, mark);
                }
                _ => rules.sign_of_life(now, slot),
            }
            rules.batch_bytes() < batch_bytes_max
        });
        if rules.batch_bytes() > before {
            self.publishes.set(true);
        }
        let moves = rules.take_moves();
        drop(rules);
        if !moves.is_empty() {
            shard.apply_moves(&moves);
        }
        if let Some((to, early)) = elsewhere {
            shard.send_on(self, to, early);
            return Poll::Ready(Ok(()));
        }
        if polled.is_ready() {
            shard.work.notify_one();
        }
        polled
    }

    /// Whether the connection may be read now; if not, it is woken when it may.
    fn may_read(self: &Rc<Self>, shard: &Shard) -> bool {
        if self.publishes.get() && shard.exchange.is_overrun() {
            shard.exchange.publishers_paused.fetch_add(1, Ordering::Relaxed);
            self.pause(shard, &shard.held_back);
            return false;
        }
        if shard.rules.borrow().batch_bytes() >= shard.batch_bytes_max.get() {
            self.pause(shard, &shard.paused);
            return false;
        }
        matches!(*self.stage.borrow(), Stage::Open)
    }

    /// Sends a ping of the transport's own. A link that doesn't take it is full: room in it will
    /// be a sign of life, and no room for long is none.
    pub(super) fn ping(&self, mark: u64) {
        let sent = self.link().try_ping(mark);
        if let Ok(Sent::TakenAndBlocked) = sent
            && !self.blocked.replace(true)
        {
            self.wake();
        }
    }

    fn pause(self: &Rc<Self>, shard: &Shard, waiting: &RefCell<Vec<Rc<Self>>>) {
        if !self.paused.replace(true) {
            waiting.borrow_mut().push(self.clone());
        }
        shard.work.notify_one();
    }

    /// Lets it be read again, and wait for the broker again only if it brings something.
    pub(super) fn release(&self) {
        self.publishes.set(false);
        self.resume();
    }

    /// Lets it be read again.
    pub(super) fn resume(&self) {
        self.paused.set(false);
        self.wake();
    }

    /// Hands to the link what waits for it.
    pub(super) fn flush(&self, rules: &mut broker_core::Shard) -> Result<Flushed, LinkError> {
        let mut link = self.link();
        let mut outlet = LinkOutlet { link: &mut **link, failed: None };
        let flushed = rules.flush(self.slot.get(), &mut outlet);
        if let Some(error) = outlet.failed {
            return Err(error);
        }
        link.end_turn();
        if flushed == Flushed::Blocked && !self.blocked.replace(true) {
            self.wake();
        }
        Ok(flushed)
    }
}

/// A link, as the rules see it.
struct LinkOutlet<'a> {
    link: &'a mut dyn Link,
    failed: Option<LinkError>,
}

impl LinkOutlet<'_> {
    fn verdict(&mut self, sent: Result<Sent, LinkError>) -> Verdict {
        match sent {
            Ok(Sent::Taken) => Verdict::Taken,
            Ok(Sent::TakenAndBlocked) => Verdict::TakenAndBlocked,
            Ok(Sent::Refused) => Verdict::Refused,
            Err(error) => {
                self.failed = Some(error);
                Verdict::Refused
            }
        }
    }
}

impl Outlet for LinkOutlet<'_> {
    fn send(&mut self, channel: Channel, packet: Run<'_>) -> Verdict {
        let packet = match &packet {
            Run::Shared(block, range) => Packet::shared(block, range.clone()),
            Run::Lent(bytes) => Packet::lent(bytes),
        };
        let channel = match channel {
            Channel::Control => LinkChannel::Control,
            Channel::Lane(lane) => LinkChannel::Lane(lane),
            Channel::Datagram(lane) => LinkChannel::Datagram(lane),
        };
        let sent = self.link.try_send(channel, packet);
        self.verdict(sent)
    }

    fn ping(&mut self, mark: u64) -> Verdict {
        let sent = self.link.try_ping(mark);
        self.verdict(sent)
    }
}
