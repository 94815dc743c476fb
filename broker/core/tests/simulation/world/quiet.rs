//! The times of rest: nothing is said until nothing is under way, and then everything must hold.

use std::time::Duration;

use broker_core::{Flushed, Shard, Verdict};

use super::World;
use crate::judge::Violation;

impl World {
    /// A laggard pins its bound and a constant, no more.
    pub(super) fn check_memory(&mut self, shard: usize) {
        let here = self.clients.iter().filter(|client| client.shard == shard);
        let sessions = here.filter(|client| client.slot.is_some()).count();
        // Lanes that conflate hold up to twice their bound until they are walked.
        let lane = self.plan.config.lane.bound.bytes as usize + self.plan.payload_max;
        let log = self.plan.config.log_bytes_max + (1 << 20);
        let kept = self.plan.config.absence.resume_window as usize;
        let most = 2 * log + (sessions + self.away().len()) * 8 * (lane + kept);
        let bytes = self.shards[shard].log_bytes();
        if bytes > most {
            self.judge.blame(0, Err(format!("the log of shard {shard} holds {bytes} bytes")));
        }
    }

    /// How many messages moved out of the logs for laggards.
    pub(crate) fn copied_out(&self) -> u64 {
        self.shards.iter().map(|shard| shard.statistics().log.copied_out).sum()
    }

    /// Everybody reads and nothing is said until nothing is under way; then everything must hold.
    pub(super) fn rest(&mut self) -> Result<(), Violation> {
        self.bury_ghosts();
        for round in 0..if self.plan.stays { 13 } else { 8 } {
            self.settle()?;
            if round == 8 && self.plan.stays {
                self.consume_all();
            }
            self.advance(Duration::from_millis(400));
        }
        self.settle()?;
        self.settle_expired();
        for shard in 0..self.shards.len() {
            let bytes = self.shards[shard].log_bytes();
            if bytes > 0 {
                let what = format!("nobody is behind, and the log of {shard} holds {bytes} bytes");
                self.judge.blame(0, Err(what));
            }
        }
        self.judge.at_rest();
        self.verdict()
    }

    fn settle(&mut self) -> Result<(), Violation> {
        loop {
            self.judge.step += 1;
            let mut moved = false;
            for client in self.away() {
                self.come_back(client);
                moved = true;
            }
            for client in self.living() {
                self.release(client);
                self.answer(client);
                moved |= !self.clients[client].upload.is_empty() && !self.clients[client].closing;
                self.upload(client);
            }
            for shard in 0..self.shards.len() {
                self.turn(shard, true);
            }
            for client in 0..self.clients.len() {
                while self.read_some(client, false) {
                    moved = true;
                }
            }
            self.verdict()?;
            moved |= self.inboxes.iter().any(|inbox| !inbox.is_empty());
            moved |= self.shards.iter().any(|shard| shard.has_batch() || shard.dirty() > 0);
            moved |= self.clients.iter().any(|client| client.closing && client.slot.is_some());
            if !moved && self.none_blocked() {
                return Ok(());
            }
        }
    }

    /// Whoever has a link has everything that came.
    fn consume_all(&mut self) {
        for client in self.living() {
            if self.judge.views[client].is_live() {
                self.consume(client, true);
            }
        }
    }

    fn none_blocked(&mut self) -> bool {
        let mut none = true;
        for client in self.living() {
            none &= self.flush(client, Some(Verdict::Refused)) == Flushed::Everything;
        }
        none
    }

    /// Everybody goes, and nothing is left of them.
    pub(super) fn end(&mut self) -> Result<(), Violation> {
        for client in self.living() {
            match self.random.percent(50) && !self.clients[client].closing {
                true => self.say_goodbye(client, false),
                false => self.die(client),
            }
            self.clients[client].session = None;
        }
        self.settle()?;
        self.wait_for_expiry();
        self.settle()?;
        let left: usize = self.shards.iter().map(Shard::sessions).sum();
        let bytes: usize = self.shards.iter().map(Shard::log_bytes).sum();
        if left + bytes > 0 {
            let what = format!("everybody went, and {left} sessions and {bytes} bytes are left");
            self.judge.blame(0, Err(what));
        }
        self.verdict()
    }
}
