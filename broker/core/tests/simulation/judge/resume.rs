//! Sessions over several connections: what was received is counted, and each lane goes on behind it.

use broker_core::Channel;
use broker_protocol::frame::{BrokerFrame, Connected, GapReason, LaneHeader};

use crate::script::OF_GROUPS;

use super::{Arrival, Judge, View, Wrong};

/// What a frame that is no message costs where it is kept, in bytes, however short it is.
const KEPT_BYTES: u64 = 64;

impl Judge {
    /// A link whose client doesn't listen to it any more.
    pub(crate) fn enter_ghost(&mut self, name: &str) {
        let place = self.enter(name, false);
        (self.views[place].ended, self.views[place].is_ghost) = (true, true);
    }

    /// What came over a link that another has taken the place of: no more data, and whoever it was.
    pub(super) fn ghost_saw(
        &self,
        client: usize,
        arrival: Arrival,
        frame: &BrokerFrame<'_>,
    ) -> Wrong {
        let silenced = self.views[client].silenced;
        let late = silenced.is_some_and(|at| arrival.written.flush > at);
        match late && is_counted(frame) {
            true => Err(format!("{} over a link that was taken over", frame.name())),
            false => Ok(()),
        }
    }
}

impl View {
    /// The link is gone, and with it so many bytes that were on their way.
    pub(crate) fn lose_link(&mut self, unread: u64) {
        self.connected = false;
        self.losses += 1;
        self.unread = self.unread.saturating_add(unread);
    }

    /// A frame was written to the link and isn't read any more, since the link is lost.
    pub(crate) fn miss(&mut self, channel: Channel, frame: &BrokerFrame<'_>) {
        if is_counted(frame) && !matches!(frame, BrokerFrame::Message(_)) {
            self.unread = self.unread.saturating_add(KEPT_BYTES);
        }
        if !self.connected {
            // It isn't known from where on lanes went on here.
            self.missed = self.missed.take().filter(|_| !is_counted(frame));
            return;
        }
        let place = match channel {
            Channel::Lane(lane) | Channel::Datagram(lane) => lane,
            Channel::Control => 0,
        };
        let begins = LaneHeader { lane: place, subscription: None };
        let header = *self.headers.get(&place).unwrap_or(&begins);
        let is_replayed = header.subscription.is_some() && header.lane != OF_GROUPS;
        let messages = match frame {
            BrokerFrame::Lane(header) => {
                self.headers.insert(place, *header);
                return;
            }
            BrokerFrame::Gap(gap) => gap.count,
            BrokerFrame::Message(_) => u64::from(!is_replayed),
            other if is_counted(other) => 0,
            _ => return,
        };
        self.missed.get_or_insert_default().entry(header.lane).or_default().push(messages);
    }

    /// Whether it is known how many messages a lane lost that is to tell it.
    pub(crate) fn knows_what_is_lost(&self, lane: u8) -> bool {
        self.cut.get(&lane).is_some_and(|lost| lost.is_some_and(|lost| lost > 0))
    }

    /// How many messages the first so many frames were or told of that it missed of a lane.
    fn count_missed(&self, lane: u8, frames: u64) -> Option<u64> {
        let missed = self.missed.as_ref()?.get(&lane)?.get(..frames as usize)?;
        Some(missed.iter().sum())
    }

    pub(crate) fn take_link(&mut self, separate: bool, step: u64) {
        (self.separate, self.link_since) = (separate, step);
        (self.said_goodbye, self.resumes, self.last_data_flush) = (false, true, 0);
        self.leaves = false;
        self.headers.clear();
        self.pongs_due.clear();
        self.releases.clear();
        self.lanes.values_mut().for_each(super::lane::Lane::begin_again);
    }

    /// Whether a session can't have been forgotten: little was on its way, as it is kept.
    pub(crate) fn must_be_there(&self, window: u64) -> bool {
        self.unread <= window / 4
    }

    pub(crate) fn connected(&mut self, connected: &Connected, window: u64) -> Wrong {
        if std::mem::replace(&mut self.connected, true) || connected.name != self.name {
            return Err(format!("connected twice, or as {:?}", connected.name));
        }
        self.session = Some(connected.session.clone());
        if connected.resumed != self.resumes {
            return Err(format!("resumed: {}, asked: {}", connected.resumed, self.resumes));
        }
        if connected.resumed { self.go_on(connected, window) } else { Ok(()) }
    }

    /// Every lane goes on behind what was received of it, unless some of the rest isn't kept.
    fn go_on(&mut self, connected: &Connected, window: u64) -> Wrong {
        let all_kept = self.must_be_there(window);
        self.unread = 0;
        for (lane, had) in &self.frames {
            let position = connected.lanes.iter().find(|one| one.lane == *lane);
            let goes_on = position.map_or(0, |position| position.frames);
            if goes_on < *had || (all_kept && goes_on > *had) {
                return Err(format!("{had} frames of lane {lane} came; goes on behind {goes_on}"));
            }
        }
        for position in &connected.lanes {
            let had = self.frames.insert(position.lane, position.frames).unwrap_or_default();
            if position.frames > had {
                let lost = self.count_missed(position.lane, position.frames - had);
                self.cut.insert(position.lane, lost);
                self.lanes.entry(position.lane).or_default().was_cut = true;
                self.may_come_elsewhere(position.lane);
            }
        }
        self.missed = None;
        Ok(())
    }

    /// Counts a frame of a lane. Returns whether it is the gap that tells what a lane lost.
    pub(super) fn count(
        &mut self,
        arrival: Arrival,
        frame: &BrokerFrame<'_>,
    ) -> Result<bool, String> {
        if !is_counted(frame) {
            return Ok(false);
        }
        let lane = self.header(arrival).lane;
        *self.frames.entry(lane).or_default() += 1;
        let tells = |gap: &broker_protocol::frame::Gap| {
            gap.topic.is_none() && gap.reason == GapReason::Dropped
        };
        let told = match frame {
            BrokerFrame::Gap(gap) if tells(gap) => Some(gap.count),
            _ => None,
        };
        if let Some(owed) = self.owed.get_mut(&lane) {
            *owed = owed.saturating_sub(told.unwrap_or_default());
        }
        let Some(lost) = self.cut.remove(&lane) else { return self.check_owed(lane, frame) };
        match told {
            Some(told) => {
                // What was lost behind an answer is told behind that.
                self.owed.insert(lane, lost.unwrap_or_default().saturating_sub(told));
                Ok(true)
            }
            None => Err(format!("lane {lane} lost some, and goes on with {frame:?}")),
        }
    }

    /// All that a lane lost is told in front of its first message.
    fn check_owed(&mut self, lane: u8, frame: &BrokerFrame<'_>) -> Result<bool, String> {
        match frame {
            BrokerFrame::Message(_) => match self.owed.remove(&lane) {
                Some(owed) if owed > 0 => Err(format!("lane {lane} lost {owed} more than it told")),
                _ => Ok(false),
            },
            _ => Ok(false),
        }
    }
}

/// Whether a frame is one of those by which positions in a lane are told.
pub(super) fn is_counted(frame: &BrokerFrame<'_>) -> bool {
    match frame {
        BrokerFrame::Accepted(accepted) => accepted.subscription.is_some(),
        BrokerFrame::Message(_)
        | BrokerFrame::Gap(_)
        | BrokerFrame::Request(_)
        | BrokerFrame::Moved(_)
        | BrokerFrame::CaughtUp(_)
        | BrokerFrame::Released(_)
        | BrokerFrame::Attached(_)
        | BrokerFrame::Detached(_)
        | BrokerFrame::Owner(_)
        | BrokerFrame::Presence(_) => true,
        _ => false,
    }
}
