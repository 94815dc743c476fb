//! One shard and many lanes with a rule, without links: what a message costs each lane.

use std::fs;
use std::time::Duration;

use anyhow::Context as _;
use broker_core::{
    Channel, Config, Framing, Item, LinkInfo, Now, Outlet, PongTo, Run, Sequencer, SequencerConfig,
    Shard, ShardId, Verdict,
};
use broker_protocol::Codec;
use broker_protocol::frame::{
    ClientFrame, Connect, Consumed, Content, LaneOptions, Publish, Subscribe,
};
use bytes::BytesMut;

/// How many topics there are, where nothing else is said. Each has a message in each turn.
pub const TOPICS: usize = 64;

/// How far the clock is moved with each turn.
pub const TURN: Duration = Duration::from_millis(1);

/// A lane to measure, and the client that has it.
#[derive(Debug, Clone)]
pub struct Subject {
    /// How many there are of them.
    pub lanes: usize,
    /// Its number. A lane above 0 has lane 0 beside it, which is idle.
    pub number: u8,
    /// How many topics there are.
    pub topics: usize,
    /// What the lane does.
    pub options: LaneOptions,
    /// When messages expire, in milliseconds.
    pub expires_in: Option<u64>,
    /// The receive window of its client, which tells what it consumed at each quarter of it.
    pub receive_window: Option<u64>,
    /// How many seconds its session outlives its connection.
    pub session_expiry: u64,
    /// In how many turns its link takes one packet; `None` if it takes everything at once.
    pub one_packet_in: Option<u32>,
    /// The largest packet, in bytes.
    pub packet_bytes_max: u32,
}

impl Default for Subject {
    /// Keeps everything, and keeps up.
    fn default() -> Self {
        Self {
            lanes: 256,
            number: 1,
            topics: TOPICS,
            options: LaneOptions::default(),
            expires_in: None,
            receive_window: None,
            session_expiry: 0,
            one_packet_in: None,
            packet_bytes_max: 64 << 10,
        }
    }
}

/// One shard and its lanes.
#[derive(Debug)]
pub struct Lanes {
    subject: Subject,
    shard: Shard,
    sequencer: Sequencer,
    items: Vec<Item>,
    now: Now,
    turns: u32,
    publisher: u32,
    packet: BytesMut,
    /// What the links took since everybody was subscribed, by the slot of their sessions.
    taken: Vec<Taken>,
}

/// What a link took.
#[derive(Debug, Default, Clone, Copy)]
struct Taken {
    bytes: u64,
    /// Up to where that was told to be consumed.
    told: u64,
}

impl Lanes {
    /// Subscribes them all.
    pub fn new(subject: Subject) -> Self {
        let now = Now::default();
        let packet = messages(&subject);
        let mut lanes = Self {
            shard: Shard::new(ShardId(0), Config::default(), now),
            sequencer: Sequencer::new(SequencerConfig::default(), now),
            items: Vec::new(),
            now,
            turns: 0,
            publisher: 0,
            packet,
            taken: vec![Taken::default(); subject.lanes + 1],
            subject,
        };
        lanes.publisher = lanes.enter();
        for _ in 0..lanes.subject.lanes {
            let slot = lanes.enter();
            // Lane 0 can only be as it is.
            let number = lanes.subject.number;
            let options = (number > 0).then(|| lanes.subject.options.clone());
            let lane = Some(number);
            let filter = "market.*".to_owned();
            let subscribe = Subscribe { id: 1, filter, lane, options, ..Subscribe::default() };
            lanes.say(slot, &ClientFrame::Subscribe(subscribe));
        }
        lanes.turn();
        lanes.taken.fill(Taken::default());
        lanes
    }

    fn enter(&mut self) -> u32 {
        let pings = PongTo::Transport;
        let (codec, separate_lanes) = (Codec::Bincode, false);
        let info = LinkInfo { codec, separate_lanes, pings, secret: 0, datagram_bytes_max: None };
        let slot = self.shard.attach(self.now, info);
        let connect = Connect {
            version: 1,
            session_expiry: Some(self.subject.session_expiry),
            receive_window: self.subject.receive_window,
            packet_bytes_max: Some(self.subject.packet_bytes_max),
            ..Connect::default()
        };
        self.say(slot, &ClientFrame::Connect(connect));
        slot
    }

    fn say(&mut self, slot: u32, frame: &ClientFrame<'_>) {
        let mut bytes = BytesMut::new();
        Codec::Bincode.write_client(frame, &mut bytes);
        self.shard.receive(self.now, slot, &bytes, Framing::Packets);
    }

    /// Publishes a message to each topic, and takes a turn.
    pub fn publish(&mut self) {
        self.shard.receive(self.now, self.publisher, &self.packet, Framing::Packets);
        self.turn();
    }

    fn turn(&mut self) {
        self.turns += 1;
        self.now.monotonic += TURN;
        self.now.wall += TURN.as_millis() as u64;
        let Self { shard, sequencer, items, now, .. } = self;
        shard.tick(*now);
        if let Some(batch) = shard.take_batch() {
            sequencer.handle(*now, &batch, &mut |_: ShardId, item| items.push(item));
            shard.reuse_batch(batch);
        }
        shard.apply(items.drain(..));
        self.open_links();
        while let Some(slot) = self.shard.next_dirty() {
            self.flush(slot);
        }
        self.shard.end_turn();
        self.tell_consumed();
    }

    /// Those that were full take another packet, when it is time.
    fn open_links(&mut self) {
        if self.subject.one_packet_in.is_some_and(|turns| self.turns.is_multiple_of(turns)) {
            (1..=self.subject.lanes as u32).for_each(|slot| self.shard.writable(slot));
        }
    }

    fn flush(&mut self, slot: u32) {
        let is_full_at_once = self.subject.one_packet_in.is_some() && slot != self.publisher;
        let mut link = Link { is_full_at_once, bytes: 0, marks: Vec::new() };
        self.shard.flush(slot, &mut link);
        self.taken[slot as usize].bytes += link.bytes;
        for mark in link.marks {
            self.shard.returned(self.now, slot, mark);
        }
    }

    fn tell_consumed(&mut self) {
        let Some(window) = self.subject.receive_window else { return };
        for slot in 1..=self.subject.lanes {
            let Taken { bytes, told } = self.taken[slot];
            if bytes - told > window / 4 {
                self.taken[slot].told = bytes;
                let frames = u64::from(self.turns - 1) * self.subject.topics as u64;
                let consumed = Consumed { lane: self.subject.number, frames, bytes };
                self.say(slot as u32, &ClientFrame::Consumed(consumed));
            }
        }
    }

    /// The bytes that one of the lanes was sent.
    pub fn bytes(&self) -> u64 {
        self.taken[1].bytes
    }
}

/// A link without another end.
#[derive(Debug)]
struct Link {
    is_full_at_once: bool,
    bytes: u64,
    marks: Vec<u64>,
}

impl Outlet for Link {
    fn send(&mut self, _: Channel, packet: Run<'_>) -> Verdict {
        self.bytes += packet.as_slice().len() as u64;
        if self.is_full_at_once { Verdict::TakenAndBlocked } else { Verdict::Taken }
    }

    fn ping(&mut self, mark: u64) -> Verdict {
        self.marks.push(mark);
        Verdict::Taken
    }
}

/// A patch of about 100 bytes for each topic, in one packet.
fn messages(subject: &Subject) -> BytesMut {
    let Subject { topics, expires_in, .. } = *subject;
    let mut packet = BytesMut::new();
    for number in 0..topics {
        let payload = format!(
            r#"{{"price":{number}64.25,"volume":{number}17,"bid":{number}64.20,"ask":{number}64.30,"venue":"north","state":"open"}}"#
        );
        let topic = format!("market.i{number:03}");
        let publish = Publish::bytes(&topic, payload.as_bytes());
        let mut publish = Publish { expires_in, ..publish };
        publish.body.content = Content::Json;
        Codec::Bincode.write_client(&ClientFrame::Publish(publish), &mut packet);
    }
    packet
}

/// The processor time of this thread.
///
/// # Errors
/// Where the system doesn't tell.
pub fn processor_time() -> anyhow::Result<Duration> {
    let times = fs::read_to_string("/proc/thread-self/schedstat")?;
    let first = times.split_whitespace().next().context("schedstat is empty")?;
    Ok(Duration::from_nanos(first.parse()?))
}
