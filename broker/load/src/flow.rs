//! What was published, what of it arrived, and how long it took.
//!
//! Every subscriber of a topic owes the run each message that was published to it since the run
//! began: it arrives, or the server tells that it won't, or it is missing. The window of a flood is
//! what is still owed.

use hdrhistogram::Histogram;

use crate::mark::Mark;
use crate::party::Heard;

/// How many messages of all topics together are followed to their last subscriber at a time.
const FOLLOWED: usize = 1 << 16;
/// How many messages of one topic at least.
const FOLLOWED_OF_TOPIC_MIN: usize = 16;
/// The longest latency that is told from longer ones, in nanoseconds: a quarter of an hour.
const LATENCY_MAX: u64 = 900_000_000_000;
/// Latencies are kept with so many significant digits.
const DIGITS: u8 = 3;

/// What was published, and what of it arrived.
pub(crate) struct Flow {
    topics: Vec<Topic>,
    readers: Vec<Reader>,
    /// Deliveries that were owed so far.
    owed: u64,
    /// Those of them that arrived, were told to be missing, or were given up.
    settled: u64,
    /// Whether each single message is followed.
    follows: bool,
    pub(crate) counted: Counted,
    pub(crate) latency: Histogram<u64>,
    pub(crate) to_last: Histogram<u64>,
}

/// What was counted since the measurement began.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counted {
    pub(crate) published: u64,
    pub(crate) deliveries: u64,
    /// Pieces in which they came.
    pub(crate) pieces: u64,
    /// Messages that the server told to be missing.
    pub(crate) told: u64,
    /// Messages that are missing and weren't told.
    pub(crate) missing: u64,
    /// Messages that came twice, or after a later one.
    pub(crate) disordered: u64,
    /// Subscribers whose connection ended.
    pub(crate) ended: u64,
}

struct Topic {
    published: u64,
    readers: u64,
    followed: Vec<Followed>,
}

/// A message on its way.
#[derive(Clone, Copy, Default)]
struct Followed {
    number: u64,
    due: u64,
    missing: u64,
}

/// A subscriber that reads.
struct Reader {
    topic: usize,
    /// The number of the last message that came.
    last: u64,
    /// Messages told to be missing for which no hole has been seen yet.
    told: u64,
    gone: bool,
}

impl Flow {
    pub(crate) fn new(topics: usize, follows: bool) -> Self {
        let followed = if follows { (FOLLOWED / topics).max(FOLLOWED_OF_TOPIC_MIN) } else { 0 };
        let topic =
            || Topic { published: 0, readers: 0, followed: vec![Followed::default(); followed] };
        let histogram =
            || Histogram::new_with_max(LATENCY_MAX, DIGITS).expect("these are within its bounds");
        Self {
            topics: (0..topics).map(|_| topic()).collect(),
            readers: Vec::new(),
            owed: 0,
            settled: 0,
            follows,
            counted: Counted::default(),
            latency: histogram(),
            to_last: histogram(),
        }
    }

    /// Adds a subscriber that reads a topic. Returns its place.
    pub(crate) fn add_reader(&mut self, topic: usize) -> usize {
        self.topics[topic].readers += 1;
        self.readers.push(Reader { topic, last: 0, told: 0, gone: false });
        self.readers.len() - 1
    }

    /// Begins to measure.
    pub(crate) fn restart(&mut self) {
        self.counted = Counted::default();
        self.latency.reset();
        self.to_last.reset();
    }

    /// How many subscribers read.
    pub(crate) fn readers(&self) -> u64 {
        self.topics.iter().map(|topic| topic.readers).sum()
    }

    /// How many deliveries are still owed.
    pub(crate) fn outstanding(&self) -> u64 {
        self.owed.saturating_sub(self.settled)
    }

    /// How many deliveries were settled since the run began.
    pub(crate) fn settled(&self) -> u64 {
        self.settled
    }

    /// Notes that a message is published. Returns its mark.
    pub(crate) fn publish(&mut self, topic: usize, due: u64) -> Mark {
        let topic = &mut self.topics[topic];
        topic.published += 1;
        self.owed += topic.readers;
        self.counted.published += 1;
        let number = topic.published;
        if self.follows {
            let place = number as usize % topic.followed.len();
            topic.followed[place] = Followed { number, due, missing: topic.readers };
        }
        Mark { due, number }
    }

    /// Notes what a subscriber received.
    pub(crate) fn hear(&mut self, reader: usize, heard: Heard<'_>, now: u64) {
        match heard {
            Heard::Gap { count } => {
                self.readers[reader].told += count;
                self.settled += count;
                self.counted.told += count;
            }
            Heard::Messages { count, first, last } => {
                self.counted.deliveries += count;
                self.counted.pieces += 1;
                match (Mark::read(first), Mark::read(last)) {
                    (Some(first), Some(last)) => self.arrived(reader, count, (first, last), now),
                    _ => self.counted.disordered += count,
                }
            }
        }
    }

    fn arrived(&mut self, reader: usize, count: u64, (first, last): (Mark, Mark), now: u64) {
        let Reader { topic, last: before, told, .. } = &mut self.readers[reader];
        let in_order = first.number > *before && last.number + 1 >= first.number + count;
        if !in_order {
            self.counted.disordered += count;
            return;
        }
        let holes = last.number - *before - count;
        let explained = holes.min(*told);
        *told -= explained;
        *before = last.number;
        let topic = *topic;
        self.counted.missing += holes - explained;
        self.settled += count + holes - explained;
        if self.follows {
            self.follow(topic, first.number..=last.number, now);
        } else {
            self.record(now.saturating_sub(first.due));
            if count > 1 {
                self.record(now.saturating_sub(last.due));
            }
        }
    }

    fn record(&mut self, latency: u64) {
        self.latency.saturating_record(latency);
    }

    fn follow(&mut self, topic: usize, numbers: std::ops::RangeInclusive<u64>, now: u64) {
        let followed = &mut self.topics[topic].followed;
        let length = followed.len() as u64;
        for number in numbers {
            let message = &mut followed[(number % length) as usize];
            if message.number != number {
                continue;
            }
            let latency = now.saturating_sub(message.due);
            self.latency.saturating_record(latency);
            message.missing = message.missing.saturating_sub(1);
            if message.missing == 0 {
                self.to_last.saturating_record(latency);
            }
        }
    }

    /// Notes that a subscriber's connection has ended: it owes nothing any more.
    pub(crate) fn end_reader(&mut self, reader: usize) {
        let Reader { topic, last, gone, .. } = &mut self.readers[reader];
        if !std::mem::replace(gone, true) {
            self.counted.ended += 1;
            let topic = &mut self.topics[*topic];
            topic.readers -= 1;
            self.settled += topic.published - *last;
        }
    }

    /// Gives up what is still owed, so that a flood goes on after a loss.
    pub(crate) fn give_up(&mut self) {
        for reader in self.readers.iter_mut().filter(|reader| !reader.gone) {
            let published = self.topics[reader.topic].published;
            self.counted.missing += (published - reader.last).saturating_sub(reader.told);
            (reader.last, reader.told) = (published, 0);
        }
        self.settled = self.owed;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(mark: Mark) -> [u8; 16] {
        let mut payload = [0; 16];
        mark.write(&mut payload);
        payload
    }

    /// Two subscribers of one topic, to which `count` messages were published.
    fn flow(count: u64) -> (Flow, Vec<[u8; 16]>) {
        let mut flow = Flow::new(1, true);
        flow.add_reader(0);
        flow.add_reader(0);
        let payloads = (0..count).map(|number| payload(flow.publish(0, number))).collect();
        (flow, payloads)
    }

    fn heard<'a>(payloads: &'a [[u8; 16]], count: u64) -> Heard<'a> {
        let (first, last) = (&payloads[0], &payloads[payloads.len() - 1]);
        Heard::Messages { count, first, last }
    }

    #[test]
    fn a_message_has_arrived_with_its_last_subscriber() {
        let (mut flow, payloads) = flow(1);
        flow.hear(0, heard(&payloads, 1), 100);
        assert_eq!((flow.outstanding(), flow.to_last.len()), (1, 0));
        flow.hear(1, heard(&payloads, 1), 300);
        assert_eq!((flow.outstanding(), flow.to_last.max()), (0, 300));
        assert_eq!((flow.latency.len(), flow.latency.min()), (2, 100));
    }

    #[test]
    fn a_hole_is_missing_unless_it_was_told() {
        let (mut flow, payloads) = flow(10);
        flow.hear(0, heard(&payloads[..2], 2), 0);
        flow.hear(0, Heard::Gap { count: 3 }, 0);
        assert_eq!(flow.outstanding(), 20 - 5);
        flow.hear(0, heard(&payloads[5..], 5), 0);
        flow.hear(1, heard(&payloads[4..], 6), 0);
        assert_eq!(flow.outstanding(), 0);
        assert_eq!((flow.counted.told, flow.counted.missing), (3, 4));
    }

    #[test]
    fn what_comes_again_or_late_is_disordered() {
        let (mut flow, payloads) = flow(4);
        flow.hear(0, heard(&payloads[..2], 2), 0);
        flow.hear(0, heard(&payloads[1..3], 2), 0);
        assert_eq!((flow.counted.disordered, flow.counted.missing), (2, 0));
    }

    #[test]
    fn who_is_gone_owes_nothing() {
        let (mut flow, payloads) = flow(4);
        flow.hear(0, heard(&payloads, 4), 0);
        flow.end_reader(1);
        flow.end_reader(1);
        assert_eq!((flow.outstanding(), flow.readers(), flow.counted.ended), (0, 1, 1));
    }

    #[test]
    fn what_is_given_up_is_missing() {
        let (mut flow, payloads) = flow(4);
        flow.hear(0, heard(&payloads[..1], 1), 0);
        flow.give_up();
        assert_eq!((flow.outstanding(), flow.counted.missing), (0, 7));
    }
}
