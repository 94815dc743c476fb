//! Commands that wait for their answer.

use std::collections::HashMap;
use std::sync::Arc;

use broker_protocol::frame::{self, LaneLag, Rejected};
use bytes::Bytes;
use tokio::sync::oneshot;

use super::WishId;
use super::anew::Attached;
use super::lanes::LaneChoice;
use crate::credit::Awaited;
use crate::interface::OfferedObject;
use crate::{Body, ClosedReason, Granted, SubscribeError};

/// What waits for the answer to a command.
#[derive(Debug)]
pub(crate) enum Open {
    /// A standing wish that is being made known.
    Begin(WishId),
    /// A subscription or serving that is being ended.
    Leave(Leave),
    /// A wish whose options change.
    Change(Change),
    /// An object that is being offered.
    Offer(Opening),
    /// That this client holds a callback.
    Hold(Arc<str>),
    /// That it wants to know where a callback that it holds is.
    Minds,
    /// That a callback which is in a set is attached in a new session.
    Attach(Attached),
    /// A caller.
    Caller(oneshot::Sender<Result<Answer, Failure>>),
}

/// An object on its way to be offered.
#[derive(Debug)]
pub(crate) struct Opening {
    pub(super) object: Arc<OfferedObject>,
    /// Who waits for it.
    pub(super) waiter: oneshot::Sender<Result<(), Failure>>,
}

/// An end that was asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Leave {
    /// As the broker knows it.
    pub(super) subscription: u64,
    /// The wish, if something still waits for it.
    pub(super) wish: Option<WishId>,
}

/// A change of options under way.
#[derive(Debug)]
pub(crate) struct Change {
    pub(super) wish: WishId,
    /// What holds if it is refused.
    pub(super) previous: LaneChoice,
    /// Who waits for it.
    pub(super) waiter: Changed,
}

/// How a change came out.
pub(super) type Changed = oneshot::Sender<Result<Granted, SubscribeError>>;

/// A good answer to a caller.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The command was carried out.
    Accepted,
    /// A request was answered, by the client of that name.
    Reply(Option<String>, Body),
    /// What waits in each lane.
    Lag(Vec<LaneLag>),
}

/// Why there is no good answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    Rejected(Rejected),
    Failed(frame::RequestError),
    Disconnected,
    Closed(ClosedReason),
}

impl Open {
    /// Whether it makes known what the session is to begin with.
    fn begins(&self) -> bool {
        matches!(self, Self::Begin(_) | Self::Hold(_) | Self::Attach(_))
    }

    /// Answers a caller; one that has gone away needs no answer.
    pub(crate) fn answer(self, answer: Result<Answer, Failure>) {
        match (self, answer) {
            (Self::Caller(caller), answer) => _ = caller.send(answer),
            (Self::Offer(opening), Err(failure)) => _ = opening.waiter.send(Err(failure)),
            _ => {}
        }
    }

    pub(crate) fn disconnected(self) {
        if let Self::Change(change) = self {
            let _ = change.waiter.send(Err(SubscribeError::Interrupted));
            return;
        }
        self.answer(Err(Failure::Disconnected));
    }

    pub(crate) fn closed(self, reason: &ClosedReason) {
        if let Self::Change(change) = self {
            let _ = change.waiter.send(Err(SubscribeError::Closed(reason.clone())));
            return;
        }
        self.answer(Err(Failure::Closed(reason.clone())));
    }
}

/// Commands that wait for their answer, by id.
#[derive(Debug, Default)]
pub(super) struct OpenCommands {
    commands: HashMap<u64, OpenCommand>,
    beginning: usize,
    /// What all frames are that may have to be repeated, in bytes.
    kept_bytes: usize,
}

#[derive(Debug)]
struct OpenCommand {
    open: Open,
    sent: bool,
    /// What was sent, to be repeated if the connection is lost.
    frame: Option<Bytes>,
    /// The lanes in which it is about to share.
    awaited: Vec<Awaited>,
}

impl OpenCommands {
    pub(super) fn insert(&mut self, id: u64, open: Open) {
        self.beginning += usize::from(open.begins());
        let (sent, frame, awaited) = (false, None, Vec::new());
        self.commands.insert(id, OpenCommand { open, sent, frame, awaited });
    }

    /// Who is about to share lanes by a command counts there until it is answered, or never will be.
    pub(super) fn comes_to_share(&mut self, id: u64, awaited: impl IntoIterator<Item = Awaited>) {
        if let Some(command) = self.commands.get_mut(&id) {
            command.awaited.extend(awaited);
        }
    }

    pub(super) fn remove(&mut self, id: u64) -> Option<Open> {
        let OpenCommand { open, frame, .. } = self.commands.remove(&id)?;
        self.kept_bytes -= frame.map_or(0, |frame| frame.len());
        self.beginning -= usize::from(open.begins());
        Some(open)
    }

    /// What is being made known.
    pub(super) fn beginning(&self) -> usize {
        self.beginning
    }

    /// Notes that it was sent, and keeps what that was, unless that were more than `kept_max` bytes
    /// in all: then its caller is told that the connection was lost. What has no caller is small, and
    /// kept in any case.
    pub(super) fn mark_sent(&mut self, id: u64, frame: &Bytes, kept_max: usize) {
        let Some(command) = self.commands.get_mut(&id) else { return };
        command.sent = true;
        let fits = self.kept_bytes + frame.len() <= kept_max;
        if command.frame.is_none() && (fits || !matches!(command.open, Open::Caller(_))) {
            self.kept_bytes += frame.len();
            command.frame = Some(frame.clone());
        }
    }

    pub(super) fn was_sent(&self, id: u64) -> bool {
        self.commands.get(&id).is_some_and(|command| command.sent)
    }

    /// What was sent and not answered, in its order.
    pub(super) fn unanswered(&self) -> Vec<(u64, Bytes)> {
        let sent = self.commands.iter().filter(|(_, command)| command.sent);
        let mut sent: Vec<_> =
            sent.filter_map(|(id, command)| Some((*id, command.frame.clone()?))).collect();
        sent.sort_unstable_by_key(|(id, _)| *id);
        sent
    }

    /// Takes what was sent and can't be repeated.
    pub(super) fn fail_unkept(&mut self) -> Vec<Open> {
        let unkept = |command: &OpenCommand| {
            command.sent && command.frame.is_none() && matches!(command.open, Open::Caller(_))
        };
        self.commands.extract_if(|_, command| unkept(command)).map(|(_, lost)| lost.open).collect()
    }

    /// Takes what nobody will answer any more: what was sent, and what means the session alone.
    pub(super) fn fail_sent(&mut self) -> Vec<Open> {
        let lost = |command: &OpenCommand| command.sent || !matches!(command.open, Open::Caller(_));
        (self.beginning, self.kept_bytes) = (0, 0);
        self.commands.extract_if(|_, command| lost(command)).map(|(_, lost)| lost.open).collect()
    }

    pub(super) fn take_all(&mut self) -> Vec<Open> {
        (self.beginning, self.kept_bytes) = (0, 0);
        self.commands.drain().map(|(_, command)| command.open).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_caller_who_could_be_told_is_repeated_however_much_is_kept() {
        let mut open = OpenCommands::default();
        let (caller, _answer) = oneshot::channel();
        open.insert(1, Open::Caller(caller));
        open.insert(2, Open::Leave(Leave { subscription: 1, wish: None }));
        let frame = Bytes::from_static(b"a frame");
        [1, 2].into_iter().for_each(|id| open.mark_sent(id, &frame, 3));
        assert_eq!(open.fail_unkept().len(), 1);
        assert_eq!(open.unanswered(), [(2, frame)]);
    }
}
