//! Callbacks: who offers one is called on its own terms, and who holds it is told of its end.

mod attachments;
mod calls;
mod ends;
mod holds;
mod offers;
mod owners;
mod random;

use std::borrow::Cow;

use broker_core::{Config, SequencerConfig};
use broker_protocol::frame::{
    Attach, BrokerFrame, ClientFrame, Detach, Hold, Keep, LaneOptions, Offer, OfferedMethod,
    Release, Released, ReleasedReason, Send,
};
use broker_protocol::{Codec, ErrorCode};

use crate::stage::Stage;

/// A broker with an owner of callbacks and a caller.
struct Scene {
    stage: Stage,
    owner: u32,
    caller: u32,
    /// The last id.
    id: u64,
}

impl Scene {
    fn new() -> Self {
        Self::with(Config::default())
    }

    fn with(config: Config) -> Self {
        Self::on(Stage::with(config, SequencerConfig::default(), Codec::Bincode))
    }

    /// The same where sessions outlive their links.
    fn with_absence() -> Self {
        let config = Config::default();
        Self::on(Stage::with_absence(config, SequencerConfig::default(), Codec::Bincode))
    }

    fn on(mut stage: Stage) -> Self {
        let (owner, caller) = (stage.enter("owner"), stage.enter("caller"));
        Self { stage, owner, caller, id: 0 }
    }

    fn next_id(&mut self) -> u64 {
        self.id += 1;
        self.id
    }

    /// Offers what the methods say. Returns the token.
    fn offer(&mut self, methods: &[OfferedMethod]) -> String {
        self.try_offer(self.owner, methods).expect("it is accepted")
    }

    fn try_offer(&mut self, slot: u32, methods: &[OfferedMethod]) -> Result<String, ErrorCode> {
        let (id, interface) = (self.next_id(), "watcher".to_owned());
        let offer = Offer { id, interface, methods: methods.to_vec() };
        self.answer(slot, id, &ClientFrame::Offer(offer))
    }

    /// Says something, and returns the callback that its answer names.
    fn answer(&mut self, slot: u32, id: u64, frame: &ClientFrame<'_>) -> Result<String, ErrorCode> {
        self.stage.say(slot, frame);
        let answers = self.stage.frames(slot).into_iter().filter_map(|frame| match frame {
            BrokerFrame::Accepted(one) if one.id == id => {
                Some(Ok(one.callback.unwrap_or_default()))
            }
            BrokerFrame::Rejected(one) if one.id == id => Some(Err(one.code)),
            _ => None,
        });
        let answers: Vec<_> = answers.collect();
        let [answer] = &answers[..] else { panic!("one answer to {frame:?}: {answers:?}") };
        answer.clone()
    }

    fn call(&mut self, to: &str, method: &str, payload: &str) -> Result<String, ErrorCode> {
        let id = self.next_id();
        self.answer(self.caller, id, &call(Some(id), (to, method), (None, payload)))
    }

    fn hold(&mut self, slot: u32, callback: &str) -> Result<String, ErrorCode> {
        let (id, callback) = (self.next_id(), callback.to_owned());
        self.answer(slot, id, &ClientFrame::Hold(Hold { id, callback, presence: false }))
    }

    /// Holds it, and wants to know of its owner. Returns the id of the command.
    fn mind(&mut self, slot: u32, callback: &str) -> u64 {
        let (id, callback) = (self.next_id(), callback.to_owned());
        self.stage.say(slot, &ClientFrame::Hold(Hold { id, callback, presence: true }));
        id
    }

    fn release(&mut self, slot: u32, callback: &str) {
        let release = Release { callback: callback.to_owned() };
        self.stage.say(slot, &ClientFrame::Release(release));
    }

    fn attach(&mut self, topic: &str, callback: &str) -> Result<String, ErrorCode> {
        let (id, topic, callback) = (self.next_id(), topic.to_owned(), callback.to_owned());
        let attach = ClientFrame::Attach(Attach { id, topic, callback });
        self.answer(self.caller, id, &attach)
    }

    fn detach(&mut self, topic: &str, callback: &str) -> Result<String, ErrorCode> {
        let (id, topic, callback) = (self.next_id(), topic.to_owned(), callback.to_owned());
        let detach = ClientFrame::Detach(Detach { id, topic, callback });
        self.answer(self.caller, id, &detach)
    }

    /// What a client was told has ended.
    fn released(&mut self, slot: u32) -> Vec<(String, ReleasedReason)> {
        let frames = self.stage.frames(slot).into_iter();
        let released = frames.filter_map(|frame| match frame {
            BrokerFrame::Released(Released { callback, reason }) => Some((callback, reason)),
            _ => None,
        });
        released.collect()
    }
}

fn call<'a>(
    id: Option<u64>,
    (to, method): (&'a str, &'a str),
    (key, payload): (Option<&'a str>, &'a str),
) -> ClientFrame<'a> {
    let (to, method) = (Cow::Borrowed(to), Some(Cow::Borrowed(method)));
    let mut send = Send { id, to, method, ..Send::default() };
    send.body.key = key.map(Cow::Borrowed);
    send.body.payload = Cow::Borrowed(payload.as_bytes());
    ClientFrame::Send(send)
}

fn method(name: &str, lane: u8) -> OfferedMethod {
    OfferedMethod { method: name.to_owned(), lane, options: None }
}

/// A method whose lane keeps the newest call of each key.
fn latest(name: &str, lane: u8) -> OfferedMethod {
    let options = LaneOptions { keep: Some(Keep::Latest(1)), ..LaneOptions::default() };
    OfferedMethod { options: Some(options), ..method(name, lane) }
}

/// What of some frames is for a callback's client: calls and what frames them, in order.
fn told(frames: &[BrokerFrame<'_>]) -> Vec<String> {
    let told = frames.iter().filter_map(|frame| match frame {
        BrokerFrame::Message(message) => {
            let payload = String::from_utf8_lossy(&message.body.payload).into_owned();
            let method = message.topic.rsplit('.').next().unwrap_or_default();
            Some(format!("{method} {payload} {}", message.seq))
        }
        BrokerFrame::Gap(gap) => Some(format!("gap {} {:?}", gap.count, gap.reason)),
        BrokerFrame::Released(released) => Some(format!("released {:?}", released.reason)),
        BrokerFrame::Attached(attached) => Some(format!("attached {}", attached.topic)),
        BrokerFrame::Detached(detached) => Some(format!("detached {}", detached.topic)),
        _ => None,
    });
    told.collect()
}
