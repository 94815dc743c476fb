//! Which lane a wish goes into: those with equal options share one.

use broker_protocol::ErrorCode;
use broker_protocol::frame::{LaneOptions, Rejected};

use super::wish::Stage;
use super::{Hub, WishId, wake};
use crate::SubscribeError;

/// Lanes beside lane 0 in a session.
pub(super) const LANES_MAX: usize = 15;

/// The lanes of a session beside lane 0: lanes 1, 2, …
#[derive(Debug, Default)]
pub(super) struct Lanes([Option<Held>; LANES_MAX]);

/// Where a wish goes, and with what options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LaneChoice {
    pub(super) lane: u8,
    /// None in lane 0.
    pub(super) options: Option<LaneOptions>,
    /// How many lanes with these options the broker refused.
    pub(super) refused: u8,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Held {
    options: LaneOptions,
    refused: u8,
}

impl Lanes {
    /// Wishes with equal options share a lane, as far as the broker grants it: those to which it
    /// refused one share the next. A lane that the session has opened stays open until it ends.
    pub(super) fn choose(
        &mut self,
        options: LaneOptions,
        refused: u8,
    ) -> Result<LaneChoice, SubscribeError> {
        if refused == 0 && options == LaneOptions::default() {
            return Ok(LaneChoice { lane: 0, options: None, refused });
        }
        let wanted = Some(Held { options: options.clone(), refused });
        let held = self.0.iter().position(|one| *one == wanted);
        let free = || self.0.iter().position(Option::is_none);
        let Some(place) = held.or_else(free) else {
            return Err(SubscribeError::TooManyLanes { limit: LANES_MAX });
        };
        self.0[place] = wanted;
        let lane = u8::try_from(place + 1).expect("there are at most 15 lanes");
        Ok(LaneChoice { lane, options: Some(options), refused })
    }

    /// The same lane, with other options from here on.
    pub(super) fn rename(&mut self, choice: &LaneChoice, options: LaneOptions) -> LaneChoice {
        let refused = choice.refused;
        if let Some(held) =
            usize::from(choice.lane).checked_sub(1).and_then(|at| self.0.get_mut(at))
        {
            *held = Some(Held { options: options.clone(), refused });
        }
        LaneChoice { options: Some(options), ..choice.clone() }
    }

    /// Makes lanes free again that aren't among these.
    pub(super) fn keep_only(&mut self, needed: impl Iterator<Item = u8>) {
        let needed = needed.fold(0_u32, |lanes, lane| lanes | 1 << lane);
        for (held, lane) in self.0.iter_mut().zip(1..) {
            if needed & (1 << lane) == 0 {
                *held = None;
            }
        }
    }
}

impl Hub {
    /// Asks for another lane with the same options, if the broker refused because of the lane: by its
    /// configuration the filter may not share it. Returns whether it did.
    pub(super) fn tries_another_lane(&self, id: WishId, rejected: &Rejected) -> bool {
        let of_options = rejected.field.as_deref() == Some("options");
        if rejected.code != ErrorCode::LaneOptions || !of_options {
            return false;
        }
        let mut state = self.lock();
        let Some(wish) = state.wishes.get(&id) else { return false };
        let (options, refused) = (wish.choice.options.clone(), wish.choice.refused + 1);
        let Ok(choice) = state.lanes.choose(options.unwrap_or_default(), refused) else {
            return false;
        };
        if let Some(wish) = state.wishes.get_mut(&id) {
            (wish.choice, wish.stage) = (choice, Stage::Waiting);
        }
        if state.is_connected()
            && let Some((command, bytes)) = self.begin_frame(&mut state, id)
        {
            state.push_for_session(Some(command), bytes);
        }
        let writer = state.writer.take();
        drop(state);
        wake(writer);
        true
    }
}
