//! What passed by of each key: an older value has to come from somewhere.

use std::collections::BTreeMap;

use broker_protocol::Codec;
use broker_protocol::frame::{BrokerFrame, Gap, GapReason, Message};

use super::{Passing, encoded};

/// A topic and a key.
pub(super) type Thing = (String, Option<String>);

/// The values of one key, by epoch and sequence: frames in the codec of who got them.
type Values = BTreeMap<(u64, u64), (Codec, Vec<u8>)>;

/// What passed by of each key.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// Every value that anybody got.
    values: BTreeMap<Thing, Values>,
    /// The last value of each key that a lane got.
    came: BTreeMap<(usize, u8, Thing), (u64, u64)>,
    /// The last gap of each topic that told a lane of replaced values.
    replaced: BTreeMap<(usize, u8, String), Gap>,
}

/// What a message is about.
pub(super) fn thing(message: &Message<'_>) -> Thing {
    (message.topic.to_string(), message.body.key.as_ref().map(ToString::to_string))
}

impl Seen {
    pub(super) fn note(&mut self, from: Passing, frame: &[u8], read: &BrokerFrame<'_>) {
        match read {
            BrokerFrame::Message(message) => {
                let place = (message.epoch, message.seq);
                let values = self.values.entry(thing(message)).or_default();
                values.insert(place, (from.codec, frame.to_vec()));
                self.came.insert((from.client, from.lane, thing(message)), place);
            }
            BrokerFrame::Gap(gap) if gap.reason == GapReason::Conflated => {
                if let Some(topic) = &gap.topic {
                    self.replaced.insert((from.client, from.lane, topic.clone()), gap.clone());
                }
            }
            _ => {}
        }
    }

    /// A value that the message replaced: the last gap told of it, if it told the truth.
    pub(super) fn older(&self, from: Passing, message: &Message<'_>) -> Option<Vec<u8>> {
        let (client, lane) = (from.client, from.lane);
        let thing = thing(message);
        let gap = self.replaced.get(&(client, lane, thing.0.clone()))?;
        let (first, last) = ((gap.epoch?, gap.first_seq?), (gap.epoch?, gap.last_seq?));
        let came = self.came.get(&(client, lane, thing.clone())).copied().unwrap_or_default();
        let before = (message.epoch, message.seq);
        let mut values = self.values.get(&thing)?.range(first..=last).rev();
        let (_, (codec, frame)) = values.find(|(place, _)| **place > came && **place < before)?;
        let read = codec.read_broker(frame).ok().flatten()?;
        Some(encoded(from.codec, &read))
    }
}
