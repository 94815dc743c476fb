//! A client that holds what it is told, and judges how it is told.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use broker_protocol::frame::{BrokerFrame, GapReason};

/// What a value is about: its topic and key.
pub(super) type About = (String, Option<String>);

/// A client that holds what it is told.
#[derive(Debug, Default)]
pub(super) struct Viewer {
    /// Values that were replayed: the topic, the `seq`, and the subscription.
    pub(super) replayed: Vec<(String, u64, u64)>,
    pub(super) caught_up: Vec<u64>,
    /// How many messages came that were no replay.
    pub(super) live: u64,
    /// How many messages gaps told.
    pub(super) gaps: BTreeMap<GapReasonName, u64>,
    /// The last value of each key, and its `seq`.
    pub(super) view: BTreeMap<About, (Vec<u8>, u64)>,
    /// What came since the last gap.
    pub(super) fresh: BTreeSet<About>,
    /// What of it came as it was published.
    pub(super) heard: BTreeSet<About>,
    /// Whether a gap begins a replay of everything.
    pub(super) resyncs: bool,
    pub(super) addressee: Option<u64>,
}

pub(super) type GapReasonName = &'static str;

pub(super) fn value((topic, seq, subscription): (&str, u64, u64)) -> (String, u64, u64) {
    (topic.to_owned(), seq, subscription)
}

impl Viewer {
    pub(super) fn read(&mut self, frames: Vec<BrokerFrame<'_>>) {
        for frame in frames {
            match frame {
                BrokerFrame::Lane(lane) => self.addressee = lane.subscription,
                BrokerFrame::Message(message) => {
                    let key = message.body.key.map(Cow::into_owned);
                    let key = key.filter(|key| *key != message.topic);
                    let about = (message.topic.clone().into_owned(), key);
                    match self.addressee {
                        Some(to) => self.replayed.push((about.0.clone(), message.seq, to)),
                        None => self.live += 1,
                    }
                    let replayed = self.addressee.is_some();
                    self.hold(about, message.body.payload.into_owned(), message.seq, replayed);
                }
                BrokerFrame::Gap(gap) => {
                    let reason = match gap.reason {
                        GapReason::Dropped => "dropped",
                        GapReason::Conflated => "conflated",
                        other => panic!("{other:?}"),
                    };
                    *self.gaps.entry(reason).or_default() += gap.count;
                    if gap.reason == GapReason::Dropped {
                        self.fresh.clear();
                        self.heard.clear();
                    }
                }
                BrokerFrame::CaughtUp(caught_up) => {
                    self.caught_up.push(caught_up.subscription);
                    if self.resyncs {
                        self.view.retain(|about, _| self.fresh.contains(about));
                    }
                }
                _ => {}
            }
        }
    }

    fn hold(&mut self, about: About, payload: Vec<u8>, seq: u64, replayed: bool) {
        if let Some((_, before)) = self.view.get(&about) {
            // Where everything is replayed, a value may come again, but never behind its message.
            let again = self.resyncs && replayed && !self.heard.contains(&about);
            let follows = if again { seq >= *before } else { seq > *before };
            assert!(follows, "{about:?}: {seq} after {before}");
        }
        if !replayed {
            self.heard.insert(about.clone());
        }
        self.fresh.insert(about.clone());
        self.view.insert(about, (payload, seq));
    }

    /// What it holds that wasn't cleared.
    pub(super) fn held(&self) -> BTreeMap<About, u64> {
        let held = self.view.iter().filter(|(_, (payload, _))| !payload.is_empty());
        held.map(|(about, (_, seq))| (about.clone(), *seq)).collect()
    }

    /// How many messages it can account for.
    pub(super) fn accounted(&self) -> u64 {
        self.live + self.gaps.values().sum::<u64>()
    }
}
