//! What is told of topics: pages of them, as the sequencer finds them, to which shards add what they counted.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Question;
use super::answer::write_list;
use crate::TopicId;

/// Which topics come first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TopicSort {
    /// Those to which most was published, in messages.
    #[default]
    Published,
    /// The same in bytes.
    Bytes,
    /// Those of which most messages went into lanes.
    Deliveries,
    /// Those of which most values are retained.
    Retained,
    /// Those that were used last the longest ago.
    Idle,
    /// Those whose names come first.
    Name,
}

/// Some topics, on their way to those who count their deliveries and to the one who asks.
#[derive(Debug, Clone, PartialEq)]
pub struct TopicsPage {
    /// Those that may come first.
    pub(crate) rows: Vec<TopicRow>,
    /// How many have the name.
    pub(crate) matching: u64,
    /// How many there are in all.
    pub(crate) topics: u64,
    pub(crate) time: u64,
    /// How many shards count.
    pub(crate) shards: u32,
    /// The last that was looked at, unless that was all.
    pub(crate) next: Option<TopicId>,
}

impl TopicsPage {
    /// What it counts against the bound of an inbox, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.rows.len() * size_of::<TopicRow>()
    }
}

/// One topic, as the sequencer knows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct TopicRow {
    #[serde(skip)]
    pub(crate) id: TopicId,
    #[serde(rename = "topic", serialize_with = "write_name")]
    pub(crate) name: Arc<str>,
    pub(crate) epoch: u64,
    /// Messages of this epoch, which is the last sequence too, and their bytes.
    pub(crate) published: u64,
    pub(crate) bytes: u64,
    pub(crate) retained: u64,
    /// Queue groups that take turns with it.
    pub(crate) groups: u64,
    /// Since how many milliseconds it wasn't used.
    pub(crate) idle: u64,
}

/// What shards know of a topic.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct TopicCounts {
    /// Messages that went into lanes, each counted for every lane.
    pub(crate) deliveries: u64,
    /// Lanes that get it now.
    pub(crate) subscribers: u64,
}

/// What was published to the topics of a pattern.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PatternSum {
    /// Topics that are known now.
    pub(crate) topics: u64,
    pub(crate) published: u64,
    pub(crate) bytes: u64,
    /// Messages that were refused since it allows no more topics.
    pub(crate) refused: u64,
}

type Place = (Reverse<u64>, Arc<str>);

impl TopicRow {
    /// Where it stands in the order that is asked for, of which so much went into lanes.
    pub(crate) fn place(&self, sort: TopicSort, deliveries: u64) -> Place {
        let rank = match sort {
            TopicSort::Published => self.published,
            TopicSort::Bytes => self.bytes,
            TopicSort::Deliveries => deliveries,
            TopicSort::Retained => self.retained,
            TopicSort::Idle => self.idle,
            TopicSort::Name => 0,
        };
        (Reverse(rank), self.name.clone())
    }
}

/// What was answered so far about topics.
#[derive(Debug, Default)]
pub(crate) struct TopicsAnswered {
    matching: u64,
    /// What shards have counted of the page that is under way, and how many did.
    counts: Vec<TopicCounts>,
    counted: u32,
    first: BTreeMap<Place, Report>,
}

/// One topic, as it is told.
#[derive(Debug, Serialize)]
struct Report {
    #[serde(flatten)]
    row: TopicRow,
    #[serde(flatten)]
    counts: TopicCounts,
}

/// What is told in front of the list.
#[derive(Serialize)]
struct Head {
    time: u64,
    topics: u64,
    matching: u64,
    shown: usize,
}

impl TopicsAnswered {
    /// Takes in what a shard counted. Returns whether all have, and the page is done.
    pub(crate) fn add(
        &mut self,
        question: &Question,
        page: &TopicsPage,
        counts: &[TopicCounts],
    ) -> bool {
        self.counts.resize(page.rows.len(), TopicCounts::default());
        for (sum, counted) in self.counts.iter_mut().zip(counts) {
            sum.deliveries += counted.deliveries;
            sum.subscribers += counted.subscribers;
        }
        self.counted += 1;
        if self.counted < page.shards {
            return false;
        }
        self.counted = 0;
        self.matching += page.matching;
        for (row, counts) in page.rows.iter().zip(self.counts.drain(..)) {
            let place = row.place(question.topic_sort, counts.deliveries);
            self.first.insert(place, Report { row: row.clone(), counts });
            if self.first.len() > question.limit {
                self.first.pop_last();
            }
        }
        true
    }

    /// The answer as JSON, of at most so many bytes: topics that don't fit into it aren't told.
    pub(crate) fn write(&self, page: &TopicsPage, bytes_max: usize) -> Vec<u8> {
        let TopicsPage { time, topics, .. } = *page;
        let matching = self.matching;
        let head = |shown| Head { time, topics, matching, shown };
        write_list(self.first.values(), head, bytes_max)
    }
}

fn write_name<S: serde::Serializer>(name: &Arc<str>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(name)
}
