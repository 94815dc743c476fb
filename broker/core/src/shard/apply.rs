//! From the sequencer's items to what waits in lanes.

use std::sync::Arc;

use broker_delivery::lane::{Extent, Overflowed, Pushed};

use super::Shard;
use super::routes::RoutePlace;
use crate::log::Render;
use crate::session::LaneFrame;
use crate::{Addressee, Answer, Command, Item, Publication, SessionId, TopicId};

/// Where a lane is: its session's slot, and its place among the session's lanes.
type LanePlace = (u32, usize);

/// Messages of one topic that follow each other in the log and aren't in lanes yet.
struct Row {
    topic_id: TopicId,
    route: RoutePlace,
    /// How they are written; `None` if nobody wants them.
    render: Option<Render>,
    extent: Extent,
    bytes: u64,
}

impl Shard {
    /// Carries out what the sequencer tells, in order. The items of a turn are one batch: what they
    /// put into lanes is sent with the [`flush`](Shard::flush) that follows.
    pub fn apply(&mut self, items: impl IntoIterator<Item = Item>) {
        for item in items {
            match item {
                Item::Message { publication, to_all: true, addressed } if addressed.is_empty() => {
                    self.together.push(publication);
                }
                item => {
                    self.write_together();
                    self.apply_item(item);
                }
            }
        }
        self.write_together();
        for session in std::mem::take(&mut self.left) {
            if let Some(session) = self.find(session) {
                session.forget_memberships();
            }
        }
        self.log.seal();
    }

    fn apply_item(&mut self, item: Item) {
        if let Some(session) = item.goes_into_lanes_of() {
            self.settle(session.slot);
        }
        match item {
            Item::Message { publication, to_all, addressed } => {
                self.deliver(&publication, to_all, &addressed);
            }
            Item::Sent { publication, to, from, id } => {
                self.deliver_sent(&publication, to, (from, id));
            }
            Item::Begun { session, subscription, point } => {
                self.begun(session, subscription, point);
            }
            Item::Replayed { session, lane, ticket, point, pages } => {
                self.replayed(session, (lane, ticket), point, pages);
            }
            Item::Ended { session, subscription, id } => self.ended(session, subscription, id),
            Item::Moved { session, subscription, lane, id } => {
                self.moved((session, subscription), lane as usize, id);
            }
            Item::Answer { session, answer } => {
                if self.find(session).is_some() {
                    self.answer(session.slot, answer);
                }
            }
            Item::Request { provider, subscription, token, id, frame } => {
                self.requested(provider, subscription, (token, id), &frame);
            }
            Item::Reply { asker, id, frame } => self.replied(asker, id, &frame),
            Item::Cancelled { provider, token } => self.cancelled(provider, token),
            Item::Presence { session, subscription, joined, left } => {
                self.presence(session, subscription, joined, left);
            }
            Item::Callback(item) => self.about_callbacks(item),
            Item::Inspect { inspection, overview } => self.begin_scan(inspection, overview),
            Item::Inspected { inspection, overview, part } => {
                self.inspected(inspection, overview, part);
            }
            Item::Topics { inspection, page } => self.count_topics(inspection, page),
            Item::TopicsCounted { inspection, page, counts } => {
                self.topics_counted(inspection, &page, &counts);
            }
            Item::Idle { round, topics } => self.search_for(round, topics),
            Item::Forgotten { topic_id } => self.routes.forget(topic_id),
        }
    }

    /// Writes the messages that came one behind the other, as rows of one topic where nobody can
    /// tell, and puts them into lanes.
    fn write_together(&mut self) {
        if self.together.is_empty() {
            return;
        }
        let Self { together, routes, matcher, sessions, .. } = self;
        together.arrange(|publication| {
            let Publication { topic_id, topic, .. } = publication;
            routes.find_narrow(*topic_id, topic, matcher, sessions)
        });
        let together = std::mem::take(&mut self.together);
        let mut row = None;
        for publication in together.iter() {
            self.append_to(&mut row, publication);
        }
        self.hand_out(row);
        self.together = together.emptied();
    }

    /// Writes a message into the log, behind those of its topic that came just before.
    fn append_to(&mut self, row: &mut Option<Row>, publication: &Publication) {
        if row.as_ref().is_none_or(|row| row.topic_id != publication.topic_id) {
            self.hand_out(row.take());
        }
        let row = row.get_or_insert_with(|| self.begin_row(publication));
        if let Some(render) = row.render {
            let (entry, size) = self.log.append(publication, render);
            row.extent.end = entry + 1;
            row.bytes += u64::from(size);
        }
    }

    fn begin_row(&mut self, publication: &Publication) -> Row {
        let Self { routes, matcher, sessions, log, .. } = self;
        let Publication { topic_id, topic, .. } = publication;
        let route = routes.find(*topic_id, topic, matcher, sessions);
        let found = routes.get(route);
        let render = (!found.targets.is_empty()).then_some(found.render);
        let extent = Extent::beginning_at(log.end());
        Row { topic_id: *topic_id, route, render, extent, bytes: 0 }
    }

    /// Puts a row into the lanes of all who want it: one step for each of them, however long it is.
    fn hand_out(&mut self, row: Option<Row>) {
        let Some(Row { route, extent, bytes, .. }) = row.filter(|row| !row.extent.is_empty())
        else {
            return;
        };
        let Self { routes, sessions, log, dirty, walks, late, .. } = self;
        routes.count(route, extent.len());
        let mut overflowed: Vec<(u32, Overflowed)> = Vec::new();
        let (targets, mut deferred) = (&routes.get(route).targets, false);
        for (slot, lane) in targets.iter() {
            if late.takes(*slot, *lane) {
                deferred = true;
                continue;
            }
            let session = &mut sessions[*slot as usize];
            let lane_slot = &mut session.lanes[*lane as usize];
            match lane_slot.lane.push(extent, bytes, log) {
                Pushed::Kept => {}
                Pushed::Due => walks.add(*slot, *lane as usize),
                Pushed::Overflowed(how) => overflowed.push((*slot, how)),
            }
            if lane_slot.lane.is_waiting() {
                walks.count(lane_slot.lane.walk_steps(extent.len()));
            } else {
                dirty.note(&lane_slot.lane);
                dirty.mark(session);
            }
        }
        if deferred {
            late.note(targets, extent, bytes);
        }
        for (slot, how) in overflowed {
            self.overflowed(slot, how);
        }
    }

    /// Delivers a message of queue groups: to all who want the topic anyway, and to the members that
    /// were chosen.
    fn deliver(&mut self, publication: &Publication, to_all: bool, addressed: &[Addressee]) {
        let mut row = to_all.then(|| self.begin_row(publication));
        let render = row.as_ref().and_then(|row| row.render);
        let (entry, size) = self.log.append(publication, render.unwrap_or(Render::Bincode));
        if let Some(row) = row.as_mut().filter(|row| row.render.is_some()) {
            (row.extent.end, row.bytes) = (entry + 1, u64::from(size));
        }
        self.hand_out(row);
        for addressee in addressed {
            self.deliver_addressed((entry, size), *addressee, publication);
        }
    }

    fn deliver_addressed(
        &mut self,
        (entry, size): (u64, u32),
        to: Addressee,
        publication: &Publication,
    ) {
        self.settle(to.session.slot);
        let standing = self.find(to.session).and_then(|s| s.standing.get(&to.subscription));
        let Some(lane) = standing.map(|found| found.lane) else {
            return self.hand_on(to, publication);
        };
        let slot = to.session.slot;
        let lane_slot = &mut self.sessions[slot as usize].lanes[lane];
        self.routes.count_one(publication.topic_id, &publication.topic);
        let pushed = lane_slot.lane.push_addressed(entry, size, to.subscription, &mut self.log);
        self.pushed((slot, lane), pushed);
    }

    /// A message of a queue group was on its way to a member while that went away.
    fn hand_on(&mut self, to: Addressee, publication: &Publication) {
        if let Some(standing) = self.departed.get(&to) {
            let standing = Box::new(standing.clone());
            let publication = Box::new(publication.clone());
            self.outgoing.push(Command::HandBack { standing, publication });
        }
    }

    fn deliver_sent(
        &mut self,
        publication: &Publication,
        to: SessionId,
        (session, id): (SessionId, Option<u64>),
    ) {
        let size = publication.frame_bytes() as u64;
        let answer = match self.find(to) {
            None => Refused::Gone,
            Some(session) if !session.lanes[0].lane.has_room(size) => Refused::Busy,
            Some(_) => {
                let (entry, size) = self.log.append(publication, Render::Bincode);
                self.routes.count_one(publication.topic_id, &publication.topic);
                let lane = &mut self.sessions[to.slot as usize].lanes[0].lane;
                let pushed = lane.push(Extent::one(entry), u64::from(size), &mut self.log);
                self.pushed((to.slot, 0), pushed);
                Refused::No
            }
        };
        if let Some(answer) = answer.into_answer(id) {
            self.outgoing.push(Command::Answer { session, answer });
        }
    }

    fn presence(
        &mut self,
        session: SessionId,
        subscription: u64,
        joined: Vec<Arc<str>>,
        left: Vec<Arc<str>>,
    ) {
        let Some(session) = self.find(session) else { return };
        let slot = session.id.slot;
        let Some(lane) = session.standing.get(&subscription).map(|found| found.lane) else {
            return;
        };
        if session.lanes[lane].presences.note(subscription, joined, left) {
            self.push_frame(slot, lane, LaneFrame::Presence(subscription));
        }
    }

    /// Puts a frame into a lane, as data of it.
    pub(super) fn push_frame(&mut self, slot: u32, lane: usize, frame: LaneFrame) {
        self.settle(slot);
        let most = self.config.limits.control_bytes_max as u64;
        let lane_slot = &mut self.sessions[slot as usize].lanes[lane].lane;
        lane_slot.push_frame(frame);
        if lane_slot.bytes() > lane_slot.options().bound.bytes + most {
            return self.end_overrun(slot);
        }
        self.pushed((slot, lane), Pushed::Kept);
    }

    pub(super) fn pushed(&mut self, (slot, lane): LanePlace, pushed: Pushed) {
        match pushed {
            Pushed::Overflowed(how) => self.overflowed(slot, how),
            Pushed::Due => self.walks.add(slot, lane),
            Pushed::Kept => {
                let lane = &self.sessions[slot as usize].lanes[lane].lane;
                if !lane.is_waiting() {
                    self.dirty.note(lane);
                    self.mark_dirty(slot);
                }
            }
        }
    }
}

/// What becomes of a message to one client.
enum Refused {
    No,
    Gone,
    Busy,
}

impl Refused {
    /// What the sender is told: a refusal always, success where it asked.
    fn into_answer(self, id: Option<u64>) -> Option<Answer> {
        use broker_protocol::ErrorCode;
        let (code, message) = match self {
            Self::No => return id.map(|id| Answer::Accepted { id }),
            Self::Gone => (ErrorCode::NoSuchClient, "the client went away"),
            Self::Busy => (ErrorCode::Busy, "the client has more waiting than it may"),
        };
        Some(Answer::Rejected { id: id.unwrap_or(0), code, message: message.to_owned() })
    }
}
