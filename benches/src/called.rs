//! One shard and many callbacks, without links: what calling, offering, holding and releasing them costs.

use broker_core::{
    Channel, Config, Framing, Item, LinkInfo, Now, Outlet, PongTo, Run, Sequencer, SequencerConfig,
    Shard, ShardId, Verdict,
};
use broker_protocol::frame::{
    Attach, BrokerFrame, ClientFrame, Connect, Hold, Offer, OfferedMethod, Publish, Release, Send,
    Subscribe,
};
use broker_protocol::{Codec, frames_in_packet};
use bytes::BytesMut;

use crate::lanes::TURN;

/// The topic to which callbacks are attached.
const TOPIC: &str = "bench.all";

/// The method that is called.
const METHOD: &str = "said";

/// The number of the lane in which it is called.
const LANE: u8 = 1;

/// The slot of the session that calls.
const SERVICE: u32 = 0;

/// Bytes of a payload: a text of 32 bytes as the SDK writes it, behind a fingerprint.
const PAYLOAD: [u8; 37] = [b'x'; 37];

/// Larger than any frame here.
const FRAME_BYTES_MAX: usize = 1 << 20;

/// How many of them a session is told in one packet.
const COMMANDS_IN_PACKET: usize = 64;

/// One shard, a session that calls, and sessions of clients.
#[derive(Debug)]
pub struct Called {
    shard: Shard,
    sequencer: Sequencer,
    items: Vec<Item>,
    now: Now,
    link: Link,
    tokens: Vec<String>,
    next_id: u64,
}

/// A link without another end, that keeps the tokens of callbacks that it sees.
#[derive(Debug, Default)]
struct Link {
    looks: bool,
    tokens: Vec<String>,
}

impl Called {
    /// So many clients, and nothing else yet.
    pub fn new(clients: usize) -> Self {
        let now = Now::default();
        let mut called = Self {
            shard: Shard::new(ShardId(0), Config::default(), now),
            sequencer: Sequencer::new(SequencerConfig::default(), now),
            items: Vec::new(),
            now,
            link: Link::default(),
            tokens: Vec::new(),
            next_id: 1,
        };
        (0..=clients).for_each(|number| called.enter(number as u128));
        called.turn();
        called
    }

    fn enter(&mut self, secret: u128) {
        let info = LinkInfo {
            codec: Codec::Bincode,
            separate_lanes: false,
            pings: PongTo::Transport,
            secret,
            datagram_bytes_max: None,
        };
        let slot = self.shard.attach(self.now, info);
        let connect = Connect { version: 1, session_expiry: Some(0), ..Connect::default() };
        self.say(slot, &[ClientFrame::Connect(connect)]);
    }

    fn clients(&self) -> std::ops::RangeInclusive<u32> {
        1..=self.shard.sessions() as u32 - 1
    }

    /// Each client subscribes to what is published to all.
    pub fn subscribe(&mut self) {
        for slot in self.clients() {
            let (id, filter) = (1, format!("{TOPIC}.{METHOD}"));
            let subscribe = Subscribe { id, filter, lane: Some(LANE), ..Subscribe::default() };
            self.say(slot, &[ClientFrame::Subscribe(subscribe)]);
        }
        self.turn();
    }

    /// Each client offers a callback.
    pub fn offer(&mut self) {
        self.link.looks = true;
        for slot in self.clients() {
            let methods = vec![OfferedMethod { method: METHOD.into(), lane: LANE, options: None }];
            let offer = Offer { id: 1, interface: "Bench".into(), methods };
            self.say(slot, &[ClientFrame::Offer(offer)]);
        }
        self.turn();
        self.link.looks = false;
        self.tokens = std::mem::take(&mut self.link.tokens);
    }

    /// The service holds each of them.
    pub fn hold(&mut self) {
        self.command(|id, callback| ClientFrame::Hold(Hold { id, callback, presence: false }));
    }

    /// The service lets go of each of them.
    pub fn let_go(&mut self) {
        self.command(|_, callback| ClientFrame::Release(Release { callback }));
    }

    /// The service attaches each of them to the topic.
    pub fn attach(&mut self) {
        let topic = TOPIC.to_owned();
        self.command(|id, callback| {
            ClientFrame::Attach(Attach { id, topic: topic.clone(), callback })
        });
    }

    /// The service calls each of them.
    pub fn send(&mut self) {
        let Publish { body, .. } = Publish::bytes(TOPIC, &PAYLOAD);
        self.command(|_, callback| {
            let (to, method) = (callback.into(), Some(METHOD.into()));
            let (id, expires_in) = (None, None);
            ClientFrame::Send(Send { id, to, method, body: body.clone(), expires_in })
        });
    }

    /// Each client releases its own.
    pub fn release(&mut self) {
        let tokens = std::mem::take(&mut self.tokens);
        for (slot, callback) in self.clients().zip(tokens) {
            self.say(slot, &[ClientFrame::Release(Release { callback })]);
        }
        self.turn();
    }

    /// The service publishes so many messages to all, in one packet.
    pub fn publish(&mut self, at_a_time: usize) {
        let topic = [TOPIC, ".", METHOD].concat();
        let publish = ClientFrame::Publish(Publish::bytes(&topic, &PAYLOAD));
        self.say(SERVICE, &vec![publish; at_a_time]);
        self.turn();
    }

    fn command(&mut self, frame: impl Fn(u64, String) -> ClientFrame<'static>) {
        let tokens = std::mem::take(&mut self.tokens);
        for some in tokens.chunks(COMMANDS_IN_PACKET) {
            let frames: Vec<_> = some
                .iter()
                .map(|token| {
                    self.next_id += 1;
                    frame(self.next_id, token.clone())
                })
                .collect();
            self.say(SERVICE, &frames);
            self.turn();
        }
        self.tokens = tokens;
    }

    fn say(&mut self, slot: u32, frames: &[ClientFrame<'_>]) {
        let mut bytes = BytesMut::new();
        frames.iter().for_each(|frame| Codec::Bincode.write_client(frame, &mut bytes));
        self.shard.receive(self.now, slot, &bytes, Framing::Packets);
    }

    fn turn(&mut self) {
        self.now.monotonic += TURN;
        self.now.wall += TURN.as_millis() as u64;
        let Self { shard, sequencer, items, now, link, .. } = self;
        shard.tick(*now);
        // What is applied may give further commands.
        while let Some(batch) = shard.take_batch() {
            sequencer.handle(*now, &batch, &mut |_: ShardId, item| items.push(item));
            shard.reuse_batch(batch);
            shard.apply(items.drain(..));
        }
        while let Some(slot) = shard.next_dirty() {
            shard.flush(slot, link);
        }
        shard.end_turn();
    }
}

impl Outlet for Link {
    fn send(&mut self, _: Channel, packet: Run<'_>) -> Verdict {
        if self.looks {
            let frames = frames_in_packet(Codec::Bincode, packet.as_slice(), FRAME_BYTES_MAX);
            for frame in frames.flatten() {
                if let Ok(Some(BrokerFrame::Accepted(accepted))) = Codec::Bincode.read_broker(frame)
                {
                    self.tokens.extend(accepted.callback);
                }
            }
        }
        Verdict::Taken
    }

    fn ping(&mut self, _: u64) -> Verdict {
        Verdict::Taken
    }
}
