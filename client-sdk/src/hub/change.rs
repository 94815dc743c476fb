//! Options that change while a subscription stands.
//!
//! A subscription alone in its lane has the lane updated; one that shares it, or no longer wishes
//! for something, moves to a lane of equal options. Both are one command, and one at a time.

use std::sync::Arc;

use broker_protocol::frame::{Accepted, ClientFrame, LaneOptions, Move, Rejected, Update};
use tokio::sync::oneshot;

use super::answer::guarded_keys;
use super::open::Change;
use super::wish::Stage;
use super::{Attendance, Hub, Open, RouteChange, State, Target, WishId, wake};
use crate::inbox::{Inbox, Rules, Woken};
use crate::{Event, Granted, SubscribeError};

/// A subscription that goes on in another lane, as the connection's task knows it.
#[derive(Debug)]
pub(crate) struct Relocation {
    pub(crate) granted: Granted,
    /// Of how many keys the order is to be kept, where the lane is unreliable.
    pub(crate) guarded_keys: Option<usize>,
    /// Which messages of the other lane it sees.
    pub(crate) attendance: Arc<Attendance>,
}

impl Hub {
    /// Changes the options of a wish. The receiver learns what is granted.
    pub(crate) fn change(
        &self,
        id: WishId,
        options: LaneOptions,
    ) -> Result<oneshot::Receiver<Result<Granted, SubscribeError>>, SubscribeError> {
        let (waiter, changed) = oneshot::channel();
        let mut state = self.lock();
        if let Some(reason) = &state.closed {
            return Err(SubscribeError::Closed(reason.clone()));
        }
        let (command, frame) = state.begin_change(id, options, waiter)?;
        let alone = match &frame {
            ClientFrame::Move(to) => {
                let awaited = self.credit.comes_to_share(to.lane);
                state.open.comes_to_share(command, [awaited]);
                self.alone_beside(&state, to.lane, Some(id)).zip(Some(to.lane))
            }
            _ => None,
        };
        let bytes = self.encode(&frame);
        state.push_for_session(Some(command), bytes);
        let writer = state.writer.take();
        drop(state);
        wake(writer);
        if let Some((alone, lane)) = alone {
            self.disown(Some(alone), lane);
        }
        Ok(changed)
    }

    pub(super) fn changed(&self, change: Change, accepted: Accepted) -> RouteChange {
        let mut state = self.lock();
        let Some(wish) = state.wishes.get_mut(&change.wish) else { return RouteChange::None };
        // What was asked for in front of its end comes in the other lane until then.
        let (Stage::Begun(subscription) | Stage::Leaving(subscription)) = wish.stage else {
            return RouteChange::None;
        };
        let options = accepted.granted.unwrap_or_default();
        let lane = accepted.lane.unwrap_or(wish.choice.lane);
        let granted = Granted { subscription, lane, options };
        let _ = change.waiter.send(Ok(granted.clone()));
        if change.previous.lane == lane {
            self.credit.set_granted(&granted);
        }
        let guarded_keys = guarded_keys(&granted.options);
        if change.previous.lane != lane {
            let attendance = Arc::<Attendance>::default();
            wish.attendance = Arc::clone(&attendance);
            return RouteChange::Move(Relocation { granted, guarded_keys, attendance });
        }
        (wish.changing, wish.moves_from) = (false, None);
        let target = wish.target.clone();
        drop(state);
        if let Target::Inbox(inbox) = target {
            follow(&inbox, granted);
        }
        guarded_keys.map_or(RouteChange::None, |keys_max| RouteChange::Guard(lane, keys_max))
    }

    pub(super) fn change_refused(&self, change: Change, rejected: Rejected) {
        let mut state = self.lock();
        if let Some(wish) = state.wishes.get_mut(&change.wish) {
            (wish.choice, wish.changing, wish.moves_from) = (change.previous, false, None);
        }
        drop(state);
        let Rejected { code, message, field, .. } = rejected;
        let _ = change.waiter.send(Err(SubscribeError::Refused { code, message, field }));
    }

    /// Nothing comes any more in the lane that a wish left.
    pub(crate) fn settled(&self, id: WishId) {
        if let Some(wish) = self.lock().wishes.get_mut(&id) {
            (wish.changing, wish.moves_from) = (false, None);
        }
    }
}

/// What comes from here on comes by these options.
pub(crate) fn follow(inbox: &Inbox, granted: Granted) {
    let mut woken = Woken::default();
    inbox.set_rules(Rules::granted(&granted.options));
    inbox.push(Event::Subscribed(granted), &mut woken);
}

impl State {
    fn begin_change(
        &mut self,
        id: WishId,
        options: LaneOptions,
        waiter: oneshot::Sender<Result<Granted, SubscribeError>>,
    ) -> Result<(u64, ClientFrame<'static>), SubscribeError> {
        let wish = self.wishes.get(&id).ok_or(SubscribeError::Ended)?;
        let Stage::Begun(subscription) = wish.stage else {
            return Err(SubscribeError::Interrupted);
        };
        if wish.changing {
            return Err(SubscribeError::Changing);
        }
        let previous = wish.choice.clone();
        let updates = self.is_alone_in(previous.lane) && says_no_less(&options, &previous.options);
        let choice = match updates {
            true => self.lanes.rename(&previous, options.clone()),
            false => self.lanes.choose(options.clone(), 0)?,
        };
        let command = self.take_id();
        let frame = match updates {
            true => ClientFrame::Update(Update { id: command, lane: choice.lane, options }),
            false => ClientFrame::Move(Move {
                id: command,
                subscription,
                lane: choice.lane,
                options: choice.options.clone(),
            }),
        };
        if let Some(wish) = self.wishes.get_mut(&id) {
            wish.moves_from = (!updates).then_some(previous.lane);
            (wish.choice, wish.changing) = (choice, true);
        }
        self.open.insert(command, Open::Change(Change { wish: id, previous, waiter }));
        Ok((command, frame))
    }

    /// Whether one wish has the lane, and it isn't lane 0, to itself.
    fn is_alone_in(&self, lane: u8) -> bool {
        lane != 0 && self.wishes.values().filter(|wish| wish.choice.lane == lane).count() == 1
    }
}

/// Whether everything that was said before is said again: an update leaves the rest as it is.
fn says_no_less(options: &LaneOptions, before: &Option<LaneOptions>) -> bool {
    let Some(before) = before else { return false };
    let LaneOptions { keep, overflow, bound_messages, bound_bytes, .. } = options;
    (keep.is_some() || before.keep.is_none())
        && (overflow.is_some() || before.overflow.is_none())
        && (bound_messages.is_some() || before.bound_messages.is_none())
        && (bound_bytes.is_some() || before.bound_bytes.is_none())
        && (options.min_interval.is_some() || before.min_interval.is_none())
        && (options.priority.is_some() || before.priority.is_none())
        && (options.unreliable.is_some() || before.unreliable.is_none())
}
