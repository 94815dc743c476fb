//! Holding callbacks, and knowing where their owners are.

use std::borrow::Cow;

use broker_protocol::frame::{
    Accepted, Body, BrokerFrame, ClientFrame, Content, Hold, LaneHeader, Message, Owner, OwnerState,
};
use client_sdk::{Callback, Offered};
use tokio::sync::mpsc;

use crate::peer::Peer;
use crate::place::Place;

#[client_sdk::callback]
trait Bell {
    fn ring(&self);
}

#[client_sdk::callback]
trait Door {
    fn fit(&self, bell: Callback<dyn Bell>);
}

/// Hands on what it is given.
struct Porch(mpsc::Sender<Callback<dyn Bell>>);

#[client_sdk::callback]
impl Door for Porch {
    fn fit(&self, bell: Callback<dyn Bell>) {
        let _ = self.0.try_send(bell);
    }
}

/// A client that is given handles.
struct Scene {
    peer: Peer,
    lane: u8,
    given: mpsc::Receiver<Callback<dyn Bell>>,
    seq: u64,
}

impl Scene {
    async fn begin(place: &mut Place) -> (Self, Offered<dyn Door>) {
        let (client, mut peer) = place.connect().await;
        let (give, given) = mpsc::channel(8);
        let broker = async {
            let frame = peer.frame().await;
            let ClientFrame::Offer(offer) = frame.read() else { panic!("{:?}", frame.read()) };
            let (id, callback) = (offer.id, Some("door".to_owned()));
            peer.say(&BrokerFrame::Accepted(Accepted { id, callback, ..Accepted::default() }))
                .await;
            offer.methods[0].lane
        };
        let (offered, lane) = tokio::join!(client.offer(Porch(give)), broker);
        (Self { peer, lane, given, seq: 0 }, offered.unwrap())
    }

    /// Gives the client a handle to what has this token. Returns it, and the id of the `hold` by which it
    /// is held, which is accepted.
    async fn give(&mut self, token: &str) -> (Callback<dyn Bell>, u64) {
        self.seq += 1;
        let payload = Cow::Owned(format!(r#"{{"bell":"{token}"}}"#).into_bytes());
        let body = Body { content: Content::Json, payload, ..Body::default() };
        let (seq, topic) = (self.seq, Cow::Borrowed("$to.door.fit"));
        let message = Message { topic, seq, epoch: 1, body, ..Message::default() };
        let header = LaneHeader { lane: self.lane, subscription: None };
        self.peer.say(&BrokerFrame::Lane(header)).await;
        self.peer.say(&BrokerFrame::Message(message)).await;
        let hold = self.held().await;
        assert_eq!((&*hold.callback, hold.presence), (token, false));
        (self.given.recv().await.unwrap(), hold.id)
    }

    /// Takes a `hold` and accepts it.
    async fn held(&mut self) -> Hold {
        let frame = self.peer.frame().await;
        let ClientFrame::Hold(hold) = frame.read() else { panic!("{:?}", frame.read()) };
        self.peer.accept_command(hold.id, None).await;
        hold
    }

    async fn tell(&mut self, token: &str, state: OwnerState, hold: Option<u64>) {
        let owner = Owner { callback: token.to_owned(), state, hold };
        let header = LaneHeader { lane: 0, subscription: None };
        self.peer.say(&BrokerFrame::Lane(header)).await;
        self.peer.say(&BrokerFrame::Owner(owner)).await;
    }
}

#[tokio::test]
async fn what_was_told_of_an_owner_to_one_that_let_go_is_no_news_to_one_that_holds_again() {
    let mut place = Place::new();
    let (mut scene, _offered) = Scene::begin(&mut place).await;

    let (bell, _) = scene.give("bell").await;
    let mut presence = bell.presence();
    let first = scene.held().await;
    assert!(first.presence);
    scene.tell("bell", OwnerState::Away, Some(first.id)).await;
    assert_eq!(presence.changed().await, Some(true));
    drop((bell, presence));
    let frame = scene.peer.frame().await;
    assert!(matches!(frame.read(), ClientFrame::Release(_)), "{:?}", frame.read());

    let (bell, held) = scene.give("bell").await;
    let mut presence = bell.presence();
    let asked = scene.held().await;
    for old in [first.id, held] {
        scene.tell("bell", OwnerState::Away, Some(old)).await;
    }
    // Behind that comes something else, which the client has taken.
    scene.give("another").await;
    assert!(!presence.is_away(), "it answers a hold that is over");
    scene.tell("bell", OwnerState::Away, Some(asked.id)).await;
    assert_eq!(presence.changed().await, Some(true));
    // Brokers that don't tell whom they answer mean the last.
    scene.tell("bell", OwnerState::Back, None).await;
    assert_eq!(presence.changed().await, Some(false));
}

#[tokio::test]
async fn in_a_new_session_an_owner_is_asked_for_anew_and_its_answer_counts() {
    let mut place = Place::new();
    let (mut scene, _offered) = Scene::begin(&mut place).await;
    let (bell, _) = scene.give("bell").await;
    let mut presence = bell.presence();
    let first = scene.held().await;

    drop(scene.peer);
    scene.peer = place.accept().await;
    let again = scene.held().await;
    assert!(again.presence && again.id != first.id);
    scene.tell("bell", OwnerState::Away, Some(again.id)).await;
    assert_eq!(presence.changed().await, Some(true));
}
