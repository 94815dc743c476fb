//! How sessions end.

use broker_delivery::lane::Item;
use broker_protocol::ErrorCode;
use broker_protocol::frame::{BrokerFrame, Reconnect, ReleasedReason, Shutdown};

use super::Shard;
use super::callbacks::reason_of;
use super::routes::Target;
use crate::command::Purpose;
use crate::session::{Stage, Standpoint};
use crate::{Addressee, Command, Now};

/// After how many milliseconds a client that was refused for want of room is asked to return.
const REFUSED_RETURN: u64 = 5000;

/// A session that has ended and whose link is to be closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// The session's slot, to be [forgotten](Shard::forget) once the link is closed.
    pub slot: u32,
    /// Why, for programs.
    pub code: ErrorCode,
    /// Why, for people.
    pub reason: String,
}

impl Shard {
    /// A link is gone without a word: its session waits for its client, where it may.
    pub fn lost(&mut self, now: Now, slot: u32) {
        self.now = now.monotonic;
        if self.stays(slot) {
            self.keep_no_more(slot);
            self.go_away(slot);
            return self.bury_beyond_limit();
        }
        self.gone_how(slot, ReleasedReason::TimedOut);
    }

    /// A link was closed by its client, in good order: so ends its session.
    pub fn gone(&mut self, slot: u32) {
        self.gone_how(slot, ReleasedReason::Closed);
    }

    fn gone_how(&mut self, slot: u32, how: ReleasedReason) {
        if self.sessions[slot as usize].stage != Stage::Ending {
            self.withdraw(slot, how);
        }
        self.endings.retain(|ending| ending.slot != slot);
        self.forget(slot);
    }

    /// The sessions that have ended since the last time: each is to be flushed once more (its
    /// closing word is control) and its link to be closed.
    pub fn take_endings(&mut self) -> Vec<Ending> {
        std::mem::take(&mut self.endings)
    }

    /// Ends a session that isn't to be, before it began.
    pub fn refuse(&mut self, slot: u32, code: ErrorCode, reason: String) {
        self.end(slot, code, reason, Reconnect::Later(REFUSED_RETURN));
    }

    /// Ends a session whose client broke the protocol.
    pub(super) fn end_faulty(&mut self, slot: u32, code: ErrorCode, reason: String) {
        self.end(slot, code, reason, Reconnect::Never);
    }

    /// Ends a session with a closing word.
    pub(super) fn end(&mut self, slot: u32, code: ErrorCode, reason: String, then: Reconnect) {
        match self.sessions[slot as usize].stage {
            Stage::Ending => return,
            Stage::Away => return self.bury(slot, reason_of(code)),
            Stage::Open if is_resumable(code) && self.stays(slot) => {
                self.keep_no_more(slot);
                self.part(slot, code, reason, then);
                return self.bury_beyond_limit();
            }
            _ => {}
        }
        self.withdraw(slot, reason_of(code));
        let farewell =
            BrokerFrame::Disconnect(Shutdown { code, reason: reason.clone(), reconnect: then });
        let link = &mut self.sessions[slot as usize].link;
        link.control.push(link.info.codec, &farewell);
        self.endings.push(Ending { slot, code, reason });
    }

    /// Takes back everything that a session stands for.
    pub(super) fn withdraw(&mut self, slot: u32, how: ReleasedReason) {
        let unwritten = self.unwritten(slot);
        let session = &mut self.sessions[slot as usize];
        let was_open = session.stage != Stage::Connecting;
        session.stage = Stage::Ending;
        if std::mem::take(&mut session.behind) {
            self.laggards.remove(&slot);
            self.late.end(slot);
        }
        for lane_slot in &mut session.lanes {
            self.statistics.dropped += lane_slot.lane.books().dropped;
            self.statistics.conflated += lane_slot.lane.books().conflated;
            self.statistics.merged += lane_slot.lane.books().merged;
            self.statistics.expired += lane_slot.lane.books().expired;
            lane_slot.lane.clear(&mut self.log);
            // Nothing of it is to be sent any more: the closing word doesn't wait for its channel.
            lane_slot.blocked = false;
        }
        self.withdraw_subscriptions(slot);
        // Behind the withdrawal: nothing is handed back to the member that goes.
        unwritten.into_iter().for_each(|command| self.outgoing.push(command));
        self.withdraw_callbacks(slot, how);
        self.withdraw_requests(slot);
        if was_open {
            let session = &self.sessions[slot as usize];
            let (session, name) = (session.id, session.name.clone());
            self.outgoing.push(Command::Close { session, name });
        }
    }

    fn withdraw_subscriptions(&mut self, slot: u32) {
        let session = &mut self.sessions[slot as usize];
        let numbers: Vec<u64> = session.standing.keys().copied().collect();
        for number in numbers {
            let standing = session.standing_of(number).expect("its number was just there");
            let found = session.end_standing(number).expect("its number was just there");
            if found.state != Standpoint::Asked {
                let lane = found.lane as u32;
                self.matcher.remove(&found.filter, &Target { slot, lane, subscription: number });
            }
            if matches!(standing.purpose, Purpose::Group(_)) {
                let addressee = Addressee { session: standing.session, subscription: number };
                self.departed.insert(addressee, standing.clone());
            }
            if found.state != Standpoint::Leaving {
                let standing = Box::new(standing);
                self.outgoing.push(Command::Unsubscribe { standing, id: None });
            }
        }
    }

    fn withdraw_requests(&mut self, slot: u32) {
        let session = &mut self.sessions[slot as usize];
        let generation = session.id.generation;
        let Some(dealings) = session.dealings.take() else { return };
        for (id, asked) in dealings.asked.iter() {
            self.deadlines.remove(&(asked.deadline, slot, generation, *id));
            self.outgoing.push(Command::Cancel { token: asked.token });
        }
        for token in dealings.answering.keys() {
            let message = "the provider went away before it answered";
            self.outgoing.refuse(*token, ErrorCode::ProviderGone, message);
        }
    }

    /// What of queue groups was never written, to be handed back for other members.
    fn unwritten(&self, slot: u32) -> Vec<Command> {
        let session = &self.sessions[slot as usize];
        let mut commands = Vec::new();
        for item in session.lanes.iter().flat_map(|lane_slot| lane_slot.lane.items()) {
            let Item::Addressed { extent, subscription } = item else { continue };
            let Some(standing) = session.membership(*subscription) else { continue };
            for entry in extent.entries() {
                let publication = self.log.publication(entry);
                let standing = Box::new(standing.clone());
                let publication = Box::new(publication);
                commands.push(Command::HandBack { standing, publication });
            }
        }
        commands
    }
}

/// Whether a session that ends its connection so is there for its client to come back to.
fn is_resumable(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::SlowConsumer | ErrorCode::IdleTimeout)
}
