//! The turn: one pass over what is ready.
//!
//! Read (by the connections, before) → submit → apply → flush → end.

use std::rc::Rc;

use broker_core::{Deadline, Shard as Rules};
use tokio::sync::watch;
use tokio::time::Instant;
use transport_api::LinkError;

use super::connection::Connection;
use super::{Shard, Stop};

/// How many sessions are written to before the sockets are polled again. The next turn goes on
/// where this one stopped, so that nobody is always last. With many more, what comes over QUIC waits
/// at its one socket meanwhile, of which little is read at a time, and leaves in pieces.
const SLICE_SESSIONS: usize = 32;

/// Takes turns until the broker is to stop. `None` if it was dropped.
pub(super) async fn run(
    shard: &Rc<Shard>,
    mut stopping: watch::Receiver<Option<Stop>>,
) -> Option<Stop> {
    let mut next_tick = shard.clock.instant(shard.turn());
    loop {
        tokio::select! {
            biased;
            stopped = stopping.wait_for(Option::is_some) => {
                return stopped.ok().and_then(|stop| *stop);
            }
            () = shard.wait(next_tick) => {}
        }
        next_tick = shard.clock.instant(shard.turn());
        if shard.has_more() {
            // Lets the runtime poll sockets and timers, and goes on.
            shard.work.notify_one();
            tokio::task::yield_now().await;
        }
    }
}

/// Sends what waits up to the deadline, then closes every connection.
///
/// Before the deadline nobody is closed until every shard has stopped taking commands and what they
/// had taken is applied here: what was acknowledged is delivered.
pub(super) async fn drain(shard: &Rc<Shard>, stop: Stop) {
    shard.rules.borrow_mut().drain();
    shard.turn();
    shard.exchange.fall_quiet();
    let until = Instant::now() + stop.deadline;
    let mut settled = false;
    loop {
        let deadline = if Instant::now() < until { Deadline::Ahead } else { Deadline::Passed };
        if settled || deadline == Deadline::Passed {
            shard.rules.borrow_mut().end_drained(deadline, stop.spread);
        }
        let quiet = shard.exchange.is_quiet();
        let next_tick = shard.clock.instant(shard.turn());
        if shard.rules.borrow().sessions() == 0 {
            return;
        }
        let settles = quiet && !settled;
        settled = quiet;
        let wake = if deadline == Deadline::Ahead { next_tick.min(until) } else { next_tick };
        if settles || shard.has_more() {
            tokio::task::yield_now().await;
        } else {
            shard.wait(wake).await;
        }
    }
}

impl Shard {
    async fn wait(&self, next_tick: Instant) {
        tokio::select! {
            // Whichever it is, a turn follows; without chance a simulated run repeats itself.
            biased;
            () = self.work.notified() => {}
            () = self.exchange.inbox(self.id).arrived() => {}
            () = tokio::time::sleep_until(next_tick) => {}
        }
    }

    /// One turn. Returns when the rules want to be ticked at the latest.
    fn turn(&self) -> std::time::Duration {
        let mut rules = self.rules.borrow_mut();
        let now = self.now();
        rules.tick(now);
        if let Some(batch) = rules.take_batch() {
            self.exchange.submit(self.id, now, &batch);
            rules.reuse_batch(batch);
        }
        let mut items = self.exchange.take(self.id, self.items.take());
        rules.apply(items.drain(..));
        self.items.set(items);
        self.apply_moves(&rules.take_moves());
        let lost = self.flush_slice(&mut rules);
        self.inspect(&mut rules);
        rules.end_turn();
        self.note_unserved(rules.unserved());
        let next_tick = rules.next_tick();
        self.ping(&mut rules);
        let endings = rules.take_endings();
        drop(rules);
        lost.iter().for_each(|(connection, error)| self.lose(connection, error));
        endings.into_iter().for_each(|ending| self.begin_to_close(ending));
        self.resume_paused();
        self.reap();
        next_tick
    }

    /// Writes to some of the sessions that have something to write. Returns those whose link is
    /// gone.
    fn flush_slice(&self, rules: &mut Rules) -> Vec<(Rc<Connection>, LinkError)> {
        let mut lost = Vec::new();
        for _ in 0..SLICE_SESSIONS {
            let Some(slot) = rules.next_dirty() else { break };
            let Some(connection) = self.connection(slot) else { continue };
            if let Err(error) = connection.flush(rules) {
                tracing::debug!(slot, %error, "link ended");
                lost.push((connection, error));
            }
            if rules.has_moves() {
                self.apply_moves(&rules.take_moves());
            }
        }
        lost
    }

    /// Looks at sessions for those who ask about them.
    fn inspect(&self, rules: &mut Rules) {
        if !rules.has_to_inspect() {
            return;
        }
        let connections = self.connections.borrow();
        let peer = |slot: u32| connections.get(slot as usize)?.as_ref()?.peer();
        rules.inspect(self.now(), &peer);
    }

    fn ping(&self, rules: &mut Rules) {
        for (slot, mark) in rules.take_native_pings() {
            if let Some(connection) = self.connection(slot) {
                connection.ping(mark);
            }
        }
    }

    /// Has the connections polled that wait for this turn, and those that wait for the broker
    /// unless it is still behind.
    fn resume_paused(&self) {
        self.paused.take().iter().for_each(|connection| connection.resume());
        if !self.exchange.is_overrun() {
            self.held_back.take().iter().for_each(|connection| connection.release());
        }
    }

    /// Whether there is work that nobody will announce.
    fn has_more(&self) -> bool {
        let rules = self.rules.borrow();
        let written = rules.dirty() > 0 || rules.batch_bytes() > 0 || rules.has_batch();
        written || rules.has_to_inspect() || rules.has_to_settle()
    }
}
