//! Calls that come together: each is a call of its own, whatever becomes of those before it.

use std::borrow::Cow;
use std::sync::mpsc as blocking;
use std::sync::{Arc, Mutex};

use broker_protocol::Codec;
use broker_protocol::frame::{
    self, Accepted, Body, BrokerFrame, ClientFrame, LaneHeader, Message, RoutedCancel,
    RoutedRequest,
};
use bytes::BytesMut;
use client_sdk::interface::{CallbackInterface, Eventually, Interface as _, Method, OfferError};
use client_sdk::{Client, Gap, GapCause, Offered};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::credit::PATIENCE;
use crate::peer::Peer;
use crate::place::Place;
use crate::recorder::recorder;

#[client_sdk::callback]
trait Tape {
    fn play(&self, number: u64);
    #[keep(latest)]
    fn show(&self, number: u64);
}

/// How many answers of one object are under way at one time.
const ANSWERS_MAX: u64 = 1024;

#[client_sdk::callback]
trait Safe {
    async fn keep(&self, what: Glass);
    fn note(&self, number: u64);
}

/// What panics where it is dropped, if it is fragile.
#[client_sdk::data]
struct Glass {
    fragile: u8,
}

impl Drop for Glass {
    fn drop(&mut self) {
        assert!(self.fragile == 0, "as the test wants");
    }
}

/// Keeps what it is given for good.
struct Vault(mpsc::Sender<u64>);

#[client_sdk::callback]
impl Safe for Vault {
    async fn keep(&self, _what: Glass) {
        std::future::pending::<()>().await;
    }

    fn note(&self, number: u64) {
        let _ = self.0.try_send(number);
    }
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
    accepted(peer, offering).await
}

/// Waits for an offer that the broker accepts.
async fn accepted<I: CallbackInterface + ?Sized>(
    peer: &mut Peer,
    offering: Eventually<'_, Result<Offered<I>, OfferError>>,
) -> (Offered<I>, Vec<u8>) {
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
    let calls = numbers.map(|number| (&<dyn Tape>::DESCRIPTION.methods[method], number as u8));
    make(peer, lane, calls).await;
}

/// Makes these calls, each with one byte, all in one packet.
async fn make(peer: &mut Peer, lane: u8, calls: impl Iterator<Item = (&'static Method, u8)>) {
    let mut out = BytesMut::new();
    let header = BrokerFrame::Lane(LaneHeader { lane, subscription: None });
    Codec::Bincode.write_broker(&header, &mut out);
    for (seq, (method, byte)) in (1..).zip(calls) {
        let body = Body { payload: Cow::Owned(called_with(method, byte)), ..Body::default() };
        let topic = Cow::Owned(format!("$to.token.{}", method.name));
        let message = Message { topic, seq, epoch: 1, body, ..Message::default() };
        Codec::Bincode.write_broker(&BrokerFrame::Message(message), &mut out);
    }
    peer.say_bytes(out.freeze()).await;
}

fn called_with(method: &Method, byte: u8) -> Vec<u8> {
    let mut payload = method.fingerprint.to_le_bytes().to_vec();
    payload.push(byte);
    payload
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
async fn a_panic_with_what_panics_as_it_is_dropped_harms_no_call_behind_it() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let (told, mut numbers) = mpsc::channel(8);
    let called = move |number| {
        if number == 2 {
            std::panic::panic_any(Glass { fragile: 1 });
        }
        told.try_send(number).unwrap();
    };
    let (_offered, lanes) = offer(&client, &mut peer, |_| {}, called).await;
    call(&mut peer, 0, lanes[0], 1..=3).await;
    for expected in [1, 3] {
        let number = timeout(PATIENCE, numbers.recv()).await.expect("it isn't called any more");
        assert_eq!(number, Some(expected));
    }
    assert_eq!(client.statistics().calls_panicked, 1);
}

#[tokio::test]
async fn what_panics_as_it_is_dropped_harms_no_call_behind_it_and_is_counted() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let (noted, mut numbers) = mpsc::channel(8);
    let offering = client.offering().start::<dyn Safe, _>(Vault(noted));
    let (offered, lanes) = accepted(&mut peer, offering).await;
    let [keep, note] = &<dyn Safe>::DESCRIPTION.methods else { panic!("it has two methods") };
    // The last of those that want to be answered finds no room, and is dropped.
    let kept = (1..=ANSWERS_MAX).map(|_| (keep, 0));
    let calls = kept.chain([(note, 1), (keep, 1), (note, 2)]);
    make(&mut peer, lanes[0], calls).await;
    for expected in [1, 2] {
        assert_eq!(numbers.recv().await, Some(expected));
    }
    assert_eq!(client.statistics().requests_busy, 1);
    assert_eq!(client.statistics().calls_panicked, 1);
    drop(offered);
}

#[tokio::test]
async fn a_call_that_is_cancelled_and_panics_as_it_is_dropped_is_counted() {
    let mut place = Place::new();
    let (client, mut peer) = place.connect().await;
    let (noted, mut numbers) = mpsc::channel(8);
    let offering = client.offering().start::<dyn Safe, _>(Vault(noted));
    let (_offered, lanes) = accepted(&mut peer, offering).await;
    let [keep, note] = &<dyn Safe>::DESCRIPTION.methods else { panic!("it has two methods") };
    let body = Body { payload: Cow::Owned(called_with(keep, 1)), ..Body::default() };
    let (token, topic) = (Cow::Borrowed("0-1"), Cow::Borrowed("$to.token.keep"));
    let asked = RoutedRequest { token, topic, from: None, timeout: 5_000, body, session: None };
    peer.say(&BrokerFrame::Request(asked)).await;
    make(&mut peer, lanes[0], [(note, 1)].into_iter()).await;
    assert_eq!(numbers.recv().await, Some(1));
    peer.say(&BrokerFrame::Cancelled(RoutedCancel { token: "0-1".to_owned() })).await;
    let counted = async {
        while client.statistics().calls_panicked == 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, counted).await.expect("it isn't counted");
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
    assert_eq!(client.statistics().calls_too_late, 3, "two, and one that a gap stands for");
    assert_eq!(client.statistics().direct_unheard, 0);
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
