//! One session as its client sees it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use broker_core::Channel;
use broker_protocol::frame::{BrokerFrame, LaneHeader, LaneOptions};

use super::lane::Lane;
use super::resume::is_counted;
use super::truth::Place;
use super::{Arrival, Values, Wrong};
use crate::plan::{TOPICS, matches};

/// One session as its client sees it.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) name: String,
    pub(super) separate: bool,
    /// Whether its session goes on from an earlier link.
    pub(super) resumes: bool,
    /// Since which step it has its link.
    pub(crate) link_since: u64,
    /// How many frames it has of each lane, over all links.
    pub(crate) frames: BTreeMap<u8, u64>,
    /// Lanes that lost some with a link: the first frame tells how many, which may be known.
    pub(super) cut: BTreeMap<u8, Option<u64>>,
    /// How many messages these lanes lost and haven't told yet.
    pub(super) owed: BTreeMap<u8, u64>,
    /// How many messages each frame was or told of that its last link had and it didn't read, by lane;
    /// unless it isn't known what these were.
    pub(crate) missed: Option<BTreeMap<u8, Vec<u64>>>,
    /// What was on its way when links broke since it came back last, in bytes.
    pub(super) unread: u64,
    /// Whether this is only a link that another took the place of, and since which flush it is.
    pub(crate) is_ghost: bool,
    pub(crate) silenced: Option<u64>,
    pub(crate) connected: bool,
    /// How often its session was left without a link.
    pub(crate) losses: u64,
    /// Its id, once that is known.
    pub(crate) session: Option<String>,
    /// Whether its client has said goodbye.
    pub(crate) leaves: bool,
    /// How many offers weren't answered for certain.
    pub(crate) lost_offers: usize,
    pub(crate) said_goodbye: bool,
    pub(crate) ended: bool,
    pub(super) headers: BTreeMap<u8, LaneHeader>,
    pub(crate) lanes: BTreeMap<u8, Lane>,
    /// The options with which lanes were asked for.
    pub(crate) wished: BTreeMap<u8, LaneOptions>,
    pub(crate) subs: BTreeMap<u64, Sub>,
    pub(crate) pending: BTreeMap<u64, Pending>,
    /// Pings to answer: their marks, and how much was written in front of them.
    pub(crate) pongs_due: Vec<(Option<u64>, u64)>,
    /// Requests to answer: token and call.
    pub(crate) to_answer: Vec<(String, usize)>,
    pub(super) last_data_flush: u64,
    /// Flushes that released everything that had waited.
    pub(crate) releases: BTreeSet<u64>,
}

/// A command without an answer.
#[derive(Debug)]
pub(crate) enum Pending {
    /// A subscribe or serve.
    Stand(Box<Sub>),
    Unsubscribe(u64),
    /// Of a subscription, to another lane or to the one where it is.
    Move {
        subscription: u64,
        lane: u8,
        is_there: bool,
    },
    /// Of a lane, with these options.
    Update(u8, LaneOptions),
    /// A publish or send, by its record.
    Message(usize),
    /// A request, by its call.
    Request(usize),
    /// Of a callback of a kind.
    Offer(usize),
    /// By which it is held.
    Hold(usize),
    /// About the attachment of a callback.
    Attachment(usize),
}

/// A standing wish.
#[derive(Debug)]
pub(crate) struct Sub {
    pub(crate) filter: String,
    pub(crate) purpose: Purpose,
    pub(crate) lane: u8,
    pub(crate) stand: Stand,
    /// The lane that it leaves and that hasn't said so, and whether the other has.
    pub(crate) leaving: Option<u8>,
    /// The lanes that it has left.
    pub(crate) left: BTreeSet<u8>,
    pub(crate) entered: bool,
    /// Where each topic ended in the lane that it left, if that is known.
    pub(crate) ends: [Option<Place>; TOPICS.len()],
    /// What it has of what is retained, if it began with that or was sent it later.
    pub(crate) values: Option<Values>,
    /// When it was asked for.
    pub(crate) asked_at: Duration,
    /// What of every topic was known to be taken when it was asked for, then when its end was.
    pub(crate) snapshot: [Place; TOPICS.len()],
    pub(crate) present: BTreeSet<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Purpose {
    Messages {
        presence: bool,
    },
    Group(String),
    Requests,
    /// The messages of a topic that a callback is attached to.
    Attached,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stand {
    Begun,
    Moving,
    Leaving,
}

impl Sub {
    /// Whether it covers what comes in a lane.
    pub(crate) fn is_in(&self, lane: u8) -> bool {
        self.leaving == Some(lane) || (self.entered && self.lane == lane)
    }
}

impl View {
    pub(crate) fn new(name: &str, separate: bool) -> Self {
        Self {
            name: name.to_owned(),
            separate,
            resumes: false,
            link_since: 0,
            frames: BTreeMap::new(),
            cut: BTreeMap::new(),
            owed: BTreeMap::new(),
            missed: None,
            unread: 0,
            is_ghost: false,
            silenced: None,
            connected: false,
            losses: 0,
            session: None,
            leaves: false,
            lost_offers: 0,
            said_goodbye: false,
            ended: false,
            headers: BTreeMap::new(),
            lanes: BTreeMap::from([(0, Lane::default())]),
            wished: BTreeMap::new(),
            subs: BTreeMap::new(),
            pending: BTreeMap::new(),
            pongs_due: Vec::new(),
            to_answer: Vec::new(),
            last_data_flush: 0,
            releases: BTreeSet::new(),
        }
    }

    /// The lane and the addressee of what arrives here.
    pub(crate) fn header(&self, arrival: Arrival) -> LaneHeader {
        let lane = match arrival.channel {
            Channel::Lane(lane) | Channel::Datagram(lane) => lane,
            Channel::Control => 0,
        };
        let begins = LaneHeader { lane, subscription: None };
        *self.headers.get(&lane).unwrap_or(&begins)
    }

    pub(crate) fn turn_to(&mut self, arrival: Arrival, header: &LaneHeader) -> Wrong {
        let place = match arrival.channel {
            Channel::Lane(lane) if lane != header.lane => {
                return Err(format!("a `lane` of {} in the channel of {lane}", header.lane));
            }
            Channel::Lane(lane) | Channel::Datagram(lane) => lane,
            Channel::Control => 0,
        };
        self.headers.insert(place, *header);
        Ok(())
    }

    /// Data in its lane, control apart from it and never behind it.
    pub(crate) fn check_place(&mut self, arrival: Arrival, frame: &BrokerFrame<'_>) -> Wrong {
        if self.said_goodbye && arrival.channel == Channel::Control {
            return Err(format!("{} behind `disconnect`", frame.name()));
        }
        let is_data = match frame {
            BrokerFrame::Lane(_) if self.separate => return Ok(()),
            BrokerFrame::Lane(_) => true,
            BrokerFrame::Ping(ping) => ping.mark.is_some(),
            frame => is_counted(frame),
        };
        if self.separate && is_data != matches!(arrival.channel, Channel::Lane(_)) {
            return Err(format!("{} came in {:?}", frame.name(), arrival.channel));
        }
        if !self.separate && is_data {
            self.last_data_flush = arrival.written.flush;
        } else if !self.separate && self.last_data_flush == arrival.written.flush {
            return Err(format!("{} came behind data in one flush", frame.name()));
        }
        match is_data || self.connected || matches!(frame, BrokerFrame::Connected(_)) {
            true => Ok(()),
            false if matches!(frame, BrokerFrame::Disconnect(_)) => Ok(()),
            false => Err(format!("{} before `connected`", frame.name())),
        }
    }

    /// Whether some subscription of a lane is for everything on a topic.
    pub(crate) fn covers(&self, lane: u8, topic: &str) -> bool {
        self.subs.values().any(|sub| {
            sub.is_in(lane)
                && matches!(sub.purpose, Purpose::Messages { .. } | Purpose::Attached)
                && matches(&sub.filter, topic)
        })
    }

    pub(crate) fn is_live(&self) -> bool {
        self.connected && !self.ended && !self.said_goodbye
    }
}
