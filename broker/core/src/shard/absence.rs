//! Sessions without a link: their lanes go on, until their client comes back or its time is over.

use std::time::Duration;

use broker_protocol::ErrorCode;
use broker_protocol::frame::{BrokerFrame, OwnerState, Reconnect, ReleasedReason, Shutdown};

use super::Shard;
use super::ending::Ending;
use crate::Command;
use crate::command::Purpose;
use crate::session::{Attachment, LaneSlot, Session, Stage};

impl Shard {
    /// Whether a session stays when its link goes.
    pub(super) fn stays(&self, slot: u32) -> bool {
        let session = &self.sessions[slot as usize];
        session.stage == Stage::Open && session.expiry > 0 && self.draining.is_none()
    }

    /// Parts a session from its link, which gets a closing word. The session stays.
    pub(super) fn part(&mut self, slot: u32, code: ErrorCode, reason: String, then: Reconnect) {
        let farewell =
            BrokerFrame::Disconnect(Shutdown { code, reason: reason.clone(), reconnect: then });
        let info = self.sessions[slot as usize].link.info;
        let place = self.seat(info, self.now);
        self.exchange_links(slot, place);
        let leaving = &mut self.sessions[place as usize];
        leaving.stage = Stage::Ending;
        leaving.link.control.push(leaving.link.info.codec, &farewell);
        self.moves.push((slot, place));
        self.endings.push(Ending { slot: place, code, reason });
        self.mark_dirty(place);
        self.go_away(slot);
    }

    /// Lets go of what of it is kept beyond what may be, while that is known of its link.
    pub(super) fn keep_no_more(&mut self, slot: u32) {
        let Self { sessions, log, .. } = self;
        sessions[slot as usize].keep_no_more(log);
    }

    pub(super) fn exchange_links(&mut self, one: u32, other: u32) {
        let pair = self.sessions.get2_mut(one as usize, other as usize);
        let (one, other) = pair.expect("both sessions are there");
        std::mem::swap(&mut one.link, &mut other.link);
    }

    /// A session's link is gone: what is for it waits from now on, and its share of queue groups is
    /// for others.
    pub(super) fn go_away(&mut self, slot: u32) {
        let now = self.now;
        let session = &mut self.sessions[slot as usize];
        session.stage = Stage::Away;
        session.link = Attachment::new(session.link.info, now);
        let mut lanes = 0;
        for (place, lane_slot) in session.lanes.iter_mut().enumerate() {
            lane_slot.lane.hold();
            lane_slot.begin_again(now);
            lanes |= 1 << place;
        }
        session.behind = true;
        self.laggards.insert(slot);
        self.away.insert((now, slot));
        self.settle(slot);
        self.late.defer(slot, lanes, self.log.end());
        self.tell_blocked(slot);
        self.say_to_holders(slot, OwnerState::Away);
        self.hand_back_unwritten(slot);
    }

    /// Ends the session that is away longest, if there are more than may be. Not while one is taken
    /// over: that isn't away for long.
    pub(super) fn bury_beyond_limit(&mut self) {
        if self.away.len() > self.config.absence.sessions_max
            && let Some((_, longest)) = self.away.first().copied()
        {
            self.bury(longest, ReleasedReason::Kicked);
        }
    }

    /// Hands back what of queue groups waits for a session that is away. If there is no other member,
    /// it comes again and waits.
    fn hand_back_unwritten(&mut self, slot: u32) {
        let Self { sessions, log, outgoing, .. } = self;
        let session = &mut sessions[slot as usize];
        let memberships: Vec<_> = session.memberships_of().collect();
        let of = |number| memberships.iter().find(|one| one.subscription == number);
        for lane_slot in &mut session.lanes {
            let taken = lane_slot.lane.take_addressed(|number| of(number).is_some(), log);
            for (number, extent) in taken {
                let Some(standing) = of(number) else { continue };
                for entry in extent.entries() {
                    let publication = log.publication(entry);
                    let standing = Box::new(standing.clone());
                    let publication = Box::new(publication);
                    outgoing.push(Command::HandBack { standing, publication });
                }
                broker_delivery::lane::Entries::let_go(log, extent);
            }
        }
    }

    /// Ends the sessions whose client didn't come back in time, and those that are away longest while
    /// too much waits for all of them.
    pub(super) fn expire(&mut self, now: Duration) {
        let over = |session: &Session| now >= session.expires_at();
        let away = self.away.iter().map(|(_, slot)| *slot);
        let expired: Vec<u32> = away.filter(|slot| over(&self.sessions[*slot as usize])).collect();
        expired.into_iter().for_each(|slot| self.bury(slot, ReleasedReason::TimedOut));
        let mut bytes = self.bytes_of_those_away();
        if bytes > self.config.absence.bytes_max {
            self.conflate_for_those_away();
            bytes = self.bytes_of_those_away();
        }
        while bytes > self.config.absence.bytes_max
            && let Some((_, longest)) = self.away.first().copied()
        {
            bytes -= self.sessions[longest as usize].bytes();
            self.bury(longest, ReleasedReason::Kicked);
        }
    }

    fn bytes_of_those_away(&self) -> u64 {
        self.away.iter().map(|(_, slot)| self.sessions[*slot as usize].bytes()).sum()
    }

    /// Conflates what waits for sessions without a link: what is replaced there counts no more.
    fn conflate_for_those_away(&mut self) {
        let Self { away, sessions, log, .. } = self;
        for (_, slot) in away.iter() {
            sessions[*slot as usize].lanes.iter_mut().for_each(|one| one.lane.conflate(log));
        }
    }

    /// Ends a session that is without a link.
    pub(super) fn bury(&mut self, slot: u32, how: ReleasedReason) {
        let since = self.sessions[slot as usize].link.opened;
        self.away.remove(&(since, slot));
        self.statistics.sessions_expired += 1;
        self.withdraw(slot, how);
        self.buried.push(slot);
    }

    /// Frees the slots of sessions that ended without a link.
    pub(super) fn forget_buried(&mut self) {
        for slot in std::mem::take(&mut self.buried) {
            self.forget(slot);
        }
    }

    /// Whether there are such links.
    pub fn has_moves(&self) -> bool {
        !self.moves.is_empty()
    }

    /// The links that belong to another slot now, from where and to where, in order.
    pub fn take_moves(&mut self) -> Vec<(u32, u32)> {
        std::mem::take(&mut self.moves)
    }
}

impl Session {
    /// What waits for it and is kept for it, in bytes.
    fn bytes(&self) -> u64 {
        let lanes = self.lanes.iter();
        let lanes = lanes.map(LaneSlot::bytes).sum::<u64>();
        lanes + self.recall.as_ref().map_or(0, |recall| recall.bytes())
    }

    fn memberships_of(&self) -> impl Iterator<Item = crate::Standing> + '_ {
        let groups = self.standing.iter();
        let groups = groups.filter(|(_, one)| matches!(one.purpose, Purpose::Group(_)));
        groups.filter_map(|(number, _)| self.standing_of(*number))
    }
}
