//! One client's state at the broker: its link, its lanes and its standing wishes.

mod answers;
mod attachment;
mod control;
mod credit;
mod dealings;
mod lane_frame;
mod lanes;
mod presences;
mod recall;
mod replays;
mod roles;
mod standing;
mod unheld;
mod window;

use std::sync::Arc;
use std::time::Duration;

use smallvec::SmallVec;

use crate::SessionId;
use crate::few::Few;
pub(crate) use answers::{Answers, Given};
pub(crate) use attachment::Attachment;
pub use attachment::{LinkInfo, PongTo};
pub(crate) use control::Control;
pub(crate) use credit::Credit;
pub(crate) use dealings::{Answering, Asked, Dealings};
pub(crate) use lane_frame::{LaneFrame, in_bincode, transcode};
pub(crate) use lanes::LaneSlot;
pub(crate) use presences::Presences;
pub(crate) use recall::Recall;
pub(crate) use replays::Replays;
pub(crate) use roles::{Minded, Offered, Roles};
pub(crate) use standing::{Standpoint, Subscription};
pub(crate) use window::{Window, lane_of};

/// One client's state at the broker.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) stage: Stage,
    /// Whether it stands in the list of sessions with something to write.
    pub(crate) dirty: bool,
    /// Whether something waits for its link, so that the log is held for it.
    pub(crate) behind: bool,
    pub(crate) lanes: SmallVec<[LaneSlot; 1]>,
    pub(crate) link: Attachment,
    pub(crate) name: Arc<str>,
    pub(crate) standing: Few<u64, Subscription>,
    /// How many of them ask for presence.
    pub(crate) watches: u32,
    /// How many of them are memberships of queue groups.
    pub(crate) memberships: u32,
    /// Whether the sequencer was told that it can't be written to.
    pub(crate) told_blocked: bool,
    pub(crate) next_subscription: u64,
    pub(crate) last_publish_id: u64,
    /// How long it stays without a link, in milliseconds.
    pub(crate) expiry: u32,
    /// Whether the log is held for what was sent.
    pub(crate) holds: bool,
    /// Whether there may be replays that aren't over: known here, since it is asked with each packet.
    pub(crate) may_replay: bool,
    /// Boxed, since most sessions were answered nothing that had to be noted.
    pub(crate) recall: Option<Box<Recall>>,
    /// Boxed, since most sessions have nothing of it.
    pub(crate) dealings: Option<Box<Dealings>>,
}

/// How far a session came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// `connect` hasn't come.
    Connecting,
    /// Everything is allowed.
    Open,
    /// It has no link, and waits for its client to come back.
    Away,
    /// No commands are taken any more; what waits is still sent.
    Draining,
    /// Only control is still sent.
    Ending,
}

impl Session {
    pub(crate) fn new(id: SessionId, info: LinkInfo, now: Duration) -> Self {
        Self {
            id,
            stage: Stage::Connecting,
            dirty: false,
            behind: false,
            lanes: SmallVec::new(),
            link: Attachment::new(info, now),
            name: Arc::from(""),
            standing: Few::new(),
            watches: 0,
            memberships: 0,
            told_blocked: false,
            next_subscription: 1,
            last_publish_id: 0,
            expiry: 0,
            holds: false,
            may_replay: false,
            recall: None,
            dealings: None,
        }
    }

    /// Gives back the memory that it doesn't need while its client is silent.
    pub(crate) fn give_back(&mut self) {
        self.link.control.give_back();
        self.lanes.iter_mut().for_each(|slot| slot.lane.give_back());
        if let Some(dealings) = &mut self.dealings {
            dealings.roles.take_if(|roles| roles.are_over());
        }
        self.dealings.take_if(|dealings| dealings.are_over());
    }

    /// Until when it waits for its client, while that is away.
    pub(crate) fn expires_at(&self) -> Duration {
        self.link.opened + Duration::from_millis(u64::from(self.expiry))
    }

    /// Whether lanes may send: not before `connected`, not after `disconnect`.
    pub(crate) fn lanes_flow(&self) -> bool {
        matches!(self.stage, Stage::Open | Stage::Draining)
    }

    /// Whether it is measured of some lane how much is on its way.
    #[inline]
    pub(crate) fn has_windows(&self) -> bool {
        self.lanes.iter().any(|slot| slot.window.is_some())
    }

    /// Whether nothing waits to be sent.
    pub(crate) fn is_idle(&self) -> bool {
        self.link.control.is_empty() && self.lanes.iter().all(|slot| slot.lane.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use broker_delivery::lane::Item;

    use super::*;

    /// What ten thousand idle sessions are counted in, in bytes.
    const IDLE_BYTES_MAX: usize = 560;

    /// What most sessions have one of, in bytes.
    const WISH_BYTES_MAX: usize = 72;
    const ITEM_BYTES_MAX: usize = 40;

    #[test]
    fn what_every_idle_client_has_is_small() {
        assert!(size_of::<Session>() <= IDLE_BYTES_MAX, "{}", size_of::<Session>());
        assert!(size_of::<(u64, Subscription)>() <= WISH_BYTES_MAX);
        assert!(size_of::<Item<LaneFrame>>() <= ITEM_BYTES_MAX);
    }
}
