//! What a client says, and what it is answered: the part of the protocol that is spoken here.

use broker_protocol::ErrorCode;
use broker_protocol::frame::{
    Accepted, BrokerFrame, ClientFrame, Connect, Connected, Keep, LaneOptions, Overflow, Pong,
    Reconnect, Rejected, Replay, ServerInfo, SessionLimits, Shutdown, Subscribe, Unsubscribe,
};

use crate::hub::Way;
use crate::topics::{Subscriber, Topics};

/// The highest number of a lane.
const LANE_NUMBER_MAX: u8 = 15;

/// One client, as far as it has to be known.
pub(crate) struct Client {
    id: usize,
    name: String,
    subscriptions: Vec<Subscription>,
    last_number: u64,
    is_leaving: bool,
}

struct Subscription {
    number: u64,
    topic: usize,
    lane: u8,
}

/// What comes of a frame.
pub(crate) enum Outcome {
    /// Nothing to be said.
    Silence,
    /// An answer in the order of control.
    Control(BrokerFrame<'static>),
    /// An answer in the order of a lane.
    Lane(u8, BrokerFrame<'static>),
}

impl Client {
    pub(crate) fn new(id: usize) -> Self {
        let name = format!("client-{id}");
        Self { id, name, subscriptions: Vec::new(), last_number: 0, is_leaving: false }
    }

    /// Whether it has said `disconnect`.
    pub(crate) fn is_leaving(&self) -> bool {
        self.is_leaving
    }

    /// Does what a frame asks. A `subscribe` takes effect at once: what was published before has to
    /// have left.
    pub(crate) fn hear(
        &mut self,
        frame: ClientFrame<'_>,
        way: &mut impl Way,
        topics: &mut Topics,
    ) -> Outcome {
        match frame {
            ClientFrame::Publish(publish) => {
                topics.publish(&publish, &self.name);
                publish.id.map_or(Outcome::Silence, |id| Outcome::Control(accepted(id)))
            }
            ClientFrame::Connect(connect) => Outcome::Control(self.connect(connect)),
            ClientFrame::Subscribe(subscribe) => self.subscribe(&subscribe, way, topics),
            ClientFrame::Unsubscribe(unsubscribe) => self.unsubscribe(&unsubscribe, topics),
            ClientFrame::Ping(ping) => {
                Outcome::Control(BrokerFrame::Pong(Pong { mark: ping.mark, lag: Vec::new() }))
            }
            ClientFrame::Disconnect(_) => Outcome::Control(self.disconnect()),
            other => refuse_unserved(&other),
        }
    }

    /// Ends all of its subscriptions.
    pub(crate) fn leave(&mut self, topics: &mut Topics) {
        for Subscription { topic, lane, .. } in self.subscriptions.drain(..) {
            topics.unsubscribe(topic, Subscriber { client: self.id, lane });
        }
    }

    fn connect(&mut self, connect: Connect) -> BrokerFrame<'static> {
        if let Some(name) = connect.client.name {
            self.name = name;
        }
        BrokerFrame::Connected(Connected {
            session: self.id.to_string(),
            secret: String::new(),
            name: self.name.clone(),
            resumed: false,
            lanes: Vec::new(),
            limits: SessionLimits {
                payload_bytes_max: 524_288,
                frame_bytes_max: 764_588,
                packet_bytes_max: 65_536,
                subscriptions_max: 10_000,
                commands_open_max: 0,
            },
            receive_window: None,
            ping_interval: 15_000,
            server: ServerInfo { name: "bare".to_owned(), version: String::new() },
        })
    }

    fn subscribe(
        &mut self,
        subscribe: &Subscribe,
        way: &mut impl Way,
        topics: &mut Topics,
    ) -> Outcome {
        if let Some(field) = unserved_field(subscribe) {
            return refuse(subscribe.id, field);
        }
        let Some(lane) = self.lane_for(subscribe).filter(|lane| way.open(*lane)) else {
            return refuse(subscribe.id, "lane");
        };
        let topic = topics.number(&subscribe.filter);
        topics.subscribe(topic, Subscriber { client: self.id, lane });
        self.last_number += 1;
        self.subscriptions.push(Subscription { number: self.last_number, topic, lane });
        let accepted = Accepted {
            id: subscribe.id,
            subscription: Some(self.last_number),
            lane: Some(lane),
            granted: Some(granted()),
            ..Accepted::default()
        };
        Outcome::Lane(lane, BrokerFrame::Accepted(accepted))
    }

    /// The lane that a client asks for; a free one, if it has options and no number.
    fn lane_for(&self, subscribe: &Subscribe) -> Option<u8> {
        let is_free = |lane: &u8| !self.subscriptions.iter().any(|one| one.lane == *lane);
        match (subscribe.lane, &subscribe.options) {
            (Some(lane), _) => (lane <= LANE_NUMBER_MAX).then_some(lane),
            (None, None) => Some(0),
            (None, Some(_)) => (1..=LANE_NUMBER_MAX).find(is_free),
        }
    }

    fn unsubscribe(&mut self, unsubscribe: &Unsubscribe, topics: &mut Topics) -> Outcome {
        let Unsubscribe { id, subscription } = *unsubscribe;
        let Some(place) = self.subscriptions.iter().position(|one| one.number == subscription)
        else {
            return refuse(id, "subscription");
        };
        let Subscription { topic, lane, .. } = self.subscriptions.swap_remove(place);
        if !self.subscriptions.iter().any(|other| (other.topic, other.lane) == (topic, lane)) {
            topics.unsubscribe(topic, Subscriber { client: self.id, lane });
        }
        let subscription = Some(subscription);
        let accepted = Accepted { id, subscription, lane: Some(lane), ..Accepted::default() };
        Outcome::Lane(lane, BrokerFrame::Accepted(accepted))
    }

    fn disconnect(&mut self) -> BrokerFrame<'static> {
        self.is_leaving = true;
        BrokerFrame::Disconnect(Shutdown {
            code: ErrorCode::Closed,
            reason: "the client said goodbye".to_owned(),
            reconnect: Reconnect::Never,
        })
    }
}

fn accepted(id: u64) -> BrokerFrame<'static> {
    BrokerFrame::Accepted(Accepted { id, ..Accepted::default() })
}

/// What of a subscription can't be served here. Wishes for the lane's options may be granted or not.
fn unserved_field(subscribe: &Subscribe) -> Option<&'static str> {
    let has_wildcard = subscribe.filter.split('.').any(|token| token == "*" || token == ">");
    let unserved = [
        (has_wildcard, "filter"),
        (subscribe.replay != Replay::None, "replay"),
        (subscribe.group.is_some(), "group"),
        (subscribe.presence, "presence"),
    ];
    unserved.into_iter().find(|(is_wished, _)| *is_wished).map(|(_, field)| field)
}

/// What every subscription gets: everything, however long it takes.
fn granted() -> LaneOptions {
    LaneOptions {
        keep: Some(Keep::All),
        overflow: Some(Overflow::Disconnect),
        bound_messages: Some(u32::MAX),
        bound_bytes: Some(u64::from(u32::MAX)),
        min_interval: Some(0),
        priority: Some(0),
        unreliable: Some(false),
    }
}

/// Refuses a command that has an answer.
fn refuse_unserved(frame: &ClientFrame<'_>) -> Outcome {
    match frame {
        ClientFrame::Send(send) => refuse(send.id.unwrap_or_default(), "send"),
        ClientFrame::Serve(serve) => refuse(serve.id, "serve"),
        ClientFrame::Request(request) => refuse(request.id, "request"),
        _ => Outcome::Silence,
    }
}

fn refuse(id: u64, field: &'static str) -> Outcome {
    Outcome::Control(BrokerFrame::Rejected(Rejected {
        id,
        code: ErrorCode::Unsupported,
        message: format!("`{field}` is not served by a bare send loop"),
        field: Some(field.to_owned()),
    }))
}
