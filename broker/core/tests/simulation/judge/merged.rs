//! Lanes that merge: what arrives makes the documents that everything published makes.

use std::collections::BTreeMap;

use broker_protocol::frame::Keep;
use serde_json::Value;

use super::conflated::Published;
use super::lane::Lane;
use super::truth::Place;
use super::{Judge, Wrong};
use crate::plan::TOPICS;

/// Documents by topic and key.
pub(crate) type Documents = BTreeMap<(usize, String), Value>;

/// What a payload says as a patch: what is none is taken as it is.
pub(crate) fn patch_in(payload: &[u8]) -> Value {
    let other = || Value::String(String::from_utf8_lossy(payload).into_owned());
    serde_json::from_slice(payload).unwrap_or_else(|_| other())
}

/// Applies a patch to a document: the words of RFC 7396 section 2, once more and slowly.
pub(super) fn apply(document: &mut Value, patch: &Value) {
    let Value::Object(members) = patch else {
        *document = patch.clone();
        return;
    };
    if !document.is_object() {
        *document = Value::Object(serde_json::Map::new());
    }
    let Value::Object(changed) = document else { return };
    for (name, value) in members {
        match value {
            Value::Null => drop(changed.remove(name)),
            value => apply(changed.entry(name.clone()).or_insert(Value::Null), value),
        }
    }
}

impl Lane {
    /// A message of a key came.
    pub(super) fn merge(&mut self, topic: usize, key: &str, payload: &[u8]) {
        if self.granted.keep == Some(Keep::Merge) {
            let document = self.documents.entry((topic, key.to_owned())).or_default();
            apply(document, &patch_in(payload));
        }
    }
}

impl Judge {
    /// What came one after the other made what all that was published makes, unless some was lost.
    pub(super) fn check_documents(&self, lane: &Lane) -> Wrong {
        if lane.granted.keep != Some(Keep::Merge) || lane.was_cut || !self.auditor {
            return Ok(());
        }
        for (topic, begin) in lane.conflated.beginnings(|topic| Published::of(&self.truth, topic)) {
            let expected = self.published_documents(topic, begin);
            for (key, document) in expected {
                let found = lane.documents.get(&(topic, key.clone()));
                if found != Some(&document) {
                    let name = TOPICS[topic];
                    return Err(format!("{name} {key:?} was made {found:?}, not {document}"));
                }
            }
        }
        Ok(())
    }

    fn published_documents(&self, topic: usize, begin: Place) -> BTreeMap<String, Value> {
        let mut documents: BTreeMap<String, Value> = BTreeMap::new();
        for (_, number) in self.truth.placed_from(topic, begin) {
            let document = documents.entry(self.truth.key(number).to_owned()).or_default();
            apply(document, &self.truth.records[number].wish.patch);
        }
        documents
    }
}
