//! What comes from the broker, and to whom it goes.

use std::sync::Arc;

use broker_protocol::Codec;
use broker_protocol::frame::{BrokerFrame, LaneHeader, Pong};
use transport_api::{Channel, Properties, Received, Sink};

use super::frames::Channels;
use super::{End, Routes};
use crate::hub::{GUARDED_KEYS, Hub, RouteChange};
use crate::state::Session;
use crate::{Event, Presence};

/// Pongs that are remembered between two writes; more than that ends the connection.
const PONGS_MAX: usize = 4096;

/// What comes from the broker.
pub(super) struct Incoming {
    channels: Channels,
    reader: Reader,
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
}

impl Incoming {
    pub(super) fn new(hub: Arc<Hub>, link: &Properties) -> Self {
        let codec = hub.config.codec;
        let channels = Channels::new(codec, link.framing);
        let routes = Routes::default();
        let reader = Reader { hub, codec, routes, pongs: Vec::new(), open: false, end: None };
        Self { channels, reader, heard: false }
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

    /// Says what is known from earlier connections, before there can be any subscription.
    pub(super) fn set_routes(&mut self, routes: Routes) {
        self.reader.routes = routes;
    }

    pub(super) fn into_routes(self) -> Routes {
        self.reader.routes
    }
}

impl Sink for Incoming {
    fn receive(&mut self, received: Received<'_>) -> bool {
        self.heard = true;
        let reader = &mut self.reader;
        if let Received::Data(Channel::Datagram(lane), _) = received {
            // The lane became unreliable a moment ago, and that is told by another channel.
            reader.routes.guard(lane, GUARDED_KEYS);
        }
        if let Received::Data(channel, bytes) = received
            && reader.end.is_none()
            && let Err(error) =
                self.channels.read(channel, bytes, |header, frame| reader.read(header, frame))
        {
            reader.end = Some(error.into());
        }
        reader.routes.wake();
        reader.end.is_none()
    }
}

impl Reader {
    /// Takes one frame. Returns whether there is a use in further ones.
    fn read(
        &mut self,
        header: &mut LaneHeader,
        frame: &[u8],
    ) -> Result<bool, broker_protocol::DecodeError> {
        // `None` is a frame of a later version, to be skipped.
        if let Some(frame) = self.codec.read_broker(frame)? {
            self.take(header, frame);
        }
        Ok(self.end.is_none())
    }

    fn take(&mut self, header: &mut LaneHeader, frame: BrokerFrame<'_>) {
        match frame {
            BrokerFrame::Disconnect(shutdown) => self.end = Some(End::Told(shutdown)),
            BrokerFrame::Ping(ping) => self.pong(ping.mark),
            BrokerFrame::Pong(_) => {}
            BrokerFrame::Connected(connected) if !self.open => {
                self.open = true;
                self.hub.connected(Session::from(connected));
            }
            frame if !self.open || matches!(frame, BrokerFrame::Connected(_)) => {
                self.end = Some(End::Unexpected(frame.name()));
            }
            frame => self.deliver(header, frame),
        }
    }

    fn deliver(&mut self, header: &mut LaneHeader, frame: BrokerFrame<'_>) {
        match frame {
            BrokerFrame::Lane(next) => *header = next,
            BrokerFrame::Message(message) => self.routes.message(*header, &message, &self.hub),
            BrokerFrame::Moved(moved) => self.routes.moved(moved.subscription, &self.hub),
            BrokerFrame::Gap(gap) => self.routes.gap(*header, &gap, &self.hub),
            BrokerFrame::Presence(presence) => {
                let subscription = presence.subscription;
                let (joined, left) = (presence.joined, presence.left);
                let event = Event::Presence(Presence { joined, left });
                self.routes.addressed(subscription, event, &self.hub);
            }
            BrokerFrame::CaughtUp(told) => {
                self.routes.addressed(told.subscription, Event::CaughtUp, &self.hub);
            }
            BrokerFrame::Accepted(accepted) => match self.hub.accepted(accepted) {
                RouteChange::None => {}
                RouteChange::Begin(route) => self.routes.begin(route),
                RouteChange::Move(relocation) => self.routes.relocate(relocation, &self.hub),
                RouteChange::Guard(lane, keys_max) => self.routes.guard(lane, keys_max),
                RouteChange::End(subscription) => self.routes.end(subscription),
            },
            BrokerFrame::Rejected(rejected) => self.hub.rejected(rejected),
            BrokerFrame::Reply(reply) => self.hub.replied(&reply),
            BrokerFrame::Request(request) => self.routes.request(&request, &self.hub),
            BrokerFrame::Cancelled(cancelled) => self.hub.call_cancelled(&cancelled.token),
            frame => tracing::trace!(frame = frame.name(), "a frame that nothing here needs"),
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
