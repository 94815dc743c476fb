//! The answer, put together from the parts of all shards.

use std::sync::Arc;

use serde::Serialize;

use super::part::{Counted, Counts, Waiting};
use super::{Overview, Part, Question, Subject};
use crate::Policies;

/// What was answered so far.
#[derive(Debug)]
pub(crate) struct Answered {
    overview: Overview,
    parts: Vec<Arc<Part>>,
}

/// What is told of sessions, in front of them.
#[derive(Serialize)]
struct Head {
    time: u64,
    #[serde(flatten)]
    counts: Counts,
    shown: usize,
}

/// What is told of all together.
#[derive(Serialize)]
struct Totals<'a> {
    time: u64,
    sessions: u64,
    connected: u64,
    behind: u64,
    topics: u64,
    /// Messages accepted.
    published: u64,
    /// Of publishes, for want of room for topics.
    refused: u64,
    /// Of publishes, for want of room for what is retained.
    refused_retained: u64,
    forgotten: u64,
    /// How often an idle topic wasn't forgotten since something of it waited.
    topics_waited: u64,
    /// How many topics made room at a limit, whatever waited of them.
    topics_displaced: u64,
    /// Last values that are retained now, and what they cost in bytes.
    retained: u64,
    retained_bytes: u64,
    documents_made: u64,
    /// Handed to links, all copies.
    deliveries: u64,
    packets: u64,
    #[serde(flatten)]
    waiting: Waiting,
    conflated: u64,
    merged: u64,
    /// How often a message wasn't folded with the one in front of it, though it waited to be.
    unfolded: u64,
    dropped: u64,
    expired: u64,
    sessions_opened: u64,
    sessions_resumed: u64,
    sessions_expired: u64,
    /// Sessions without a link now.
    sessions_away: u64,
    slow_consumers: u64,
    control_overruns: u64,
    timed_out: u64,
    malformed: u64,
    rejected: u64,
    /// Callbacks that are offered and held now, and calls that there was no room for.
    callbacks: u64,
    holds: u64,
    calls_refused: u64,
    /// Last values that were put into lanes, and how often a lane was sent them anew.
    replayed: u64,
    resyncs: u64,
    log_bytes: u64,
    shards: u32,
    /// What was done with the topics of each pattern. Where patterns overlap each counts.
    patterns: Vec<PatternTotals<'a>>,
}

/// What was done with the topics of a pattern.
#[derive(Serialize)]
struct PatternTotals<'a> {
    pattern: &'a str,
    topics: u64,
    published: u64,
    bytes: u64,
    deliveries: u64,
    refused: u64,
}

impl Answered {
    pub(crate) fn new(overview: Overview) -> Self {
        Self { overview, parts: Vec::new() }
    }

    /// Takes in what a shard told. Returns whether all have.
    pub(crate) fn add(&mut self, part: Arc<Part>) -> bool {
        self.parts.push(part);
        self.parts.len() >= self.overview.shards as usize
    }

    /// The answer as JSON, of at most so many bytes: sessions that don't fit into it aren't told.
    pub(crate) fn write(
        &self,
        question: &Question,
        policies: &Policies,
        time: u64,
        bytes_max: usize,
    ) -> Vec<u8> {
        let mut sum = Part::default();
        self.parts.iter().for_each(|part| sum.add_numbers(part));
        match question.subject {
            Subject::Sessions | Subject::Topics => {
                self.write_sessions(question, (time, sum.counts), bytes_max)
            }
            Subject::Statistics => self.write_totals(time, &sum, policies, bytes_max),
        }
    }

    fn write_sessions(
        &self,
        question: &Question,
        (time, counts): (u64, Counts),
        bytes_max: usize,
    ) -> Vec<u8> {
        let mut reports: Vec<_> = self.parts.iter().flat_map(|part| &part.sessions).collect();
        reports.sort_by_cached_key(|report| report.place(question.sort));
        let head = |shown| Head { time, counts, shown };
        write_list(reports.into_iter().take(question.limit), head, bytes_max)
    }

    /// The totals, with as many patterns as fit.
    fn write_totals(&self, time: u64, sum: &Part, policies: &Policies, most: usize) -> Vec<u8> {
        let mut totals = self.totals(time, sum, policies);
        loop {
            let written = to_json(&totals);
            if written.len() <= most || totals.patterns.is_empty() {
                return written;
            }
            totals.patterns.truncate(totals.patterns.len() / 2);
        }
    }

    fn totals<'a>(&self, time: u64, sum: &Part, policies: &'a Policies) -> Totals<'a> {
        let Part { counts, waiting, books, statistics, .. } = sum;
        let Counted { conflated, merged, dropped, expired, .. } = *books;
        let Overview { shards, sequencer, topics, .. } = self.overview;
        Totals {
            time,
            sessions: counts.sessions,
            connected: counts.connected,
            behind: counts.behind,
            topics,
            published: sequencer.published,
            refused: sequencer.refused,
            refused_retained: sequencer.refused_retained,
            forgotten: sequencer.forgotten,
            topics_waited: sequencer.topics_waited,
            topics_displaced: sequencer.topics_displaced,
            retained: sequencer.retained,
            retained_bytes: sequencer.retained_bytes,
            documents_made: sequencer.documents_made,
            deliveries: statistics.delivered,
            packets: statistics.packets,
            waiting: *waiting,
            conflated: statistics.conflated + conflated,
            merged: statistics.merged + merged,
            unfolded: statistics.log.unfolded,
            dropped: statistics.dropped + dropped,
            expired: statistics.expired + expired,
            sessions_opened: statistics.sessions_opened,
            sessions_resumed: statistics.sessions_resumed,
            sessions_expired: statistics.sessions_expired,
            sessions_away: statistics.sessions_away,
            slow_consumers: statistics.slow_consumers,
            control_overruns: statistics.control_overruns,
            timed_out: statistics.timed_out,
            malformed: statistics.malformed,
            rejected: statistics.rejected,
            callbacks: statistics.callbacks,
            holds: statistics.holds,
            calls_refused: statistics.calls_refused,
            replayed: statistics.replayed,
            resyncs: statistics.resyncs,
            log_bytes: statistics.log_bytes,
            shards,
            patterns: self.patterns(sum, policies),
        }
    }

    fn patterns<'a>(&self, sum: &Part, policies: &'a Policies) -> Vec<PatternTotals<'a>> {
        let sums = policies.filters().zip(&*self.overview.patterns).enumerate();
        let totals = sums.map(|(place, (pattern, counted))| PatternTotals {
            pattern,
            topics: counted.topics,
            published: counted.published,
            bytes: counted.bytes,
            deliveries: sum.deliveries.get(place).copied().unwrap_or_default(),
            refused: counted.refused,
        });
        totals.collect()
    }
}

/// Writes a list behind a head that says how many are in it: as many as fit.
pub(super) fn write_list<Head: Serialize>(
    reports: impl Iterator<Item = impl Serialize>,
    head: impl Fn(usize) -> Head,
    bytes_max: usize,
) -> Vec<u8> {
    let (mut list, mut shown) = (Vec::new(), 0);
    for report in reports {
        let report = to_json(&report);
        if HEAD_BYTES_MAX + list.len() + report.len() > bytes_max {
            break;
        }
        if shown > 0 {
            list.push(b',');
        }
        list.extend_from_slice(&report);
        shown += 1;
    }
    let mut answer = to_json(&head(shown));
    answer.pop();
    answer.extend_from_slice(b",\"list\":[");
    answer.append(&mut list);
    answer.extend_from_slice(b"]}");
    answer
}

/// The most that stands around the list of sessions, in bytes.
const HEAD_BYTES_MAX: usize = 256;

fn to_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("numbers, text and lists of them can be written")
}

#[cfg(test)]
mod tests;
