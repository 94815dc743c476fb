//! Anything at any time, in three shards that are behind each other as chance has it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use broker_core::{
    Channel, Config, Framing, Item, LinkInfo, Now, PongTo, Run, Sequencer, SequencerConfig, Shard,
    ShardId, Verdict,
};
use broker_protocol::frame::{
    Attach, BrokerFrame, ClientFrame, Connect, Detach, Disconnect, Hold, Offer, Outcome, Owner,
    OwnerState, Ping, Pong, Publish, Release, Reply, Request,
};
use broker_protocol::{Codec, frames_in_packet};
use bytes::BytesMut;

use super::{call, latest, method};

const SHARDS: u16 = 3;
const CLIENTS: usize = 7;
const STEPS: usize = 3000;
const CODEC: Codec = Codec::Bincode;

/// What one client knows.
#[derive(Default)]
struct Client {
    shard: usize,
    slot: u32,
    /// Whether its link takes packets.
    reads: bool,
    /// The commands that wait for an answer, by their ids: what they hold, if they do.
    waiting: BTreeMap<u64, Option<String>>,
    /// What it holds.
    holds: BTreeSet<String>,
    /// Of whose owners it ever asked whether they are away, and which are.
    minds: BTreeSet<String>,
    away: BTreeSet<String>,
    /// What it offered: it is told under the same name that nobody holds that, and so holds none.
    own: BTreeSet<String>,
    /// The ids of its offers.
    offering: BTreeSet<u64>,
    asked: Vec<Cow<'static, str>>,
    last_id: u64,
}

struct World {
    now: Now,
    random: u64,
    sequencer: Sequencer,
    shards: Vec<Shard>,
    inboxes: Vec<VecDeque<Item>>,
    clients: Vec<Client>,
    /// All tokens and sessions that anybody was told.
    known: Vec<String>,
    /// How many ends were told to holders, and how often that an owner is away.
    told: usize,
    told_away: usize,
}

impl World {
    fn new(seed: u64) -> Self {
        let now = Now::default();
        let mut config = Config { shards: SHARDS, ..Config::default() };
        config.absence.expiry = Duration::from_secs(3);
        config.limits.callbacks_max = 20;
        config.limits.subscriptions_max = 12;
        let shard = |number| Shard::new(ShardId(number), config.clone(), now);
        let mut world = Self {
            now,
            random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            sequencer: Sequencer::new(SequencerConfig::default(), now),
            shards: (0..SHARDS).map(shard).collect(),
            inboxes: (0..SHARDS).map(|_| VecDeque::new()).collect(),
            clients: Vec::new(),
            known: vec!["f".repeat(32), "nonsense".to_owned(), "2-7-7".to_owned()],
            told: 0,
            told_away: 0,
        };
        for place in 0..CLIENTS {
            world.clients.push(Client::default());
            world.enter(place);
        }
        world
    }

    fn below(&mut self, most: usize) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as usize % most
    }

    fn enter(&mut self, place: usize) {
        let shard = self.below(usize::from(SHARDS));
        let (pings, secret) = (PongTo::Frame, self.random.into());
        let separate_lanes = self.below(2) == 0;
        let info =
            LinkInfo { codec: CODEC, separate_lanes, pings, secret, datagram_bytes_max: None };
        let slot = self.shards[shard].attach(self.now, info);
        self.clients[place] = Client { shard, slot, reads: true, ..Client::default() };
        let session_expiry = Some([0, 2000][self.below(2)]);
        let connect = Connect { version: 1, session_expiry, ..Connect::default() };
        self.say(place, &ClientFrame::Connect(connect));
    }

    fn say(&mut self, place: usize, frame: &ClientFrame<'_>) {
        let Client { shard, slot, .. } = self.clients[place];
        let mut bytes = BytesMut::new();
        CODEC.write_client(frame, &mut bytes);
        self.shards[shard].receive(self.now, slot, &bytes, Framing::Stream);
    }

    fn any_known(&mut self) -> String {
        let place = self.below(self.known.len());
        self.known[place].clone()
    }

    fn any_topic(&mut self) -> String {
        ["a", "b.c"][self.below(2)].to_owned()
    }

    /// One client does one thing.
    fn act(&mut self, place: usize) {
        let (callback, topic) = (self.any_known(), self.any_topic());
        self.clients[place].last_id += 1;
        let id = self.clients[place].last_id;
        let name = ["tick", "done", "none"][self.below(3)];
        let frame = match self.below(12) {
            0 => {
                let methods = vec![latest("tick", 1), method("done", 0)];
                self.clients[place].offering.insert(id);
                ClientFrame::Offer(Offer { id, interface: String::new(), methods })
            }
            1 | 2 if self.clients[place].own.contains(&callback) => return,
            1 | 2 => {
                self.clients[place].waiting.insert(id, Some(callback.clone()));
                let presence = self.below(2) == 0;
                if presence {
                    self.clients[place].minds.insert(callback.clone());
                }
                ClientFrame::Hold(Hold { id, callback, presence })
            }
            3 => {
                self.clients[place].holds.remove(&callback);
                // What waits for its answer was let go of, too.
                for held in self.clients[place].waiting.values_mut() {
                    held.take_if(|held| *held == callback);
                }
                ClientFrame::Release(Release { callback })
            }
            4 | 5 => ClientFrame::Attach(Attach { id, topic, callback }),
            6 => ClientFrame::Detach(Detach { id, topic, callback }),
            7 | 8 => {
                let topic = format!("{topic}.{name}");
                return self.say(place, &ClientFrame::Publish(Publish::bytes(&topic, b"x")));
            }
            9 => return self.say(place, &call(Some(id), (&callback, name), (None, "x"))),
            10 => {
                let topic = Cow::Owned(format!("$to.{callback}.{name}"));
                let timeout = Some(500);
                ClientFrame::Request(Request { id, topic, timeout, ..Request::default() })
            }
            _ => {
                let Some(to) = self.clients[place].asked.pop() else { return };
                let outcome = Outcome::Answer(broker_protocol::frame::Body::default());
                ClientFrame::Reply(Reply { to, outcome })
            }
        };
        self.say(place, &frame);
    }

    fn step(&mut self) {
        match self.below(40) {
            0 => {
                let place = self.below(CLIENTS);
                self.leave(place);
                self.enter(place);
            }
            1 => {
                let place = self.below(CLIENTS);
                self.clients[place].reads ^= true;
                let Client { shard, slot, .. } = self.clients[place];
                self.shards[shard].writable(slot);
            }
            2 => self.now.monotonic += Duration::from_millis(300),
            3..=20 => {
                let place = self.below(CLIENTS);
                self.act(place);
            }
            _ => {
                let (shard, items) = (self.below(usize::from(SHARDS)), self.below(8));
                self.turn(shard, items);
            }
        }
    }

    fn leave(&mut self, place: usize) {
        let Client { shard, slot, .. } = self.clients[place];
        match self.below(3) {
            0 => self.say(place, &ClientFrame::Disconnect(Disconnect::default())),
            1 => self.shards[shard].lost(self.now, slot),
            _ => self.shards[shard].gone(slot),
        }
        // Nothing that comes for it is for who comes in its place.
        self.clients[place].slot = u32::MAX;
    }

    /// A turn of one shard, which applies so many of the items that wait for it.
    fn turn(&mut self, shard: usize, items: usize) {
        let Self { shards, inboxes, sequencer, now, .. } = self;
        shards[shard].tick(*now);
        if let Some(batch) = shards[shard].take_batch() {
            sequencer.handle(*now, &batch, &mut |to: ShardId, item| {
                inboxes[usize::from(to.0)].push_back(item);
            });
        }
        let count = items.min(inboxes[shard].len());
        shards[shard].apply(inboxes[shard].drain(..count));
        self.flush(shard);
        self.shards[shard].end_turn();
        for ending in self.shards[shard].take_endings() {
            self.shards[shard].gone(ending.slot);
        }
        self.shards[shard].take_moves();
    }

    fn flush(&mut self, shard: usize) {
        while let Some(slot) = self.shards[shard].next_dirty() {
            let of = |client: &Client| client.shard == shard && client.slot == slot;
            let place = self.clients.iter().position(of);
            let reads = place.is_none_or(|place| self.clients[place].reads);
            let mut packets = Vec::new();
            self.shards[shard].flush(slot, &mut |_: Channel, packet: Run<'_>| {
                if !reads {
                    return Verdict::Refused;
                }
                packets.push(packet.as_slice().to_vec());
                Verdict::Taken
            });
            if let Some(place) = place {
                packets.into_iter().for_each(|packet| self.hear(place, packet));
            }
        }
    }

    fn hear(&mut self, place: usize, packet: Vec<u8>) {
        let packet: &'static [u8] = packet.leak();
        for frame in frames_in_packet(CODEC, packet, usize::MAX) {
            let frame = CODEC.read_broker(frame.expect("it is whole")).expect("it can be read");
            let frame = frame.expect("it is known");
            if let BrokerFrame::Ping(Ping { mark }) = frame {
                let pong = Pong { mark, ..Pong::default() };
                self.say(place, &ClientFrame::Pong(pong));
            }
            let client = &mut self.clients[place];
            match frame {
                BrokerFrame::Connected(connected) => self.known.push(connected.session),
                BrokerFrame::Accepted(accepted) => {
                    if client.offering.remove(&accepted.id) {
                        client.own.extend(accepted.callback.clone());
                    }
                    match client.waiting.remove(&accepted.id) {
                        Some(Some(held)) => drop(client.holds.insert(held)),
                        Some(None) => {}
                        None => self.known.extend(accepted.callback),
                    }
                    if self.known.len() > 30 {
                        self.known.remove(3);
                    }
                }
                BrokerFrame::Rejected(rejected) => drop(client.waiting.remove(&rejected.id)),
                BrokerFrame::Request(request) => client.asked.push(request.token),
                BrokerFrame::Released(released) => {
                    client.away.remove(&released.callback);
                    self.told += usize::from(client.holds.remove(&released.callback));
                }
                BrokerFrame::Owner(Owner { callback, state, .. }) => {
                    assert!(client.minds.contains(&callback), "nobody asked");
                    match state {
                        OwnerState::Away => {
                            self.told_away += 1;
                            client.away.insert(callback);
                        }
                        _ => _ = client.away.remove(&callback),
                    }
                }
                _ => {}
            }
        }
    }

    /// Everything that is under way arrives.
    fn settle(&mut self) {
        for place in 0..CLIENTS {
            self.clients[place].reads = true;
            let Client { shard, slot, .. } = self.clients[place];
            self.shards[shard].writable(slot);
        }
        for _ in 0..20 {
            self.now.monotonic += Duration::from_secs(1);
            (0..usize::from(SHARDS)).for_each(|shard| self.turn(shard, usize::MAX));
            for place in 0..CLIENTS {
                self.say_pong(place);
            }
        }
    }

    fn say_pong(&mut self, place: usize) {
        if self.clients[place].slot != u32::MAX {
            self.say(place, &ClientFrame::Pong(Pong::default()));
        }
    }

    fn totals(&self) -> (u64, u64) {
        let each = self.shards.iter().map(Shard::statistics);
        each.fold((0, 0), |(callbacks, holds), one| (callbacks + one.callbacks, holds + one.holds))
    }
}

#[test]
fn whatever_happens_who_holds_is_told_once_and_nothing_is_left_behind() {
    let (mut told, mut told_away) = (0, 0);
    for seed in 1..=20 {
        let mut world = World::new(seed);
        for _ in 0..STEPS {
            world.step();
        }
        world.settle();
        let held: usize = world.clients.iter().map(|client| client.holds.len()).sum();
        assert_eq!(world.totals().1, held as u64, "seed {seed}: all know what is held");
        for client in &world.clients {
            // Nobody comes back here, so whoever was away is over by now.
            assert!(client.holds.is_disjoint(&client.away), "seed {seed}");
        }
        for place in 1..CLIENTS {
            let Client { shard, slot, .. } = world.clients[place];
            world.shards[shard].gone(slot);
            world.clients[place].slot = u32::MAX;
        }
        world.settle();
        let held = world.clients[0].holds.iter().filter(|held| held.len() == 32).count();
        let (callbacks, _) = world.totals();
        assert!(held as u64 <= callbacks, "seed {seed}: those of others are over, and it was told");
        let Client { shard, slot, .. } = world.clients[0];
        world.shards[shard].gone(slot);
        world.clients[0].slot = u32::MAX;
        world.settle();
        assert_eq!(world.totals(), (0, 0), "seed {seed}");
        told += world.told;
        told_away += world.told_away;
        wanted_by_nobody(&mut world, seed);
    }
    assert!(told > 100, "ends were told: {told}");
    assert!(told_away > 20, "owners were told to be away: {told_away}");
}

/// What was attached has ended as often as it began: nobody wants the messages any more.
fn wanted_by_nobody(world: &mut World, seed: u64) {
    world.enter(0);
    for topic in ["a.tick", "a.done", "b.c.tick", "b.c.done"] {
        world.say(0, &ClientFrame::Publish(Publish::bytes(topic, b"x")));
    }
    let shard = world.clients[0].shard;
    let batch = world.shards[shard].take_batch().expect("there is something to be said");
    world.sequencer.handle(world.now, &batch, &mut |_: ShardId, item: Item| {
        assert!(!matches!(item, Item::Message { .. }), "seed {seed}: {item:?}");
    });
}
