//! A publisher in shard 0 and a subscriber in shard 1, which are behind each other as a test likes.

use std::collections::VecDeque;
use std::time::Duration;

use broker_core::{
    Channel, Config, Framing, Item, LinkInfo, Now, PongTo, Run, Sequencer, SequencerConfig, Shard,
    ShardId, Verdict,
};
use broker_protocol::frame::{BrokerFrame, ClientFrame, Connect, Pong};
use broker_protocol::{Codec, frames_in_packet};
use bytes::BytesMut;

const CODEC: Codec = Codec::Bincode;

pub(super) struct TwoShards {
    now: Now,
    pub(super) sequencer: Sequencer,
    shards: [Shard; 2],
    inboxes: [VecDeque<Item>; 2],
    slots: [u32; 2],
    /// What the subscriber got and nobody has looked at.
    frames: Vec<BrokerFrame<'static>>,
}

impl TwoShards {
    pub(super) fn new(sequencer: SequencerConfig) -> Self {
        let now = Now::default();
        let shard = |number| Shard::new(ShardId(number), Config::default(), now);
        let mut world = Self {
            now,
            sequencer: Sequencer::new(sequencer, now),
            shards: [shard(0), shard(1)],
            inboxes: [VecDeque::new(), VecDeque::new()],
            slots: [0, 0],
            frames: Vec::new(),
        };
        for place in [0, 1] {
            let (separate_lanes, pings) = (false, PongTo::Frame);
            let link = LinkInfo {
                codec: CODEC,
                separate_lanes,
                pings,
                secret: 0,
                datagram_bytes_max: None,
            };
            world.slots[place] = world.shards[place].attach(now, link);
            world.say(place, &ClientFrame::Connect(Connect { version: 1, ..Connect::default() }));
            world.submit(place);
        }
        world
    }

    pub(super) fn say(&mut self, place: usize, frame: &ClientFrame<'_>) {
        let mut bytes = BytesMut::new();
        CODEC.write_client(frame, &mut bytes);
        self.shards[place].receive(self.now, self.slots[place], &bytes, Framing::Stream);
    }

    /// The sequencer hears what a shard has to say.
    pub(super) fn submit(&mut self, place: usize) {
        let Self { sequencer, inboxes, shards, now, .. } = self;
        if let Some(batch) = shards[place].take_batch() {
            let mut put = |shard: ShardId, item| inboxes[usize::from(shard.0)].push_back(item);
            sequencer.handle(*now, &batch, &mut put);
        }
    }

    /// A shard hears of so many items.
    pub(super) fn apply(&mut self, place: usize, items: usize) {
        let items = items.min(self.inboxes[place].len());
        let items: Vec<Item> = self.inboxes[place].drain(..items).collect();
        self.shards[place].apply(items);
        self.flush(place, 0);
        self.shards[place].end_turn();
    }

    /// Writes to all who have something to be written, of whom the subscriber takes so much.
    pub(super) fn flush(&mut self, place: usize, mut room: usize) {
        let mut packets: Vec<Vec<u8>> = Vec::new();
        let Self { shards, slots, .. } = self;
        if room > 0 {
            shards[place].writable(slots[place]);
        }
        while let Some(slot) = shards[place].next_dirty() {
            shards[place].flush(slot, &mut |_: Channel, packet: Run<'_>| {
                if room == 0 {
                    return Verdict::Refused;
                }
                room -= 1;
                packets.push(packet.as_slice().to_vec());
                Verdict::Taken
            });
        }
        for packet in packets.into_iter().filter(|_| place == 1) {
            self.read(packet.leak());
        }
    }

    fn read(&mut self, packet: &'static [u8]) {
        for frame in frames_in_packet(CODEC, packet, usize::MAX) {
            let read = CODEC.read_broker(frame.expect("the broker sends whole frames"));
            let frame = read.expect("the broker sends frames that can be read");
            match &frame {
                Some(BrokerFrame::Ping(ping)) => {
                    self.say(1, &ClientFrame::Pong(Pong { mark: ping.mark, lag: Vec::new() }));
                }
                Some(BrokerFrame::Disconnect(shutdown)) => panic!("{shutdown:?}"),
                _ => {}
            }
            self.frames.extend(frame);
        }
    }

    /// What the subscriber got since the last time.
    pub(super) fn take_frames(&mut self) -> Vec<BrokerFrame<'static>> {
        std::mem::take(&mut self.frames)
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now.monotonic += time;
    }

    /// One round, after which each shard knows what both said.
    pub(super) fn settle_once(&mut self) {
        for place in [0, 1] {
            self.shards[place].tick(self.now);
            self.submit(place);
            self.apply(place, usize::MAX);
            self.flush(place, usize::MAX);
        }
    }
}
