//! What was promised, held against what arrived in frames and what publishers recorded.

mod callbacks;
mod calls;
mod changes;
mod commands;
mod conflated;
mod data;
mod forgotten;
mod groups;
mod lane;
mod made_up;
mod merged;
mod rest;
mod resume;
mod retained;
mod sends;
mod story;
mod track;
mod truth;
mod view;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use broker_core::{Channel, Limits};
use broker_protocol::frame::{BrokerFrame, GapReason};

use crate::link::Written;
use crate::plan::Plan;
use callbacks::Called;
pub(crate) use callbacks::{Ask, Callback, Hold, KINDS, OF_CALLS, Target, called, options_of};
pub(crate) use calls::Call;
pub(crate) use data::NUMBERED;
use forgotten::Epochs;
use groups::Group;
pub(crate) use made_up::Gone;
pub(crate) use merged::patch_in;
pub(crate) use retained::Values;
pub(crate) use story::said;
use truth::Place;
pub(crate) use truth::{Kind, Truth, Wish};
pub(crate) use view::{Pending, Purpose, Stand, Sub, View};

/// What is wrong, as a sentence.
pub(crate) type Wrong = Result<(), String>;

/// What was promised, held against what arrived.
#[derive(Debug, Default)]
pub(crate) struct Judge {
    pub(crate) views: Vec<View>,
    pub(crate) truth: Truth,
    /// What was seen of the epochs of each topic.
    epochs: BTreeMap<usize, Epochs>,
    /// Which messages were written to which clients, as far as that is known.
    written: BTreeSet<(usize, usize)>,
    /// Clients of which a link was taken over: what was written to it isn't known.
    pub(crate) taken_over: BTreeSet<usize>,
    pub(crate) calls: Vec<Call>,
    pub(crate) callbacks: Vec<Callback>,
    pub(crate) holds: Vec<Hold>,
    /// How many callbacks and holds a session may have.
    callbacks_max: usize,
    holds_max: usize,
    groups: BTreeMap<(String, String), Group>,
    pub(crate) step: u64,
    pub(crate) clock: Duration,
    /// Messages that gaps told to have expired, and when at the latest.
    expired: Vec<(usize, Place, Duration)>,
    /// How many messages gaps told to be conflated.
    pub(crate) conflated: u64,
    /// How often what happened that isn't a matter of course.
    pub(crate) happened: BTreeMap<&'static str, u64>,
    /// Whether somebody sees everything.
    pub(crate) auditor: bool,
    /// Whether topics are never forgotten.
    one_epoch: bool,
    /// How much of what was sent is kept for each lane, in bytes.
    window: u64,
    pub(crate) violation: Option<Violation>,
    /// Whether a story is kept: only when a seed is told for the second time.
    tells: bool,
    story: VecDeque<String>,
    /// The step of the world, for the story.
    pub(crate) now: u64,
}

/// A promise that was broken.
#[derive(Debug, Clone)]
pub(crate) struct Violation {
    pub(crate) client: usize,
    pub(crate) what: String,
}

/// Where and when a frame arrived.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    pub(crate) channel: Channel,
    pub(crate) written: Written,
    /// Whether nobody read it: it was written to a link that died.
    pub(crate) lost: bool,
}

impl Judge {
    pub(crate) fn new(plan: &Plan, tells: bool, clock: Duration) -> Self {
        let Plan { auditor, one_epoch, .. } = *plan;
        let window = plan.config.absence.resume_window;
        let Limits { callbacks_max, holds_max, .. } = plan.config.limits;
        Self {
            auditor,
            one_epoch,
            window,
            callbacks_max,
            holds_max,
            tells,
            clock,
            ..Self::default()
        }
    }

    pub(crate) fn enter(&mut self, name: &str, separate: bool) -> usize {
        self.views.push(View::new(name, separate));
        self.views.len() - 1
    }

    pub(crate) fn blame(&mut self, client: usize, found: Wrong) {
        if let Err(what) = found
            && self.violation.is_none()
        {
            self.violation = Some(Violation { client, what });
        }
    }

    /// A frame arrived.
    pub(crate) fn saw(&mut self, client: usize, arrival: Arrival, frame: &BrokerFrame<'_>) {
        self.note(client, || story::read(arrival, frame));
        let found = match arrival.lost {
            _ if self.views[client].is_ghost => self.ghost_saw(client, arrival, frame),
            true => self.written(client, arrival, frame),
            false => self.read(client, arrival, frame),
        };
        self.blame(client, found);
    }

    /// A frame that nobody read: only who was to get a message of a group matters.
    fn written(&mut self, client: usize, arrival: Arrival, frame: &BrokerFrame<'_>) -> Wrong {
        match frame {
            BrokerFrame::Lane(header) => self.views[client].turn_to(arrival, header),
            BrokerFrame::Message(message) => self.written_to(client, arrival, message),
            BrokerFrame::Accepted(accepted) => {
                match self.views[client].pending.remove(&accepted.id) {
                    Some(Pending::Stand(sub)) => self.begun(client, *sub, accepted),
                    _ => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    fn read(&mut self, client: usize, arrival: Arrival, frame: &BrokerFrame<'_>) -> Wrong {
        self.views[client].check_place(arrival, frame)?;
        let tells_of_a_cut = self.views[client].count(arrival, frame)?;
        if let BrokerFrame::Gap(gap) = frame
            && gap.reason == GapReason::Dropped
        {
            let lane = self.views[client].header(arrival).lane;
            self.views[client].lost(lane, tells_of_a_cut);
        }
        self.check_barrier(client, arrival, frame)?;
        match frame {
            BrokerFrame::Connected(connected) => {
                let window = self.window;
                self.views[client].connected(connected, window)
            }
            BrokerFrame::Lane(header) => self.views[client].turn_to(arrival, header),
            BrokerFrame::Message(message) => self.message(client, arrival, message),
            BrokerFrame::Gap(gap) if tells_of_a_cut && gap.count == 0 => Ok(()),
            BrokerFrame::Gap(gap) => self.gap(client, arrival, gap),
            BrokerFrame::CaughtUp(end) => self.caught_up(client, end),
            BrokerFrame::Moved(moved) => self.moved(client, arrival, moved),
            BrokerFrame::Released(released) => self.released(client, arrival, released),
            BrokerFrame::Owner(owner) => self.told_of_owner(client, arrival, owner),
            BrokerFrame::Attached(one) => {
                let place = (&*one.callback, &*one.topic);
                self.told_of_attachment(client, arrival, Ask::Attach, place)
            }
            BrokerFrame::Detached(one) => {
                let place = (&*one.callback, &*one.topic);
                self.told_of_attachment(client, arrival, Ask::Detach, place)
            }
            BrokerFrame::Presence(presence) => self.presence(client, arrival, presence),
            BrokerFrame::Request(request) => self.request(client, arrival, request),
            BrokerFrame::Accepted(accepted) => self.accepted(client, arrival, accepted),
            BrokerFrame::Rejected(rejected) => self.rejected(client, rejected),
            BrokerFrame::Reply(reply) => self.reply(client, reply),
            BrokerFrame::Disconnect(_) => {
                self.views[client].said_goodbye = true;
                Ok(())
            }
            BrokerFrame::Ping(ping) => {
                self.views[client].pongs_due.push((ping.mark, arrival.written.place));
                Ok(())
            }
            BrokerFrame::Cancelled(_) | BrokerFrame::Pong(_) => Ok(()),
            other => Err(format!("a frame that nobody asked for: {other:?}")),
        }
    }

    /// A session has ended, whoever ended it.
    pub(crate) fn ended(&mut self, client: usize) {
        self.note(client, || "is taken to be gone".to_owned());
        if std::mem::replace(&mut self.views[client].ended, true) {
            return;
        }
        self.leave_groups(client);
        self.lets_go_of_all(client);
        self.name_ended(client);
    }

    pub(crate) fn count(&mut self, what: &'static str) {
        *self.happened.entry(what).or_default() += 1;
    }

    /// Until now something may have been sent to a session that is gone.
    pub(crate) fn name_ended(&mut self, client: usize) {
        self.truth.name_ended(&self.views[client].name, self.step);
    }
}
