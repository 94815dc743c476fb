//! A subscriber that writes down its calls.

use client_sdk::{Ended, Gap, GapCause, Granted, Interruption, Message, Presence, Subscriber};
use tokio::sync::mpsc;

/// Writes each call down as a line.
pub(crate) struct Recorder(mpsc::Sender<String>);

/// What was written down.
pub(crate) struct Record(mpsc::Receiver<String>);

pub(crate) fn recorder() -> (Recorder, Record) {
    let (calls, record) = mpsc::channel(10_000);
    (Recorder(calls), Record(record))
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
    fn note(&self, call: impl Into<String>) {
        self.0.try_send(call.into()).expect("the record has room");
    }
}

impl Subscriber for Recorder {
    fn on_message(&mut self, message: &Message) {
        self.note(format!("{} {} {}", message.topic, message.seq, message.text().unwrap_or("?")));
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

    fn on_presence(&mut self, presence: &Presence) {
        self.note(format!("presence +{:?} -{:?}", presence.joined, presence.left));
    }

    fn on_interrupted(&mut self, interruption: &Interruption) {
        assert!(interruption.from <= interruption.until);
        self.note("interrupted");
    }

    fn on_ended(&mut self, ended: Ended) {
        self.note(format!("ended {ended}"));
    }
}
