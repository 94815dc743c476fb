//! A client comes back: its session goes on over another link.

use broker_protocol::ErrorCode;
use broker_protocol::frame::{BrokerFrame, Connect, LanePosition, OwnerState, Reconnect, Resume};

use super::Shard;
use super::lanes::LANE_NUMBER_MAX;
use crate::session::Stage;
use crate::{Now, SessionId};

impl Shard {
    /// The session that a client wishes to go on with, if it is here, the client's own, and can go on
    /// from where the client is.
    pub(super) fn resumable(&self, resume: &Resume) -> Option<u32> {
        let id = SessionId::parse(&resume.session)?;
        let session = self.sessions.get(id.slot as usize).filter(|session| session.id == id)?;
        // One that ends with its link keeps nothing of what was sent and answered.
        let there = matches!(session.stage, Stage::Open | Stage::Away) && session.expiry > 0;
        let secret = u128::from_str_radix(&resume.secret, 16).ok()?;
        let own = there && secret == session.link.info.secret;
        let at = |number| position_of(&resume.lanes, number);
        let goes_on = |number| session.lanes.iter().any(|one| one.number == number);
        let known = resume.lanes.iter().all(|one| one.frames == 0 || goes_on(one.lane));
        let can = session.lanes.iter().all(|one| one.lane.can_rewind(at(one.number)));
        (own && known && can && self.draining.is_none()).then_some(id.slot)
    }

    /// Goes on with a session over the link in `slot`, which is free from then on.
    pub(super) fn resume(&mut self, now: Now, slot: u32, home: u32, connect: &Connect) {
        if self.sessions[home as usize].stage == Stage::Open {
            let reason = "another connection goes on with this session".to_owned();
            self.part(home, ErrorCode::TakenOver, reason, Reconnect::Never);
        }
        self.settle(home);
        let before = self.sessions[home as usize].link.info;
        self.away.remove(&(self.sessions[home as usize].link.opened, home));
        self.exchange_links(slot, home);
        self.sessions.remove(slot as usize);
        self.moves.push((slot, home));
        self.statistics.sessions_resumed += 1;
        let expiry = self.expiry_for(connect);
        let session = &mut self.sessions[home as usize];
        session.link.info.secret = before.secret;
        (session.stage, session.expiry) = (Stage::Open, expiry);
        // What is rendered for another codec may not be rendered for this one. Costs a visit to all
        // topics.
        if session.link.info.codec != before.codec {
            self.routes.look_up_again();
        }
        let positions = self.rewind(now, home, connect);
        self.attached(home, connect);
        let connected = self.connected(home, Some(positions));
        self.tell(home, &BrokerFrame::Connected(connected));
        self.tell_blocked(home);
        self.say_to_holders(home, OwnerState::Back);
        self.mark_dirty(home);
    }

    /// Has every lane go on from where the client is. Returns from where they do.
    fn rewind(&mut self, now: Now, home: u32, connect: &Connect) -> Vec<LanePosition> {
        let most = self.config.limits.commands_open_max;
        let asked = connect.resume.as_ref().map_or(&[][..], |resume| &resume.lanes);
        let Self { sessions, log, .. } = self;
        let session = &mut sessions[home as usize];
        let (mut positions, mut lost) = (Vec::new(), Vec::new());
        for (place, slot) in session.lanes.iter_mut().enumerate() {
            let (lane, from) = (slot.number, position_of(asked, slot.number));
            let rewound = slot.lane.rewind(from, log);
            debug_assert!(rewound.is_ok(), "who resumes was seen to be able to");
            let frames = rewound.unwrap_or_else(|_| slot.lane.frames());
            if frames > from {
                lost.push(place);
            }
            slot.begin_again(now.monotonic);
            positions.push(LanePosition { lane, frames });
        }
        let (last_publish_id, coming) = (session.last_publish_id, session.answers_coming());
        session.recall.get_or_insert_default().come_back(last_publish_id, coming, most);
        lost.into_iter().for_each(|lane| self.replay_again((home, lane)));
        positions
    }
}

/// What no client can mean that names lanes to go on with, if there is such: a lane that can't be, or
/// one twice.
pub(super) fn faulty_positions(resume: &Resume) -> Option<String> {
    let mut named = 0_u16;
    resume.lanes.iter().find_map(|LanePosition { lane, .. }| {
        if *lane > LANE_NUMBER_MAX {
            return Some(format!("`resume` names lane {lane}; lanes are 0 to {LANE_NUMBER_MAX}"));
        }
        let bit = 1 << *lane;
        let again = named & bit != 0;
        named |= bit;
        again.then(|| format!("`resume` names lane {lane} twice"))
    })
}

fn position_of(positions: &[LanePosition], lane: u8) -> u64 {
    positions.iter().find(|one| one.lane == lane).map_or(0, |one| one.frames)
}
