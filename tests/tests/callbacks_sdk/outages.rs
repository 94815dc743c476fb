//! A connection that is lost: callbacks live on with their session, and end with it.

use std::collections::VecDeque;
use std::time::Duration;

use broker_tests::narrow::Narrow;
use broker_tests::{PATIENCE, Place, Setting, Transport};
use client_sdk::interface::{Callback, Offered, ReleaseReason};
use client_sdk::{Client, ConnectionState, Reconnect};
use tokio::sync::mpsc::Receiver;
use tokio::sync::watch;
use tokio::time::timeout;

use crate::listener::{Call, Ear, connect, hand, next, offer, within};

/// More than ever comes: the relays forward as fast as they can.
const BYTES_PER_SECOND: u32 = 1 << 30;

/// How often the connection is cut.
const CUTS: u64 = 3;

const CALLBACKS: usize = 20;

/// How often each of them is called at a time.
const CALLS: u64 = 20;

#[tokio::test]
async fn over_websocket_callbacks_outlive_their_connection() {
    callbacks_outlive_their_connection(&[Transport::WebSocket]).await;
}

#[tokio::test]
async fn over_quic_callbacks_outlive_their_connection() {
    callbacks_outlive_their_connection(&[Transport::Quic]).await;
}

#[tokio::test]
async fn from_websocket_to_quic_and_back_callbacks_outlive_their_connection() {
    callbacks_outlive_their_connection(&[Transport::WebSocket, Transport::Quic]).await;
}

/// A callback at its service, what it hears, and its guard.
type Handed = (Callback<dyn Ear>, Receiver<Call>, Offered<dyn Ear>);

async fn callbacks_outlive_their_connection(transports: &[Transport]) {
    let (setting, places) = start(transports).await;
    let mut relays = relays(transports, &places).await;
    let (owner, mut resumed) = owner(&relays, &places).await;
    let service = connect(&setting.place, "service").await;
    let mut all: Vec<Handed> = Vec::new();
    for _ in 0..CALLBACKS {
        let (offered, calls) = offer(&owner).await;
        all.push((hand(offered.callback(), &owner, &service).await, calls, offered));
    }
    let mut called = 0;
    for cut in 1..=CUTS {
        call_all(&all, &mut called).await;
        loop {
            drop(relays.pop_front().expect("it gets through by one of them"));
            // While nobody is there.
            call_all(&all, &mut called).await;
            let back = resumed.wait_for(|resumed| *resumed >= cut);
            if timeout(PATIENCE / 4, back).await.is_ok() {
                break;
            }
        }
        call_all(&all, &mut called).await;
    }
    all_came(&mut all, called).await;
    assert_eq!(owner.statistics().sessions, 1);
}

/// Relays, each of which is cut once.
async fn relays(transports: &[Transport], places: &[Place]) -> VecDeque<Narrow> {
    let mut relays = VecDeque::new();
    for turn in 0..=2 * CUTS as usize {
        let turn = turn % places.len();
        let relay = Narrow::open(transports[turn], &places[turn], BYTES_PER_SECOND).await;
        relays.push_back(relay.unwrap());
    }
    relays
}

/// Each call came once, in its order, and all of them are alive.
async fn all_came(all: &mut [Handed], called: u64) {
    for (callback, calls, _) in all {
        for number in 0..called {
            assert_eq!(next(calls).await, Call::Said(number));
        }
        assert_eq!(within(callback.confirm(1)).await, Ok(2));
        assert_eq!(callback.is_released(), None);
    }
}

/// Each of them some times: fewer in all than a lane's bound while nobody is there.
async fn call_all<T, U>(all: &[(Callback<dyn Ear>, T, U)], called: &mut u64) {
    for number in *called..*called + CALLS {
        for (callback, ..) in all {
            within(callback.said(number).into_future()).await.unwrap();
        }
    }
    *called += CALLS;
}

async fn start(transports: &[Transport]) -> (Setting, Vec<Place>) {
    let (setting, other) = match transports {
        [first, second] => {
            let (setting, other) = first.start_beside(*second).await.unwrap();
            (setting, Some(other))
        }
        _ => (transports[0].start().await.unwrap(), None),
    };
    let here = setting.place.by_way_of(setting.place.url.clone());
    (setting, std::iter::once(here).chain(other).collect())
}

/// A client that comes by one relay after the other, and counts how often its session went on.
async fn owner(relays: &VecDeque<Narrow>, places: &[Place]) -> (Client, watch::Receiver<u64>) {
    let (count, resumed) = watch::channel(0);
    let mut urls = relays.iter().map(|relay| relay.place.url.clone());
    let mut builder = Client::builder(urls.next().unwrap())
        .connect_timeout(Duration::from_secs(5))
        .ping_interval(Duration::from_millis(200))
        .on_state(move |state| {
            let goes_on = matches!(state, ConnectionState::Connected(session) if session.resumed);
            count.send_modify(|count| *count += u64::from(goes_on));
        })
        .reconnect(Reconnect { max: Duration::from_millis(50), ..Reconnect::default() });
    for url in urls {
        builder = builder.also_at(url);
    }
    for place in places {
        builder = builder.with_connector(place.connector());
    }
    (within(builder.connect()).await.unwrap(), resumed)
}

/// A client that can be cut off, over WebSocket.
struct CutOff {
    setting: Setting,
    relay: Narrow,
    owner: Client,
    service: Client,
    offered: Offered<dyn Ear>,
    calls: Receiver<Call>,
    callback: Callback<dyn Ear>,
}

async fn cut_off(expiry: Duration) -> CutOff {
    let setting = Transport::WebSocket.start().await.unwrap();
    let relay = Narrow::open(Transport::WebSocket, &setting.place, BYTES_PER_SECOND).await.unwrap();
    let builder = Client::builder(&relay.place.url)
        .session_expiry(expiry)
        .with_connector(setting.place.connector())
        .reconnect(Reconnect { max: Duration::from_millis(50), ..Reconnect::default() });
    let owner = within(builder.connect()).await.unwrap();
    let service = connect(&setting.place, "service").await;
    let (offered, calls) = offer(&owner).await;
    let callback = hand(offered.callback(), &owner, &service).await;
    CutOff { setting, relay, owner, service, offered, calls, callback }
}

#[tokio::test]
async fn a_question_is_answered_once_its_owner_is_back() {
    let mut ends = cut_off(Duration::from_secs(60)).await;
    ends.relay.close();
    let mut states = ends.owner.clone();
    wait_until_away(&mut states).await;
    let callback = ends.callback.clone();
    let question = tokio::spawn(async move { callback.timeout(PATIENCE).confirm(7).await });
    within(ends.callback.said(1).into_future()).await.unwrap();
    // It has come to where it waits.
    within(ends.service.publish_acked("settled", "")).await.unwrap();
    ends.relay.reopen();
    assert_eq!(within(question).await.unwrap(), Ok(8));
    let mut heard = [next(&mut ends.calls).await, next(&mut ends.calls).await];
    heard.sort_by_key(|call| matches!(call, Call::Asked(_)));
    assert_eq!(heard, [Call::Said(1), Call::Asked(7)]);
    assert_eq!(ends.owner.statistics().sessions, 1);
}

async fn wait_until_away(client: &mut Client) {
    within(async {
        while matches!(client.state(), ConnectionState::Connected(_)) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn who_stays_away_for_too_long_loses_its_callbacks_and_offers_them_anew() {
    let ends = cut_off(Duration::from_millis(300)).await;
    ends.relay.close();
    assert_eq!(within(ends.callback.released()).await, ReleaseReason::TimedOut);
    ends.relay.reopen();
    assert_eq!(within(ends.offered.released()).await, ReleaseReason::Lost);
    let (offered, mut calls) = offer(&ends.owner).await;
    let callback = hand(offered.callback(), &ends.owner, &ends.service).await;
    assert_ne!(callback, ends.callback);
    callback.said(1);
    assert_eq!(next(&mut calls).await, Call::Said(1));
    drop(ends.setting);
}

#[tokio::test]
async fn another_broker_knows_none_of_them_and_takes_them_anew() {
    let first = Transport::WebSocket.start().await.unwrap();
    let second = Transport::WebSocket.start().await.unwrap();
    let mut clients = Vec::new();
    for name in ["owner", "service"] {
        let builder = Client::builder(&first.place.url)
            .name(name)
            .also_at(&second.place.url)
            .with_connector(first.place.connector())
            .reconnect(Reconnect { max: Duration::from_millis(50), ..Reconnect::default() });
        clients.push(within(builder.connect()).await.unwrap());
    }
    let (service, owner) = (clients.pop().unwrap(), clients.pop().unwrap());
    let (offered, _calls) = offer(&owner).await;
    let callback = hand(offered.callback(), &owner, &service).await;
    within(first.running.shutdown()).await;
    assert_eq!(within(offered.released()).await, ReleaseReason::Lost);
    assert_eq!(within(callback.released()).await, ReleaseReason::Lost);
    let (offered, mut calls) = offer(&owner).await;
    let callback = hand(offered.callback(), &owner, &service).await;
    callback.said(1);
    assert_eq!(next(&mut calls).await, Call::Said(1));
}

/// More than are attached at one time.
const MEMBERS: usize = 600;

#[tokio::test]
async fn what_a_service_attached_is_attached_anew_in_its_next_session() {
    let setting = Transport::WebSocket.start().await.unwrap();
    let relay = Narrow::open(Transport::WebSocket, &setting.place, BYTES_PER_SECOND).await.unwrap();
    let builder = Client::builder(&relay.place.url)
        .name("service")
        .session_expiry(Duration::from_millis(300))
        .with_connector(setting.place.connector())
        .reconnect(Reconnect { max: Duration::from_millis(50), ..Reconnect::default() });
    let service = within(builder.connect()).await.unwrap();
    let owner = connect(&setting.place, "owner").await;
    let set = service.callback_set::<dyn Ear>("room");
    let mut members = Vec::new();
    for _ in 0..MEMBERS {
        let (offered, calls) = offer(&owner).await;
        let callback = hand(offered.callback(), &owner, &service).await;
        within(set.attach(&callback)).await.unwrap();
        members.push((offered, calls, callback));
    }
    set.said(1);
    for (_, calls, _) in &mut members {
        assert_eq!(next(calls).await, Call::Said(1));
    }
    relay.close();
    for (offered, ..) in &members {
        assert_eq!(within(offered.released()).await, ReleaseReason::TimedOut);
    }
    // Nobody is attached any more.
    owner.callback_set::<dyn Ear>("room").said(2);
    within(owner.publish_acked("settled", "")).await.unwrap();
    // What is called meanwhile waits, and comes behind what is attached anew.
    set.said(3);
    relay.reopen();
    within(async {
        while service.statistics().sessions < 2 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    set.said(4);
    for (_, calls, callback) in &mut members {
        assert_eq!((next(calls).await, next(calls).await), (Call::Said(3), Call::Said(4)));
        assert_eq!(callback.is_released(), None);
    }
    assert_eq!(set.len(), MEMBERS);
}
