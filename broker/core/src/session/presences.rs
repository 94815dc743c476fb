//! What has one place in a lane, however often it changes while it waits there: who came and went, that
//! nobody holds a callback any more, and what has become of what is held.

use std::collections::BTreeMap;
use std::sync::Arc;

use broker_delivery::lane::Departure;
use broker_protocol::frame::{BrokerFrame, Owner, OwnerState, Presence};
use bytes::Bytes;

use super::unheld::Unheld;
use super::{LaneFrame, in_bincode};
use crate::CallbackId;
use crate::few::Few;

/// Who came and went while presence frames wait, by subscription.
///
/// Like a waiting key, a waiting presence keeps its place and takes what is new. Who came and went
/// again meanwhile isn't told at all, so that no more names wait than the client knows or has to
/// learn.
#[derive(Debug, Default)]
pub(crate) struct Presences {
    /// Boxed, since in most lanes none waits.
    waiting: Option<Box<Waiting>>,
}

#[derive(Debug, Default)]
struct Waiting {
    changes: Few<u64, Changes>,
    /// That nobody holds callbacks any more.
    unheld: Unheld,
    /// What has become of what is held: the last of it, encoded in bincode.
    held: Few<CallbackId, Bytes>,
}

/// Who came and went, by name.
type Changes = BTreeMap<Arc<str>, Change>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Joined,
    Left,
}

/// How many names go into one frame, so that a crowd doesn't make a giant of it.
const NAMES_PER_FRAME: usize = 500;

impl Presences {
    /// Notes a change. Returns whether a place in the lane is needed: none waited.
    pub(crate) fn note(
        &mut self,
        subscription: u64,
        joined: Vec<Arc<str>>,
        left: Vec<Arc<str>>,
    ) -> bool {
        let waiting = &mut self.waiting.get_or_insert_default().changes;
        let needs_place = !waiting.contains_key(&subscription);
        let changes = waiting.get_or_default(subscription);
        let joined = joined.into_iter().map(|name| (name, Change::Joined));
        let left = left.into_iter().map(|name| (name, Change::Left));
        for (name, change) in joined.chain(left) {
            // The sequencer tells joining and leaving in turns: two in a row undo each other.
            if changes.remove(&name).is_none_or(|waiting| waiting == change) {
                changes.insert(name, change);
            }
        }
        needs_place
    }

    fn changes(&self, subscription: u64) -> Option<&Changes> {
        self.waiting.as_ref()?.changes.get(&subscription)
    }

    /// Notes that nobody holds a callback any more. Returns whether a place in the lane is needed.
    pub(crate) fn note_unheld(&mut self, callback: u64, frame: Bytes) -> bool {
        self.waiting.get_or_insert_default().unheld.note(callback, frame)
    }

    /// The frame of that which waits.
    pub(crate) fn unheld(&self, callback: u64) -> &[u8] {
        let frame = self.waiting.as_ref().and_then(|waiting| waiting.unheld.frame(callback));
        frame.expect("what has a place in the lane waits")
    }

    /// What of that is to be told again, now that it was told.
    #[inline]
    pub(crate) fn take_unheld_again(&mut self) -> Vec<(u64, Bytes)> {
        let Some(waiting) = &mut self.waiting else { return Vec::new() };
        let again = waiting.unheld.take_again();
        self.give_back();
        again
    }

    /// Notes what has become of something that is held, in the place of what waits of it. Returns
    /// whether a place in the lane is needed.
    pub(crate) fn note_held(&mut self, callback: CallbackId, frame: Bytes) -> bool {
        self.waiting.get_or_insert_default().held.insert(callback, frame).is_none()
    }

    /// Notes that something held is over, if a word about it waits: that is told in its place.
    pub(crate) fn note_held_over(&mut self, callback: CallbackId, frame: &Bytes) -> bool {
        let held = self.waiting.as_mut().and_then(|waiting| waiting.held.get_mut(&callback));
        held.map(|waiting| waiting.clone_from(frame)).is_some()
    }

    /// What waits about something held is void, as that is held no longer: it says what is said of those of
    /// whom nothing is known.
    pub(crate) fn void_held(&mut self, callback: CallbackId, asked_by: Option<u64>) {
        if let Some(waiting) = &mut self.waiting
            && let Some(word) = waiting.held.get_mut(&callback)
        {
            let (callback, state) = (callback.to_string(), OwnerState::Back);
            let owner = Owner { callback, state, hold: asked_by };
            *word = in_bincode(&BrokerFrame::Owner(owner));
        }
    }

    /// The frame of that which waits.
    pub(crate) fn held(&self, callback: CallbackId) -> &[u8] {
        let frame = self.waiting.as_ref().and_then(|waiting| waiting.held.get(&callback));
        frame.expect("what has a place in the lane waits")
    }

    fn give_back(&mut self) {
        self.waiting.take_if(|waiting| {
            let Waiting { changes, unheld, held } = &**waiting;
            changes.is_empty() && unheld.is_empty() && held.is_empty()
        });
    }

    /// What is to be told, in frames of at most [`NAMES_PER_FRAME`] names; at least one.
    pub(crate) fn frames(&self, subscription: u64) -> impl Iterator<Item = Presence> + '_ {
        let changes = self.changes(subscription);
        let mut names = changes.into_iter().flatten().peekable();
        let mut first = true;
        std::iter::from_fn(move || {
            let more = names.peek().is_some() || std::mem::take(&mut first);
            first = false;
            more.then(|| {
                let mut presence = Presence { subscription, ..Presence::default() };
                for (name, change) in names.by_ref().take(NAMES_PER_FRAME) {
                    match change {
                        Change::Joined => presence.joined.push(name.to_string()),
                        Change::Left => presence.left.push(name.to_string()),
                    }
                }
                presence
            })
        })
    }

    /// The first of these frames, to be sent again.
    fn encoded(&self, subscription: u64, most: usize) -> Vec<LaneFrame> {
        let frames = self.frames(subscription).take(most);
        frames.map(|frame| LaneFrame::encode(&BrokerFrame::Presence(frame))).collect()
    }

    /// Forgets everything of a subscription: it was sent.
    fn sent(&mut self, subscription: u64) {
        if let Some(waiting) = &mut self.waiting {
            waiting.changes.remove(&subscription);
        }
        self.give_back();
    }

    /// Forgets what the first `frames` frames of a subscription told.
    fn sent_in_part(&mut self, subscription: u64, frames: u32) {
        if let Some(changes) =
            self.waiting.as_mut().and_then(|one| one.changes.get_mut(&subscription))
        {
            for _ in 0..frames as usize * NAMES_PER_FRAME {
                changes.pop_first();
            }
        }
    }
}

impl Departure<LaneFrame> for Presences {
    fn whole(&mut self, frame: LaneFrame, again: &mut dyn FnMut(LaneFrame)) {
        let subscription = match frame {
            LaneFrame::Presence(subscription) => subscription,
            LaneFrame::Unheld(callback) => {
                let told = self.waiting.as_mut().and_then(|waiting| waiting.unheld.told(callback));
                self.give_back();
                return told.map(LaneFrame::Encoded).into_iter().for_each(again);
            }
            LaneFrame::Held(callback) => {
                let told = self.waiting.as_mut().and_then(|one| one.held.remove(&callback));
                self.give_back();
                return told.map(LaneFrame::Encoded).into_iter().for_each(again);
            }
            frame => return again(frame),
        };
        self.encoded(subscription, usize::MAX).into_iter().for_each(again);
        self.sent(subscription);
    }

    fn part(&mut self, frame: &LaneFrame, parts: u32, again: &mut dyn FnMut(LaneFrame)) {
        let LaneFrame::Presence(subscription) = *frame else { return };
        self.encoded(subscription, parts as usize).into_iter().for_each(again);
        self.sent_in_part(subscription, parts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(range: std::ops::Range<usize>) -> Vec<Arc<str>> {
        range.map(|number| Arc::from(format!("n{number:05}"))).collect()
    }

    #[test]
    fn a_crowd_is_told_in_frames_of_500_names_and_each_name_once() {
        let mut presences = Presences::default();
        assert!(presences.note(7, names(0..1001), Vec::new()));
        let counts: Vec<_> = presences.frames(7).map(|frame| frame.joined.len()).collect();
        assert_eq!(counts, [500, 500, 1]);
        presences.sent_in_part(7, 2);
        let left: Vec<_> = presences.frames(7).flat_map(|frame| frame.joined).collect();
        assert_eq!(left, ["n01000"]);
    }

    #[test]
    fn who_comes_and_goes_while_a_watcher_is_behind_costs_nothing() {
        let mut presences = Presences::default();
        presences.note(7, names(0..1), Vec::new());
        for number in 1..10_000 {
            assert!(!presences.note(7, names(number..number + 1), Vec::new()));
            assert!(!presences.note(7, Vec::new(), names(number..number + 1)));
        }
        assert_eq!(presences.changes(7).map(BTreeMap::len), Some(1));
    }
}
