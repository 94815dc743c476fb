//! Letting go of what nobody wants, and moving out what pins more than it is worth.
//!
//! The log looks at the laggards now and then, counts what they want of it, and lets go of the
//! longest front of which they want less than half: what is wanted there moves to the survivors.
//! So the blocks never pin more than twice what was wanted of them, and what came since.

use super::rendering::SEGMENT_BYTES;
use super::survivors::SURVIVOR_BYTES;
use super::{Entry, Log, Wanted};

/// What an entry costs beside its bytes.
pub(super) const ENTRY_BYTES: usize = size_of::<Entry>();

/// How many times what is wanted of it a front of the log may pin. Past its budget the log moves
/// entries out as soon as that saves anything.
const PINNED_TIMES_MAX: usize = 2;

/// How much of its end the log keeps for what was sent and may have to be sent again, in bytes of
/// frames; a quarter of its budget at most.
const TAIL_BYTES: usize = 256 << 10;

/// How much is pinned at least, in bytes, where everybody is looked at in one turn since much of what was
/// wanted has left, and not since more is pinned; a quarter of the budget at most.
const CLOSER_BYTES: usize = 8 << 20;

/// How many entries' memory is kept for the next turns when nobody wants any.
const ENTRIES_KEPT: usize = 64 << 10;

impl Log {
    /// Lets everything go: no lane waits for anything.
    pub fn retire_all(&mut self) {
        self.first = self.end();
        if !self.things.is_empty() {
            let things = self.entries.iter().filter_map(|entry| entry.thing);
            things.for_each(|thing| self.things.leave(thing));
        }
        self.entries.clear();
        if self.entries.capacity() > ENTRIES_KEPT {
            self.entries.shrink_to(0);
        }
        self.retire_blocks();
        self.folding.forget_before(self.first);
        self.forget_expiring();
        self.looked = Looked { end: self.end(), ..Looked::default() };
        self.look_at = self.step();
    }

    /// Whether so much was written since the last look, or so much of what was wanted then has
    /// left, that it is time to look at the laggards again. Looking costs a visit to each of them.
    pub fn wants_look(&self) -> bool {
        let pinned = self.pinned();
        pinned >= self.look_at || self.much_has_left() && pinned >= 2 * self.step_min()
    }

    fn much_has_left(&self) -> bool {
        self.looked.left > 0 && 2 * self.looked.left >= self.looked.wanted
    }

    /// To be told, before [`Log::retire`], what every lane wants.
    pub fn wanted(&self) -> Wanted {
        Wanted::new(self.first, self.entries.len())
    }

    /// The first entry of the last part of the log, which is kept in any case: enough for whoever
    /// is nearly up to date.
    pub fn tail(&self) -> u64 {
        let bytes = TAIL_BYTES.min(self.bytes_max / 4) as u64;
        let from = self.frames_end.saturating_sub(bytes);
        self.first + self.entries.partition_point(|entry| entry.frames_end <= from) as u64
    }

    /// Lets go of all in front of an entry: nobody wants any of it. Returns whether that was enough for
    /// the time being: what pins more than it was meant to is to be looked at closer.
    pub(crate) fn retire_before(&mut self, oldest: u64) -> bool {
        let much_has_left = self.much_has_left();
        let cut = oldest.saturating_sub(self.first) as usize;
        for entry in self.entries.drain(..cut) {
            if let Some(thing) = entry.thing {
                self.things.leave(thing);
            }
        }
        self.front_is_gone(cut);
        self.looked.left = 0;
        let pinned = self.pinned();
        let much = pinned >= CLOSER_BYTES.min(self.bytes_max / 4);
        let enough = pinned <= self.look_at && !(much_has_left && much);
        self.look_at = self.look_at.min(pinned + self.step());
        // What is looked at closer at once is one look.
        self.statistics.looks += u64::from(enough);
        enough
    }

    /// Lets go of what nobody wants, and of what pins more than it is worth, in front of the tail.
    pub fn retire(&mut self, wanted: &Wanted, tail: u64) {
        let count = (tail - self.first) as usize;
        let cut = self.worthless(wanted, count);
        let pinned: u64 = wanted.counts().take(count).skip(cut).map(u64::from).sum();
        let Self { entries, bincode, survivors, things, first, statistics, .. } = self;
        for ((entry, lanes), number) in entries.drain(..cut).zip(wanted.counts()).zip(*first..) {
            if lanes > 0 {
                statistics.copied_out += 1;
                statistics.copied_out_bytes += u64::from(entry.bincode.length);
                let frame = bincode.bytes(entry.bincode);
                survivors.keep(number, &entry, frame, lanes);
            } else if let Some(thing) = entry.thing {
                things.leave(thing);
            }
        }
        self.front_is_gone(cut);
        self.statistics.looks += 1;
        self.looked = Looked { end: tail, wanted: pinned, left: 0 };
        self.look_at = self.pinned() + self.step();
    }

    /// So many entries were taken off the front.
    fn front_is_gone(&mut self, count: usize) {
        self.first += count as u64;
        self.retire_blocks();
        self.folding.forget_before(self.first);
        self.forget_expiring();
    }

    /// How many entries go: up to the end of the last segment where all in front of it pins more
    /// than it is worth, or at least those in front of the first that is wanted.
    fn worthless(&self, wanted: &Wanted, count: usize) -> usize {
        let times = if self.bytes_held() > self.bytes_max { 1 } else { PINNED_TIMES_MAX };
        let (mut pinned, mut worth, mut cut) = (0, 0, 0);
        let mut segments = self.bincode.full_segments().peekable();
        let entries = self.entries.iter().zip(wanted.counts()).take(count);
        for (place, (entry, lanes)) in entries.enumerate() {
            while let Some((_, bytes)) = segments.next_if(|(end, _)| *end <= entry.bincode.block) {
                pinned += bytes;
                if worth * times <= pinned {
                    cut = place;
                }
            }
            pinned += ENTRY_BYTES + entry.json.map_or(0, |json| json.length as usize);
            if lanes > 0 {
                worth += entry.bincode.length as usize + SURVIVOR_BYTES;
            } else if worth == 0 {
                cut = place + 1;
            }
        }
        cut
    }

    /// How much may be written until the next look: the more is held, the more a look costs.
    fn step(&self) -> usize {
        let held = self.bytes_held();
        let room = self.bytes_max.saturating_sub(held);
        (held / 2).min(room).max(held / 8).max(self.step_min())
    }

    fn step_min(&self) -> usize {
        SEGMENT_BYTES.min(self.bytes_max / 4)
    }

    fn retire_blocks(&mut self) {
        let Some(front) = self.entries.front() else {
            self.bincode.retire_all();
            self.json.retire_all();
            self.json_ends.clear();
            return;
        };
        self.bincode.retire_before(front.bincode.block);
        while self.json_ends.pop_front_if(|(_, end)| *end < self.first).is_some() {}
        match self.json_ends.front() {
            Some((block, _)) => self.json.retire_before(*block),
            None => self.json.retire_all(),
        }
    }
}

/// What the last look at the laggards saw, and what has become of it.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// The entry behind the last one that was looked at.
    pub(super) end: u64,
    /// How many entries were wanted, each counted for every lane.
    pub(super) wanted: u64,
    /// How many of these no longer are.
    pub(super) left: u64,
}
