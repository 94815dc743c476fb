//! A client that holds documents: it applies what comes as it was published, and takes what is
//! replayed as it is.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use broker_delivery::fold::{Fold, MergePatch};
use broker_protocol::frame::{BrokerFrame, Content, GapReason};
use serde_json::Value;

/// Documents by their keys.
#[derive(Debug, Default)]
pub(super) struct Reader {
    documents: BTreeMap<String, Vec<u8>>,
    /// Those of which something came since the last message was dropped.
    fresh: BTreeSet<String>,
    addressee: Option<u64>,
    pub(super) is_caught_up: bool,
    /// How many documents came whole, and how many messages were merged and dropped.
    pub(super) replayed: u64,
    pub(super) merged: u64,
    pub(super) dropped: u64,
}

/// What a message makes of a document, or of none.
pub(super) fn change(
    document: Option<Vec<u8>>,
    content: Content,
    payload: &[u8],
) -> Option<Vec<u8>> {
    if payload.is_empty() {
        return None;
    }
    if content != Content::Json {
        return Some(payload.to_vec());
    }
    let document = document.unwrap_or_default();
    Some(MergePatch.apply_all(&document, &[payload]))
}

impl Reader {
    pub(super) fn read(&mut self, frames: Vec<BrokerFrame<'_>>) {
        for frame in frames {
            match frame {
                BrokerFrame::Lane(lane) => self.addressee = lane.subscription,
                BrokerFrame::Message(message) => {
                    let key = message.body.key.map(Cow::into_owned).unwrap_or_default();
                    let (content, payload) = (message.body.content, message.body.payload);
                    let held = self.documents.remove(&key).filter(|_| self.fresh.contains(&key));
                    let document = match self.addressee {
                        Some(_) => Some(payload.to_vec()),
                        None => change(held, content, &payload),
                    };
                    self.replayed += u64::from(self.addressee.is_some());
                    self.fresh.insert(key.clone());
                    self.documents.extend(document.map(|document| (key, document)));
                }
                BrokerFrame::Gap(gap) if gap.reason == GapReason::Dropped => {
                    self.dropped += gap.count;
                    self.fresh.clear();
                }
                BrokerFrame::Gap(gap) => self.merged += gap.count,
                BrokerFrame::CaughtUp(_) => {
                    self.documents.retain(|key, _| self.fresh.contains(key));
                    self.is_caught_up = true;
                }
                _ => {}
            }
        }
    }

    pub(super) fn held(&self) -> BTreeMap<String, Value> {
        values(&self.documents)
    }
}

/// Documents as they are compared: the order of members means nothing.
pub(super) fn values(documents: &BTreeMap<String, Vec<u8>>) -> BTreeMap<String, Value> {
    let value = |document: &Vec<u8>| {
        serde_json::from_slice(document)
            .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(document)))
    };
    documents.iter().map(|(key, document)| (key.clone(), value(document))).collect()
}
