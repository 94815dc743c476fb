//! A subscriber that writes down its calls.

use std::sync::mpsc as blocking;

use client_sdk::{Ended, Gap, GapCause, Granted, Interruption, Message, Presence, Subscriber};
use tokio::sync::mpsc;

/// Writes each call down as a line.
pub(crate) struct Recorder {
    calls: mpsc::Sender<String>,
    holding: Option<Holding>,
    notes_batches: bool,
}

/// Blocks in the call with a message that says `hold`.
struct Holding {
    entered: mpsc::Sender<()>,
    released: blocking::Receiver<()>,
}

/// The other end: knows of the call, and lets it go on.
pub(crate) struct Hold {
    entries: mpsc::Receiver<()>,
    release: blocking::Sender<()>,
}

impl Hold {
    /// Waits until the subscriber is in the call.
    pub(crate) async fn entered(&mut self) {
        self.entries.recv().await.expect("the subscriber lives");
    }

    pub(crate) fn release(&self) {
        self.release.send(()).expect("the subscriber lives");
    }
}

/// What was written down.
pub(crate) struct Record(mpsc::Receiver<String>);

pub(crate) fn recorder() -> (Recorder, Record) {
    let (calls, record) = mpsc::channel(10_000);
    (Recorder { calls, holding: None, notes_batches: false }, Record(record))
}

impl Record {
    /// The next call.
    pub(crate) async fn next(&mut self) -> String {
        self.0.recv().await.unwrap_or_else(|| "gone".to_owned())
    }

    /// The next calls must be these.
    pub(crate) async fn expect(&mut self, calls: &[&str]) {
        for call in calls {
            assert_eq!(self.next().await, *call);
        }
    }
}

impl Recorder {
    /// Blocks when it is told to.
    pub(crate) fn holding(mut self) -> (Self, Hold) {
        let (entered, entries) = mpsc::channel(1);
        let (release, released) = blocking::channel();
        self.holding = Some(Holding { entered, released });
        (self, Hold { entries, release })
    }

    /// Writes the ends of batches down too.
    pub(crate) fn noting_batches(self) -> Self {
        Self { notes_batches: true, ..self }
    }

    fn note(&self, call: impl Into<String>) {
        self.calls.try_send(call.into()).expect("the record has room");
    }
}

impl Subscriber for Recorder {
    fn on_message(&mut self, message: &Message) {
        let again = if message.is_replayed() { " again" } else { "" };
        let text = message.text().unwrap_or("?");
        self.note(format!("{} {} {text}{again}", message.topic, message.seq));
        if let (Some(holding), Some("hold")) = (&self.holding, message.text()) {
            holding.entered.try_send(()).expect("one call at a time");
            holding.released.recv().expect("the test lets it go on");
        }
    }

    fn on_subscribed(&mut self, granted: &Granted) {
        self.note(format!("subscribed {}", granted.subscription));
    }

    fn on_gap(&mut self, gap: &Gap) {
        let topic = gap.topic.as_deref().unwrap_or("lane");
        let cause = match gap.reason {
            GapCause::Broker(reason) => format!("{reason:?}"),
            cause => format!("{cause:?}"),
        };
        self.note(format!("gap {topic} {} {cause}", gap.count));
    }

    fn on_caught_up(&mut self) {
        self.note("caught up");
    }

    fn on_presence(&mut self, presence: &Presence) {
        self.note(format!("presence +{:?} -{:?}", presence.joined, presence.left));
    }

    fn on_interrupted(&mut self, interruption: &Interruption) {
        assert!(interruption.from <= interruption.until);
        self.note("interrupted");
    }

    fn on_batch_end(&mut self) {
        if self.notes_batches {
            self.note("batch end");
        }
    }

    fn on_ended(&mut self, ended: Ended) {
        self.note(format!("ended {ended}"));
    }
}
