//! One end of a link inside this process.

use std::collections::VecDeque;
use std::task::{Context, Poll, Waker, ready};

use transport_api::{
    Address, Channel, CloseReason, Lanes, Link, LinkError, Packet, PingSupport, Properties,
    Received, Sent, Sink,
};

use crate::alarm::Alarm;
use crate::cable::{Cable, Shared, wake};
use crate::queue::Item;
use crate::way::{Advance, End, Loan};
use crate::{Config, Direction, Faults};

/// Makes a link and returns its two ends, the connecting one first.
///
/// # Example
/// ```
/// use transport_api::{Channel, Link, Packet, Sent};
/// use transport_memory::{Config, pair};
///
/// let (mut client, _server) = pair(Config::default());
/// let sent = client.try_send(Channel::Control, Packet::lent(b"hello"))?;
/// assert_eq!(sent, Sent::Taken);
/// # Ok::<(), transport_api::LinkError>(())
/// ```
pub fn pair(config: Config) -> (MemoryLink, MemoryLink) {
    pair_between(config, Address::Unnamed, Address::Unnamed)
}

/// Makes a link whose ends say where they are: `client` is the peer that the second end sees.
pub(crate) fn pair_between(
    config: Config,
    client: Address,
    server: Address,
) -> (MemoryLink, MemoryLink) {
    let cable = Cable::new(&config);
    let end = |sends, peer| MemoryLink {
        properties: Properties {
            transport: crate::TRANSPORT,
            subprotocol: config.subprotocol,
            peer,
            framing: config.framing,
            lanes: config.lanes,
            ping: config.ping,
            datagram_bytes_max: config.datagram_bytes_max,
        },
        cable: cable.clone(),
        sends,
        state: State::Open,
        loans: VecDeque::new(),
        read_alarm: Alarm::default(),
        write_alarm: Alarm::default(),
    };
    (end(Direction::ToServer, server), end(Direction::ToClient, client))
}

/// One end of a link inside this process.
///
/// Dropping an end without [`Link::close`] is an abrupt death: the peer still receives what is under
/// way, then an error.
#[derive(Debug)]
pub struct MemoryLink {
    properties: Properties,
    cable: Cable,
    sends: Direction,
    state: State,
    /// Scratch for one poll; empty between polls.
    loans: VecDeque<Loan>,
    read_alarm: Alarm,
    write_alarm: Alarm,
}

#[derive(Debug)]
enum State {
    Open,
    Closing(CloseReason),
    Closed,
}

impl MemoryLink {
    /// The handle that changes how this link behaves.
    pub fn faults(&self) -> Faults {
        Faults::new(self.cable.clone())
    }

    fn check_open(&self) -> Result<(), LinkError> {
        match self.state {
            State::Open => Ok(()),
            State::Closing(_) | State::Closed => Err(LinkError::ClosedHere),
        }
    }

    /// Moves what channels hold back whose `poll_writable` nobody waits for.
    fn move_aside(&self, cx: &Context<'_>) {
        let mut shared = self.cable.lock();
        let way = shared.way(self.sends);
        if way.unsent() == 0 {
            return;
        }
        let reader = if way.advance_aside() { way.reader.take() } else { None };
        remember(&mut way.writer, cx);
        drop(shared);
        wake([reader]);
    }

    /// Fills `loans`, or says how long there will be nothing.
    fn poll_lend(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        let receives = self.sends.reversed();
        loop {
            let mut shared = self.cable.lock();
            shared.check()?;
            let way = shared.way(receives);
            way.lend(&mut self.loans);
            if !self.loans.is_empty() {
                return Poll::Ready(Ok(()));
            }
            if way.is_drained() {
                shared.check_peer(receives)?;
            }
            let way = shared.way(receives);
            remember(&mut way.reader, cx);
            let due = way.next_due();
            drop(shared);
            if self.read_alarm.poll(cx, due).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// Frees the room of what was handed over, answers pings, and gives the rest back.
    fn settle(&mut self, handed_over: usize) {
        let mut shared = self.cable.lock();
        let mut pings = false;
        for (at, _, item) in self.loans.drain(..handed_over) {
            shared.way(self.sends.reversed()).release(at, &item);
            if let Item::Ping(mark) = item {
                shared.way(self.sends).answer(mark);
                pings = true;
            }
        }
        let way = shared.way(self.sends.reversed());
        way.give_back(&mut self.loans);
        let writer = way.writer.take();
        let reader = if pings { shared.way(self.sends).reader.take() } else { None };
        drop(shared);
        wake([writer, reader]);
    }

    fn send(
        &mut self,
        send: impl FnOnce(&mut Shared, Direction) -> Result<Sent, LinkError>,
    ) -> Result<Sent, LinkError> {
        self.check_open()?;
        let mut shared = self.cable.lock();
        shared.check_peer(self.sends.reversed())?;
        let sent = send(&mut shared, self.sends);
        let wakers = match sent {
            Ok(_) => [shared.way(self.sends).reader.take(), None, None, None],
            Err(_) => shared.all_wakers(),
        };
        drop(shared);
        wake(wakers);
        sent
    }

    /// Moves what is held back. Ready once a channel is free.
    fn poll_advance(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        loop {
            let mut shared = self.cable.lock();
            shared.check_peer(self.sends.reversed())?;
            let peer_end = shared.way(self.sends.reversed()).end_due();
            let way = shared.way(self.sends);
            let Advance { is_free, moved } = way.advance();
            let can_go_on = way.can_advance();
            if !is_free {
                remember(&mut way.writer, cx);
            }
            let reader = if moved { way.reader.take() } else { None };
            drop(shared);
            wake([reader]);
            if is_free {
                return Poll::Ready(Ok(()));
            }
            if can_go_on {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if self.write_alarm.poll(cx, peer_end).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// Says the last word once nothing is held back any more. Returns whether it was said.
    fn try_finish(&mut self) -> bool {
        let State::Closing(reason) = &self.state else { return true };
        if self.unsent() > 0 {
            return false;
        }
        self.cable.finish(self.sends, End::Closed(reason.clone()));
        self.state = State::Closed;
        true
    }
}

impl Link for MemoryLink {
    fn properties(&self) -> &Properties {
        &self.properties
    }

    fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        _buffer: &mut [u8],
        sink: &mut dyn Sink,
    ) -> Poll<Result<(), LinkError>> {
        self.check_open()?;
        if self.properties.lanes == Lanes::Separate {
            self.move_aside(cx);
        }
        ready!(self.poll_lend(cx))?;
        let mut handed_over = 0;
        for (_, channel, item) in &self.loans {
            handed_over += 1;
            let goes_on = sink.receive(match item {
                Item::Data(bytes) => Received::Data(*channel, bytes),
                Item::Ping(_) => Received::Alive,
                Item::Pong(mark) => Received::Pong(*mark),
            });
            if !goes_on {
                break;
            }
        }
        self.settle(handed_over);
        Poll::Ready(Ok(()))
    }

    fn try_send(&mut self, channel: Channel, packet: Packet<'_>) -> Result<Sent, LinkError> {
        self.send(|shared, sends| match shared.way(sends).offer(channel, packet) {
            Ok(sent) => Ok(sent),
            Err(lost) => {
                shared.cut();
                Err(LinkError::from(lost))
            }
        })
    }

    fn poll_writable(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        self.check_open()?;
        self.poll_advance(cx)
    }

    fn unsent(&self) -> usize {
        self.cable.lock().way(self.sends).unsent()
    }

    fn try_ping(&mut self, mark: u64) -> Result<Sent, LinkError> {
        if self.properties.ping == PingSupport::None {
            return Ok(Sent::Refused);
        }
        self.send(|shared, sends| Ok(shared.way(sends).offer_ping(mark)))
    }

    fn close(&mut self, reason: CloseReason) {
        if matches!(self.state, State::Open) {
            self.state = State::Closing(reason);
            self.cable.lock().way(self.sends).advance();
            self.try_finish();
        }
    }

    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while !self.try_finish() {
            match self.poll_advance(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => self.state = State::Closed,
            }
        }
        Poll::Ready(())
    }
}

impl Drop for MemoryLink {
    fn drop(&mut self) {
        self.cable.lock().ends -= 1;
        if !matches!(self.state, State::Closed) {
            self.cable.finish(self.sends, End::Vanished);
        }
    }
}

fn remember(place: &mut Option<Waker>, cx: &Context<'_>) {
    match place {
        Some(waker) => waker.clone_from(cx.waker()),
        None => *place = Some(cx.waker().clone()),
    }
}
