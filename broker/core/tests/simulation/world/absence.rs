//! Links that break, clients that stay away for a while, come back, or come twice.

use std::time::Duration;

use broker_core::{Ending, Heard};
use broker_protocol::ErrorCode;

use super::World;
use crate::client::{Client, any_framing, any_link};
use crate::plan::EXPIRY;

impl World {
    /// Clients without a link that may go on with their session.
    pub(super) fn away(&self) -> Vec<usize> {
        let clients = self.clients.iter().enumerate();
        let away = clients.filter(|(place, client)| {
            client.slot.is_none() && client.session.is_some() && !self.judge.views[*place].ended
        });
        away.map(|(place, _)| place).collect()
    }

    /// A link breaks: what is under way in it is lost.
    pub(super) fn die(&mut self, client: usize) {
        let shard = self.clients[client].shard;
        let Some(slot) = self.clients[client].slot.take() else { return };
        self.judge.note(client, || "loses its link".to_owned());
        self.shards[shard].lost(self.now, slot);
        self.follow(shard);
        if self.session_stays(client) {
            self.lose_link(client);
            return;
        }
        self.judge.ended(client);
        // The broker may not know yet that its client said goodbye.
        let deadline = self.now.monotonic + EXPIRY;
        self.clients[client].deadline = self.plan.stays.then_some(deadline);
        while self.read_some(client, true) {}
    }

    /// Whether a client's session is still there when its link is gone.
    fn session_stays(&self, client: usize) -> bool {
        let Client { is_auditor, says_goodbye, keeps, ghost_of, .. } = self.clients[client];
        let ends = is_auditor || ghost_of.is_some() || (says_goodbye && !keeps);
        self.plan.stays && !ends && !self.judge.views[client].ended
    }

    /// What a client hasn't read of its link it won't read any more.
    fn lose_link(&mut self, client: usize) {
        let mut left = self.clients[client].leave_link();
        let unread = left.unread();
        for (channel, bytes) in left.link.drain() {
            for frame in left.read(channel, &bytes).unwrap_or_default() {
                if let Ok(Some(frame)) = left.info.codec.read_broker(&frame) {
                    self.judge.views[client].miss(channel, &frame);
                    self.judge.was_written(client, &frame);
                }
            }
        }
        self.judge.views[client].lose_link(unread);
        let deadline = self.now.monotonic + EXPIRY;
        self.clients[client].deadline.get_or_insert(deadline);
    }

    /// A link is to be closed, for whatever reason.
    pub(super) fn ending(&mut self, shard: usize, ending: &Ending) {
        let Some(client) = self.client_of(shard, ending.slot) else { return };
        let Ending { code, reason, .. } = ending;
        self.judge.note(client, || format!("is told that its connection ends: {reason}"));
        self.clients[client].closing = true;
        let stays = match code {
            ErrorCode::SlowConsumer | ErrorCode::IdleTimeout => self.plan.stays,
            ErrorCode::Closed => self.clients[client].keeps,
            _ => false,
        };
        if stays {
            self.judge.views[client].losses += 1;
            // The shard may have looked at its clock a moment ago.
            let deadline = self.ticked[shard] + EXPIRY;
            self.clients[client].deadline.get_or_insert(deadline);
        }
        // Who has said goodbye doesn't come back, even if the broker hasn't heard that.
        if !(stays && self.session_stays(client)) {
            self.judge.ended(client);
        }
        self.farewell(client);
    }

    /// Sessions end whose clients stayed away for too long.
    pub(super) fn expire(&mut self) {
        for client in 0..self.clients.len() {
            let Client { slot, closing, deadline: Some(deadline), .. } = self.clients[client]
            else {
                continue;
            };
            let is_away = slot.is_none() || closing;
            if is_away && deadline <= self.now.monotonic && !self.judge.views[client].ended {
                self.judge.count("expiries");
                self.judge.ended(client);
            }
        }
    }

    /// Nothing is left of sessions that ended without a link: until now some was sent to them.
    pub(super) fn settle_expired(&mut self) {
        for place in 0..self.clients.len() {
            let over = |deadline: &mut Duration| *deadline <= self.now.monotonic;
            if self.clients[place].deadline.take_if(over).is_some() {
                self.judge.name_ended(place);
                // What its lanes had dropped by then was told to nobody.
                self.judge.excuse_groups(place);
            }
        }
    }

    /// A client comes back over another link, and perhaps to another shard.
    pub(super) fn come_back(&mut self, client: usize) {
        if self.random.percent(50) {
            while self.read_some(client, false) {}
        }
        self.lose_link(client);
        self.judge.note(client, || "comes back".to_owned());
        self.take_link(client);
    }

    /// A client comes back while the broker takes its first link to be alive.
    pub(super) fn take_over(&mut self, client: usize) {
        let Client { closing, resuming, ghost_of, is_auditor, .. } = self.clients[client];
        let may = !(closing || resuming || is_auditor || ghost_of.is_some());
        let knows = self.clients[client].session.is_some() && !self.clients[client].says_goodbye;
        if !(self.plan.stays && may && knows && self.judge.views[client].is_live()) {
            return;
        }
        self.judge.note(client, || "connects once more".to_owned());
        let mut ghost = self.clients[client].leave_link();
        ghost.ghost_of = Some(client);
        self.judge.taken_over.insert(client);
        // The broker goes on writing to it until it knows.
        self.judge.views[client].lose_link(u64::MAX);
        self.judge.views[client].missed = None;
        self.judge.enter_ghost(&ghost.name);
        self.clients.push(ghost);
        self.take_link(client);
    }

    fn take_link(&mut self, client: usize) {
        let (info, framing) = (any_link(&mut self.random), any_framing(&mut self.random));
        let shard = self.random.below(self.plan.shards);
        let applied = self.applied.iter().min().copied().unwrap_or_default();
        self.clients[client].take_link(info, framing, applied);
        self.clients[client].link.refusing = self.plan.refusing;
        self.clients[client].shard = shard;
        self.clients[client].slot = Some(self.shards[shard].attach(self.now, info));
        let step = self.judge.step;
        self.judge.views[client].take_link(info.separate_lanes, step);
        self.say_connect(client);
    }

    /// Its session is gone: a client begins anew. Returns which client that is.
    pub(super) fn renew(&mut self, client: usize) -> usize {
        let early = self.clients[client].deadline.is_none_or(|at| self.now.monotonic < at);
        if early && self.judge.views[client].must_be_there(self.plan.config.absence.resume_window) {
            self.judge.blame(client, Err("its session was gone before its time".to_owned()));
        }
        let mut renewed = self.clients[client].leave_link();
        renewed.resuming = false;
        let place = self.judge.enter(&renewed.name, renewed.info.separate_lanes);
        let Client { closing, says_goodbye, keeps, .. } = renewed;
        self.judge.views[place].leaves = says_goodbye;
        self.clients.push(renewed);
        self.judge.ended(client);
        // The goodbye that ended its link was for this session.
        if closing && says_goodbye && !keeps {
            self.judge.ended(place);
        }
        place
    }

    /// What a shard heard of a link may be for another.
    pub(super) fn settle_in(&mut self, client: usize, heard: Heard) {
        let from = self.clients[client].shard;
        self.follow(from);
        let Heard::Elsewhere { shard, early } = heard else { return };
        self.judge.count("changes of the shard");
        let to = usize::from(shard.0);
        let Client { info, framing, .. } = self.clients[client];
        let slot = self.shards[to].attach(self.now, info);
        (self.clients[client].shard, self.clients[client].slot) = (to, Some(slot));
        self.shards[to].receive(self.now, slot, &early, framing);
        self.follow(to);
    }

    /// Links follow their sessions from slot to slot.
    pub(super) fn follow(&mut self, shard: usize) {
        for (from, to) in self.shards[shard].take_moves() {
            let Some(client) = self.client_of(shard, from) else { continue };
            self.clients[client].slot = Some(to);
            if self.clients[client].ghost_of.is_some() {
                self.judge.count("takeovers");
                self.judge.views[client].silenced.get_or_insert(self.flushes);
            }
        }
    }

    /// Links break that others have taken the place of.
    pub(super) fn bury_ghosts(&mut self) {
        for client in self.living() {
            if self.clients[client].ghost_of.is_some() {
                self.die(client);
            }
        }
    }

    /// Time enough for sessions without a link to end.
    pub(super) fn wait_for_expiry(&mut self) {
        self.advance(EXPIRY + Duration::from_secs(1));
        (0..self.shards.len()).for_each(|shard| self.turn(shard, true));
    }
}
