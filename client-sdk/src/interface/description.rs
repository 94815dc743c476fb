//! What both ends know of an interface.

use std::time::Duration;

use broker_protocol::frame::{Keep, LaneOptions, Overflow};

use super::fault::{Fault, code};

/// An interface: what its methods are called and look like.
#[derive(Debug)]
pub struct Description {
    /// The trait's name.
    pub name: &'static str,
    /// Its methods, in the trait's order.
    pub methods: &'static [Method],
}

/// A method of an interface.
#[derive(Debug)]
pub struct Method {
    /// Its name: the last level of the topic that its calls travel on.
    pub name: &'static str,
    /// As it was declared.
    pub signature: &'static str,
    /// FNV-1a of the interface's name, a dot and the signature: in bincode what every call of it
    /// begins with.
    pub fingerprint: u32,
    /// Whether its caller waits for an answer.
    pub answers: bool,
    /// How long, in milliseconds, if it says so itself.
    pub timeout: Option<u64>,
    /// After how many milliseconds a call without an answer isn't worth making any more, if it says so
    /// itself.
    pub expires_in: Option<u64>,
    /// How its calls wait for a slow client.
    pub lane: LaneRule,
}

/// How calls of a method wait for a slow client. What isn't said is as the broker has it.
#[derive(Debug)]
pub struct LaneRule {
    /// How many newest of each key, if not all.
    pub latest: Option<u32>,
    /// Whether the oldest go at the bound.
    pub drops_oldest: Option<bool>,
    /// 0 to 7.
    pub priority: Option<u8>,
    /// At most one call of each key in so many milliseconds.
    pub min_interval: Option<u64>,
    /// The bound, in calls.
    pub bound_messages: Option<u32>,
    /// The bound, in bytes.
    pub bound_bytes: Option<u64>,
    /// Whether datagrams will do.
    pub unreliable: bool,
}

impl Description {
    /// The place of the method that a topic calls: it ends with the method's name.
    pub(super) fn called(&self, topic: &str) -> Result<usize, Fault> {
        let name = topic.rsplit('.').next().unwrap_or_default();
        let unknown = || {
            let message = format!("{} has no method {name:?}", self.name);
            Fault::new(code::UNKNOWN_METHOD, message)
        };
        self.methods.iter().position(|method| method.name == name).ok_or_else(unknown)
    }
}

impl Method {
    pub(super) fn patience(&self, usual: Duration) -> Duration {
        self.timeout.map_or(usual, Duration::from_millis)
    }
}

impl LaneRule {
    /// Nothing is said: all is as the broker has it.
    pub const UNSAID: Self = Self {
        latest: None,
        drops_oldest: None,
        priority: None,
        min_interval: None,
        bound_messages: None,
        bound_bytes: None,
        unreliable: false,
    };

    /// The lane that such calls need.
    pub(crate) fn options(&self) -> LaneOptions {
        LaneOptions {
            keep: self.latest.map(Keep::Latest),
            overflow: self.drops_oldest.map(|drops| match drops {
                true => Overflow::DropOldest,
                false => Overflow::Disconnect,
            }),
            bound_messages: self.bound_messages,
            bound_bytes: self.bound_bytes,
            min_interval: self.min_interval,
            priority: self.priority,
            unreliable: self.unreliable.then_some(true),
        }
    }
}
