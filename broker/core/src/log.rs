//! The log: every message that some lane of the shard wants, encoded once.
//!
//! Beside the bytes there is an entry per message. Lanes hold ranges of entries; the bytes of a
//! range lie one behind the other, so that what a subscriber is sent is usually one slice. Bincode
//! bytes are always made and are the source; json is made at once where a json lane wants the
//! entry, else when it is needed after all.
//!
//! What nobody wants is let go at the end of a turn ([`Log::retire`]). Where laggards pin more than
//! they want of it, that moves out of the blocks into a table of survivors: its entries stay valid.
//!
//! Invariant: an entry that a lane still wants is in the log or among the survivors.

mod folding;
mod rendering;
mod retire;
mod run;
mod search;
mod survivors;
mod things;
mod wanted;

pub use run::Run;
pub use wanted::Wanted;

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use broker_delivery::lane::{Entries, Extent, FoldedEntry, Key};
use broker_protocol::message;
use bytes::BytesMut;

use crate::{Folds, Publication, TopicId};
use folding::Folding;
use rendering::{Place, Rendering, SEGMENT_BYTES};
use retire::{ENTRY_BYTES, Looked};
use search::Search;
use survivors::Survivors;
use things::Things;

/// Every message that some lane of the shard wants, encoded once.
#[derive(Debug)]
pub struct Log {
    /// The number of the first entry that is still here.
    first: u64,
    entries: VecDeque<Entry>,
    bincode: Rendering,
    json: Rendering,
    /// Each block of json that is wanted, and the last entry in it.
    json_ends: VecDeque<(u64, u64)>,
    survivors: Survivors,
    folding: Folding,
    /// A search for the entries of some topics that isn't over.
    search: Option<Box<Search>>,
    /// When entries expire, those that do.
    expiring: BTreeMap<u64, Duration>,
    /// What entries are about, as far as lanes have asked.
    things: Things,
    /// How much may be held before entries move out as soon as that saves anything.
    bytes_max: usize,
    looked: Looked,
    /// How much is pinned when the laggards are looked at again.
    look_at: usize,
    statistics: LogStatistics,
    /// Bytes of all frames that were ever appended.
    frames_end: u64,
    /// The entry behind the last one without json.
    unrendered_end: u64,
}

/// What a log has done for laggards.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogStatistics {
    /// How often it looked at what they want.
    pub looks: u64,
    /// Messages that moved out of their blocks for them.
    pub copied_out: u64,
    /// The bytes of these.
    pub copied_out_bytes: u64,
    /// Messages that were made by folding others: one for all lanes that fold the same.
    pub folded: u64,
    /// How often a message wasn't folded with the one of its key in front of it, since the two don't
    /// compose, or aren't what the fold is for. Looked at again, it counts again.
    pub unfolded: u64,
}

#[derive(Debug, Clone)]
struct Entry {
    topic: Arc<str>,
    topic_id: TopicId,
    epoch: u64,
    seq: u64,
    time: u64,
    /// Bytes of all frames from the beginning of the log to the end of this one.
    frames_end: u64,
    /// How many of the frame's last bytes are the publication's parts.
    parts_bytes: u32,
    bincode: Place,
    json: Option<Place>,
    /// The number of what it is about, once a lane has asked.
    thing: Option<NonZeroU64>,
}

/// A message's place in the order, and when it isn't worth delivering any more.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stamp {
    pub(crate) topic_id: TopicId,
    pub(crate) seq: u64,
    pub(crate) epoch: u64,
    pub(crate) time: u64,
    pub(crate) expires: Option<Duration>,
}

/// Whether json bytes are made at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Render {
    /// Only bincode is wanted for now.
    Bincode,
    /// A json lane wants it too.
    Both,
}

impl Log {
    /// An empty log, which may hold `bytes_max` before it lets laggards pin no more than they want.
    pub fn new(bytes_max: usize) -> Self {
        // So that something can be let go at the budget, several segments fit into it.
        let segment_bytes = SEGMENT_BYTES.min(bytes_max / 4);
        Self {
            first: 0,
            entries: VecDeque::new(),
            bincode: Rendering::new(segment_bytes),
            json: Rendering::new(segment_bytes),
            json_ends: VecDeque::new(),
            survivors: Survivors::default(),
            folding: Folding::new(Folds::default(), usize::MAX),
            search: None,
            expiring: BTreeMap::new(),
            things: Things::default(),
            bytes_max,
            looked: Looked::default(),
            look_at: segment_bytes,
            statistics: LogStatistics::default(),
            frames_end: 0,
            unrendered_end: 0,
        }
    }

    /// Folds by these rules, into payloads of at most so many bytes.
    pub fn with_folds(mut self, folds: Folds, payload_bytes_max: usize) -> Self {
        self.folding = Folding::new(folds, payload_bytes_max);
        self
    }

    /// Appends a message. Returns its entry and what it costs in a lane, in bytes.
    pub fn append(&mut self, publication: &Publication, render: Render) -> (u64, u32) {
        let Publication { topic, topic_id, seq, epoch, time, expires, parts } = publication;
        let (topic_id, seq, epoch, time) = (*topic_id, *seq, *epoch, *time);
        let stamp = Stamp { topic_id, seq, epoch, time, expires: *expires };
        self.append_stamped(topic, stamp, parts, render)
    }

    /// Appends a message of this topic, with its place in the order.
    pub(crate) fn append_stamped(
        &mut self,
        topic: &Arc<str>,
        Stamp { topic_id, seq, epoch, time, expires }: Stamp,
        parts: &[u8],
        render: Render,
    ) -> (u64, u32) {
        let bytes = message::frame_bytes(seq, epoch, time, parts.len());
        let place = self.bincode.append(bytes, |out| {
            message::write_frame(seq, epoch, time, parts, out);
        });
        let json = (render == Render::Both).then(|| self.render_json(place));
        if let Some(json) = json {
            self.note_json(json.block);
        }
        self.frames_end += u64::from(place.length);
        self.entries.push_back(Entry {
            topic: topic.clone(),
            topic_id,
            epoch,
            seq,
            time,
            frames_end: self.frames_end,
            parts_bytes: parts.len() as u32,
            bincode: place,
            json,
            thing: None,
        });
        if render == Render::Bincode {
            self.unrendered_end = self.end();
        }
        if let Some(expires) = expires {
            self.expiring.insert(self.end() - 1, expires);
        }
        (self.end() - 1, place.length)
    }

    fn render_json(&mut self, place: Place) -> Place {
        let frame = self.bincode.bytes(place);
        self.json.append(frame.len() * 2, |out| {
            message::to_json(frame, out).expect("the log holds what this broker encoded");
        })
    }

    /// Notes that the entry which is made has its json in `block`.
    fn note_json(&mut self, block: u64) {
        let entry = self.end();
        match self.json_ends.back_mut() {
            Some((last, end)) if *last == block => *end = entry,
            _ => self.json_ends.push_back((block, entry)),
        }
    }

    /// Closes the blocks of this turn: from now on they can be shared.
    pub fn seal(&mut self) {
        self.bincode.seal();
        self.json.seal();
    }

    /// Bytes of all frames that were ever appended.
    pub(crate) fn frames_end(&self) -> u64 {
        self.frames_end
    }

    /// The number of the first entry that is still here.
    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    /// The number of the entry that comes next.
    pub fn end(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    /// When a message was accepted, in milliseconds since the Unix epoch.
    pub fn time(&self, entry: u64) -> u64 {
        self.entry(entry).time
    }

    /// Bytes held for lanes: segments in which something is wanted, entries and survivors. The
    /// memory of the segments that are written to, one per codec, counts as far as it is filled.
    pub fn bytes_held(&self) -> usize {
        self.pinned() + self.survivors.bytes()
    }

    /// The same without the survivors, of which nothing is held that isn't wanted.
    fn pinned(&self) -> usize {
        self.bincode.held() + self.json.held() + self.entries.len() * ENTRY_BYTES
    }

    /// What was done for laggards so far.
    pub fn statistics(&self) -> LogStatistics {
        self.statistics
    }

    /// How many entries were moved out of their blocks for laggards.
    pub fn survivors(&self) -> usize {
        self.survivors.len()
    }

    /// The message of an entry, as it was accepted: what of a queue group is handed back.
    pub fn publication(&self, entry: u64) -> Publication {
        let mut frame = BytesMut::new();
        self.copy_bincode(entry, &mut frame);
        let Entry { topic, topic_id, epoch, seq, time, parts_bytes, .. } = self.entry(entry);
        let parts = frame.split_off(frame.len() - *parts_bytes as usize).freeze();
        let topic = topic.clone();
        let (topic_id, seq, epoch, time) = (*topic_id, *seq, *epoch, *time);
        let expires = self.expiring.get(&entry).copied();
        Publication { topic, topic_id, seq, epoch, time, expires, parts }
    }

    /// Whether some entry expires at all.
    #[inline]
    pub fn has_expiring(&self) -> bool {
        !self.expiring.is_empty()
    }

    /// Forgets when entries expire that are gone.
    fn forget_expiring(&mut self) {
        if self.has_expiring() {
            let Self { expiring, survivors, first, .. } = self;
            expiring.retain(|entry, _| *entry >= *first || survivors.has(*entry));
        }
    }

    fn entry(&self, entry: u64) -> &Entry {
        match entry.checked_sub(self.first) {
            Some(place) => &self.entries[place as usize],
            None => self.survivors.entry(entry),
        }
    }
}

impl Entries for Log {
    fn topic(&self, entry: u64) -> (&Arc<str>, u64) {
        let entry = self.entry(entry);
        (&entry.topic, entry.epoch)
    }

    fn seq(&self, entry: u64) -> u64 {
        self.entry(entry).seq
    }

    fn key(&self, entry: u64) -> Key<'_> {
        let (frame, entry) = (self.bincode_frame(entry), self.entry(entry));
        let parts = &frame[frame.len() - entry.parts_bytes as usize..];
        let key = message::key(parts).expect("the log holds what this broker encoded");
        Key { topic: entry.topic_id.0, key: key.filter(|key| **key != *entry.topic) }
    }

    #[inline]
    fn thing(&mut self, entry: u64) -> u64 {
        match self.entry(entry).thing {
            Some(thing) => thing.get(),
            None => self.note_thing(entry),
        }
    }

    #[inline]
    fn size(&self, entry: u64) -> u32 {
        self.entry(entry).bincode.length
    }

    #[inline]
    fn bytes(&self, extent: Extent) -> u64 {
        if extent.is_empty() {
            return 0;
        }
        let (first, last) = (self.entry(extent.start), self.entry(extent.end - 1));
        last.frames_end - first.frames_end + u64::from(first.bincode.length)
    }

    fn has_expired(&self, entry: u64, now: Duration) -> bool {
        self.expiring.get(&entry).is_some_and(|expires| *expires <= now)
    }

    fn fold(&mut self, entries: &[u64]) -> Vec<FoldedEntry> {
        self.fold_entries(entries)
    }
    #[inline]
    fn let_go(&mut self, extent: Extent) {
        if extent.start < self.looked.end {
            self.let_go_late(extent);
        }
    }
}

impl Log {
    /// Reads what an entry is about.
    #[cold]
    fn note_thing(&mut self, entry: u64) -> u64 {
        let mut things = std::mem::take(&mut self.things);
        let thing = things.note(self.key(entry));
        self.things = things;
        match entry.checked_sub(self.first) {
            Some(place) => self.entries[place as usize].thing = Some(thing),
            None => self.survivors.set_thing(entry, thing),
        }
        thing.get()
    }

    /// Learns that a lane no longer wants what the laggards were counted for, or survives.
    fn let_go_late(&mut self, extent: Extent) {
        let pinned = extent.start.max(self.first)..extent.end.min(self.looked.end);
        self.looked.left += pinned.end.saturating_sub(pinned.start);
        if extent.start < self.first {
            let Self { survivors, things, first, .. } = self;
            survivors.let_go(extent.start..extent.end.min(*first), |thing| things.leave(thing));
        }
    }
}

#[cfg(test)]
mod tests;
