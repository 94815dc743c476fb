//! What callbacks cost: little each, and attached ones what subscribers cost.

use broker_core::{
    Channel, Config, Framing, Item, LinkInfo, Now, PongTo, Run, Sequencer, SequencerConfig, Shard,
    ShardId, Verdict,
};
use broker_protocol::frame::{
    Attach, BrokerFrame, ClientFrame, Connect, Hold, Keep, LaneOptions, Offer, OfferedMethod,
    Publish, Send,
};
use broker_protocol::{Codec, frames_in_packet};
use bytes::BytesMut;

/// How many callbacks are counted.
const CALLBACKS: u64 = 10_000;

/// What one of them may cost at most, in bytes: at its owner, at the sequencer, and all else.
const OFFERED_BYTES_MAX: u64 = 250;

/// What a hold may cost at most, in bytes.
const HELD_BYTES_MAX: u64 = 120;

/// How many messages are published in one turn.
const MESSAGES: u64 = 100;

struct World {
    shard: Shard,
    sequencer: Sequencer,
    items: Vec<Item>,
    packets: Vec<(u32, Vec<u8>)>,
    /// How many packets were handed on as they lay in the log.
    shared: usize,
}

impl World {
    fn new() -> Self {
        let now = Now::default();
        let shard = Shard::new(ShardId(0), Config::default(), now);
        let sequencer = Sequencer::new(SequencerConfig::default(), now);
        Self { shard, sequencer, items: Vec::new(), packets: Vec::new(), shared: 0 }
    }

    /// A client whose session ends with its link, so that no answers are kept for it.
    fn enter(&mut self) -> u32 {
        let (codec, pings) = (Codec::Bincode, PongTo::Frame);
        let secret = 7;
        let info =
            LinkInfo { codec, separate_lanes: false, pings, secret, datagram_bytes_max: None };
        let slot = self.shard.attach(Now::default(), info);
        let session_expiry = Some(0);
        let connect = Connect { version: 1, session_expiry, ..Connect::default() };
        self.say(slot, &ClientFrame::Connect(connect));
        self.turn();
        slot
    }

    fn say(&mut self, slot: u32, frame: &ClientFrame<'_>) {
        let mut bytes = BytesMut::new();
        Codec::Bincode.write_client(frame, &mut bytes);
        self.shard.receive(Now::default(), slot, &bytes, Framing::Packets);
    }

    fn turn(&mut self) -> usize {
        let mut sent = 0;
        for _ in 0..3 {
            let Self { shard, sequencer, items, packets, shared } = self;
            shard.tick(Now::default());
            if let Some(batch) = shard.take_batch() {
                sequencer.handle(Now::default(), &batch, &mut |_: ShardId, item| items.push(item));
            }
            shard.apply(items.drain(..));
            while let Some(slot) = shard.next_dirty() {
                shard.flush(slot, &mut |_: Channel, packet: Run<'_>| {
                    sent += 1;
                    *shared += usize::from(matches!(packet, Run::Shared(..)));
                    if packet.as_slice().len() < 100 {
                        packets.push((slot, packet.as_slice().to_vec()));
                    }
                    Verdict::Taken
                });
            }
            shard.end_turn();
        }
        sent
    }

    /// The tokens that a client was told.
    fn tokens(&mut self, of: u32) -> Vec<String> {
        let packets = std::mem::take(&mut self.packets).into_iter();
        let mut tokens = Vec::new();
        for (_, packet) in packets.filter(|(slot, _)| *slot == of) {
            for frame in frames_in_packet(Codec::Bincode, &packet, usize::MAX) {
                let frame = Codec::Bincode.read_broker(frame.expect("it is whole"));
                if let Ok(Some(BrokerFrame::Accepted(accepted))) = frame {
                    tokens.extend(accepted.callback);
                }
            }
        }
        tokens
    }

    fn offer(&mut self, slot: u32, frame: &ClientFrame<'_>) -> String {
        self.say(slot, frame);
        self.turn();
        self.tokens(slot).pop().expect("it was accepted")
    }
}

fn offer(id: u64) -> ClientFrame<'static> {
    let options = Some(LaneOptions { keep: Some(Keep::Latest(1)), ..LaneOptions::default() });
    let method =
        |name: &str| OfferedMethod { method: name.to_owned(), lane: 1, options: options.clone() };
    let methods = ["price", "trade", "closed", "opened"].map(method).to_vec();
    ClientFrame::Offer(Offer { id, interface: "watcher".to_owned(), methods })
}

#[test]
fn ten_thousand_callbacks_of_a_session_cost_little_each_and_so_does_holding_them() {
    let mut world = World::new();
    let (owner, holder) = (world.enter(), world.enter());
    let mut tokens = Vec::new();
    tokens.reserve_exact(CALLBACKS as usize);
    let mut measured = 0;
    for id in 1..=CALLBACKS {
        let one = allocation_counter::measure(|| {
            world.say(owner, &offer(id));
            world.turn();
        });
        measured += one.bytes_current;
        let in_hand = allocation_counter::measure(|| tokens.append(&mut world.tokens(owner)));
        // What was told is the test's own, and so are the packets that are looked at.
        measured += in_hand.bytes_current;
    }
    let text: i64 = tokens.iter().map(|token: &String| token.capacity() as i64).sum();
    let each = (measured - text).max(0) as u64 / CALLBACKS;
    println!("an offered callback costs {each} bytes");
    assert!(each <= OFFERED_BYTES_MAX, "{each}");
    let held = allocation_counter::measure(|| {
        for (id, callback) in (1..).zip(tokens) {
            world.say(holder, &ClientFrame::Hold(Hold { id, callback, presence: false }));
            world.turn();
            world.packets = Vec::new();
        }
    });
    let each = (held.bytes_current + text).max(0) as u64 / CALLBACKS;
    println!("a hold costs {each} bytes");
    assert!(each <= HELD_BYTES_MAX, "{each}");
    assert_eq!(world.shard.statistics().holds, CALLBACKS);
}

/// Allocations of one turn in which as many messages are published as callbacks are attached to.
fn allocations(attached: usize) -> u64 {
    let mut world = World::new();
    let service = world.enter();
    for _ in 0..attached {
        let owner = world.enter();
        let method = OfferedMethod { method: "price".to_owned(), ..OfferedMethod::default() };
        let (interface, methods) = ("watcher".to_owned(), vec![method]);
        let offer = ClientFrame::Offer(Offer { id: 1, interface, methods });
        let (callback, topic) = (world.offer(owner, &offer), "market.btc".to_owned());
        world.say(service, &ClientFrame::Attach(Attach { id: 1, topic, callback }));
        world.turn();
    }
    let mut turn = || {
        for _ in 0..MESSAGES {
            let publish = Publish::bytes("market.btc.price", &[7; 40]);
            world.say(service, &ClientFrame::Publish(publish));
        }
        world.turn()
    };
    let mut sent = 0;
    (0..20).for_each(|_| sent = turn());
    let measured = allocation_counter::measure(|| sent = turn());
    assert_eq!(sent, attached, "a packet for each");
    measured.count_total
}

#[test]
fn a_hundred_messages_to_a_thousand_attached_callbacks_are_a_packet_each_without_an_allocation() {
    assert_eq!(allocations(1000), allocations(10));
}

#[test]
fn a_hundred_thousand_calls_leave_nothing_behind() {
    let mut world = World::new();
    let (owner, caller) = (world.enter(), world.enter());
    let callback = world.offer(owner, &offer(1));
    let call = |world: &mut World| {
        for _ in 0..1000 {
            let (to, method) = ((&*callback).into(), Some("price".into()));
            world.say(caller, &ClientFrame::Send(Send { to, method, ..Send::default() }));
        }
        world.turn();
        world.packets = Vec::new();
    };
    (0..50).for_each(|_| call(&mut world));
    let measured = allocation_counter::measure(|| (0..50).for_each(|_| call(&mut world)));
    assert!(measured.bytes_current < 100_000, "{} bytes", measured.bytes_current);
}

#[test]
fn calls_to_one_client_after_the_other_are_a_packet_each_as_it_lies_and_need_no_allocation_each() {
    const ROUNDS: usize = 8;
    let mut world = World::new();
    let caller = world.enter();
    let owners = (0..100).map(|_| world.enter()).collect::<Vec<_>>();
    let tokens: Vec<_> = owners.iter().map(|owner| world.offer(*owner, &offer(1))).collect();
    let mut packet = BytesMut::new();
    for to in std::iter::repeat_n(&tokens, ROUNDS).flatten() {
        let (to, method) = ((&**to).into(), Some("price".into()));
        let call = ClientFrame::Send(Send { to, method, ..Send::default() });
        Codec::Bincode.write_client(&call, &mut packet);
    }
    let mut turn = || {
        world.shared = 0;
        world.shard.receive(Now::default(), caller, &packet, Framing::Packets);
        (world.turn(), world.shared)
    };
    let mut sent = (0..10).map(|_| turn()).last();
    let measured = allocation_counter::measure(|| sent = Some(turn()));
    assert_eq!(sent, Some((owners.len(), owners.len())));
    assert!(measured.count_total < owners.len() as u64, "{}", measured.count_total);
}
