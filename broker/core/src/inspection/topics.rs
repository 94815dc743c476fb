//! What is told of topics: pages of them, as the sequencer finds them, of which those that come first
//! are kept, and to these, some at a time, shards add what they counted.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Question;
use super::answer::write_list;
use crate::TopicId;

/// Of how many topics shards count everything at a time: who gets them may have to be looked up.
const COUNTED_AT_A_TIME: usize = 16;

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
    /// How many shards count, and what.
    pub(crate) shards: u32,
    pub(crate) counting: Counting,
    /// The last that was looked at, unless that was all.
    pub(crate) next: Option<TopicId>,
}

impl TopicsPage {
    /// What it counts against the bound of an inbox, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.rows.len() * size_of::<TopicRow>()
    }
}

/// What shards count of the topics of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counting {
    /// What decides which come first.
    Deliveries,
    /// All that is told.
    Everything,
}

/// What a question about topics wants next.
#[derive(Debug, Clone, PartialEq)]
pub enum WantedTopics {
    /// The topics that were made behind this one.
    After(TopicId),
    /// What shards count of these.
    Counts(Vec<TopicRow>),
    /// Nothing: it is answered, or whoever asked is gone.
    Nothing,
}

impl WantedTopics {
    /// What it counts against the bound of a batch, in bytes.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Counts(rows) => rows.len() * size_of::<TopicRow>(),
            Self::After(_) | Self::Nothing => 0,
        }
    }
}

/// One topic, as the sequencer knows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TopicRow {
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
    /// Those of the topics looked at that come first, of which not all is counted.
    first: BTreeMap<Place, TopicRow>,
    reports: Vec<Report>,
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
        let counted = page.rows.iter().cloned().zip(self.counts.drain(..));
        if page.counting == Counting::Everything {
            self.reports.extend(counted.map(|(row, counts)| Report { row, counts }));
            return true;
        }
        for (row, counts) in counted {
            self.first.insert(row.place(question.topic_sort, counts.deliveries), row);
            if self.first.len() > question.limit {
                self.first.pop_last();
            }
        }
        true
    }

    /// Takes some of those of which shards are to count everything, unless they have of all.
    pub(crate) fn take_uncounted(&mut self) -> Vec<TopicRow> {
        let rows = std::iter::from_fn(|| self.first.pop_first()).take(COUNTED_AT_A_TIME);
        rows.map(|(_, row)| row).collect()
    }

    /// The answer as JSON, of at most so many bytes: topics that don't fit into it aren't told.
    pub(crate) fn write(&self, page: &TopicsPage, bytes_max: usize) -> Vec<u8> {
        let TopicsPage { time, topics, .. } = *page;
        let matching = self.matching;
        let head = |shown| Head { time, topics, matching, shown };
        write_list(self.reports.iter(), head, bytes_max)
    }
}

fn write_name<S: serde::Serializer>(name: &Arc<str>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(name)
}
