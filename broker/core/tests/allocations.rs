//! The structural proof: what a turn costs beside its deliveries doesn't grow with them.

use broker_core::{
    Channel, Config, Framing, Item, LinkInfo, Now, PongTo, Run, Sequencer, SequencerConfig, Shard,
    ShardId, Verdict,
};
use broker_protocol::frame::{ClientFrame, Connect, Publish, Subscribe};
use broker_protocol::{Codec, frames_in_packet};
use bytes::BytesMut;

/// How many messages are published in one turn.
const MESSAGES: usize = 100;

/// How many turns are taken before one is measured.
const WARM_UP_TURNS: usize = 20;

struct World {
    shard: Shard,
    sequencer: Sequencer,
    items: Vec<Item>,
    publisher: u32,
    packet: BytesMut,
}

/// What the links were handed in one turn.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sent {
    packets: usize,
    bytes: usize,
    frames_of_first: usize,
}

impl World {
    fn with_subscribers(count: usize, codec: Codec) -> Self {
        let now = Now::default();
        let mut packet = BytesMut::new();
        for number in 0..MESSAGES {
            let payload = format!("message {number:>4} of a turn");
            let publish = Publish::bytes("market.btc", payload.as_bytes());
            Codec::Bincode.write_client(&ClientFrame::Publish(publish), &mut packet);
        }
        let mut world = Self {
            shard: Shard::new(ShardId(0), Config::default(), now),
            sequencer: Sequencer::new(SequencerConfig::default(), now),
            items: Vec::new(),
            publisher: 0,
            packet,
        };
        world.publisher = world.enter(Codec::Bincode);
        for _ in 0..count {
            let slot = world.enter(codec);
            let filter = "market.*".to_owned();
            let subscribe = Subscribe { id: 1, filter, ..Subscribe::default() };
            world.say(slot, codec, &ClientFrame::Subscribe(subscribe));
        }
        world.turn();
        world
    }

    fn enter(&mut self, codec: Codec) -> u32 {
        let pings = PongTo::Frame;
        let info =
            LinkInfo { codec, separate_lanes: false, pings, secret: 0, datagram_bytes_max: None };
        let slot = self.shard.attach(Now::default(), info);
        let connect = Connect { version: 1, ..Connect::default() };
        self.say(slot, codec, &ClientFrame::Connect(connect));
        slot
    }

    fn say(&mut self, slot: u32, codec: Codec, frame: &ClientFrame<'_>) {
        let mut bytes = BytesMut::new();
        codec.write_client(frame, &mut bytes);
        self.shard.receive(Now::default(), slot, &bytes, Framing::Packets);
    }

    fn publish(&mut self) {
        self.shard.receive(Now::default(), self.publisher, &self.packet, Framing::Packets);
    }

    fn turn(&mut self) -> Sent {
        let Self { shard, sequencer, items, .. } = self;
        if let Some(batch) = shard.take_batch() {
            sequencer.handle(Now::default(), &batch, &mut |_: ShardId, item| items.push(item));
        }
        shard.apply(items.drain(..));
        let mut sent = Sent::default();
        let mut outlet = |_: Channel, packet: Run<'_>| {
            let bytes = packet.as_slice();
            if sent.packets == 0 {
                sent.frames_of_first = frames_in(bytes);
            }
            sent.packets += 1;
            sent.bytes += bytes.len();
            Verdict::Taken
        };
        while let Some(slot) = shard.next_dirty() {
            shard.flush(slot, &mut outlet);
        }
        shard.end_turn();
        sent
    }
}

fn frames_in(packet: &[u8]) -> usize {
    let codec = if packet.first() == Some(&b'{') { Codec::Json } else { Codec::Bincode };
    frames_in_packet(codec, packet, usize::MAX).count()
}

/// Allocations of one turn in steady state.
fn allocations(subscribers: usize, codec: Codec) -> u64 {
    let mut world = World::with_subscribers(subscribers, codec);
    for _ in 0..WARM_UP_TURNS {
        world.publish();
        world.turn();
    }
    let measured = allocation_counter::measure(|| {
        world.publish();
        let sent = world.turn();
        assert_eq!((sent.packets, sent.frames_of_first), (subscribers, MESSAGES));
    });
    assert!(measured.count_total > 0, "nothing is counted");
    measured.count_total
}

#[test]
fn a_hundred_messages_to_a_thousand_subscribers_are_a_thousand_packets_without_an_allocation_each()
{
    assert_eq!(allocations(1000, Codec::Bincode), allocations(10, Codec::Bincode));
}

#[test]
fn subscribers_in_json_share_one_rendering() {
    assert_eq!(allocations(1000, Codec::Json), allocations(10, Codec::Json));
}
