//! What comes for lanes that wait anyway: noted at once, put into them later.
//!
//! Thousands of lanes that can't be sent from are thousands of looks at memory that is far away, for
//! each message. So whoever can be written to gets what comes at once, and for the others it is noted,
//! once for all of them. It is put into their lanes a few in each turn, behind what is sent, and then
//! all that came since. A session is settled before anything else is done with its lanes: when its
//! link takes more, when something comes for it alone, when it ends.
//!
//! Invariant: what is noted for a lane is newer than all that is in it, and still in the log.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use broker_delivery::lane::{Entries as _, Extent, Overflowed, Pushed};

use super::Shard;

/// How much is noted while everybody is settled once, in bytes of frames; an eighth of the log's budget
/// at most. Twice as much may be noted in all.
const ROUND_BYTES: u64 = 256 << 10;

/// The same in rows.
const ROUND_ROWS: u64 = 128;

/// How many times as many are settled in a turn in which nothing came for lanes that wait.
const QUIET_TIMES: u64 = 16;

/// How many sessions are settled in one turn, where no more are owed than several times that: it is a
/// small part of a millisecond.
const SETTLED_PER_TURN: u64 = 64;

/// The part of what is owed that a turn takes, if that is more.
const OWED_PART: u64 = 8;

/// How many lanes are passed over in a turn for each that is settled.
const PASSED_PER_SETTLED: u64 = 16;

/// When a turn is due for what is noted, if nothing else comes.
const TURN_AFTER: Duration = Duration::from_millis(10);

/// Who gets the messages of a row: sessions' slots and places of lanes, in order.
pub(super) type Targets = Arc<[(u32, u32)]>;

/// What is noted for lanes that wait.
#[derive(Debug, Default)]
pub(super) struct Late {
    /// What came, oldest first, until all who get it were passed.
    rows: VecDeque<Row>,
    /// By the slot.
    sessions: Vec<Deferred>,
    /// How many sessions have lanes that wait.
    count: u64,
    /// What came in this turn: the bytes of each row, times how many get it.
    noted: u64,
    /// How many get the rows that began in this turn.
    begun: u64,
    /// How many sessions are left to later turns.
    owed: u64,
}

/// Messages that follow each other in the log.
#[derive(Debug)]
struct Row {
    targets: Targets,
    extent: Extent,
    /// How many of the targets were passed.
    passed: usize,
}

/// Of which lanes of a session it is noted what comes.
#[derive(Debug, Clone, Copy, Default)]
struct Deferred {
    /// A bit for each, by its place.
    lanes: u16,
    /// From which entry on.
    since: u64,
}

impl Deferred {
    fn has(self, lane: u32) -> bool {
        self.lanes >> lane & 1 == 1
    }
}

impl Late {
    /// Notes from now on what comes for these lanes of a session, a bit for each. All that was noted
    /// for it was settled.
    pub(super) fn defer(&mut self, slot: u32, lanes: u16, end: u64) {
        let place = slot as usize;
        if self.sessions.len() <= place {
            self.sessions.resize(place + 1, Deferred::default());
        }
        let before = std::mem::replace(&mut self.sessions[place], Deferred { lanes, since: end });
        self.count = self.count + u64::from(lanes != 0) - u64::from(before.lanes != 0);
    }

    /// Notes nothing any more for a session.
    pub(super) fn end(&mut self, slot: u32) {
        if self.of(slot).lanes != 0 {
            self.sessions[slot as usize] = Deferred::default();
            self.count -= 1;
        }
        if self.count == 0 {
            self.rows.clear();
        }
    }

    #[inline]
    fn of(&self, slot: u32) -> Deferred {
        self.sessions.get(slot as usize).copied().unwrap_or_default()
    }

    /// Whether what comes for a lane is to be noted.
    #[inline]
    pub(super) fn takes(&self, slot: u32, lane: u32) -> bool {
        self.of(slot).has(lane)
    }

    /// Notes what came for all of these lanes that wait.
    pub(super) fn note(&mut self, targets: &Targets, extent: Extent, bytes: u64) {
        self.noted += bytes * targets.len() as u64;
        match self.rows.back_mut() {
            Some(row)
                if row.passed == 0
                    && row.extent.end == extent.start
                    && Arc::ptr_eq(&row.targets, targets) =>
            {
                row.extent.end = extent.end;
            }
            _ => {
                self.begun += targets.len() as u64;
                self.rows.push_back(Row { targets: targets.clone(), extent, passed: 0 });
            }
        }
    }

    /// The oldest entry that may not be in all lanes yet.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.rows.front().map(|row| row.extent.start)
    }

    /// Visits what a session is still to get of these entries, the last among them. Returns how many
    /// rows that were.
    pub(super) fn visit_noted(
        &self,
        slot: u32,
        (first, last): (u64, u64),
        mut visit: impl FnMut(Extent),
    ) -> usize {
        let of = self.of(slot);
        if of.lanes == 0 {
            return 0;
        }
        let from = self.rows.partition_point(|row| row.extent.end <= of.since.max(first));
        let to = self.rows.partition_point(|row| row.extent.start <= last).max(from);
        let rows = self.rows.range(from..to).flat_map(|row| row.for_session(slot, of));
        rows.for_each(|(_, extent)| visit(extent));
        to - from
    }

    /// When a turn is due, if nothing else comes.
    pub(super) fn due(&self, now: Duration) -> Option<Duration> {
        (!self.rows.is_empty()).then(|| now + TURN_AFTER)
    }

    /// How many sessions are to be settled in this turn.
    fn take_share(&mut self, least: u64, round_bytes: u64) -> u64 {
        let noted = std::mem::take(&mut self.noted);
        let share = noted.div_ceil(round_bytes) + std::mem::take(&mut self.begun) / ROUND_ROWS;
        self.owed += share;
        let share = self.owed.min(SETTLED_PER_TURN.max(self.owed / OWED_PART));
        self.owed -= share;
        let quiet = noted == 0 && share == 0;
        share.max(if quiet { least * QUIET_TIMES } else { least })
    }

    /// The next session for which something is noted, within so many steps.
    fn next(&mut self, steps: &mut u64) -> Option<u32> {
        while let Some(row) = self.rows.front_mut() {
            while let Some((slot, lane)) = row.targets.get(row.passed) {
                *steps = steps.checked_sub(1)?;
                row.passed += 1;
                let of = self.sessions.get(*slot as usize).copied().unwrap_or_default();
                if of.has(*lane) && of.since < row.extent.end {
                    return Some(*slot);
                }
            }
            self.rows.pop_front();
        }
        None
    }
}

impl Row {
    /// The lanes of a session that get it, and what of it is newer than `since`.
    fn for_session(&self, slot: u32, of: Deferred) -> impl Iterator<Item = (usize, Extent)> + '_ {
        let extent = Extent { start: self.extent.start.max(of.since), ..self.extent };
        let first = self.targets.partition_point(|(other, _)| *other < slot);
        let lanes = self.targets[first..].iter().take_while(move |(other, _)| *other == slot);
        let lanes = lanes.filter(move |(_, lane)| of.has(*lane));
        lanes.map(move |(_, lane)| (*lane as usize, extent))
    }
}

impl Shard {
    /// Puts into the lanes of a session what was noted for them.
    #[inline]
    pub(super) fn settle(&mut self, slot: u32) {
        if let Some(how) = self.settle_since(slot) {
            self.overflowed(slot, how);
        }
    }

    /// The same for one whose turn has come: what its link leaves is judged, not what it is offered.
    #[inline]
    pub(super) fn settle_to_offer(&mut self, slot: u32) {
        if self.settle_since(slot).is_some() {
            self.resync(slot);
        }
    }

    #[inline]
    fn settle_since(&mut self, slot: u32) -> Option<Overflowed> {
        let of = self.late.of(slot);
        (of.lanes != 0 && of.since < self.log.end()).then(|| self.put_into_lanes(slot, of))?
    }

    fn put_into_lanes(&mut self, slot: u32, of: Deferred) -> Option<Overflowed> {
        let Self { late, sessions, log, walks, dirty, .. } = self;
        late.sessions[slot as usize].since = log.end();
        let session = &mut sessions[slot as usize];
        let mut overflowed: Option<Overflowed> = None;
        let first = late.rows.partition_point(|row| row.extent.end <= of.since);
        for (lane, extent) in late.rows.range(first..).flat_map(|row| row.for_session(slot, of)) {
            let lane_slot = &mut session.lanes[lane];
            match lane_slot.lane.push(extent, log.bytes(extent), log) {
                Pushed::Kept => {}
                Pushed::Due => walks.add(slot, lane),
                Pushed::Overflowed(how) => overflowed = Some(how.harder(overflowed)),
            }
            if !lane_slot.lane.is_waiting() {
                dirty.mark(session);
            } else {
                walks.count(lane_slot.lane.walk_steps(extent.len()));
            }
        }
        overflowed
    }

    /// Settles some sessions, each in its turn.
    pub(super) fn settle_some(&mut self) {
        let least = u64::from(self.config.settled_per_turn);
        let round_bytes = ROUND_BYTES.min(self.config.log_bytes_max as u64 / 8).max(1);
        let settles = self.late.take_share(least, round_bytes);
        let mut steps = settles * PASSED_PER_SETTLED;
        for _ in 0..settles {
            let Some(slot) = self.late.next(&mut steps) else { break };
            self.settle(slot);
        }
        if self.late.rows.is_empty() {
            self.late.owed = 0;
        }
    }

    /// Whether the turn that follows has lanes to see to that wait: it isn't to be waited for.
    pub fn has_to_settle(&self) -> bool {
        self.late.owed > 0 || self.has_to_walk() || self.has_to_search()
    }
}
