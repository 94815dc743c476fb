//! What a message takes on its way to a callback: memory for its payload, and nothing else.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use broker_protocol::Codec;
use broker_protocol::frame::{
    Accepted, Attached, Body, BrokerFrame, ClientFrame, LaneHeader, Message,
};
use bytes::{Bytes, BytesMut};
use client_sdk::interface::Interface as _;
use client_sdk::{Client, Offered, Subscription};
use tokio::runtime::{Builder, Runtime};

use crate::peer::Peer;
use crate::place::Place;

/// Messages in a packet.
const FEW: u64 = 32;
const MANY: u64 = 64;

#[client_sdk::callback]
trait Meter {
    fn read(&self, number: u64);
}

/// Counts what it is called with.
#[derive(Clone, Default)]
struct Counting(Arc<AtomicU64>);

#[client_sdk::callback]
impl Meter for Counting {
    fn read(&self, _number: u64) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Counting {
    /// Waits until it was called so often since then.
    async fn called(&self, before: u64, times: u64) {
        while self.0.load(Ordering::Relaxed) < before + times {
            tokio::task::yield_now().await;
        }
    }
}

/// A client to which packets come.
struct Scene {
    runtime: Runtime,
    peer: Peer,
    counting: Counting,
    seq: u64,
    _client: Client,
}

impl Scene {
    fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let (client, peer) = runtime.block_on(async { Place::new().connect().await });
        Self { runtime, peer, counting: Counting::default(), seq: 0, _client: client }
    }

    /// Subscribes a closure to the topics of calls.
    fn subscribe(&mut self) -> Subscription {
        let Self { runtime, peer, counting, _client: client, .. } = self;
        let counting = counting.clone();
        let subscribing = client.subscribe("all.*", move |_: &client_sdk::Message| {
            counting.read(0);
        });
        let begun = async { tokio::join!(subscribing, peer.subscribed(1)).0 };
        runtime.block_on(begun).unwrap()
    }

    /// Offers an object, and attaches it to a topic.
    fn offer(&mut self) -> Offered<dyn Meter> {
        let Self { runtime, peer, counting, _client: client, .. } = self;
        let offering = client.offer::<dyn Meter, _>(counting.clone());
        let answering = async {
            let frame = peer.frame().await;
            let ClientFrame::Offer(offer) = frame.read() else { panic!("{:?}", frame.read()) };
            let (id, callback) = (offer.id, Some("token".to_owned()));
            peer.say(&BrokerFrame::Accepted(Accepted { id, callback, ..Accepted::default() }))
                .await;
            let (callback, topic) = ("token".to_owned(), "all".to_owned());
            peer.say(&BrokerFrame::Attached(Attached { callback, topic })).await;
        };
        runtime.block_on(async { tokio::join!(offering, answering).0 }).unwrap()
    }

    fn packet(&mut self, topic: &str, messages: u64) -> Bytes {
        let mut payload = <dyn Meter>::DESCRIPTION.methods[0].fingerprint.to_le_bytes().to_vec();
        payload.push(7);
        let mut out = BytesMut::new();
        let header = BrokerFrame::Lane(LaneHeader { lane: 0, subscription: None });
        Codec::Bincode.write_broker(&header, &mut out);
        for _ in 0..messages {
            self.seq += 1;
            let body = Body { payload: Cow::Borrowed(&payload), ..Body::default() };
            let (topic, from) = (Cow::Borrowed(topic), Some(Cow::Borrowed("meter")));
            let (seq, epoch) = (self.seq, 1);
            let message = Message { topic, from, seq, epoch, body, ..Message::default() };
            Codec::Bincode.write_broker(&BrokerFrame::Message(message), &mut out);
        }
        out.freeze()
    }

    /// How often memory is taken until a packet's messages are all in their callback.
    fn allocations(&mut self, topic: &str, messages: u64) -> u64 {
        let packet = self.packet(topic, messages);
        let Self { runtime, peer, counting, .. } = self;
        let before = counting.0.load(Ordering::Relaxed);
        let measured = allocation_counter::measure(|| {
            runtime.block_on(async {
                peer.say_bytes(packet).await;
                counting.called(before, messages).await;
            });
        });
        measured.count_total
    }

    /// How often a message more in a packet takes memory.
    #[track_caller]
    fn assert_each(&mut self, topic: &str, expected: u64) {
        // What grows, has grown.
        (0..3).for_each(|_| _ = self.allocations(topic, MANY));
        let [few, many] = [FEW, MANY].map(|messages| self.allocations(topic, messages));
        assert_eq!(many - few, expected * (MANY - FEW), "{few} and {many} on {topic}");
    }
}

#[test]
fn calls_that_come_together_take_memory_for_all_of_them_at_once() {
    let mut scene = Scene::new();
    let _offered = scene.offer();
    scene.assert_each("$to.token.read", 0);
    scene.assert_each("all.read", 0);
}

#[test]
fn a_message_takes_memory_once_for_its_payload() {
    let mut scene = Scene::new();
    let _subscription = scene.subscribe();
    scene.assert_each("all.read", 1);
}
