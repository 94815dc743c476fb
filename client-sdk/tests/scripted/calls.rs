//! Calls that come together: each is a call of its own, whatever becomes of those before it.

use std::borrow::Cow;
use std::sync::mpsc as blocking;
use std::sync::{Arc, Mutex};

use broker_protocol::Codec;
use broker_protocol::frame::{
    self, Accepted, Body, BrokerFrame, ClientFrame, LaneHeader, Message,
};
use bytes::BytesMut;
use client_sdk::interface::Interface as _;
use client_sdk::{Client, Gap, GapCause, Offered};
use tokio::sync::mpsc;

use crate::peer::Peer;
use crate::place::Place;
use crate::recorder::recorder;

#[client_sdk::callback]
trait Tape {
    fn play(&self, number: u64);
    #[keep(latest)]
    fn show(&self, number: u64);
}

/// Does something with the number it is called with.
struct Deck<F>(F);

#[client_sdk::callback]
impl<F: Fn(u64) + Send + Sync + 'static> Tape for Deck<F> {
    fn play(&self, number: u64) {
        self.0(number);
    }

    fn show(&self, number: u64) {
        self.0(number);
    }
}

/// Offers what is called. Returns the lanes of its methods too.
async fn offer(
    client: &Client,
    peer: &mut Peer,
    tell_gap: impl Fn(&Gap) + Send + Sync + 'static,
    called: impl Fn(u64) + Send + Sync + 'static,
) -> (Offered<dyn Tape>, Vec<u8>) {
    let offering = client.offering().on_gap(tell_gap).start::<dyn Tape, _>(Deck(called));
    let answering = async {
        let frame = peer.frame().await;
        let ClientFrame::Offer(offer) = frame.read() else { panic!("{:?}", frame.read()) };
        let (id, callback) = (offer.id, Some("token".to_owned()));
        peer.say(&BrokerFrame::Accepted(Accepted { id, callback, ..Accepted::default() })).await;
        offer.methods.iter().map(|method| method.lane).collect()
    };
    let (offered, lanes) = tokio::join!(offering, answering);
    (offered.unwrap(), lanes)
}

/// Calls a method with each of these numbers, all in one packet.
async fn call(peer: &mut Peer, method: usize, lane: u8, numbers: std::ops::RangeInclusive<u64>) {
    let described = &<dyn Tape>::DESCRIPTION.methods[method];
    let mut out = BytesMut::new();
    let header = BrokerFrame::Lane(LaneHeader { lane, subscription: None });
    Codec::Bincode.write_broker(&header, &mut out);
    for seq in numbers {
        let mut payload = described.fingerprint.to_le_bytes().to_vec();
        payload.push(seq as u8);
        let body = Body { payload: Cow::Owned(payload), ..Body::default() };
        let topic = Cow::Owned(format!("$to.token.{}", described.name));
        let message = Message { topic, seq, epoch: 1, body, ..Message::default() };
        Codec::Bincode.write_broker(&BrokerFrame::Message(message), &mut out);
    }
    peer.say_bytes(out.freeze()).await;
}

#[tokio::test]
async fn an_object_that_lets_its_offer_go_gets_none_of_the_calls_that_came_with_that_one() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let guard: Arc<Mutex<Option<Offered<dyn Tape>>>> = Arc::default();
    let numbers: Arc<Mutex<Vec<u64>>> = Arc::default();
    let called = {
        let (guard, numbers) = (Arc::clone(&guard), Arc::clone(&numbers));
        move |number| {
            numbers.lock().unwrap().push(number);
            if number == 2 {
                drop(guard.lock().unwrap().take());
            }
        }
    };
    let (offered, lanes) = offer(&client, &mut peer, |_| {}, called).await;
    *guard.lock().unwrap() = Some(offered);
    call(&mut peer, 0, lanes[0], 1..=5).await;
    let frame = peer.frame().await;
    assert!(matches!(frame.read(), ClientFrame::Release(_)), "{:?}", frame.read());
    peer.heard().await;
    assert_eq!(*numbers.lock().unwrap(), [1, 2]);
}

#[tokio::test]
async fn an_object_that_panics_gets_the_calls_that_came_with_that_one() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let (told, mut numbers) = mpsc::channel(8);
    let called = move |number| {
        assert!(number != 2, "as the test wants");
        told.try_send(number).unwrap();
    };
    let (_offered, lanes) = offer(&client, &mut peer, |_| {}, called).await;
    call(&mut peer, 0, lanes[0], 1..=5).await;
    for expected in [1, 3, 4, 5] {
        assert_eq!(numbers.recv().await, Some(expected));
    }
    assert_eq!(client.statistics().calls_panicked, 1);
}

#[tokio::test]
async fn calls_of_an_object_that_is_no_longer_offered_are_no_messages_to_the_client_by_its_name() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let (recorder, mut record) = recorder();
    let _direct = client.direct(recorder).unwrap();
    let (offered, lanes) = offer(&client, &mut peer, |_| {}, |_| {}).await;
    drop(offered);
    let frame = peer.frame().await;
    assert!(matches!(frame.read(), ClientFrame::Release(_)), "{:?}", frame.read());
    // It was on its way.
    call(&mut peer, 0, lanes[0], 1..=2).await;
    let gap = frame::Gap {
        topic: Some("$to.token.play".to_owned()),
        epoch: Some(1),
        first_seq: Some(3),
        last_seq: Some(3),
        count: 1,
        reason: frame::GapReason::Expired,
    };
    peer.say(&BrokerFrame::Gap(gap)).await;
    peer.message("$to.tester", 1, "to the client").await;
    record.expect(&["$to.tester 1 to the client"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_call_blocks_a_newer_one_replaces_those_that_came_with_it() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let (release, released) = blocking::channel::<()>();
    let released = Mutex::new(released);
    let (told, mut numbers) = mpsc::channel(8);
    let (tell_gap, mut gaps) = mpsc::channel(8);
    let called = move |number| {
        told.try_send(number).unwrap();
        if number == 1 {
            released.lock().unwrap().recv().unwrap();
        }
    };
    let tell_gap = move |gap: &Gap| tell_gap.try_send((gap.count, gap.reason)).unwrap();
    let (_offered, lanes) = offer(&client, &mut peer, tell_gap, called).await;
    call(&mut peer, 1, lanes[1], 1..=5).await;
    assert_eq!(numbers.recv().await, Some(1));
    call(&mut peer, 1, lanes[1], 6..=6).await;
    peer.heard().await;
    release.send(()).unwrap();
    assert_eq!(numbers.recv().await, Some(6));
    assert_eq!(gaps.recv().await, Some((4, GapCause::Conflated)));
}
