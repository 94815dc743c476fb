//! A session's lanes, and the frames that are data of a lane.

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroU64};
use std::sync::Arc;
use std::time::Duration;

use broker_delivery::lane::{Departure, Entries, Frame, Item, Lane, LaneOptions, Pushed};
use broker_protocol::frame::{BrokerFrame, Moved, Owner, OwnerState, Presence};
use broker_protocol::{Codec, message};
use bytes::{Bytes, BytesMut};

use super::credit::Credit;
use super::unheld::Unheld;
use super::window::Window;
use crate::few::Few;
use crate::{CallbackId, Publication};

/// What a waiting presence costs in a lane, in bytes. Its names are bounded by the crowd.
const PRESENCE_BYTES: u64 = 64;

/// What a waiting word about something that is held costs in a lane, in bytes: the longest such frame.
const HELD_BYTES: u64 = 41;

/// What a waiting `moved` costs in a lane, in bytes.
const MOVED_BYTES: u64 = 16;

/// One lane of a session.
#[derive(Debug)]
pub(crate) struct LaneSlot {
    /// The number by which the client knows it.
    pub(crate) number: u8,
    pub(crate) lane: Lane<LaneFrame>,
    pub(crate) presences: Presences,
    /// The subscription that what follows is for, where each lane has a channel of its own.
    pub(crate) addressee: Option<NonZeroU64>,
    /// Whether the lane's own channel refused.
    pub(crate) blocked: bool,
    /// How many frames had been sent when the client was last pinged.
    pub(crate) pinged: u64,
    /// How many frames of replays wait.
    pub(crate) replaying: u32,
    /// How much of it may be on its way, where not all survives waiting.
    pub(crate) window: Option<Box<Window>>,
    /// How much of it may be sent and not yet consumed, if its client takes part in credit.
    pub(crate) credit: Option<Box<Credit>>,
}

impl LaneSlot {
    pub(crate) fn new(
        number: u8,
        options: LaneOptions,
        now: Duration,
        receive_window: Option<NonZeroU32>,
    ) -> Self {
        let (lane, presences) = (Lane::new(options), Presences::default());
        let (addressee, blocked, pinged, replaying) = (None, false, 0, 0);
        let (window, credit) = (None, None);
        let mut slot =
            Self { number, lane, presences, addressee, blocked, pinged, replaying, window, credit };
        slot.begin_credit(receive_window, now);
        slot
    }

    /// A connection begins: nothing of the lane is on its way over it.
    pub(crate) fn begin_credit(&mut self, receive_window: Option<NonZeroU32>, now: Duration) {
        self.credit = receive_window.map(|window| Box::new(Credit::new(window.get().into())));
        self.window = self.lane.conflates().then(|| self.new_window(now));
    }

    /// The credit by which is known what was consumed: datagrams don't count in it.
    pub(crate) fn told_credit(&self) -> Option<&Credit> {
        self.credit.as_deref().filter(|_| !self.lane.options().unreliable)
    }

    fn new_window(&self, now: Duration) -> Box<Window> {
        Box::new(match self.told_credit() {
            Some(credit) => Window::of_credit(now, credit.window(), credit.totals()),
            None => Window::new(now),
        })
    }

    /// Changes its options.
    pub(crate) fn set_options(
        &mut self,
        options: LaneOptions,
        now: Duration,
        log: &mut impl Entries,
    ) -> Pushed {
        let was_unreliable = self.lane.options().unreliable;
        let pushed = self.lane.set_options(options, log);
        let other = self.window.is_none() || was_unreliable != options.unreliable;
        match self.lane.conflates() {
            true if other => self.window = Some(self.new_window(now)),
            true => {}
            false => self.window = None,
        }
        pushed
    }

    /// Goes on over another link.
    pub(crate) fn begin_again(&mut self, now: Duration) {
        (self.addressee, self.blocked, self.pinged) = (None, false, 0);
        self.begin_credit(None, now);
        self.count_replays();
    }

    /// Learns what of replays waits, when that may have become more or less in a way of its own.
    pub(crate) fn count_replays(&mut self) {
        let frames = self.lane.items().filter(|item| is_replay(item));
        self.replaying = frames.count() as u32;
    }

    /// What waits in it and is kept for it, in bytes: replays too, which are outside its bound.
    pub(crate) fn bytes(&self) -> u64 {
        let waiting = self.lane.bytes() + self.lane.kept_bytes();
        if self.replaying == 0 {
            return waiting;
        }
        let replays = self.lane.items().filter(|item| is_replay(item));
        let held = replays.map(|item| match item {
            Item::Frame(frame) => frame.held(),
            _ => 0,
        });
        waiting + held.sum::<u64>()
    }

    /// Learns that so many items are to leave.
    pub(crate) fn strike_off_replays(&mut self, items: usize) {
        if self.replaying > 0 {
            let leaving = self.lane.items().take(items).filter(|item| is_replay(item));
            self.replaying -= leaving.count() as u32;
        }
    }

    /// Appends a frame of a replay.
    pub(crate) fn push_replay(&mut self, frame: LaneFrame) {
        self.replaying += 1;
        self.lane.push_frame(frame);
    }

    /// How many bytes of it may be sent now; more than 0 allow one message at least.
    pub(crate) fn room(&self) -> u64 {
        let window = self.window.as_ref().map_or(u64::MAX, |window| window.room());
        match &self.credit {
            None => window,
            Some(credit) => window.min(credit.room()),
        }
    }

    /// So much of it was handed to the link, in bytes of data frames.
    pub(crate) fn handed(&mut self, bytes: usize) {
        if let Some(credit) = &mut self.credit {
            credit.sent(bytes);
        }
        if let Some(window) = &mut self.window {
            window.sent(bytes);
            if !self.lane.is_due() {
                window.fell_idle();
            }
        }
    }
}

/// A frame that is data of a lane.
#[derive(Debug)]
pub(crate) enum LaneFrame {
    /// A frame, encoded in bincode.
    Encoded(Bytes),
    /// A request to a provider, encoded in bincode.
    Request(Bytes),
    /// The place of a subscription's presence; who came and went is in [`Presences`].
    Presence(u64),
    /// A retained value for one subscription.
    Replayed(Box<(u64, Publication)>),
    /// The end of a subscription's replay.
    CaughtUp(u64),
    /// The place where it is told that nobody holds a callback any more; the frame is in [`Presences`].
    Unheld(u64),
    /// The place where it is told what has become of something that is held; the frame is in
    /// [`Presences`].
    Held(CallbackId),
    /// A subscription goes on in another lane.
    Moved(Moved),
}

impl LaneFrame {
    pub(crate) fn encode(frame: &BrokerFrame<'_>) -> Self {
        Self::Encoded(in_bincode(frame))
    }

    /// The command that it is the answer to.
    pub(crate) fn answers(&self) -> Option<u64> {
        let Self::Encoded(encoded) = self else { return None };
        let cut = Codec::Bincode.cut(encoded, usize::MAX).ok()??;
        match Codec::Bincode.read_broker(cut.frame).ok()?? {
            BrokerFrame::Accepted(accepted) => Some(accepted.id),
            _ => None,
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

impl Frame for LaneFrame {
    fn size(&self) -> u64 {
        match self {
            Self::Encoded(frame) | Self::Request(frame) => frame.len() as u64,
            Self::Presence(_) | Self::Unheld(_) => PRESENCE_BYTES,
            Self::Held(_) => HELD_BYTES,
            Self::Moved(_) => MOVED_BYTES,
            // Replays are paced, and outside the bound.
            Self::Replayed(_) | Self::CaughtUp(_) => 0,
        }
    }

    fn is_void_behind_losses(&self) -> bool {
        matches!(self, Self::CaughtUp(_))
    }

    /// Requests are lost with their link: their askers wait no longer than they said. Retained values
    /// come anew.
    fn must_arrive(&self) -> bool {
        !matches!(self, Self::Request(_) | Self::Replayed(_) | Self::CaughtUp(_))
    }

    fn held(&self) -> u64 {
        match self {
            Self::Replayed(replayed) => replayed.1.size() as u64,
            Self::CaughtUp(_) => size_of::<Self>() as u64,
            frame => frame.size(),
        }
    }
}

/// Whether it is a frame of a replay.
fn is_replay(item: &Item<LaneFrame>) -> bool {
    matches!(item, Item::Frame(LaneFrame::Replayed(_) | LaneFrame::CaughtUp(_)))
}

/// A frame, encoded in bincode.
pub(crate) fn in_bincode(frame: &BrokerFrame<'_>) -> Bytes {
    let mut encoded = BytesMut::new();
    Codec::Bincode.write_broker(frame, &mut encoded);
    // It may be kept for long, in memory of its size.
    Bytes::copy_from_slice(&encoded)
}

/// Appends a frame that is encoded in bincode, in `codec`.
pub(crate) fn transcode(codec: Codec, frame: &[u8], out: &mut BytesMut) {
    match codec {
        Codec::Bincode => out.extend_from_slice(frame),
        Codec::Json => message::broker_to_json(frame, out).expect("this broker encoded it"),
    }
}

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
    pub(crate) fn void_held(&mut self, callback: CallbackId) {
        if let Some(waiting) = &mut self.waiting
            && let Some(word) = waiting.held.get_mut(&callback)
        {
            let owner = Owner { callback: callback.to_string(), state: OwnerState::Back };
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
