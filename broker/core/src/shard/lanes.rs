//! Opening lanes and changing their options: what is wished, and what is granted.

use std::time::Duration;

use broker_delivery::lane::{Bound, Keep, LaneOptions, OptionsError, Overflow};
use broker_protocol::ErrorCode;
use broker_protocol::frame::{self, Accepted, BrokerFrame, Update};

use super::Shard;
use super::commands::Refusal;
use super::grants::Entrant;
use crate::command::Purpose;
use crate::policy::PatternSet;
use crate::session::{LaneSlot, Session, Stage, Subscription};

/// The longest minimum interval that is granted.
const MIN_INTERVAL_MAX: Duration = Duration::from_secs(3600);

/// The highest number of a lane.
pub(super) const LANE_NUMBER_MAX: u8 = 15;

impl Shard {
    /// The place of the lane that a client asks for, opened if it has to be.
    pub(super) fn lane_for(
        &mut self,
        slot: u32,
        number: Option<u8>,
        wished: Option<&frame::LaneOptions>,
        entrant: Entrant<'_>,
    ) -> Result<usize, Refusal> {
        let touched = self.touched_by(entrant);
        let granted =
            wished.map(|wished| self.grant_new(slot, wished, (entrant, touched))).transpose()?;
        let lanes_max = self.config.limits.lanes_max;
        let lanes = &self.sessions[slot as usize].lanes;
        let free = || (1..=LANE_NUMBER_MAX).find(|one| !lanes.iter().any(|s| s.number == *one));
        let number = match (number, granted) {
            (Some(number), _) => number,
            (None, None) => 0,
            (None, Some(_)) => free().ok_or_else(|| too_many_lanes(lanes_max))?,
        };
        if number > LANE_NUMBER_MAX {
            let message = format!("lane {number}: lanes are numbered 0 to {LANE_NUMBER_MAX}");
            return Err(Refusal::of("lane", ErrorCode::UnknownLane, message));
        }
        let open = lanes.iter().position(|slot| slot.number == number);
        let place = match open {
            Some(place) => {
                self.check_joins((number, lanes[place].lane.options()), granted, touched)?;
                place
            }
            None if lanes.len() >= lanes_max => return Err(too_many_lanes(lanes_max)),
            None => {
                let nothing = frame::LaneOptions::default();
                let opened = || self.grant_new(slot, &nothing, (entrant, touched));
                let granted = granted.map_or_else(opened, Ok)?;
                self.open_lane(slot, number, granted)
            }
        };
        self.sessions[slot as usize].touch(place, touched);
        Ok(place)
    }

    /// Opens a lane. Returns its place.
    pub(super) fn open_lane(&mut self, slot: u32, number: u8, options: LaneOptions) -> usize {
        let session = &mut self.sessions[slot as usize];
        let receive_window = session.link.receive_window;
        let mut lane_slot = LaneSlot::new(number, options, self.now, receive_window);
        if session.expiry > 0 {
            lane_slot.lane.keep_what_is_sent();
        }
        session.lanes.push(lane_slot);
        let place = session.lanes.len() - 1;
        session.measure_beside(self.now);
        self.share_what_is_kept(slot);
        place
    }

    /// Changes the options of an open lane, from the next message on.
    pub(super) fn update(&mut self, slot: u32, update: &Update) {
        match self.try_update(slot, update) {
            // A bound that what waits doesn't fit into may have ended it.
            Ok(_) if self.sessions[slot as usize].stage == Stage::Ending => {}
            Ok(granted) => {
                let (lane, granted) = (Some(update.lane), Some(told(&granted)));
                let accepted = Accepted { id: update.id, lane, granted, ..Accepted::default() };
                let accepted = BrokerFrame::Accepted(accepted);
                self.note_answer(slot, update.id, &accepted);
                self.tell(slot, &accepted);
            }
            Err(refusal) => self.reject(slot, update.id, refusal),
        }
    }

    fn try_update(&mut self, slot: u32, update: &Update) -> Result<LaneOptions, Refusal> {
        let number = update.lane;
        let session = &self.sessions[slot as usize];
        let Some(place) = session.lanes.iter().position(|one| one.number == number) else {
            let message = format!("lane {number} isn't open");
            return Err(Refusal::of("lane", ErrorCode::UnknownLane, message));
        };
        let (options, touched) = (*session.lanes[place].lane.options(), session.touched(place));
        let granted = self.grant(slot, &update.options, (options, touched))?;
        if granted.keep != Keep::All {
            may_conflate(session, place)?;
        }
        let lane_slot = &mut self.sessions[slot as usize].lanes[place];
        let pushed = lane_slot.set_options(granted, self.now, &mut self.log);
        self.sessions[slot as usize].measure_beside(self.now);
        self.pushed((slot, place), pushed);
        // What it changes may be what held the lane up.
        if self.sessions[slot as usize].stage != Stage::Ending {
            self.mark_dirty(slot);
        }
        Ok(granted)
    }

    /// What is granted of a wish, in a lane that these patterns touch; `base` has what isn't wished
    /// for.
    pub(super) fn grant(
        &self,
        slot: u32,
        wished: &frame::LaneOptions,
        (base, touched): (LaneOptions, PatternSet),
    ) -> Result<LaneOptions, Refusal> {
        let most = self.config.lane.bound;
        let keep = match wished.keep {
            None => base.keep,
            Some(frame::Keep::All) => Keep::All,
            Some(frame::Keep::Latest(count)) => Keep::Latest(count),
            Some(frame::Keep::Merge) => Keep::Merge,
        };
        let overflow = match wished.overflow {
            None => base.overflow,
            Some(frame::Overflow::Disconnect) => Overflow::Disconnect,
            Some(frame::Overflow::DropOldest) => Overflow::DropOldest,
            Some(frame::Overflow::Resync) => Overflow::Resync,
        };
        let bound = Bound {
            messages: wished.bound_messages.unwrap_or(base.bound.messages).min(most.messages),
            bytes: wished.bound_bytes.unwrap_or(base.bound.bytes).min(most.bytes),
        };
        let priority = wished.priority.unwrap_or(base.priority);
        let min_interval = min_interval(wished, keep, base);
        let unreliable = wished.unreliable.unwrap_or(base.unreliable);
        let granted = LaneOptions { keep, overflow, bound, min_interval, priority, unreliable };
        let invalid = |error: OptionsError| {
            Refusal::of("options", ErrorCode::InvalidField, error.to_string())
        };
        granted.check().map_err(invalid)?;
        let granted = self.allowed(granted, touched)?;
        // Where the link has no datagrams the lane is reliable, and said to be.
        let has_datagrams = self.sessions[slot as usize].link.info.datagram_room().is_some();
        Ok(LaneOptions { unreliable: unreliable && has_datagrams, ..granted })
    }
}

/// The interval that is granted: a lane that keeps everything has none unless it asks for one, which
/// is refused.
fn min_interval(wished: &frame::LaneOptions, keep: Keep, base: LaneOptions) -> Duration {
    match wished.min_interval {
        Some(interval) => Duration::from_millis(interval).min(MIN_INTERVAL_MAX),
        None if keep == Keep::All => Duration::ZERO,
        None => base.min_interval,
    }
}

/// Refuses for a lane in which nothing may get lost on the way.
fn may_conflate(session: &Session, place: usize) -> Result<(), Refusal> {
    let in_group =
        |one: &Subscription| one.lane == place && matches!(one.purpose, Purpose::Group(_));
    let message = match session.standing.values().any(in_group) {
        true => "a queue group needs a lane that keeps everything",
        false if session.lanes[place].number == 0 => "lane 0 keeps everything",
        false => return Ok(()),
    };
    Err(Refusal::of("options", ErrorCode::LaneOptions, message))
}

fn too_many_lanes(most: usize) -> Refusal {
    let message = format!("the session has {most} lanes, and may have no more");
    Refusal::of("lane", ErrorCode::LaneOptions, message)
}

/// The options of a lane as its client is told them.
pub(super) fn told(options: &LaneOptions) -> frame::LaneOptions {
    let keep = match options.keep {
        Keep::All => frame::Keep::All,
        Keep::Latest(count) => frame::Keep::Latest(count),
        Keep::Merge => frame::Keep::Merge,
    };
    let overflow = match options.overflow {
        Overflow::Disconnect => frame::Overflow::Disconnect,
        Overflow::DropOldest => frame::Overflow::DropOldest,
        Overflow::Resync => frame::Overflow::Resync,
    };
    frame::LaneOptions {
        keep: Some(keep),
        overflow: Some(overflow),
        bound_messages: Some(options.bound.messages),
        bound_bytes: Some(options.bound.bytes),
        min_interval: Some(options.min_interval.as_millis() as u64),
        priority: Some(options.priority),
        unreliable: Some(options.unreliable),
    }
}
