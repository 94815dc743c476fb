//! Messages that come in one packet are what they are one by one, though what goes on with the message
//! before it isn't routed by itself.

use std::borrow::Cow;

use broker_protocol::Codec;
use broker_protocol::frame::{
    Body, BrokerFrame, Connected, Gap, GapReason, LaneHeader, LanePosition, Message,
};
use bytes::{Bytes, BytesMut};
use client_sdk::{Interruption, Subscriber};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::sync::mpsc;

use crate::place::{Place, session};

/// How many packets are tried.
const PACKETS: u64 = 200;

/// What a topic is at in the end: beyond all that was said of it.
const LAST: u64 = 1000;

/// More than comes of a packet.
const EVENTS_MAX: usize = 1000;

/// The third has no subscriber.
const TOPICS: [&str; 3] = ["t.a", "t.b", "u"];

/// What comes in a lane, mostly of one topic with one number after the other, and the epochs at its end.
fn frames(random: &mut StdRng) -> (Vec<BrokerFrame<'static>>, [u64; 3]) {
    let (mut seqs, mut topic, mut epochs, mut frames) = ([0; 3], 0, [1; 3], Vec::new());
    for _ in 0..random.random_range(1..60) {
        match random.random_range(0..20) {
            0 => topic = random.random_range(0..TOPICS.len()),
            1 => epochs[topic] += 1,
            2 => seqs[topic] += random.random_range(0..3),
            3 => frames.push(gap(topic)),
            4 => frames.push(BrokerFrame::Lane(LaneHeader::default())),
            _ => {}
        }
        seqs[topic] += 1;
        frames.push(message(random, topic, seqs[topic], epochs[topic]));
    }
    (frames, epochs)
}

fn message(random: &mut StdRng, topic: usize, seq: u64, epoch: u64) -> BrokerFrame<'static> {
    let key = random.random_bool(0.2).then(|| Cow::Owned(format!("key {seq}")));
    let header = (Cow::Borrowed("header"), Cow::Borrowed("value"));
    let headers = if random.random_bool(0.05) { vec![header] } else { Vec::new() };
    // Some are too large to go with others.
    let bytes = if random.random_bool(0.05) { 2000 } else { random.random_range(0..50) };
    let body = Body { key, headers, payload: vec![7; bytes].into(), ..Body::default() };
    let from = random.random_bool(0.9).then_some(Cow::Borrowed("desk"));
    let topic = Cow::Borrowed(TOPICS[topic]);
    BrokerFrame::Message(Message { seq, epoch, topic, from, body, ..Message::default() })
}

fn gap(topic: usize) -> BrokerFrame<'static> {
    let (topic, reason) = (Some(TOPICS[topic].to_owned()), GapReason::Dropped);
    let (epoch, first_seq, last_seq) = (None, None, None);
    BrokerFrame::Gap(Gap { topic, epoch, first_seq, last_seq, count: 1, reason })
}

fn packet(frames: &[BrokerFrame<'_>]) -> Bytes {
    let mut out = BytesMut::new();
    frames.iter().for_each(|frame| Codec::Bincode.write_broker(frame, &mut out));
    out.freeze()
}

/// Writes down what comes.
struct Noting(mpsc::Sender<String>);

impl Noting {
    fn note(&self, event: String) {
        self.0.try_send(event).expect("there is room");
    }
}

impl Subscriber for Noting {
    fn on_message(&mut self, message: &client_sdk::Message) {
        let client_sdk::Message { topic, seq, epoch, from, body, .. } = message;
        self.note(format!("{topic} {seq} {epoch} {from:?} {body:?}"));
    }

    fn on_gap(&mut self, gap: &client_sdk::Gap) {
        self.note(format!("{gap:?}"));
    }

    fn on_interrupted(&mut self, _: &Interruption) {
        self.note("interrupted".to_owned());
    }
}

/// What a client makes of what comes.
#[derive(Debug, PartialEq)]
struct Made {
    events: Vec<String>,
    received: u64,
    /// What it says to have received of its lane.
    lanes: Vec<LanePosition>,
}

async fn made_of(packets: &[&[BrokerFrame<'_>]], last: &[BrokerFrame<'_>]) -> Made {
    let mut place = Place::new();
    let windowed = |name| Connected { receive_window: Some(1 << 20), ..session(name) };
    let (client, mut peer, _) = place.connect_as(place.builder(), windowed("s-1")).await;
    let (noting, mut noted) = mpsc::channel(EVENTS_MAX);
    let (begun, _) = tokio::join!(client.subscribe("t.*", Noting(noting)), peer.subscribed(1));
    let subscription = begun.unwrap();
    for frames in packets {
        peer.say_bytes(packet(frames)).await;
    }
    peer.heard().await;
    let received = client.statistics().messages_received;
    drop(peer);
    // In another session: what is missing is counted from where each topic was.
    let (mut peer, asked) = place.accept_as(windowed("s-2")).await;
    peer.subscribed(1).await;
    for last in last {
        peer.say(last).await;
    }
    peer.heard().await;
    let lanes = asked.resume.expect("there was a session").lanes;
    tokio::join!(subscription.unsubscribe(), peer.unsubscribed());
    let mut events = Vec::new();
    while let Some(event) = noted.recv().await {
        events.push(event);
    }
    Made { events, received, lanes }
}

#[tokio::test(start_paused = true)]
async fn what_goes_on_in_a_packet_is_delivered_and_counted_as_if_it_came_by_itself() {
    for seed in 0..PACKETS {
        let mut random = StdRng::seed_from_u64(seed);
        let (frames, epochs) = frames(&mut random);
        let last = [0, 1].map(|topic| message(&mut random, topic, LAST, epochs[topic]));
        let together = made_of(&[&frames], &last).await;
        let apart = made_of(&frames.chunks(1).collect::<Vec<_>>(), &last).await;
        assert_eq!(together, apart, "seed {seed}");
    }
}
