//! Entries that stand for others: what waits of a key of a lane that merges, folded into one message.
//!
//! A result is an entry like any other, with the place in the order of the newest that it stands
//! for. Lanes that fold the same share it.

use broker_delivery::fold::{MergePatch, Part, fold_all};
use broker_delivery::lane::FoldedEntry;
use broker_protocol::frame::{Content, Message};
use broker_protocol::message;
use bytes::BytesMut;
use hashbrown::HashMap;

use super::{Entry, Log, Render};
use crate::Folds;

/// How many entries the results that are known may be folded of, all together: a quarter of a
/// mebibyte of numbers. Beyond it all are forgotten, and who folds the same does it again.
const KNOWN_MAX: usize = 32 << 10;

/// Whether a message never expires.
type Lasts = bool;

/// How a log folds, and what it has folded.
#[derive(Debug)]
pub(super) struct Folding {
    folds: Folds,
    payload_bytes_max: usize,
    /// What entries were folded into.
    known: HashMap<Box<[u64]>, Vec<FoldedEntry>, foldhash::fast::FixedState>,
    /// Of how many entries.
    of: usize,
}

impl Folding {
    pub(super) fn new(folds: Folds, payload_bytes_max: usize) -> Self {
        Self { folds, payload_bytes_max, known: HashMap::default(), of: 0 }
    }

    /// Forgets the results of which some are no longer in the log.
    pub(super) fn forget_before(&mut self, first: u64) {
        if self.of > 0 {
            self.known.retain(|_, folded| folded.iter().all(|one| one.entry >= first));
            self.of = self.known.keys().map(|entries| entries.len()).sum();
        }
    }

    fn learn(&mut self, entries: &[u64], folded: &[FoldedEntry]) {
        if self.of + entries.len() > KNOWN_MAX {
            (self.known, self.of) = (HashMap::default(), 0);
        }
        if entries.len() <= KNOWN_MAX {
            self.of += entries.len();
            self.known.insert(entries.into(), folded.to_vec());
        }
    }

    /// Folds messages of one key, oldest first, as far as they compose. Those that expire stay alone:
    /// what others said would expire with them.
    fn fold(&self, messages: &[(Message<'_>, Lasts)]) -> Vec<Part> {
        let Some((first, _)) = messages.first() else { return Vec::new() };
        let added = self.folds.added(&first.topic);
        let alike = |(one, lasts): &(Message<'_>, Lasts), (two, also): &(Message<'_>, Lasts)| {
            let known = added.is_some() || one.body.content == Content::Json;
            known && one.body.content == two.body.content && *lasts && *also
        };
        let fold_run = |run: &[(Message<'_>, Lasts)]| {
            let payloads: Vec<&[u8]> = run.iter().map(|(one, _)| &*one.body.payload).collect();
            fold_all(added.unwrap_or(&MergePatch), &payloads, self.payload_bytes_max)
        };
        messages.chunk_by(alike).flat_map(fold_run).collect()
    }
}

impl Log {
    /// Folds what waits of one key, oldest first, as far as it composes; nothing while the log holds more than
    /// it may: lanes that stopped at different places share no results, and each would add its own.
    pub(super) fn fold_entries(&mut self, entries: &[u64]) -> Vec<FoldedEntry> {
        if let Some(known) = self.folding.known.get(entries) {
            // One more wants what the last look at the laggards counted.
            let counted = known.iter().filter(|one| one.entry < self.looked.end).count();
            self.looked.wanted += counted as u64;
            return known.clone();
        }
        if self.bytes_held() > self.bytes_max {
            self.statistics.unfolded += entries.len().saturating_sub(1) as u64;
            return entries.iter().map(|&entry| FoldedEntry { entry, count: 1 }).collect();
        }
        let results = {
            let read = |entry: &u64| {
                let message = message::read(self.bincode_frame(*entry));
                let message = message.expect("the log holds what this broker encoded");
                (message, !self.expiring.contains_key(entry))
            };
            self.folding.fold(&entries.iter().map(read).collect::<Vec<_>>())
        };
        self.statistics.unfolded += results.len().saturating_sub(1) as u64;
        let mut rest = entries;
        let mut folded = Vec::with_capacity(results.len());
        for Part { count, payload } in results {
            let (of, left) = rest.split_at(count);
            rest = left;
            let newest = of[count - 1];
            let entry = payload.map_or(newest, |payload| self.append_folded(newest, payload));
            folded.push(FoldedEntry { entry, count });
        }
        if folded.iter().all(|one| one.entry >= self.first) {
            self.folding.learn(entries, &folded);
        }
        folded
    }

    /// Appends an entry like another one, with another payload.
    fn append_folded(&mut self, like: u64, payload: Vec<u8>) -> u64 {
        let mut parts = BytesMut::new();
        let frame = message::read(self.bincode_frame(like));
        let mut message = frame.expect("the log holds what this broker encoded");
        message.body.payload = payload.into();
        message::write_parts(&message.topic, message.from.as_deref(), &message.body, &mut parts);
        let Entry { topic, topic_id, epoch, seq, time, json, .. } = self.entry(like);
        let render = if json.is_some() { Render::Both } else { Render::Bincode };
        let (topic, topic_id, parts) = (topic.clone(), *topic_id, parts.freeze());
        let (seq, epoch, time) = (*seq, *epoch, *time);
        let expires = None;
        let publication = crate::Publication { topic, topic_id, seq, epoch, time, expires, parts };
        self.statistics.folded += 1;
        let entry = self.append(&publication, render).0;
        self.note_made(entry, topic_id);
        entry
    }
}
