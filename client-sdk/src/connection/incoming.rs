//! What comes from the broker, and to whom it goes.

use std::sync::Arc;
use std::time::Instant;

use broker_protocol::frame::{BrokerFrame, LaneHeader, Message, Pong};
use broker_protocol::{Codec, DecodeError, Names};
use transport_api::{Channel, Properties, Received, Sink};

use super::early::Early;
use super::frames::Channels;
use super::routes::Arrival;
use super::{End, Routes};
use crate::hub::{GUARDED_KEYS, Hub, RouteChange};
use crate::{Event, Presence};

/// Pongs that are remembered between two writes; more than that ends the connection.
const PONGS_MAX: usize = 4096;

/// What comes from the broker.
pub(super) struct Incoming {
    channels: Channels,
    reader: Reader,
    early: Early,
    heard: bool,
}

/// Everything but the channels, so that both can be borrowed at once.
struct Reader {
    hub: Arc<Hub>,
    codec: Codec,
    routes: Routes,
    pongs: Vec<Pong>,
    open: bool,
    end: Option<End>,
    /// When what is read came.
    now: Instant,
}

impl Incoming {
    pub(super) fn new(hub: Arc<Hub>, link: &Properties) -> Self {
        let codec = hub.config.codec;
        let channels = Channels::new(codec, link.framing);
        let routes = Routes::default();
        let (pongs, open, end, now) = (Vec::new(), false, None, Instant::now());
        let reader = Reader { hub, codec, routes, pongs, open, end, now };
        Self { channels, reader, early: Early::default(), heard: false }
    }

    pub(super) fn is_open(&self) -> bool {
        self.reader.open
    }

    /// Whether there was a sign of life since the last call.
    pub(super) fn take_heard(&mut self) -> bool {
        std::mem::take(&mut self.heard)
    }

    pub(super) fn take_end(&mut self) -> Option<End> {
        self.reader.end.take()
    }

    pub(super) fn take_pongs(&mut self) -> impl Iterator<Item = Pong> + use<'_> {
        self.reader.pongs.drain(..)
    }

    /// Leaves what is known of the subscriptions for the next connection.
    pub(super) fn end(self) {
        if self.reader.open {
            self.reader.hub.put_routes(self.reader.routes);
        }
    }
}

impl Sink for Incoming {
    fn receive(&mut self, received: Received<'_>) -> bool {
        self.heard = true;
        self.reader.now = Instant::now();
        if let Received::Data(channel, bytes) = received {
            if self.reader.open || channel == Channel::Control {
                self.read(channel, bytes);
            } else if self.early.keep(channel, bytes).is_err() {
                self.reader.end = Some(End::ControlOverrun);
            }
            if self.reader.open {
                let early = self.early.take();
                early.iter().for_each(|(channel, bytes)| self.read(*channel, bytes));
            }
        }
        self.reader.routes.flush(&self.reader.hub);
        self.reader.routes.forget_withdrawn(&self.reader.hub);
        self.reader.routes.wake();
        self.reader.end.is_none()
    }
}

impl Incoming {
    fn read(&mut self, channel: Channel, bytes: &[u8]) {
        let Self { channels, reader, .. } = self;
        if let Channel::Datagram(lane) = channel {
            // The lane became unreliable a moment ago, and that is told by another channel.
            reader.routes.guard(lane, GUARDED_KEYS);
        }
        if reader.end.is_some() {
            return;
        }
        let read = channels.read(channel, bytes, |header, names, frame| {
            reader.read(channel, header, names, frame)
        });
        if let Err(error) = read {
            reader.end = Some(error.into());
        }
    }
}

impl Reader {
    /// Takes one frame. Returns whether there is a use in further ones.
    fn read<'a>(
        &mut self,
        channel: Channel,
        header: &mut LaneHeader,
        names: &mut Names<'a>,
        bytes: &'a [u8],
    ) -> Result<bool, DecodeError> {
        if self.open
            && let Some(message) = &names.read_message(self.codec, bytes)?
        {
            let came = self.counted(channel, bytes);
            if !(names.are_repeated() && self.routes.goes_on(message, came)) {
                self.message(header, message, came);
            }
            return Ok(self.end.is_none());
        }
        // `None` is a frame of a later version, to be skipped.
        match self.codec.read_broker(bytes)? {
            Some(BrokerFrame::Message(ref message)) if self.open => {
                self.message(header, message, self.counted(channel, bytes));
            }
            Some(frame) => {
                self.routes.flush(&self.hub);
                let counts = self.open && is_data(&frame);
                let came = if counts { self.counted(channel, bytes) } else { 0 };
                self.take(header, frame, came);
            }
            None => {}
        }
        Ok(self.end.is_none())
    }

    fn message(&mut self, header: &LaneHeader, message: &Message<'_>, came: usize) {
        let mut arrival = Arrival::new(&self.hub, self.now, header.lane, came);
        self.routes.message(*header, message, &mut arrival);
    }

    /// How much of the lane's credit a frame of data takes.
    fn counted(&self, channel: Channel, bytes: &[u8]) -> usize {
        match channel {
            Channel::Datagram(_) => 0,
            _ => self.codec.framed_bytes(bytes),
        }
    }

    fn take(&mut self, header: &mut LaneHeader, frame: BrokerFrame<'_>, came: usize) {
        match frame {
            BrokerFrame::Disconnect(shutdown) => self.end = Some(End::Told(shutdown)),
            BrokerFrame::Ping(ping) => self.pong(ping.mark),
            BrokerFrame::Pong(pong) => self.hub.ponged(pong),
            BrokerFrame::Connected(connected) if !self.open => {
                self.open = true;
                self.routes = self.hub.take_routes();
                if !connected.resumed {
                    self.routes.next_connection();
                }
                self.routes.set_name(&connected.name);
                self.hub.connected(connected);
            }
            frame if !self.open || matches!(frame, BrokerFrame::Connected(_)) => {
                self.end = Some(End::Unexpected(frame.name()));
            }
            frame => self.deliver(header, frame, came),
        }
    }

    fn deliver(&mut self, header: &mut LaneHeader, frame: BrokerFrame<'_>, came: usize) {
        let hub = Arc::clone(&self.hub);
        let mut arrival = Arrival::new(&hub, self.now, header.lane, came);
        match frame {
            BrokerFrame::Lane(next) => *header = next,
            BrokerFrame::Moved(moved) => self.routes.moved(moved.subscription, &self.hub),
            BrokerFrame::Gap(gap) => self.routes.gap(*header, &gap, &mut arrival),
            BrokerFrame::Presence(presence) => {
                let to = (header.lane, presence.subscription);
                let (joined, left) = (presence.joined, presence.left);
                let event = Event::Presence(Presence { joined, left });
                self.routes.addressed(to, event, &mut arrival);
            }
            BrokerFrame::CaughtUp(told) => {
                let to = (header.lane, told.subscription);
                self.routes.addressed(to, Event::CaughtUp, &mut arrival);
            }
            BrokerFrame::Attached(attached) => {
                self.routes.attached(header.lane, &attached, &self.hub);
            }
            BrokerFrame::Detached(detached) => self.routes.detached(header.lane, &detached),
            BrokerFrame::Released(released) => {
                self.routes.released(header.lane, &released, &self.hub);
            }
            BrokerFrame::Owner(owner) => self.hub.owner_is(&owner),
            BrokerFrame::Accepted(accepted) => self.change_routes(self.hub.accepted(accepted)),
            BrokerFrame::Rejected(rejected) => self.change_routes(self.hub.rejected(rejected)),
            BrokerFrame::Reply(reply) => self.hub.replied(&reply),
            BrokerFrame::Request(request) => self.routes.request(&request, &self.hub),
            BrokerFrame::Cancelled(cancelled) => self.hub.call_cancelled(&cancelled.token),
            frame => tracing::trace!(frame = frame.name(), "a frame that nothing here needs"),
        }
    }

    fn change_routes(&mut self, change: RouteChange) {
        match change {
            RouteChange::None => {}
            RouteChange::Begin(route) => self.routes.begin(route),
            RouteChange::Move(relocation) => self.routes.relocate(relocation, &self.hub),
            RouteChange::Guard(lane, keys_max) => self.routes.guard(lane, keys_max),
            RouteChange::End(subscription) => self.routes.end(subscription),
            RouteChange::Doubtful => {
                self.hub.forget_session();
                self.end = Some(End::Doubtful);
            }
        }
    }

    fn pong(&mut self, mark: Option<u64>) {
        if self.pongs.len() == PONGS_MAX {
            self.end = Some(End::ControlOverrun);
            return;
        }
        self.pongs.push(Pong { mark, lag: Vec::new() });
    }
}

/// Whether a frame is data of its lane: it counts there, for credit and for a resume.
fn is_data(frame: &BrokerFrame<'_>) -> bool {
    match frame {
        BrokerFrame::Message(_)
        | BrokerFrame::Gap(_)
        | BrokerFrame::Request(_)
        | BrokerFrame::Presence(_)
        | BrokerFrame::CaughtUp(_)
        | BrokerFrame::Moved(_)
        | BrokerFrame::Released(_)
        | BrokerFrame::Owner(_)
        | BrokerFrame::Attached(_)
        | BrokerFrame::Detached(_) => true,
        // Those of `publish`, `send` and `update` are control.
        BrokerFrame::Accepted(accepted) => accepted.subscription.is_some(),
        _ => false,
    }
}
