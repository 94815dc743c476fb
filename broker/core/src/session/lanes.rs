//! A session's lanes.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use broker_delivery::lane::{Entries, Frame, Item, Lane, LaneOptions, Pushed};

use super::credit::Credit;
use super::lane_frame::is_replay;
use super::window::Window;
use super::{LaneFrame, Presences};
use crate::Log;

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
    /// How many frames had been sent when the client was last pinged: the lower half of that number, since
    /// far fewer are sent until it answers.
    pinged: u32,
    /// How many frames of replays wait.
    pub(crate) replaying: u32,
    /// Whether any of them may expire: known here, since it is asked with each packet.
    expiring: bool,
    /// How many bytes others have sent of which this one may send a part beside them, or how many too many
    /// it has sent.
    pub(crate) beside: i32,
    /// Whether it had its turn beside a higher one, and others below that wait for theirs.
    pub(crate) had_turn: bool,
    /// How much of it may be on its way, where not all survives waiting; beside one of another priority also
    /// what has arrived of what is kept whole.
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
        let (addressee, blocked, pinged) = (None, false, 0);
        let mut slot = Self {
            number,
            lane,
            presences,
            addressee,
            blocked,
            pinged,
            replaying: 0,
            expiring: false,
            beside: 0,
            had_turn: false,
            window: None,
            credit: None,
        };
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
        let before = (self.lane.conflates(), self.lane.options().unreliable);
        let pushed = self.lane.set_options(options, log);
        let conflates = self.lane.conflates();
        if before != (conflates, options.unreliable) {
            self.window = conflates.then(|| self.new_window(now));
        }
        pushed
    }

    /// Has what arrives of it measured, because it is beside one of another priority. Where all share the
    /// link and there is no credit, nothing is to be measured: it is the link that refuses, all of them at
    /// once.
    pub(crate) fn measure_beside(&mut self, separate_lanes: bool, now: Duration) {
        let credit = self.told_credit();
        if self.window.is_none() && (credit.is_some() || separate_lanes) {
            self.window = Some(Box::new(Window::of_what_is_kept(now, credit)));
        }
    }

    /// Goes on over another link.
    pub(crate) fn begin_again(&mut self, now: Duration) {
        (self.addressee, self.blocked, self.pinged, self.beside) = (None, false, 0, 0);
        self.begin_credit(None, now);
        self.count_replays();
    }

    /// Notes what was sent in front of a ping.
    pub(crate) fn note_ping(&mut self) {
        self.pinged = self.lane.frames() as u32;
    }

    /// How many frames had been sent when the client was last pinged.
    pub(crate) fn frames_before_ping(&self) -> u64 {
        let frames = self.lane.frames();
        frames.saturating_sub((frames as u32).wrapping_sub(self.pinged).into())
    }

    /// Learns what of replays waits, when that may have become more or less in a way of its own.
    pub(crate) fn count_replays(&mut self) {
        let frames = self.lane.items().filter(|item| is_replay(item));
        self.replaying = frames.count() as u32;
        let may_expire =
            |item: &Item<LaneFrame>| matches!(item, Item::Frame(frame) if frame.may_expire());
        self.expiring = self.lane.items().any(may_expire);
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
            self.expiring &= self.replaying > 0;
        }
    }

    /// Leaves out what has expired of what is to be sent next, as far as `bytes_max` bytes reach.
    pub(crate) fn expire(&mut self, now: Duration, bytes_max: u64, log: &mut Log) {
        // What keeps up doesn't wait for so long.
        let waits = self.lane.is_waiting() || self.lane.is_paced();
        if !(waits && (self.expiring || log.has_expiring())) {
            return;
        }
        let replays = self.lane.expire(now, bytes_max, log);
        self.replaying -= replays;
        self.expiring &= self.replaying > 0;
        if let Some(window) = &mut self.window
            && !self.lane.is_due()
        {
            window.fell_idle();
        }
    }

    /// Appends a frame of a replay.
    pub(crate) fn push_replay(&mut self, frame: LaneFrame) {
        self.replaying += 1;
        self.expiring |= frame.may_expire();
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
