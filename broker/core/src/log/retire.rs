//! Letting go of what nobody wants, and moving out what only laggards want.

use broker_delivery::lane::Extent;

use super::Log;

/// How many bytes are written between two looks at what laggards hold. Looking costs a visit to
/// each of them.
const CHECK_EVERY_BYTES: usize = 256 << 10;

/// Which part of its budget is free when the log has moved entries out: a quarter.
const ROOM_MADE: usize = 4;

impl Log {
    /// Lets everything go: no lane waits for anything.
    pub fn retire_all(&mut self) {
        self.first = self.end();
        self.entries.clear();
        self.bincode.retire_all();
        self.json.retire_all();
        self.json_ends.clear();
        self.checked_at_bytes = 0;
    }

    /// Whether enough was written since the last time to look at the laggards again.
    pub fn wants_retirement(&self) -> bool {
        self.bincode.held() >= self.checked_at_bytes + CHECK_EVERY_BYTES
    }

    /// Lets go of what is older than `oldest`, the oldest entry that any lane wants.
    pub fn retire_before(&mut self, oldest: u64) {
        let count = oldest.saturating_sub(self.first).min(self.entries.len() as u64);
        self.entries.drain(..count as usize);
        self.first += count;
        self.retire_blocks();
    }

    /// What has to move out if more than `bytes_max` stays in blocks: the entry before which
    /// everything goes. Room is made for a good while: moving out costs a visit to all laggards.
    pub fn over_budget(&self, bytes_max: usize) -> Option<u64> {
        let held = self.bincode.held();
        if held <= bytes_max {
            return None;
        }
        let mut excess = held - (bytes_max - bytes_max / ROOM_MADE);
        let beyond = self.entries.iter().take_while(|entry| {
            let too_much = excess > 0;
            excess = excess.saturating_sub(entry.bincode.length as usize);
            too_much
        });
        Some(self.first + beyond.count() as u64)
    }

    /// Moves what one lane wants of the entries before `cut` to the survivors.
    ///
    /// To be called for every lane, and then [`Log::retire_before`] with the same `cut`.
    pub fn rescue(&mut self, wanted: Extent, cut: u64) {
        for number in wanted.start.max(self.first)..wanted.end.min(cut) {
            let entry = &self.entries[(number - self.first) as usize];
            let frame = self.bincode.bytes(entry.bincode);
            self.survivors.want(number, entry, frame);
        }
    }

    fn retire_blocks(&mut self) {
        let Some(front) = self.entries.front() else {
            self.bincode.retire_all();
            self.json.retire_all();
            self.json_ends.clear();
            self.checked_at_bytes = 0;
            return;
        };
        self.bincode.retire_before(front.bincode.block);
        while self.json_ends.pop_front_if(|(_, end)| *end < self.first).is_some() {}
        match self.json_ends.front() {
            Some((block, _)) => self.json.retire_before(*block),
            None => self.json.retire_all(),
        }
        self.checked_at_bytes = self.bincode.held();
    }
}
