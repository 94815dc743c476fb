//! Lanes that merge: what arrives makes the documents that everything published makes.

use std::collections::BTreeMap;

use broker_protocol::frame::{Keep, Message};
use serde_json::Value;

use super::conflated::{Book, Published};
use super::lane::Lane;
use super::truth::Place;
use super::{Judge, Truth, Wrong};
use crate::plan::TOPICS;

/// Documents by topic and key.
pub(crate) type Documents = BTreeMap<(usize, String), Value>;

/// One topic of a lane that merges, which it covered until some place, and its documents by key.
#[derive(Debug)]
pub(crate) struct Ended {
    topic: usize,
    book: Book,
    before: BTreeMap<String, Value>,
    after: BTreeMap<String, Value>,
}

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

impl Lane {
    /// Books of these topics begin here: documents are what all that came before made of them.
    pub(super) fn begin_documents(&mut self, topics: &[usize]) {
        self.settled.retain(|(topic, _), _| !topics.contains(topic));
        let here = self.documents.iter().filter(|((topic, _), _)| topics.contains(topic));
        self.settled.extend(here.map(|(about, document)| (about.clone(), document.clone())));
    }

    /// The book of a topic ends here: what came made documents of what was published until then.
    pub(super) fn end_documents(&mut self, topic: usize, book: Book) {
        let of = |documents: &Documents| {
            let of = documents.iter().filter(|((one, _), _)| *one == topic);
            of.map(|((_, key), document)| (key.clone(), document.clone())).collect()
        };
        if self.granted.keep == Some(Keep::Merge) && !book.loose && !book.has_losses() {
            let (before, after) = (of(&self.settled), of(&self.documents));
            self.ended.push(Ended { topic, book, before, after });
        }
    }

    /// What was compared goes on from here, and where some was lost all begins anew.
    pub(super) fn settle_documents(&mut self, whole: &[usize]) {
        self.documents.retain(|(topic, _), _| whole.contains(topic));
        self.settled = self.documents.clone();
        self.ended.clear();
    }

    /// Whether a patch removes any member that is there.
    fn removes(&self, topic: usize, key: &str, patch: &Value) -> bool {
        let document = self.documents.get(&(topic, key.to_owned())).and_then(Value::as_object);
        let (Some(document), Some(patch)) = (document, patch.as_object()) else { return false };
        patch.iter().any(|(name, value)| value.is_null() && document.contains_key(name))
    }
}

impl Judge {
    /// Whether a frame of a lane that merges removes members that are there.
    pub(crate) fn removes(&self, client: usize, lane: u8, message: &Message<'_>) -> bool {
        let Some(topic) = Truth::topic(&message.topic) else { return false };
        let key = message.body.key.as_deref().unwrap_or(&message.topic);
        let lane = self.views[client].lanes.get(&lane);
        let patch = patch_in(&message.body.payload);
        lane.is_some_and(|lane| lane.removes(topic, key, &patch))
    }

    /// What came one after the other made what all that was published makes, unless some was lost.
    pub(super) fn check_documents(&self, lane: &Lane) -> Wrong {
        if lane.granted.keep != Some(Keep::Merge) || lane.was_cut || !self.auditor {
            return Ok(());
        }
        for (topic, begin) in lane.conflated.beginnings(|topic| Published::of(&self.truth, topic)) {
            let settled = lane.settled.iter().filter(|((of, _), _)| *of == topic);
            let settled = settled.map(|((_, key), document)| (key.clone(), document.clone()));
            let until = (u64::MAX, u64::MAX);
            let expected = self.published_documents(topic, (begin, until), settled.collect());
            let found = |key: &str| lane.documents.get(&(topic, key.to_owned()));
            check_made(TOPICS[topic], expected, found)?;
        }
        lane.ended.iter().try_for_each(|ended| self.check_ended(ended))
    }

    /// The same of what was covered until some place.
    fn check_ended(&self, Ended { topic, book, before, after }: &Ended) -> Wrong {
        let begin = book.begins(Published::of(&self.truth, *topic));
        let (Some(begin), Some(newest)) = (begin, book.newest()) else { return Ok(()) };
        let expected = self.published_documents(*topic, (begin, newest), before.clone());
        check_made(TOPICS[*topic], expected, |key| after.get(key))
    }

    fn published_documents(
        &self,
        topic: usize,
        (begin, until): (Place, Place),
        mut documents: BTreeMap<String, Value>,
    ) -> BTreeMap<String, Value> {
        let placed = self.truth.placed_from(topic, begin);
        for (_, number) in placed.take_while(|(place, _)| *place <= until) {
            let document = documents.entry(self.truth.key(number).to_owned()).or_default();
            apply(document, &self.truth.records[number].wish.patch);
        }
        documents
    }
}

fn check_made<'a>(
    topic: &str,
    expected: BTreeMap<String, Value>,
    found: impl Fn(&str) -> Option<&'a Value>,
) -> Wrong {
    for (key, document) in expected {
        let found = found(&key);
        if found != Some(&document) {
            return Err(format!("{topic} {key:?} was made {found:?}, not {document}"));
        }
    }
    Ok(())
}
