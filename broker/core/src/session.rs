//! One client's state at the broker: its link, its lanes and its standing wishes.

mod answers;
mod control;
mod credit;
mod lanes;
mod replays;
mod roles;
mod unheld;
mod window;

use std::collections::BTreeSet;
use std::num::{NonZeroU16, NonZeroU32};
use std::sync::Arc;
use std::time::Duration;

use broker_delivery::lane::Item;
use broker_protocol::Codec;
use broker_protocol::frame::LaneHeader;
use smallvec::SmallVec;

use crate::command::{Purpose, Standing};
use crate::few::Few;
use crate::policy::PatternSet;
use crate::{SessionId, Token};
pub(crate) use answers::{Answers, Given};
pub(crate) use control::Control;
pub(crate) use credit::Credit;
pub(crate) use lanes::{LaneFrame, LaneSlot, transcode};
pub(crate) use replays::Replays;
pub(crate) use roles::{Offered, Roles};
pub(crate) use window::lane_of;

/// What the shard must know of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkInfo {
    /// The codec that was agreed on.
    pub codec: Codec,
    /// Whether each lane has a channel of its own.
    pub separate_lanes: bool,
    /// Who pings.
    pub pings: PongTo,
    /// A random number for the session's secret.
    pub secret: u128,
    /// The most bytes of frames in a datagram, the lane's number not counted; none where the link has
    /// no datagrams.
    pub datagram_bytes_max: Option<NonZeroU16>,
}

impl LinkInfo {
    /// How many bytes of frames go into a datagram, where lanes can have them.
    pub(crate) fn datagram_room(&self) -> Option<usize> {
        self.datagram_bytes_max.filter(|_| self.separate_lanes).map(|most| most.get().into())
    }
}

/// Who pings a silent client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PongTo {
    /// The broker, with a frame.
    Frame,
    /// The transport, with a ping of its own: the shard says when.
    Transport,
}

/// One client's state at the broker.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) stage: Stage,
    /// Whether it stands in the list of sessions with something to write.
    pub(crate) dirty: bool,
    /// Whether something waits for its link, so that the log is held for it.
    pub(crate) behind: bool,
    pub(crate) lanes: SmallVec<[LaneSlot; 1]>,
    pub(crate) link: Attachment,
    pub(crate) name: Arc<str>,
    pub(crate) standing: Few<u64, Subscription>,
    /// How many of them ask for presence.
    pub(crate) watches: u32,
    /// How many of them are memberships of queue groups.
    pub(crate) memberships: u32,
    /// Whether the sequencer was told that it can't be written to.
    pub(crate) told_blocked: bool,
    pub(crate) next_subscription: u64,
    pub(crate) last_publish_id: u64,
    /// How long it stays without a link, in milliseconds.
    pub(crate) expiry: u32,
    /// Whether the log is held for what was sent.
    pub(crate) holds: bool,
    /// Boxed, since most sessions were answered nothing that had to be noted.
    pub(crate) recall: Option<Box<Recall>>,
    /// Boxed, since most sessions have nothing of it.
    pub(crate) dealings: Option<Box<Dealings>>,
}

/// What a session has to do with other clients that isn't over, and with the operator.
#[derive(Debug, Default)]
pub(crate) struct Dealings {
    /// Requests that this session asked, by its ids.
    pub(crate) asked: Few<u64, Asked>,
    /// Requests that this session is to answer.
    pub(crate) answering: Few<Token, Answering>,
    /// Memberships of queue groups that have ended while messages for them still wait.
    pub(crate) left: Few<u64, Standing>,
    /// The operator's patterns that have a say in lanes, by their places: those that a filter in it
    /// touched, be it gone.
    touched: Few<usize, PatternSet>,
    /// Replays that aren't over, by the place of their lane.
    pub(crate) replays: Few<usize, Replays>,
    /// Callbacks, where there are any.
    pub(crate) roles: Option<Box<Roles>>,
}

/// A request that a session is to answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answering {
    /// The asker's id for it.
    pub(crate) id: u64,
    /// The number of the callback that it is for, if it is for one.
    pub(crate) callback: Option<u64>,
}

/// What a session was answered.
#[derive(Debug, Default)]
pub(crate) struct Recall {
    /// The last publish that was acknowledged.
    pub(crate) acknowledged: u64,
    /// Over its link of now.
    pub(crate) answers: Answers,
    /// Before.
    pub(crate) past: Option<Past>,
}

impl Recall {
    /// What it costs, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        let past = self.past.as_ref().map_or(0, |past| past.answers.bytes());
        self.answers.bytes() + past
    }
}

/// What a session had done before it came back: commands are repeated whose answers were lost.
#[derive(Debug)]
pub(crate) struct Past {
    pub(crate) last_publish_id: u64,
    /// The last publish whose acknowledgement may be lost: those of later ones come by themselves.
    pub(crate) acknowledged: u64,
    pub(crate) answers: Answers,
    /// The subscriptions that stood, each by the command that made it, in the order of these.
    pub(crate) begun_by: Vec<(u64, u64)>,
    /// The places of the lanes of which some was no longer kept: answers may have been among that.
    pub(crate) cut: Vec<usize>,
}

/// How far a session came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// `connect` hasn't come.
    Connecting,
    /// Everything is allowed.
    Open,
    /// It has no link, and waits for its client to come back.
    Away,
    /// No commands are taken any more; what waits is still sent.
    Draining,
    /// Only control is still sent.
    Ending,
}

/// What belongs to the link and not to the session: it would be new after a resume.
#[derive(Debug)]
pub(crate) struct Attachment {
    pub(crate) info: LinkInfo,
    pub(crate) control: Control,
    /// What the next run would be read as, where lanes share the link.
    pub(crate) header: LaneHeader,
    /// Whether the link refused, where lanes share it.
    pub(crate) blocked: bool,
    /// The place of the lane that sent last.
    pub(crate) last_lane: u8,
    /// How many packets in a row lanes of the highest priority had while others waited.
    pub(crate) favoured: u8,
    /// Part of a frame, on a byte stream.
    #[expect(clippy::box_collection, reason = "few have it, and a word is less than three")]
    pub(crate) partial: Option<Box<Vec<u8>>>,
    pub(crate) packet_bytes_max: u32,
    /// How much of what was sent is kept for each lane, in bytes.
    pub(crate) kept_bytes_max: u32,
    /// How many pings without a mark weren't answered.
    pub(crate) pings_open: u32,
    /// How much may be out in each lane, if the client takes part in credit.
    pub(crate) receive_window: Option<NonZeroU32>,
    pub(crate) opened: Duration,
    pub(crate) received: Duration,
    /// In milliseconds.
    pub(crate) ping_interval: u32,
    pub(crate) pings_sent: u32,
}

/// A standing wish of a session.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) filter: Arc<str>,
    pub(crate) purpose: Purpose,
    /// The place of its lane among the session's lanes.
    pub(crate) lane: usize,
    /// The id of the `subscribe`, to be accepted when it begins.
    pub(crate) command: u64,
    pub(crate) state: Standpoint,
    /// Whether it begins with what is retained.
    pub(crate) replay: bool,
}

/// How far a subscription came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standpoint {
    /// The sequencer was asked.
    Asked,
    /// It is in force.
    Begun,
    /// Its end was asked for.
    Leaving,
}

/// A request that a session asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) token: Token,
    pub(crate) deadline: Duration,
}

impl Session {
    pub(crate) fn new(id: SessionId, info: LinkInfo, now: Duration) -> Self {
        Self {
            id,
            stage: Stage::Connecting,
            dirty: false,
            behind: false,
            lanes: SmallVec::new(),
            link: Attachment::new(info, now),
            name: Arc::from(""),
            standing: Few::new(),
            watches: 0,
            memberships: 0,
            told_blocked: false,
            next_subscription: 1,
            last_publish_id: 0,
            expiry: 0,
            holds: false,
            recall: None,
            dealings: None,
        }
    }

    /// Adds a standing wish. Returns its number.
    pub(crate) fn stand(&mut self, wish: Subscription) -> u64 {
        let number = self.next_subscription;
        self.next_subscription += 1;
        if let Some(count) = self.count_of(&wish.purpose) {
            *count += 1;
        }
        self.standing.insert(number, wish);
        number
    }

    /// Takes a standing wish away.
    pub(crate) fn end_standing(&mut self, number: u64) -> Option<Subscription> {
        let wish = self.standing.remove(&number)?;
        if let Some(count) = self.count_of(&wish.purpose) {
            *count -= 1;
        }
        Some(wish)
    }

    fn count_of(&mut self, purpose: &Purpose) -> Option<&mut u32> {
        match purpose {
            Purpose::Messages { presence: true } => Some(&mut self.watches),
            Purpose::Group(_) => Some(&mut self.memberships),
            Purpose::Messages { presence: false } | Purpose::Requests => None,
        }
    }

    /// A standing wish as the sequencer knows it.
    pub(crate) fn standing_of(&self, subscription: u64) -> Option<Standing> {
        let found = self.standing.get(&subscription)?;
        Some(Standing {
            session: self.id,
            name: self.name.clone(),
            subscription,
            filter: found.filter.clone(),
            purpose: found.purpose.clone(),
        })
    }

    /// A membership of a queue group, which may have ended by now.
    pub(crate) fn membership(&self, subscription: u64) -> Option<Standing> {
        let left = || self.dealings.as_ref()?.left.get(&subscription).cloned();
        let standing = self.standing_of(subscription).or_else(left);
        standing.filter(|standing| matches!(standing.purpose, Purpose::Group(_)))
    }

    /// Forgets the memberships that have ended and for which no message waits. Costs a visit to
    /// all that waits, so that it is done once in a turn.
    pub(crate) fn forget_memberships(&mut self) {
        let items = self.lanes.iter().flat_map(|slot| slot.lane.items());
        let addressed = items.filter_map(|item| match item {
            Item::Addressed { subscription, .. } => Some(*subscription),
            _ => None,
        });
        let waited_for: BTreeSet<u64> = addressed.collect();
        if let Some(dealings) = &mut self.dealings {
            dealings.left.retain(|subscription, _| waited_for.contains(subscription));
        }
    }

    /// Gives back the memory that it doesn't need while its client is silent.
    pub(crate) fn give_back(&mut self) {
        self.link.control.give_back();
        self.lanes.iter_mut().for_each(|slot| slot.lane.give_back());
        if let Some(dealings) = &mut self.dealings {
            dealings.roles.take_if(|roles| roles.are_over());
        }
        self.dealings.take_if(|dealings| dealings.are_over());
    }

    /// The operator's patterns that have a say in the lane at this place.
    pub(crate) fn touched(&self, lane: usize) -> PatternSet {
        let known = self.dealings.as_ref().and_then(|dealings| dealings.touched.get(&lane));
        known.copied().unwrap_or_default()
    }

    /// Notes that a filter in the lane at this place touches these patterns.
    pub(crate) fn touch(&mut self, lane: usize, patterns: PatternSet) {
        if !patterns.is_empty() {
            let touched = &mut self.dealings.get_or_insert_default().touched;
            let known = touched.get_or_default(lane);
            *known = known.union(patterns);
        }
    }

    /// Strikes off a request that it was to answer. Returns the asker's id for it.
    pub(crate) fn answered(&mut self, token: Token) -> Option<u64> {
        let dealings = self.dealings.as_mut()?;
        let Answering { id, callback } = dealings.answering.remove(&token)?;
        if let (Some(callback), Some(roles)) = (callback, &mut dealings.roles) {
            roles.asked.remove(&(callback, token));
        }
        Some(id)
    }

    /// Its part in callbacks, if it has one.
    pub(crate) fn roles(&self) -> Option<&Roles> {
        self.dealings.as_ref()?.roles.as_deref()
    }

    /// The same, to be changed.
    pub(crate) fn roles_mut(&mut self) -> Option<&mut Roles> {
        self.dealings.as_mut()?.roles.as_deref_mut()
    }

    /// Its part in callbacks, which it has from now on.
    pub(crate) fn take_roles_on(&mut self) -> &mut Roles {
        self.dealings.get_or_insert_default().roles.get_or_insert_default()
    }

    /// What was before its client came back.
    pub(crate) fn past(&self) -> Option<&Past> {
        self.recall.as_ref()?.past.as_ref()
    }

    /// Until when it waits for its client, while that is away.
    pub(crate) fn expires_at(&self) -> Duration {
        self.link.opened + Duration::from_millis(u64::from(self.expiry))
    }

    /// Whether lanes may send: not before `connected`, not after `disconnect`.
    pub(crate) fn lanes_flow(&self) -> bool {
        matches!(self.stage, Stage::Open | Stage::Draining)
    }

    /// Whether the sequencer ought to know when the session can't be written to.
    pub(crate) fn takes_turns(&self) -> bool {
        let takes = |one: &Subscription| !matches!(one.purpose, Purpose::Messages { .. });
        self.standing.values().any(takes)
    }

    /// Whether messages of other topics can't come to any of its lanes. Says no where it would
    /// take longer to know.
    pub(crate) fn wants_only(&self, topic: &str) -> bool {
        let roles = self.roles().filter(|roles| !roles.subscribed.is_empty());
        match (roles, self.standing.len()) {
            (None, 1) => self.standing.values().all(|one| *one.filter == *topic),
            (Some(roles), 0) if roles.subscribed.len() == 1 => {
                roles.subscribed.keys().all(|(filter, _)| **filter == *topic)
            }
            _ => false,
        }
    }

    /// Whether nothing waits to be sent.
    pub(crate) fn is_idle(&self) -> bool {
        self.link.control.is_empty() && self.lanes.iter().all(|slot| slot.lane.is_empty())
    }
}

impl Dealings {
    fn are_over(&self) -> bool {
        let Self { asked, answering, left, touched, replays, roles } = self;
        let asked = asked.is_empty() && answering.is_empty();
        let roles = roles.is_none();
        asked && left.is_empty() && touched.is_empty() && replays.is_empty() && roles
    }
}

impl Attachment {
    /// How often its client is pinged while it is silent.
    pub(crate) fn ping_interval(&self) -> Duration {
        Duration::from_millis(u64::from(self.ping_interval))
    }

    pub(crate) fn new(info: LinkInfo, now: Duration) -> Self {
        Self {
            info,
            control: Control::default(),
            header: LaneHeader::default(),
            blocked: false,
            last_lane: 0,
            favoured: 0,
            partial: None,
            packet_bytes_max: 0,
            kept_bytes_max: 0,
            pings_open: 0,
            receive_window: None,
            opened: now,
            received: now,
            ping_interval: 0,
            pings_sent: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What ten thousand idle sessions are counted in, in bytes.
    const IDLE_BYTES_MAX: usize = 560;

    /// What most sessions have one of, in bytes.
    const WISH_BYTES_MAX: usize = 72;
    const ITEM_BYTES_MAX: usize = 40;

    #[test]
    fn what_every_idle_client_has_is_small() {
        assert!(size_of::<Session>() <= IDLE_BYTES_MAX, "{}", size_of::<Session>());
        assert!(size_of::<(u64, Subscription)>() <= WISH_BYTES_MAX);
        assert!(size_of::<Item<LaneFrame>>() <= ITEM_BYTES_MAX);
    }
}
