//! The broker's answers, and what follows from them.

use std::time::SystemTime;

use broker_protocol::ErrorCode;
use broker_protocol::frame::{Accepted, LaneOptions, Outcome, Pong, Rejected, RoutedReply};

use super::anew::Attached;
use super::open::{Answer, Failure, Leave};
use super::wish::{Kind, Stage, Target, WishId};
use super::{Hub, Open, Relocation, Route, wake};
use crate::inbox::{Rules, Woken};
use crate::interface::ReleaseReason;
use crate::{Body, Ended, Event, Granted, Interruption, Refused, SubscribeError};

/// Of how many keys of an unreliable lane the order is kept, where its bound isn't told.
pub(crate) const GUARDED_KEYS: usize = 4096;

/// Of how many keys the order is to be kept, in a lane that has these options.
pub(crate) fn guarded_keys(options: &LaneOptions) -> Option<usize> {
    let keys_max = options.bound_messages.map_or(GUARDED_KEYS, |bound| bound as usize);
    (options.unreliable == Some(true)).then_some(keys_max)
}

/// What an answer changes in the delivery of messages.
#[derive(Debug)]
pub(crate) enum RouteChange {
    None,
    /// What comes from here on is for this wish too.
    Begin(Route),
    /// What comes from here on in another lane is for this subscription.
    Move(Relocation),
    /// The lane of that number is unreliable from here on, and so many keys are to be kept in order.
    Guard(u8, usize),
    /// What comes from here on isn't for the subscription of that number any more.
    End(u64),
    /// Nobody knows any more what stands in this session.
    Doubtful,
}

impl Hub {
    pub(crate) fn accepted(&self, accepted: Accepted) -> RouteChange {
        let open = self.lock().open.remove(accepted.id);
        match open {
            Some(Open::Begin(wish)) => self.begun(wish, accepted),
            Some(Open::Leave(leave)) => self.left(leave),
            Some(Open::Change(change)) => self.changed(change, accepted),
            Some(Open::Offer(opening)) => {
                self.offer_accepted(opening, accepted.callback.as_deref());
                RouteChange::None
            }
            Some(Open::Hold(_) | Open::Minds | Open::Attach(_)) => RouteChange::None,
            Some(caller @ Open::Caller(_)) => {
                caller.answer(Ok(Answer::Accepted));
                RouteChange::None
            }
            None => RouteChange::None,
        }
    }

    pub(crate) fn rejected(&self, rejected: Rejected) -> RouteChange {
        let open = self.lock().open.remove(rejected.id);
        let Some(open) = open else {
            self.refused_without_id(rejected);
            return RouteChange::None;
        };
        // It was carried out; how, nobody knows any more.
        let is_lost = rejected.code == ErrorCode::AnswerLost;
        match open {
            Open::Leave(leave) => return self.left(leave),
            Open::Begin(_) | Open::Change(_) if is_lost => {
                open.disconnected();
                return RouteChange::Doubtful;
            }
            Open::Begin(wish) if self.tries_another_lane(wish, &rejected) => {}
            Open::Begin(wish) => self.refused(wish, rejected),
            Open::Change(change) => self.change_refused(change, rejected),
            Open::Hold(token) => self.hold_refused(&token, &rejected),
            // How it ended is told by itself, or by what the first hold of it was answered.
            Open::Minds => {}
            Open::Attach(attached) => self.attach_refused(&attached, &rejected),
            Open::Caller(_) | Open::Offer(_) if is_lost => open.disconnected(),
            Open::Caller(_) | Open::Offer(_) => open.answer(Err(Failure::Rejected(rejected))),
        }
        RouteChange::None
    }

    fn refused_without_id(&self, rejected: Rejected) {
        let Rejected { id, code, message, .. } = rejected;
        match id {
            0 => self.tell_refused(Refused { code, message }),
            id => tracing::trace!(id, "an answer that nobody waits for"),
        }
    }

    pub(crate) fn replied(&self, reply: &RoutedReply<'_>) {
        let open = self.lock().open.remove(reply.id);
        let Some(open) = open else { return };
        open.answer(match &reply.outcome {
            Outcome::Answer(body) => {
                Ok(Answer::Reply(reply.from.as_deref().map(str::to_owned), Body::received(body)))
            }
            Outcome::Failure(error) => Err(Failure::Failed(error.clone())),
        });
    }

    /// A ping with a mark is answered: what waits in each lane.
    pub(crate) fn ponged(&self, pong: Pong) {
        let Some(mark) = pong.mark else { return };
        let open = self.lock().open.remove(mark);
        if let Some(open) = open {
            open.answer(Ok(Answer::Lag(pong.lag)));
        }
    }

    fn begun(&self, id: WishId, accepted: Accepted) -> RouteChange {
        let Some(subscription) = accepted.subscription else { return RouteChange::Doubtful };
        let mut state = self.lock();
        let Some(wish) = state.wishes.get_mut(&id) else {
            // It was given up while the broker was asked.
            self.queue_leave(&mut state, subscription, None);
            let writer = state.writer.take();
            drop(state);
            wake(writer);
            return RouteChange::None;
        };
        wish.stage = Stage::Begun(subscription);
        let (waiter, lost_at) = (wish.waiter.take(), wish.lost_at.take());
        let options = accepted.granted.unwrap_or_default();
        let route = Route {
            wish: id,
            guarded_keys: guarded_keys(&options),
            subscription,
            filter: wish.filter.clone(),
            lane: accepted.lane.unwrap_or(wish.choice.lane),
            grouped: matches!(&wish.kind, Kind::Messages { group: Some(_), .. }),
            target: wish.target.clone(),
            attendance: wish.attendance.clone(),
        };
        drop(state);

        let granted = Granted { subscription, lane: route.lane, options };
        self.credit.set_granted(&granted);
        route.target.begin(&granted, lost_at);
        if let Some(waiter) = waiter {
            let _ = waiter.send(Ok(granted));
        }
        RouteChange::Begin(route)
    }

    fn hold_refused(&self, token: &str, rejected: &Rejected) {
        match rejected.code {
            // How it ended was never told here.
            ErrorCode::UnknownCallback => self.end_held(token, ReleaseReason::Lost),
            // It can be called all the same; its end won't be told.
            code => tracing::warn!(%code, rejected.message, "a callback can't be held"),
        }
    }

    /// What can't be attached in a new session isn't in its set any more.
    fn attach_refused(&self, attached: &Attached, rejected: &Rejected) {
        let (code, topic) = (rejected.code, &*attached.topic);
        tracing::warn!(%code, rejected.message, topic, "a callback can't be attached anew");
        self.leave_set(attached);
    }

    fn refused(&self, id: WishId, rejected: Rejected) {
        let wish = self.lock().wishes.remove(&id);
        let Some(wish) = wish else { return };
        let Rejected { code, message, field, .. } = rejected;
        tracing::debug!(filter = &*wish.filter, %code, message, "refused");
        let ended = Ended::Refused { code, message: message.clone() };
        wish.end(SubscribeError::Refused { code, message, field }, ended);
    }

    fn left(&self, leave: Leave) -> RouteChange {
        let wish = leave.wish.and_then(|id| self.lock().wishes.remove(&id));
        if let Some(wish) = wish {
            wish.target.end(Ended::Unsubscribed);
        }
        RouteChange::End(leave.subscription)
    }
}

impl Target {
    fn begin(&self, granted: &Granted, lost_at: Option<SystemTime>) {
        let Self::Inbox(inbox) = self else { return };
        let mut woken = Woken::default();
        // A move that its connection didn't outlive is over.
        let _ = inbox.release(&mut woken);
        inbox.set_rules(Rules::granted(&granted.options));
        if let Some(from) = lost_at {
            let until = SystemTime::now();
            inbox.push(Event::Interrupted(Interruption { from, until }), &mut woken);
        }
        inbox.push(Event::Subscribed(granted.clone()), &mut woken);
    }
}
