//! Replays of what is retained, page by page: no batch waits for a long one.

use std::collections::BTreeMap;
use std::collections::btree_map::Range;
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use broker_delivery::filter_matches;

use super::Retained;
use crate::replay::{Cursor, Outstanding, Page, Place};

/// The most values of the pages that are asked for together.
const PAGE_VALUES: usize = 256;

/// Their bytes, from which on no other is added.
const PAGE_BYTES: usize = 64 << 10;

/// How many looks it costs to find where a replay goes on.
const SEARCH_LOOKS: usize = 4;

/// What is left of the room of pages that are asked for together.
#[derive(Debug)]
struct Room<'a> {
    values: usize,
    bytes: usize,
    looks: &'a mut Looks,
    /// Values that have expired.
    expired: Vec<usize>,
}

/// How many values may still be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sequencer) struct Looks(pub(in crate::sequencer) usize);

impl Looks {
    fn spend(&mut self, looks: usize) {
        self.0 = self.0.saturating_sub(looks);
    }
}

impl Room<'_> {
    fn is_spent(&self) -> bool {
        self.values == 0 || self.bytes == 0 || self.looks.0 == 0
    }
}

impl Retained {
    /// The next pages of some replays, as many as there is room for: none where nothing may be looked
    /// at any more. Values that have expired are left out, and forgotten.
    pub(in crate::sequencer) fn pages(
        &mut self,
        wanted: &[Outstanding],
        now: Duration,
        looks: &mut Looks,
    ) -> Vec<Page> {
        let before = looks.0;
        let mut room = Room { values: PAGE_VALUES, bytes: PAGE_BYTES, looks, expired: Vec::new() };
        let mut pages = Vec::new();
        for wanted in wanted {
            if room.is_spent() {
                break;
            }
            // A replay that finds nothing costs something all the same.
            room.looks.spend(SEARCH_LOOKS);
            pages.push(self.page(wanted, &mut room, now));
            for value in room.expired.drain(..) {
                let kept = self.remove(value);
                self.left.push(kept.publication.topic);
            }
        }
        self.looks += (before - room.looks.0) as u64;
        pages
    }

    fn page(&mut self, wanted: &Outstanding, room: &mut Room<'_>, now: Duration) -> Page {
        let (until, subscription) = (wanted.until.unwrap_or(self.changes), wanted.subscription);
        let stretch = Stretch::of(&wanted.filter);
        let (mut cursor, mut values) = (wanted.cursor.clone(), Vec::new());
        loop {
            let mut last: Option<&Place> = None;
            for (place, value) in range(&self.by_place, &stretch, &cursor) {
                if !stretch.has(&place.topic) {
                    break;
                }
                if room.is_spent() {
                    cursor.at = last.cloned().or_else(|| cursor.at.take());
                    return Page { subscription, values, next: Some(cursor) };
                }
                last = Some(place);
                room.looks.spend(1);
                let kept = &mut self.values[*value];
                let lasts = kept.publication.expires.is_none_or(|expires| expires > now);
                // Of a document a message is but a part: it is sent whatever came since.
                let counts = kept.came.unwrap_or(kept.changed) <= until;
                if !lasts {
                    room.expired.push(*value);
                } else if counts && filter_matches(&wanted.filter, &place.topic) {
                    if let Some(patches) = &kept.patches {
                        room.bytes = room.bytes.saturating_sub(patches.bytes());
                        self.bytes -= kept.bytes();
                        self.documents.settle(kept);
                        self.bytes += kept.bytes();
                        self.folded += 1;
                    }
                    room.values -= 1;
                    room.bytes = room.bytes.saturating_sub(kept.publication.size());
                    values.push(kept.publication.clone());
                }
            }
            if !cursor.turn() {
                return Page { subscription, values, next: None };
            }
        }
    }
}

/// What is still to be looked at until the round turns or ends.
fn range<'a>(
    by_place: &'a BTreeMap<Place, usize>,
    stretch: &Stretch<'_>,
    cursor: &Cursor,
) -> Range<'a, Place, usize> {
    let began = cursor.began.as_ref();
    let behind = cursor.at.as_ref().or(began.filter(|_| !cursor.turned));
    let start = match behind {
        Some(place) => Bound::Excluded(place.clone()),
        None => Bound::Included(Place { topic: Arc::from(stretch.prefix), key: 0 }),
    };
    let end = match began.filter(|_| cursor.turned) {
        Some(place) => Bound::Included(place.clone()),
        None => Bound::Unbounded,
    };
    by_place.range((start, end))
}

/// The topics among which a filter's are: those that begin as it does.
#[derive(Debug)]
struct Stretch<'a> {
    /// The filter up to its first wildcard.
    prefix: &'a str,
    /// Whether it has none.
    is_topic: bool,
}

impl<'a> Stretch<'a> {
    fn of(filter: &'a str) -> Self {
        // A wildcard stands alone in its token, and topics have none.
        let wildcard = filter.find(['*', '>']);
        Self { prefix: &filter[..wildcard.unwrap_or(filter.len())], is_topic: wildcard.is_none() }
    }

    fn has(&self, topic: &str) -> bool {
        if self.is_topic { topic == self.prefix } else { topic.starts_with(self.prefix) }
    }
}
