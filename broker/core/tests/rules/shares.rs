//! What no client can bring about by whatever it answers, late or never: a lane that is forgotten, and a packet or a
//! credit that is exceeded.

use std::collections::VecDeque;
use std::num::NonZeroU16;
use std::ops::Range;
use std::time::Duration;

use broker_core::{Channel, Config, SequencerConfig};
use broker_delivery::lane::Overflow as GrantedOverflow;
use broker_protocol::Codec;
use broker_protocol::frame::{
    BrokerFrame, ClientFrame, Connect, Keep, LaneOptions, Pong, Publish, Update,
};
use bytes::BytesMut;

use crate::credit::{Counting, consumed};
use crate::stage::{Stage, in_lane};
use crate::windows::{marks, pong};

/// More than what one message replaced takes, in bytes.
const GAPS_BYTES: usize = 400;

/// Numbers that look like random ones.
struct Random(u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }

    fn pick<T: Copy>(&mut self, choice: &[T]) -> T {
        choice[self.below(choice.len() as u64) as usize]
    }

    fn options(&mut self, datagrams: bool) -> LaneOptions {
        let keep =
            self.pick(&[Keep::All, Keep::Latest(1), Keep::Latest(1), Keep::Latest(3), Keep::Merge]);
        let unreliable = datagrams && keep == Keep::Latest(1) && self.below(2) == 0;
        let min_interval = (keep != Keep::All && self.below(4) == 0).then_some(200);
        let priority = Some(self.pick(&[0, 0, 3, 7]));
        LaneOptions {
            keep: Some(keep),
            priority,
            min_interval,
            unreliable: Some(unreliable),
            ..LaneOptions::default()
        }
    }
}

/// A client behind a link whose buffer takes what it is told to.
struct Client {
    slot: u32,
    codec: Codec,
    window: Option<u64>,
    packet_bytes_max: usize,
    buffer: VecDeque<(Channel, Vec<u8>)>,
    bytes: usize,
    /// What was sent, and what arrived.
    sent: Counting,
    arrived: Counting,
    told: [u64; 16],
    /// Marks that it hasn't answered so far.
    marks: Vec<u64>,
    messages: [u64; 16],
    ended: [bool; 16],
}

impl Client {
    fn new(slot: u32, codec: Codec, window: Option<u64>, packet_bytes_max: usize) -> Self {
        Self {
            slot,
            codec,
            window,
            packet_bytes_max,
            buffer: VecDeque::new(),
            bytes: 0,
            sent: Counting::new(codec),
            arrived: Counting::new(codec),
            told: [0; 16],
            marks: Vec::new(),
            messages: [0; 16],
            ended: [false; 16],
        }
    }

    /// Takes what was sent, and checks what it may be.
    fn take(&mut self, stage: &mut Stage) {
        for (channel, packet) in stage.packets_in_channels(self.slot) {
            let before = self.sent.bytes;
            let frames = stage.frames_in(vec![packet.clone()]);
            if let Channel::Lane(lane) = channel {
                self.sent.in_lane(lane);
            }
            self.sent.count(0, &frames);
            let data =
                |one: &&BrokerFrame<'_>| !matches!(one, BrokerFrame::Lane(_) | BrokerFrame::Gap(_));
            let alone = frames.iter().filter(data).count() <= 1;
            let largest = frames.iter().filter(data).map(|one| self.bytes_of(one)).max();
            // A message that is larger has the gaps of what it replaced in front of it.
            let larger = alone && largest.unwrap_or_default() + GAPS_BYTES > self.packet_bytes_max;
            assert!(
                larger || packet.len() <= self.packet_bytes_max,
                "{} bytes in a packet of {}: {frames:?}",
                packet.len(),
                self.packet_bytes_max
            );
            // What an unreliable lane's datagrams replaced is told whatever its credit is.
            if frames.iter().all(|one| matches!(one, BrokerFrame::Gap(_))) {
                self.buffer.push_back((channel, packet));
                continue;
            }
            for (lane, before) in before.into_iter().enumerate() {
                let Some(window) = self.window.filter(|_| self.sent.bytes[lane] > before) else {
                    continue;
                };
                let (was, is) = (before - self.told[lane], self.sent.bytes[lane] - self.told[lane]);
                assert!(
                    is <= window || alone && was <= window / 4,
                    "{was} and then {is} bytes of {window} are out in lane {lane}: {channel:?} {frames:?}"
                );
            }
            self.buffer.push_back((channel, packet));
        }
    }

    fn bytes_of(&self, frame: &BrokerFrame<'_>) -> usize {
        let mut out = BytesMut::new();
        self.codec.write_broker(frame, &mut out);
        out.len()
    }

    /// Lets so many bytes arrive.
    fn arrive(&mut self, stage: &mut Stage, bytes: usize) {
        self.take(stage);
        self.bytes = self.bytes.saturating_add(bytes).min(usize::MAX / 2);
        let mut all = Vec::new();
        while let Some((channel, packet)) =
            self.buffer.pop_front_if(|(_, packet)| packet.len() <= self.bytes)
        {
            self.bytes -= packet.len();
            let frames = stage.frames_in(vec![packet]);
            if let Channel::Lane(lane) = channel {
                self.arrived.in_lane(lane);
            }
            self.arrived.count(0, &frames);
            all.extend(frames);
        }
        self.bytes = if self.buffer.is_empty() { 0 } else { self.bytes };
        let datagrams =
            stage.datagrams(self.slot).into_iter().map(|(_, datagram)| datagram).collect();
        all.extend(stage.frames_in(datagrams));
        self.marks.extend(marks(&all));
        for frame in all {
            if let BrokerFrame::Message(message) = frame {
                let lane: usize = message.topic[1..2].parse().expect("it is a lane's");
                self.messages[lane] += 1;
                self.ended[lane] |= message.topic.ends_with("end");
            }
        }
    }

    /// Answers marks, and tells of what was consumed.
    fn answer(&mut self, stage: &mut Stage) {
        for mark in std::mem::take(&mut self.marks) {
            stage.write(self.slot, &pong(mark));
        }
    }

    fn tell(&mut self, stage: &mut Stage) {
        for lane in 0..16_u8 {
            let got = self.arrived.bytes[usize::from(lane)];
            if self.window.is_some()
                && std::mem::replace(&mut self.told[usize::from(lane)], got) != got
            {
                stage.write(self.slot, &consumed(lane, got));
            }
        }
    }
}

fn is_there(stage: &mut Stage, slot: u32) {
    stage.write(slot, &ClientFrame::Pong(Pong { mark: None, lag: Vec::new() }));
}

/// A broker, a publisher and a client with some lanes.
fn begin(random: &mut Random, packets: &[u32]) -> (Stage, u32, Client, u8) {
    let codec = random.pick(&[Codec::Bincode, Codec::Json]);
    let mut config = Config::default();
    config.lane.overflow = GrantedOverflow::DropOldest;
    config.lane.bound.bytes = 1 << 18;
    let mut stage = Stage::with(config, SequencerConfig::default(), codec);
    let ann = stage.enter("ann");
    stage.separate_lanes = random.below(2) == 0;
    stage.datagram_bytes_max = NonZeroU16::new(1000);
    let window = random.pick(&[None, Some(8 << 10), Some(16 << 10), Some(1 << 20)]);
    let packet_bytes_max = random.pick(packets);
    let connect = Connect {
        receive_window: window,
        packet_bytes_max: Some(packet_bytes_max),
        ..Connect::default()
    };
    let slot = stage.enter_with("bob", connect);
    let client = Client::new(slot, codec, window, packet_bytes_max as usize);
    let lanes = 2 + random.below(3) as u8;
    let datagrams = stage.separate_lanes;
    for lane in 1..=lanes {
        let options = random.options(datagrams);
        stage.say(slot, &in_lane(&format!("l{lane}.*"), lane, options));
    }
    (stage, ann, client, lanes)
}

fn publish(stage: &mut Stage, ann: u32, lane: u8, name: &str, size: usize) {
    let payload = format!("{{\"a\":\"{}\"}}", "x".repeat(size));
    let topic = format!("l{lane}.{name}");
    stage.write(ann, &ClientFrame::Publish(Publish::bytes(&topic, payload.as_bytes())));
}

#[test]
fn whatever_a_client_answered_all_its_lanes_go_on_once_it_reads() {
    for seed in seeds() {
        let mut random = Random(seed);
        let (mut stage, ann, mut client, lanes) = begin(&mut random, &[512, 4096, 65_536]);
        let slot = client.slot;
        let (answers, tells) = (random.pick(&[0, 5, 50, 100]), random.pick(&[0, 5, 50, 100]));
        let rate = random.pick(&[100, 1000, 50_000]);
        for step in 0..200 {
            for lane in 1..=lanes {
                for _ in 0..random.below(6) {
                    let key = random.below(30).to_string();
                    let size = random.pick(&[10, 400, 400, 3000, 20_000]);
                    publish(&mut stage, ann, lane, &key, size);
                }
            }
            if random.below(30) == 0 {
                let (lane, options) =
                    (1 + random.below(lanes.into()) as u8, random.options(stage.separate_lanes));
                stage.write(slot, &ClientFrame::Update(Update { id: step, lane, options }));
            }
            match random.below(8) {
                0 => stage.set_room(slot, random.below(4) as usize),
                1 => stage.held_lane = Some(random.below(5) as u8),
                2 => (stage.held_lane, stage.holds_datagrams) = (None, random.below(3) == 0),
                3 => stage.set_room(slot, usize::MAX),
                _ => {}
            }
            let time = random.pick(&[1, 10, 50, 300]);
            stage.pass(Duration::from_millis(time));
            client.arrive(&mut stage, rate);
            match random.below(100) {
                dice if dice < answers => client.answer(&mut stage),
                0..10 => client.marks.clear(),
                _ => {}
            }
            if random.below(100) < tells {
                client.tell(&mut stage);
            }
            [ann, slot].into_iter().for_each(|one| is_there(&mut stage, one));
        }
        (stage.held_lane, stage.holds_datagrams) = (None, false);
        for step in 0..1600 {
            stage.set_room(slot, usize::MAX);
            client.arrive(&mut stage, 1 << 30);
            client.answer(&mut stage);
            client.tell(&mut stage);
            [ann, slot].into_iter().for_each(|one| is_there(&mut stage, one));
            stage.pass(Duration::from_millis(25));
            if step == 1200 {
                (1..=lanes).for_each(|lane| publish(&mut stage, ann, lane, "end", 10));
            }
        }
        assert_eq!(stage.ended(slot), None, "seed {seed}");
        for lane in 1..=lanes {
            assert!(
                client.ended[usize::from(lane)],
                "seed {seed}: lane {lane} is stuck, told {:?} {:?} {:?}",
                client.told,
                client.arrived.bytes,
                client.sent.bytes
            );
        }
    }
}

#[test]
fn over_a_narrow_link_no_lane_waits_for_long() {
    for seed in seeds() {
        let mut random = Random(seed);
        let (mut stage, ann, mut client, lanes) = begin(&mut random, &[4096, 65_536]);
        let tells = random.pick(&[1, 5]);
        let mut last = [(0, 0); 16];
        for step in 0..800 {
            for lane in 1..=lanes {
                for _ in 0..3 {
                    let key = random.below(10).to_string();
                    publish(&mut stage, ann, lane, &key, 500);
                }
            }
            // Its buffer holds so much.
            let buffered: usize = client.buffer.iter().map(|(_, packet)| packet.len()).sum();
            let room = (64_usize << 10).saturating_sub(buffered) / client.packet_bytes_max;
            stage.set_room(client.slot, room);
            stage.pass(Duration::from_millis(50));
            client.arrive(&mut stage, 1000);
            client.answer(&mut stage);
            if step % tells == 0 {
                client.tell(&mut stage);
            }
            for lane in 1..=lanes {
                let (count, at) = &mut last[usize::from(lane)];
                let now = client.messages[usize::from(lane)];
                if std::mem::replace(count, now) != now {
                    *at = step;
                }
                assert!(
                    step - *at < 400,
                    "seed {seed}: lane {lane} since step {at}, {:?}",
                    client.messages
                );
            }
        }
    }
}

/// Few by default; `SHARES_SEEDS` says how many.
fn seeds() -> Range<u64> {
    let wished = std::env::var("SHARES_SEEDS").ok().and_then(|one| one.parse().ok());
    0..wished.unwrap_or(12)
}
