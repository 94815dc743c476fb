use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

/// A log of messages whose topic and size follow from their index.
pub(super) struct Log {
    topics: Vec<Arc<str>>,
    /// The keys that each topic has, one after the other.
    keys: Vec<String>,
    pub(super) wanted: BTreeMap<u64, i32>,
    /// Of what each entry from [`FOLDED`] on was folded.
    folded: Vec<Vec<u64>>,
    /// When messages expire.
    pub(super) expires: BTreeMap<u64, Duration>,
    /// How often anything was asked of it.
    asked: std::cell::Cell<usize>,
}

pub(super) const SIZE: u32 = 10;

/// The first entry that is folded of others.
pub(super) const FOLDED: u64 = 1 << 40;

impl Log {
    pub(super) fn of(topics: usize) -> Self {
        Self::with_keys(topics, 0)
    }

    /// Messages of each topic have this many keys in turn; none at all with 0.
    pub(super) fn with_keys(topics: usize, keys: usize) -> Self {
        let topics = (0..topics).map(|topic| Arc::from(format!("t{topic}"))).collect();
        let keys = (0..keys).map(|key| format!("k{key}")).collect();
        Self {
            topics,
            keys,
            wanted: BTreeMap::new(),
            folded: Vec::new(),
            expires: BTreeMap::new(),
            asked: Default::default(),
        }
    }

    pub(super) fn asked(&self) -> usize {
        self.asked.get()
    }

    fn count(&self) {
        self.asked.set(self.asked.get() + 1);
    }

    pub(super) fn topic_index(&self, entry: u64) -> usize {
        self.newest_of(entry) as usize % self.topics.len()
    }

    /// The messages for which an entry stands, oldest first.
    pub(super) fn parts(&self, entry: u64) -> Vec<u64> {
        let folded = entry.checked_sub(FOLDED).map(|folded| &self.folded[folded as usize]);
        folded.map_or_else(|| vec![entry], Clone::clone)
    }

    fn newest_of(&self, entry: u64) -> u64 {
        *self.parts(entry).last().unwrap()
    }

    /// Whether a message can't be folded into earlier ones.
    pub(super) fn stands_alone(entry: u64) -> bool {
        entry.is_multiple_of(5)
    }

    fn fold_some(&mut self, entries: &[u64]) -> FoldedEntry {
        let parts: Vec<_> = entries.iter().flat_map(|entry| self.parts(*entry)).collect();
        self.folded.push(parts);
        let entry = FOLDED + self.folded.len() as u64 - 1;
        *self.wanted.entry(entry).or_default() += 1;
        FoldedEntry { entry, count: entries.len() }
    }
}

impl Entries for Log {
    fn topic(&self, entry: u64) -> (&Arc<str>, u64) {
        self.count();
        (&self.topics[self.topic_index(entry)], 1)
    }
    fn seq(&self, entry: u64) -> u64 {
        self.count();
        self.newest_of(entry) / self.topics.len() as u64 + 1
    }
    fn key(&self, entry: u64) -> Key<'_> {
        self.count();
        let seq = self.newest_of(entry) as usize / self.topics.len();
        let key = seq.checked_rem(self.keys.len()).map(|key| &*self.keys[key]);
        Key { topic: self.topic_index(entry) as u64, key }
    }
    fn thing(&mut self, entry: u64) -> u64 {
        self.count();
        let seq = self.newest_of(entry) / self.topics.len() as u64;
        let key = seq.checked_rem(self.keys.len() as u64).unwrap_or_default();
        key * self.topics.len() as u64 + self.topic_index(entry) as u64
    }
    fn size(&self, _entry: u64) -> u32 {
        self.count();
        SIZE
    }
    fn has_expired(&self, entry: u64, now: Duration) -> bool {
        self.parts(entry).iter().any(|part| self.expires.get(part).is_some_and(|at| *at <= now))
    }
    fn fold(&mut self, entries: &[u64]) -> Vec<FoldedEntry> {
        let alone = |entry: &u64| Self::stands_alone(self.parts(*entry)[0]);
        let parts: Vec<&[u64]> = entries.chunk_by(|_, later| !alone(later)).collect();
        let fold = |part: &[u64]| match part {
            [entry] => FoldedEntry { entry: *entry, count: 1 },
            part => self.fold_some(part),
        };
        parts.into_iter().map(fold).collect()
    }
    fn let_go(&mut self, extent: Extent) {
        self.count();
        for entry in extent.entries() {
            *self.wanted.entry(entry).or_default() -= 1;
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Note(pub(super) u64);

impl Frame for Note {
    fn size(&self) -> u64 {
        self.0
    }
}

fn lane(overflow: Overflow, messages: u32, bytes: u64) -> Lane<Note> {
    let bound = Bound { messages, bytes };
    Lane::new(LaneOptions { overflow, bound, ..LaneOptions::default() })
}

pub(super) fn push<F: Frame>(lane: &mut Lane<F>, log: &mut Log, entry: u64) -> Pushed {
    *log.wanted.entry(entry).or_default() += 1;
    lane.push(Extent::one(entry), u64::from(SIZE), log)
}

#[test]
fn messages_that_follow_each_other_are_one_extent() {
    let (mut lane, mut log) = (lane(Overflow::Disconnect, 10, 1000), Log::of(1));
    for entry in [0, 1, 2, 7, 8] {
        assert_eq!(push(&mut lane, &mut log, entry), Pushed::Kept);
    }
    let extents: Vec<_> = lane.extents().collect();
    assert_eq!(extents, [Extent { start: 0, end: 3 }, Extent { start: 7, end: 9 }]);
    assert_eq!((lane.messages(), lane.bytes()), (5, 50));
}

#[test]
fn a_ready_link_gathers_beyond_the_bound_and_a_blocked_one_does_not() {
    let (mut lane, mut log) = (lane(Overflow::Disconnect, 3, 1000), Log::of(1));
    for entry in 0..5 {
        assert_eq!(push(&mut lane, &mut log, entry), Pushed::Kept);
    }
    lane.sent(Sent { of_next: 3, ..Sent::default() }, &mut log, &mut AsTheyAre);
    assert_eq!(lane.block(&mut log), Pushed::Kept);
    assert_eq!(push(&mut lane, &mut log, 5), Pushed::Kept);
    let overflowed = Pushed::Overflowed(Overflowed::Disconnect);
    assert_eq!(push(&mut lane, &mut log, 6), overflowed);
}

#[test]
fn the_bound_in_bytes_is_met_exactly_and_one_larger_message_goes_to_an_empty_lane() {
    let (mut exact, mut log) = (lane(Overflow::Disconnect, 100, 30), Log::of(1));
    push(&mut exact, &mut log, 0);
    exact.block(&mut log);
    assert_eq!(push(&mut exact, &mut log, 1), Pushed::Kept);
    assert_eq!(push(&mut exact, &mut log, 2), Pushed::Kept);
    assert_ne!(push(&mut exact, &mut log, 3), Pushed::Kept);

    let mut tiny = lane(Overflow::Disconnect, 100, 5);
    push(&mut tiny, &mut log, 4);
    assert_eq!(tiny.block(&mut log), Pushed::Kept);
    assert_ne!(push(&mut tiny, &mut log, 5), Pushed::Kept);
}

#[test]
fn a_gap_stands_behind_the_frames_that_were_in_front_of_what_is_missing() {
    let (mut lane, mut log) = (lane(Overflow::DropOldest, 4, 1000), Log::of(1));
    lane.push_frame(Note(1));
    push(&mut lane, &mut log, 0);
    lane.block(&mut log);
    for entry in 1..10 {
        push(&mut lane, &mut log, entry);
    }
    let items: Vec<_> = lane.items().collect();
    let [Item::Frame(_), Item::Gaps(ledger), Item::Run(extent)] = items[..] else {
        panic!("{items:?}");
    };
    let gap = &ledger.gaps()[0];
    assert_eq!((gap.first_seq, gap.last_seq, gap.count), (1, 7, 7));
    assert_eq!(*extent, Extent { start: 7, end: 10 });
    assert_eq!(lane.books().dropped, 7);
}

#[test]
fn gaps_of_many_topics_fold_into_one_before_they_crowd_out_the_values() {
    let (mut lane, mut log) = (lane(Overflow::DropOldest, 80, 1 << 20), Log::of(1000));
    push(&mut lane, &mut log, 0);
    lane.block(&mut log);
    for entry in 1..1000 {
        push(&mut lane, &mut log, entry);
    }
    assert!(lane.messages() >= 70, "{} messages are left", lane.messages());
    let Some(Item::Gaps(ledger)) = lane.items().next() else { panic!("no gap") };
    assert_eq!(ledger.gaps()[0].of, None);
    assert_eq!(ledger.gaps()[0].count + u64::from(lane.messages()), 1000);
}

#[test]
fn a_message_at_the_bound_asks_the_log_about_the_one_that_is_dropped_and_nothing_else() {
    let (mut lane, mut log) = (lane(Overflow::DropOldest, 100, 1 << 20), Log::of(1000));
    push(&mut lane, &mut log, 0);
    lane.block(&mut log);
    for entry in 1..100 {
        push(&mut lane, &mut log, entry);
    }
    assert_eq!(log.asked.get(), 0, "an append asks nothing");
    for entry in 100..100_000 {
        push(&mut lane, &mut log, entry);
    }
    let dropped = lane.books().dropped as usize;
    assert!(log.asked.get() <= 4 * dropped, "{} for {dropped} drops", log.asked.get());
}

/// Where what leads, the ledger or what waits is walked or moved for each message that is dropped,
/// this takes many minutes.
#[test]
fn a_message_at_the_bound_costs_the_same_behind_many_frames_and_in_front_of_many_extents() {
    const MANY: u64 = 100_000;
    let (mut lane, mut log) = (lane(Overflow::DropOldest, MANY as u32, 1 << 40), Log::of(1));
    (0..MANY).for_each(|_| lane.push_frame(Note(1)));
    for entry in 0..10 * MANY {
        // None follows the other: each is an extent of its own, for one of many subscriptions.
        lane.push_addressed(2 * entry, SIZE, entry % 256, &mut log);
        if entry == 0 {
            lane.block(&mut log);
        }
    }
    let gaps: u64 = lane
        .items()
        .filter_map(|item| match item {
            Item::Gaps(ledger) => Some(ledger.gaps().iter().map(|gap| gap.count).sum::<u64>()),
            _ => None,
        })
        .sum();
    assert_eq!(gaps + u64::from(lane.messages()), 10 * MANY);
}

#[test]
fn an_item_that_waits_is_no_larger_than_a_frame() {
    assert!(size_of::<Item<[u64; 4]>>() <= 40);
}

/// What a random run does to a lane.
#[derive(Debug, Clone)]
enum Step {
    Push,
    PushAddressed(u64),
    Frame,
    Send(u8),
    Block,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => Just(Step::Push),
        1 => (1..3u64).prop_map(Step::PushAddressed),
        1 => Just(Step::Frame),
        2 => (1..6u8).prop_map(Step::Send),
        2 => Just(Step::Block),
    ];
    proptest::collection::vec(step, 1..200)
}

/// Takes up to `count` messages with all that stands in front, as a writer would.
fn send(lane: &mut Lane<Note>, log: &mut Log, count: u8, told: &mut [u64]) {
    let (mut sent, mut left) = (Sent::default(), u32::from(count));
    for item in lane.items() {
        match item {
            Item::Frame(_) => {}
            Item::Newest(_) => unreachable!("it keeps all"),
            Item::Gaps(ledger) => count_gaps(ledger, log, told),
            Item::Run(extent) | Item::Addressed { extent, .. } => {
                let taken = extent.len().min(left);
                for entry in extent.start..extent.start + u64::from(taken) {
                    told[log.topic_index(entry)] += 1;
                }
                left -= taken;
                if taken < extent.len() {
                    sent.of_next = taken;
                    break;
                }
            }
        }
        sent.items += 1;
    }
    lane.sent(sent, log, &mut AsTheyAre);
}

pub(super) fn count_gaps(ledger: &Ledger, log: &Log, told: &mut [u64]) {
    for gap in ledger.gaps() {
        match &gap.of {
            Some((topic, _)) => {
                let place = log.topics.iter().position(|one| one == topic).unwrap();
                told[place] += gap.count;
            }
            None => *told.last_mut().unwrap() += gap.count,
        }
    }
}

proptest! {
    #[test]
    fn the_books_balance_after_any_run(steps in steps(), bound in 2..20u32) {
        let (mut lane, mut log) = (lane(Overflow::DropOldest, bound, 10_000), Log::of(3));
        let (mut next, mut pushed, mut told) = (0, 0u64, vec![0; 4]);
        for step in steps {
            match step {
                Step::Push => {
                    push(&mut lane, &mut log, next);
                    (next, pushed) = (next + 1, pushed + 1);
                }
                Step::PushAddressed(to) => {
                    *log.wanted.entry(next).or_default() += 1;
                    lane.push_addressed(next, SIZE, to, &mut log);
                    (next, pushed) = (next + 2, pushed + 1);
                }
                Step::Frame => lane.push_frame(Note(3)),
                Step::Send(count) => send(&mut lane, &mut log, count, &mut told),
                Step::Block => {
                    lane.block(&mut log);
                }
            }
            if lane.is_waiting() {
                prop_assert!(lane.messages() <= bound);
            }
        }
        while !lane.is_empty() {
            send(&mut lane, &mut log, 5, &mut told);
        }
        prop_assert_eq!(told.iter().sum::<u64>(), pushed);
        prop_assert_eq!(lane.books().received + lane.books().dropped, pushed);
        prop_assert_eq!((lane.messages(), lane.bytes()), (0, 0));
        prop_assert!(log.wanted.values().all(|wanted| *wanted == 0));
    }
}
