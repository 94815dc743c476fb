//! A broker of one shard, whose clients take every packet unless told otherwise.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::num::NonZeroU16;
use std::time::Duration;

use broker_core::{
    Channel, Config, Framing, Heard, Item, LinkInfo, Now, PongTo, Run, Sequencer, SequencerConfig,
    Shard, ShardId, Verdict,
};
use broker_delivery::fold::Fold;
use broker_protocol::frame::{
    BrokerFrame, ClientFrame, Connect, LaneOptions, Message, Publish, Request, Send, Subscribe,
};
use broker_protocol::{Codec, ErrorCode, frames_in_packet};
use bytes::BytesMut;

pub(crate) struct Stage {
    pub(crate) shard: Shard,
    pub(crate) sequencer: Sequencer,
    now: Now,
    codec: Codec,
    /// How many secrets were given away.
    secrets: u128,
    /// Whether lanes of clients that come have channels of their own.
    pub(crate) separate_lanes: bool,
    /// The lane whose channel takes nothing.
    pub(crate) held_lane: Option<u8>,
    /// The most bytes of frames in a datagram of clients that come.
    pub(crate) datagram_bytes_max: Option<NonZeroU16>,
    /// Whether links have no room for datagrams.
    pub(crate) holds_datagrams: bool,
    /// The datagrams that each client took and nobody has looked at, with their lanes.
    datagrams: BTreeMap<u32, Vec<(u8, Vec<u8>)>>,
    /// How many packets each client still takes; any number where there is none.
    room: BTreeMap<u32, usize>,
    /// How many packets each client refused.
    refused: BTreeMap<u32, usize>,
    /// The packets that each client took and nobody has looked at.
    packets: BTreeMap<u32, Vec<(Channel, Vec<u8>)>>,
}

impl Stage {
    pub(crate) fn new(config: Config) -> Self {
        Self::with(config, SequencerConfig::default(), Codec::Bincode)
    }

    pub(crate) fn with(mut config: Config, sequencer: SequencerConfig, codec: Codec) -> Self {
        config.absence.expiry = Duration::ZERO;
        Self::with_absence(config, sequencer, codec)
    }

    /// A broker whose sessions outlive their links.
    pub(crate) fn with_absence(config: Config, sequencer: SequencerConfig, codec: Codec) -> Self {
        let now = Now::default();
        Self {
            shard: Shard::new(ShardId(0), config, now),
            sequencer: Sequencer::new(sequencer, now),
            now,
            codec,
            secrets: 0,
            separate_lanes: false,
            held_lane: None,
            datagram_bytes_max: None,
            holds_datagrams: false,
            datagrams: BTreeMap::new(),
            room: BTreeMap::new(),
            refused: BTreeMap::new(),
            packets: BTreeMap::new(),
        }
    }

    /// A link whose client has said nothing.
    pub(crate) fn attach(&mut self) -> u32 {
        let (codec, separate_lanes, pings) = (self.codec, self.separate_lanes, PongTo::Frame);
        let (secret, datagram_bytes_max) = (self.secrets, self.datagram_bytes_max);
        let info = LinkInfo { codec, separate_lanes, pings, secret, datagram_bytes_max };
        self.shard.attach(self.now, info)
    }

    /// A client that is connected.
    pub(crate) fn enter(&mut self, name: &str) -> u32 {
        self.enter_with(name, Connect::default())
    }

    /// A client that takes part in credit with this window is connected.
    pub(crate) fn enter_with_credit(&mut self, name: &str, receive_window: u64) -> u32 {
        let receive_window = Some(receive_window);
        self.enter_with(name, Connect { receive_window, ..Connect::default() })
    }

    /// The same with a client that says `connect` as it pleases.
    pub(crate) fn enter_with(&mut self, name: &str, mut connect: Connect) -> u32 {
        let slot = self.attach();
        connect.version = 1;
        connect.client.name = Some(name.to_owned());
        self.say(slot, &ClientFrame::Connect(connect));
        self.packets.clear();
        slot
    }

    /// A link whose client says `connect`, as it pleases. Returns the slot of its session.
    pub(crate) fn connect(&mut self, connect: Connect) -> u32 {
        self.connect_with_room(connect, usize::MAX)
    }

    /// The same with a link that takes so many packets.
    pub(crate) fn connect_with_room(&mut self, connect: Connect, room: usize) -> u32 {
        self.secrets += 1;
        let slot = self.attach();
        self.room.insert(slot, room);
        let slot = self.write(slot, &ClientFrame::Connect(connect));
        self.turn();
        slot
    }

    /// A client says something, and a turn follows.
    pub(crate) fn say(&mut self, slot: u32, frame: &ClientFrame<'_>) {
        self.write(slot, frame);
        self.turn();
    }

    /// A client says something that is read before the next turn.
    pub(crate) fn write(&mut self, slot: u32, frame: &ClientFrame<'_>) -> u32 {
        let mut bytes = BytesMut::new();
        self.codec.write_client(frame, &mut bytes);
        let heard = self.shard.receive(self.now, slot, &bytes, Framing::Stream);
        self.follow();
        let Heard::Here(slot) = heard else { panic!("there is one shard: {heard:?}") };
        slot
    }

    /// What is known of a link goes with it, from slot to slot.
    fn follow(&mut self) {
        for (from, to) in self.shard.take_moves() {
            let packets = self.packets.remove(&from).unwrap_or_default();
            self.packets.insert(to, packets);
            if let Some(room) = self.room.remove(&from) {
                self.room.insert(to, room);
            }
        }
    }

    pub(crate) fn turn(&mut self) {
        (0..3).for_each(|_| self.single_turn());
    }

    pub(crate) fn single_turn(&mut self) {
        self.turn_without_flush();
        while let Some(slot) = self.shard.next_dirty() {
            self.flush(slot);
        }
        self.shard.end_turn();
    }

    /// A turn in which nobody has been written to so far.
    pub(crate) fn turn_without_flush(&mut self) {
        let mut items: Vec<Item> = Vec::new();
        self.shard.tick(self.now);
        if let Some(batch) = self.shard.take_batch() {
            let mut inbox = |_: ShardId, item| items.push(item);
            self.sequencer.handle(self.now, &batch, &mut inbox);
        }
        self.follow();
        self.shard.apply(items);
        self.follow();
        if self.shard.has_to_inspect() {
            self.shard.inspect(self.now, &|_| None);
        }
    }

    pub(crate) fn flush(&mut self, slot: u32) {
        let room = self.room.entry(slot).or_insert(usize::MAX);
        let packets = self.packets.entry(slot).or_default();
        let refused = self.refused.entry(slot).or_default();
        let (held, holds_datagrams) = (self.held_lane.map(Channel::Lane), self.holds_datagrams);
        let datagrams = self.datagrams.entry(slot).or_default();
        self.shard.flush(slot, &mut |channel: Channel, packet: Run<'_>| {
            if let Channel::Datagram(lane) = channel
                && *room > 0
                && !holds_datagrams
            {
                datagrams.push((lane, packet.as_slice().to_vec()));
                return Verdict::Taken;
            }
            if *room == 0 || Some(channel) == held || matches!(channel, Channel::Datagram(_)) {
                *refused += 1;
                return Verdict::Refused;
            }
            *room -= 1;
            packets.push((channel, packet.as_slice().to_vec()));
            Verdict::Taken
        });
        self.follow();
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.now.monotonic += time;
        self.now.wall += time.as_millis() as u64;
        self.turn();
    }

    /// A client takes so many more packets.
    pub(crate) fn set_room(&mut self, slot: u32, packets: usize) {
        self.room.insert(slot, packets);
        self.shard.writable(slot);
    }

    /// How many packets a client refused so far.
    pub(crate) fn refusals(&self, slot: u32) -> usize {
        self.refused.get(&slot).copied().unwrap_or_default()
    }

    pub(crate) fn packets(&mut self, slot: u32) -> Vec<Vec<u8>> {
        self.packets_in_channels(slot).into_iter().map(|(_, packet)| packet).collect()
    }

    /// The same, each with its channel.
    pub(crate) fn packets_in_channels(&mut self, slot: u32) -> Vec<(Channel, Vec<u8>)> {
        self.packets.remove(&slot).unwrap_or_default()
    }

    /// The datagrams that a client got and nobody has looked at, with their lanes.
    pub(crate) fn datagrams(&mut self, slot: u32) -> Vec<(u8, Vec<u8>)> {
        self.datagrams.remove(&slot).unwrap_or_default()
    }

    /// The frames that a client got and nobody has looked at, those in datagrams not among them.
    pub(crate) fn frames(&mut self, slot: u32) -> Vec<BrokerFrame<'static>> {
        let packets = self.packets(slot);
        self.frames_in(packets)
    }

    /// The frames in these packets.
    pub(crate) fn frames_in(&self, packets: Vec<Vec<u8>>) -> Vec<BrokerFrame<'static>> {
        let mut frames = Vec::new();
        for packet in packets {
            let packet: &'static [u8] = packet.leak();
            for frame in frames_in_packet(self.codec, packet, usize::MAX) {
                let read = self.codec.read_broker(frame.expect("the broker sends whole frames"));
                frames.extend(read.expect("the broker sends frames that can be read"));
            }
        }
        frames
    }

    pub(crate) fn messages(&mut self, slot: u32) -> Vec<Message<'static>> {
        let frames = self.frames(slot).into_iter();
        frames
            .filter_map(|frame| match frame {
                BrokerFrame::Message(message) => Some(message),
                _ => None,
            })
            .collect()
    }

    /// The answer to the last command: nothing if it was accepted, else why not.
    pub(crate) fn refused(&mut self, slot: u32) -> Option<ErrorCode> {
        self.frames(slot).into_iter().find_map(|frame| match frame {
            BrokerFrame::Rejected(rejected) => Some(rejected.code),
            BrokerFrame::Disconnect(shutdown) => Some(shutdown.code),
            _ => None,
        })
    }

    /// Why a client's session has ended, if it has.
    pub(crate) fn ended(&mut self, slot: u32) -> Option<ErrorCode> {
        let endings = self.shard.take_endings().into_iter();
        endings.filter(|ending| ending.slot == slot).map(|ending| ending.code).next()
    }

    pub(crate) fn lose(&mut self, slot: u32) {
        self.shard.lost(self.now, slot);
        self.room.remove(&slot);
        self.packets.remove(&slot);
        self.turn();
    }

    pub(crate) fn subscribe(&mut self, slot: u32, filter: &str) {
        self.say(slot, &ClientFrame::Subscribe(subscribe(filter)));
    }

    pub(crate) fn publish(&mut self, slot: u32, topic: &str, payload: &[u8]) {
        self.say(slot, &ClientFrame::Publish(Publish::bytes(topic, payload)));
    }
}

pub(crate) fn subscribe(filter: &str) -> Subscribe {
    Subscribe { id: 1, filter: filter.to_owned(), ..Subscribe::default() }
}

pub(crate) fn in_lane(filter: &str, lane: u8, options: LaneOptions) -> ClientFrame<'static> {
    let lane = Some(lane);
    ClientFrame::Subscribe(Subscribe { lane, options: Some(options), ..subscribe(filter) })
}

pub(crate) fn in_group(filter: &str, group: &str) -> ClientFrame<'static> {
    let group = Some(group.to_owned());
    ClientFrame::Subscribe(Subscribe { group, ..subscribe(filter) })
}

pub(crate) fn request(id: u64, topic: &str) -> ClientFrame<'_> {
    ClientFrame::Request(Request { id, topic: Cow::Borrowed(topic), ..Request::default() })
}

pub(crate) fn send<'a>(id: u64, to: &'a str, payload: &'a [u8]) -> ClientFrame<'a> {
    let mut send = Send { id: Some(id), to: Cow::Borrowed(to), ..Send::default() };
    send.body.payload = Cow::Borrowed(payload);
    ClientFrame::Send(send)
}

/// Adds numbers.
pub(crate) struct Sum;

impl Fold for Sum {
    fn fold(&self, earlier: &[u8], later: &[u8]) -> Option<Vec<u8>> {
        let number = |payload| std::str::from_utf8(payload).ok()?.parse::<u64>().ok();
        Some((number(earlier)? + number(later)?).to_string().into_bytes())
    }
}
