//! What one run of `broker sub` has printed, and whether that is enough.

use std::io;
use std::time::Duration;

use broker_delivery::filter_matches;
use client_sdk::{ClosedReason, Ended, Event, Gap, GapCause, GapReason, Message, Presence};

use super::super::arguments::{Subscribe, WhenBehind};
use super::super::outcome::{Failure, Outcome};
use super::super::output::{self, Printer, Shown, ShownGap};

/// What is received, for people.
pub(super) fn places(arguments: &Subscribe) -> String {
    let direct = arguments.connection.name.as_ref().map(|name| format!("what is sent to {name}"));
    let places: Vec<_> = arguments.filters.iter().cloned().chain(direct).collect();
    places.join(", ")
}

/// An event with the place of its filter on the command line.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) place: usize,
    pub(super) event: Event,
}

/// Whether to go on.
#[derive(Debug)]
pub(super) enum Step {
    /// Wait for what comes next.
    Continue,
    /// This is how it ends.
    End(Result<Outcome, Failure>),
}

impl From<io::Result<()>> for Step {
    fn from(written: io::Result<()>) -> Self {
        written.map_or_else(|error| Self::End(output::ended(&error)), |()| Self::Continue)
    }
}

/// One run.
pub(super) struct Session<'a> {
    arguments: &'a Subscribe,
    printer: Printer,
    printed: u64,
}

impl<'a> Session<'a> {
    pub(super) fn new(arguments: &'a Subscribe) -> Self {
        Self { arguments, printer: Printer::new(arguments.output.clone()), printed: 0 }
    }

    /// How long it lasts at most.
    pub(super) fn wait(&self) -> Option<Duration> {
        self.arguments.wait
    }

    /// Prints what a subscription delivered.
    pub(super) fn event(&mut self, placed: Placed) -> Step {
        let Placed { place, event } = placed;
        match event {
            Event::Message(message) if self.is_first_to_match(place, &message.topic) => {
                self.message(&message)
            }
            Event::Gap(gap) if self.is_first_of_gap(place, &gap) => self.gap(&gap),
            Event::CaughtUp => self.caught_up(place),
            Event::Presence(presence) => self.presence(&presence),
            Event::Interrupted(_) => {
                eprintln!("subscribed anew to {}", self.arguments.filters[place]);
                Step::Continue
            }
            Event::Ended(ended) => Step::End(Err(failure(&ended))),
            _ => Step::Continue,
        }
    }

    /// Prints a message, and ends if it was the last that was asked for.
    pub(super) fn message(&mut self, message: &Message) -> Step {
        let step = Step::from(self.printer.message(&shown(message)));
        self.printed += 1;
        match step {
            Step::Continue if self.has_enough() => Step::End(Ok(Outcome::Done)),
            step => step,
        }
    }

    /// How it ends when the time is up.
    pub(super) fn time_is_up(&self) -> Result<Outcome, Failure> {
        if self.arguments.count.is_none() && self.printed > 0 {
            return Ok(Outcome::Done);
        }
        let message = match self.printed {
            0 => "the time was up before any message came".to_owned(),
            printed => format!("the time was up after {printed} messages"),
        };
        Err(Outcome::TimedOut.because(message))
    }

    /// How it ends when a signal comes.
    pub(super) fn interrupted(&self) -> Result<Outcome, Failure> {
        Ok(if self.arguments.count.is_some() { Outcome::Interrupted } else { Outcome::Done })
    }

    fn has_enough(&self) -> bool {
        self.arguments.count.is_some_and(|count| self.printed >= count.get())
    }

    /// Every subscription that matches gets the message; one of them prints it. The members of a
    /// group get different ones.
    fn is_first_to_match(&self, place: usize, topic: &str) -> bool {
        let earlier = &self.arguments.filters[..place];
        self.arguments.group.is_some()
            || !earlier.iter().any(|filter| filter_matches(filter, topic))
    }

    /// A gap without topic is told to every subscription.
    fn is_first_of_gap(&self, place: usize, gap: &Gap) -> bool {
        match &gap.topic {
            Some(topic) => self.is_first_to_match(place, topic),
            None => place == 0,
        }
    }

    /// Tells of a gap, and ends where nothing may be missing.
    fn gap(&mut self, gap: &Gap) -> Step {
        let step = Step::from(self.printer.gap(&shown_gap(gap)));
        match step {
            Step::Continue if self.ends_at(gap.reason) => Step::End(Err(too_slow(gap.count))),
            step => step,
        }
    }

    /// The connection of who is too slow ends, and its session goes on: what it missed is the first
    /// that it is told.
    fn ends_at(&self, cause: GapCause) -> bool {
        let is_dropped = cause == GapCause::Broker(GapReason::Dropped);
        self.arguments.when_behind == WhenBehind::End && is_dropped
    }

    fn caught_up(&mut self, place: usize) -> Step {
        self.printer.caught_up(&self.arguments.filters[place]).into()
    }

    fn presence(&mut self, presence: &Presence) -> Step {
        self.printer.presence(&presence.joined, &presence.left).into()
    }
}

fn shown(message: &Message) -> Shown<'_> {
    Shown {
        topic: &message.topic,
        seq: message.seq,
        epoch: message.epoch,
        time: message.time,
        from: message.from.as_deref(),
        body: &message.body,
        replayed: message.is_replayed(),
    }
}

fn shown_gap(gap: &Gap) -> ShownGap<'_> {
    ShownGap {
        topic: gap.topic.as_deref(),
        epoch: gap.epoch,
        first_seq: gap.first_seq,
        last_seq: gap.last_seq,
        count: gap.count,
        reason: reason(gap.reason),
    }
}

/// The broker's reasons have the names that they have on the wire.
fn reason(cause: GapCause) -> &'static str {
    match cause {
        GapCause::Broker(GapReason::Conflated) => "conflated",
        GapCause::Broker(GapReason::Merged) => "merged",
        GapCause::Broker(GapReason::Dropped) => "dropped",
        GapCause::Broker(GapReason::Expired) => "expired",
        GapCause::Broker(GapReason::NotKept) => "not-kept",
        GapCause::Conflated => "conflated",
        GapCause::Merged => "merged",
        GapCause::SlowSubscriber => "slow-subscriber",
        GapCause::Interrupted => "interrupted",
        _ => "unknown",
    }
}

fn too_slow(missed: u64) -> Failure {
    Outcome::Failed.because(format_args!(
        "{missed} messages are missing: they came faster than they were printed, or while the \
         connection was lost; --when-behind drop-oldest goes on and tells what was missed"
    ))
}

fn failure(ended: &Ended) -> Failure {
    match ended {
        Ended::Closed(reason @ ClosedReason::Lost { .. }) => Outcome::Unconnected.because(reason),
        Ended::TooSlow { .. } => Outcome::Failed.because(format_args!(
            "{ended}; --when-behind drop-oldest goes on and tells what was missed"
        )),
        ended => Outcome::Failed.because(format_args!("the subscription ended: {ended}")),
    }
}
