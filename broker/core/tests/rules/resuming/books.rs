//! Any number of cuts: the books balance.

use std::collections::BTreeMap;

use broker_core::Absence;
use broker_protocol::frame::{ClientFrame, Consumed, Keep, LaneOptions};

use super::{come_back, pair, stage_with};

/// Whatever happens in whatever order: what a client has, and what it was told to miss, is what was
/// published; per key nothing steps back or comes twice.
#[test]
fn books_balance_over_any_number_of_cuts() {
    for seed in 0..300 {
        let mut random = Random(seed);
        let keep = [Keep::All, Keep::Latest(1), Keep::Latest(3)][random.below(3)];
        let window = [300, 2_000, 64 << 10][random.below(3)];
        let mut stage = stage_with(Absence { resume_window: window, ..Absence::default() });
        let options = LaneOptions {
            keep: Some(keep),
            overflow: Some(broker_protocol::frame::Overflow::DropOldest),
            bound_messages: Some(12 + random.below(20) as u32),
            ..LaneOptions::default()
        };
        let (mut client, publisher) = pair(&mut stage, options);
        let topics = ["a.x", "a.y", "a.z"];
        let mut published = BTreeMap::<&str, u64>::new();
        let (mut back, mut resumes) = (true, 0);
        for _ in 0..60 {
            match random.below(6) {
                0..=2 => {
                    for _ in 0..random.below(8) {
                        let topic = topics[random.below(3)];
                        stage.publish(publisher, topic, &[0; 40]);
                        *published.entry(topic).or_default() += 1;
                    }
                }
                3 if back => {
                    stage.set_room(client.slot, random.below(3));
                    stage.turn();
                }
                4 if back => {
                    client.take(&mut stage, usize::MAX);
                    if random.below(2) == 0 {
                        let frames = client.frames.get(&1).copied().unwrap_or_default();
                        let bytes = 0;
                        let consumed = Consumed { lane: 1, frames, bytes };
                        stage.say(client.slot, &ClientFrame::Consumed(consumed));
                    }
                }
                _ if back => {
                    client.take(&mut stage, random.below(30));
                    stage.lose(client.slot);
                    back = false;
                }
                _ => {
                    if come_back(&mut client, &mut stage) {
                        resumes += 1;
                    } else {
                        break;
                    }
                    back = true;
                }
            }
        }
        if !back && !come_back(&mut client, &mut stage) {
            continue;
        }
        stage.set_room(client.slot, usize::MAX);
        stage.turn();
        client.take(&mut stage, usize::MAX);
        let had: u64 = topics.iter().map(|topic| client.seqs(topic).len() as u64).sum();
        let all: u64 = published.values().sum();
        assert_eq!(had + client.told, all, "seed {seed}, {resumes} resumes, {keep:?}");
        for topic in topics {
            let seqs = client.seqs(topic);
            assert!(seqs.is_sorted_by(|a, b| a < b), "seed {seed}: {topic} {seqs:?}");
            let last = published.get(topic).copied();
            if keep != Keep::All && window == 64 << 10 {
                assert_eq!(seqs.last().copied(), last, "seed {seed}: {topic}");
            }
        }
    }
}

/// Numbers that follow from a seed (xorshift64*, Marsaglia 2003 and Vigna 2016).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        let mut x = self.0 ^ 0x9E37_79B9_7F4A_7C15;
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        self.0 = x;
        (x.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % bound
    }
}
