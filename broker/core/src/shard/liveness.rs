//! Silence: handshakes that don't come, peers that freeze, requests that time out.

use std::time::Duration;

use broker_protocol::ErrorCode;
use broker_protocol::frame::{BrokerFrame, Ping, Reconnect};

use super::Shard;
use crate::Now;
use crate::session::{LaneSlot, PongTo, Session, Stage};

/// How often the sessions are looked at. A frozen peer is noticed this much late at most.
const SCAN_EVERY: Duration = Duration::from_millis(250);

/// What silence asks for.
enum Measure {
    Wait,
    Ping,
    End(ErrorCode, &'static str),
}

impl Shard {
    /// Does what time has brought due. Returns when to call again at the latest.
    pub fn tick(&mut self, now: Now) -> Duration {
        self.now = now.monotonic;
        self.expire_requests(now.monotonic);
        self.settle_holds();
        if now.monotonic >= self.next_scan {
            self.next_scan = now.monotonic + SCAN_EVERY;
            self.scan(now.monotonic);
            self.expire(now.monotonic);
            self.settle_holders();
            self.remind(now.monotonic);
        }
        self.keep_pace(now.monotonic);
        self.next_tick()
    }

    /// When [`tick`](Shard::tick) is to be called at the latest. What was sent since it was called may
    /// have made that sooner.
    pub fn next_tick(&self) -> Duration {
        if self.has_holds_to_settle() {
            return self.now;
        }
        let due = self.next_deadline().into_iter().chain(self.paces.next());
        let due = due.chain(self.late.due(self.now));
        due.fold(self.next_scan, Duration::min)
    }

    fn scan(&mut self, now: Duration) {
        let handshake_timeout = self.config.liveness.handshake_timeout;
        let misses = self.config.liveness.ping_misses;
        let due: Vec<(u32, Measure)> = self
            .sessions
            .iter()
            .map(|(slot, session)| (slot as u32, session.measure(now, handshake_timeout, misses)))
            .filter(|(_, measure)| !matches!(measure, Measure::Wait))
            .collect();
        for (slot, measure) in due {
            match measure {
                Measure::Wait => {}
                Measure::Ping => self.ping(slot),
                Measure::End(code, reason) => {
                    self.statistics.timed_out += 1;
                    self.end(slot, code, reason.to_owned(), Reconnect::Now);
                }
            }
        }
    }

    fn ping(&mut self, slot: u32) {
        let session = &mut self.sessions[slot as usize];
        session.give_back();
        session.link.pings_sent += 1;
        // The answer to a ping of the transport's own may stand for that to a mark, and then tells as
        // much as that.
        let mark = match session.link.info.pings {
            PongTo::Frame => 0,
            PongTo::Transport => session.newest_mark().map_or(0, |(_, mark)| mark),
        };
        if mark == 0 {
            session.link.pings_open += 1;
            session.lanes.iter_mut().for_each(LaneSlot::note_ping);
            session.note_ping();
        }
        match session.link.info.pings {
            PongTo::Frame => self.tell(slot, &BrokerFrame::Ping(Ping { mark: None })),
            PongTo::Transport => self.native_pings.push((slot, mark)),
        }
    }
}

impl Session {
    fn measure(&self, now: Duration, handshake_timeout: Duration, misses: u32) -> Measure {
        let link = &self.link;
        let silent = now.saturating_sub(link.received);
        match self.stage {
            Stage::Connecting if now >= link.opened + handshake_timeout => {
                Measure::End(ErrorCode::HandshakeTimeout, "`connect` didn't come in time")
            }
            Stage::Connecting | Stage::Away | Stage::Ending => Measure::Wait,
            // Nobody is given up without having been asked, however short the interval is.
            Stage::Open | Stage::Draining
                if silent >= link.ping_interval() * misses && link.pings_sent > 0 =>
            {
                Measure::End(ErrorCode::IdleTimeout, "no sign of life, in spite of pings")
            }
            Stage::Open | Stage::Draining => {
                let due = link.ping_interval() * (link.pings_sent + 1);
                if silent >= due { Measure::Ping } else { Measure::Wait }
            }
        }
    }
}
