//! Calls, and messages to one client by its name, that aren't worth making after a while.

use std::time::Duration;

use broker_tests::narrow::Narrow;
use broker_tests::{PATIENCE, Setting, Transport};
use client_sdk::interface::{Callback, CallbackSet, Offered};
use client_sdk::{Body, Client, Gap, GapCause, GapReason, Message, Subscriber};
use tokio::sync::mpsc::{self, Receiver, Sender};

use crate::listener::{HEARD_MAX, connect, within};

macro_rules! over_narrow_ways {
    ($($scenario:ident),+ $(,)?) => {
        broker_tests::over_transport!(ws WebSocket: $($scenario),+);
        broker_tests::over_transport!(quic Quic: $($scenario),+);
        broker_tests::over_transport!(unix Unix: $($scenario),+);
    };
}

over_narrow_ways!(
    a_call_expires,
    a_call_to_many_expires,
    a_call_expires_as_its_method_says,
    a_handle_says_more_than_the_method,
    what_is_sent_expires,
);

/// What is called, and much larger together than what may be on its way.
const CALLS: u64 = 50;
const PICTURE_BYTES: usize = 4 << 10;
const WINDOW_BYTES: u64 = 16 << 10;
const BYTES_PER_SECOND: u32 = 60_000;

const EXPIRES_IN: Duration = Duration::from_millis(100);

#[client_sdk::callback]
trait Frame {
    fn show(&self, number: u64, picture: Vec<u8>);
    #[expires_in("100ms")]
    fn flash(&self, number: u64, picture: Vec<u8>);
}

#[client_sdk::service]
trait Wall {
    async fn hang(&self, frame: Callback<dyn Frame>);
}

struct Nail(Sender<Callback<dyn Frame>>);

#[client_sdk::service]
impl Wall for Nail {
    async fn hang(&self, frame: Callback<dyn Frame>) {
        let _ = self.0.try_send(frame);
    }
}

/// What came, or how many didn't.
#[derive(Debug, PartialEq, Eq)]
enum Shown {
    Came(u64),
    Expired(u64),
}

struct Screen(Sender<Shown>);

#[client_sdk::callback]
impl Frame for Screen {
    fn show(&self, number: u64, _picture: Vec<u8>) {
        let _ = self.0.try_send(Shown::Came(number));
    }

    fn flash(&self, number: u64, picture: Vec<u8>) {
        self.show(number, picture);
    }
}

fn expired(gap: &Gap) -> Shown {
    assert_eq!(gap.reason, GapCause::Broker(GapReason::Expired), "{gap:?}");
    Shown::Expired(gap.count)
}

/// A client behind a narrow way, and one that calls it.
struct Scene {
    service: Client,
    owner: Client,
    shown: Receiver<Shown>,
    tell: Sender<Shown>,
    _way: Narrow,
    _setting: Setting,
}

async fn scene(over: Transport) -> Scene {
    let setting = over.start().await.unwrap();
    let way = Narrow::open(over, &setting.place, BYTES_PER_SECOND).await.unwrap();
    let builder = Client::builder(&way.place.url).name("owner");
    let builder = builder.with_connector(way.place.connector()).receive_window(Some(WINDOW_BYTES));
    let owner = within(builder.connect()).await.unwrap();
    let service = connect(&setting.place, "service").await;
    let (tell, shown) = mpsc::channel(HEARD_MAX);
    Scene { service, owner, shown, tell, _way: way, _setting: setting }
}

impl Scene {
    async fn handed_over(&self) -> (Callback<dyn Frame>, Offered<dyn Frame>) {
        let tell = self.tell.clone();
        let offering = self.owner.offering().on_gap(move |gap| _ = tell.try_send(expired(gap)));
        let offered = within(offering.start(Screen(self.tell.clone()))).await.unwrap();
        let (nail, mut frames) = mpsc::channel(HEARD_MAX);
        let _serving = within(self.service.serve("wall", Nail(nail))).await.unwrap();
        let wall = within(self.owner.resolve::<dyn Wall>("wall")).await.unwrap();
        within(wall.hang(offered.callback())).await.unwrap();
        (within(frames.recv()).await.unwrap(), offered)
    }

    /// Each came in its order, or is told to have expired: most of them, and the last, which lasts, not.
    async fn most_have_expired(mut self) {
        let (mut came, mut missed, mut last) = (0, 0, None);
        while came + missed <= CALLS {
            match within(self.shown.recv()).await.unwrap() {
                Shown::Came(number) => {
                    assert!(last.is_none_or(|last| last < number), "{number} behind {last:?}");
                    (came, last) = (came + 1, Some(number));
                }
                Shown::Expired(count) => missed += count,
            }
        }
        assert_eq!((came + missed, last), (CALLS + 1, Some(CALLS)));
        assert!(missed > CALLS / 2 && came > 1, "{missed} have expired");
    }
}

fn picture() -> Vec<u8> {
    vec![7; PICTURE_BYTES]
}

async fn a_call_expires(over: Transport) {
    let scene = scene(over).await;
    let (frame, _offered) = scene.handed_over().await;
    let brief = frame.expires_in(EXPIRES_IN);
    for number in 0..CALLS {
        within(brief.show(number, picture()).into_future()).await.unwrap();
    }
    within(frame.show(CALLS, picture()).into_future()).await.unwrap();
    scene.most_have_expired().await;
}

async fn a_call_to_many_expires(over: Transport) {
    let scene = scene(over).await;
    let (frame, _offered) = scene.handed_over().await;
    let set: CallbackSet<dyn Frame> = scene.service.callback_set("frames");
    within(set.attach(&frame)).await.unwrap();
    let brief = set.expires_in(EXPIRES_IN);
    for number in 0..CALLS {
        within(brief.show(number, picture()).into_future()).await.unwrap();
    }
    assert_eq!(brief.len(), 1, "it is the same set");
    within(set.show(CALLS, picture()).into_future()).await.unwrap();
    scene.most_have_expired().await;
}

async fn a_call_expires_as_its_method_says(over: Transport) {
    let scene = scene(over).await;
    let (frame, _offered) = scene.handed_over().await;
    let set: CallbackSet<dyn Frame> = scene.service.callback_set("frames");
    within(set.attach(&frame)).await.unwrap();
    for number in 0..CALLS {
        let told = match number % 2 {
            0 => frame.flash(number, picture()),
            _ => set.flash(number, picture()),
        };
        within(told.into_future()).await.unwrap();
    }
    within(frame.show(CALLS, picture()).into_future()).await.unwrap();
    scene.most_have_expired().await;
}

async fn a_handle_says_more_than_the_method(over: Transport) {
    let mut scene = scene(over).await;
    let (frame, _offered) = scene.handed_over().await;
    let lasting = frame.expires_in(10 * PATIENCE);
    for number in 0..CALLS {
        within(lasting.flash(number, picture()).into_future()).await.unwrap();
    }
    for number in 0..CALLS {
        assert_eq!(within(scene.shown.recv()).await, Some(Shown::Came(number)));
    }
}

/// Receives what is sent by name, numbered by its key.
struct Mail(Sender<Shown>);

impl Subscriber for Mail {
    fn on_message(&mut self, message: &Message) {
        let number = message.body.key.as_deref().unwrap().parse().unwrap();
        let _ = self.0.try_send(Shown::Came(number));
    }

    fn on_gap(&mut self, gap: &Gap) {
        let _ = self.0.try_send(expired(gap));
    }
}

async fn what_is_sent_expires(over: Transport) {
    let scene = scene(over).await;
    let mail = Mail(scene.tell.clone());
    let _direct = scene.owner.direct(mail).unwrap();
    let body = |number: u64| Body::from(picture()).key(number.to_string());
    for number in 0..CALLS {
        let message = scene.service.direct_message("owner", body(number));
        within(message.expires_in(EXPIRES_IN).send()).await.unwrap();
    }
    within(scene.service.send("owner", body(CALLS))).await.unwrap();
    scene.most_have_expired().await;
}
