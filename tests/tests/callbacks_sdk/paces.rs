//! A callback that is slow costs its callers nothing, and what it misses is told.

use std::collections::BTreeMap;
use std::sync::mpsc as blocking;
use std::sync::{Arc, Mutex};
use std::thread::sleep;
use std::time::{Duration, Instant};

use broker_tests::Transport;
use client_sdk::interface::{CallError, Callback, Told};
use client_sdk::{Client, Gap, Message};
use serde_json::Value;
use tokio::sync::mpsc::{self, Receiver, Sender};

use crate::listener::{Call, Ear, HEARD_MAX, connect, hand, offer, settle, watchful, within};

/// Waits at its first call until it may go on.
struct Gated {
    gate: Mutex<Option<blocking::Receiver<()>>>,
    heard: Sender<Call>,
}

impl Gated {
    fn pass(&self, call: Call) {
        if let Some(gate) = self.gate.lock().unwrap().take() {
            gate.recv().unwrap();
        }
        let _ = self.heard.try_send(call);
    }
}

#[client_sdk::callback]
impl Ear for Gated {
    fn said(&self, number: u64) {
        self.pass(Call::Said(number));
    }

    fn typing(&self, who: u64, number: u64) {
        self.pass(Call::Typing(who, number));
    }

    async fn confirm(&self, number: u64) -> u64 {
        number
    }
}

/// A callback that stands still until the gate is opened.
struct Standing {
    callback: Callback<dyn Ear>,
    service: Client,
    owner: Client,
    open: blocking::SyncSender<()>,
    calls: Receiver<Call>,
    gaps: Arc<Mutex<Vec<Gap>>>,
    _offered: client_sdk::interface::Offered<dyn Ear>,
}

async fn standing(setting: &broker_tests::Setting) -> Standing {
    let owner = connect(&setting.place, "owner").await;
    let service = connect(&setting.place, "service").await;
    let ((open, gate), (heard, calls)) = (blocking::sync_channel(1), mpsc::channel(HEARD_MAX));
    let gaps = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&gaps);
    let offering = owner.offering().on_gap(move |gap| told.lock().unwrap().push(gap.clone()));
    let gated = Gated { gate: Mutex::new(Some(gate)), heard };
    let offered = within(offering.start(gated)).await.unwrap();
    let callback = hand(offered.callback(), &owner, &service).await;
    Standing { callback, service, owner, open, calls, gaps, _offered: offered }
}

/// What isn't on its way, since the outgoing queue was full, is paced by the service's own link.
async fn pace(told: Told) {
    within(told.into_future()).await.unwrap();
}

const KEYS: u64 = 10;
const CALLS: u64 = 20_000;

async fn the_newest_of_each_key_comes_with_an_exact_gap(over: Transport) {
    let setting = over.start().await.unwrap();
    let mut standing = standing(&setting).await;
    for number in 0..CALLS {
        pace(standing.callback.typing(number % KEYS, number)).await;
    }
    settle(&standing.service).await;
    standing.open.send(()).unwrap();
    let mut newest = BTreeMap::new();
    let mut received = 0;
    while newest.len() < KEYS as usize || newest.values().any(|number| *number < CALLS - KEYS) {
        let Call::Typing(who, number) = within(standing.calls.recv()).await.unwrap() else {
            panic!("nothing else was called")
        };
        assert!(newest.insert(who, number).is_none_or(|before| before < number), "{number}");
        received += 1;
    }
    let gaps = standing.gaps.lock().unwrap();
    assert!(gaps.iter().all(|gap| gap.reason.is_conflated()), "{gaps:?}");
    assert!(gaps.iter().all(|gap| gap.topic.as_ref().unwrap().ends_with(".typing")));
    let conflated: u64 = gaps.iter().map(|gap| gap.count).sum();
    assert!(conflated > CALLS / 2, "{conflated} were conflated");
    assert_eq!(received + conflated, CALLS);
    assert_eq!(standing.owner.statistics().calls_missed, 0);
}

const UNREAD: u64 = 100_000;

async fn a_call_never_waits_for_the_client_and_what_has_no_room_is_counted(over: Transport) {
    let setting = over.start().await.unwrap();
    let mut standing = standing(&setting).await;
    let since = Instant::now();
    for number in 0..UNREAD {
        pace(standing.callback.said(number)).await;
    }
    settle(&standing.service).await;
    println!("{}: {UNREAD} calls of who doesn't move took {:?}", over.name(), since.elapsed());
    let refused = statistic(&standing.service, "calls_refused").await;
    standing.open.send(()).unwrap();
    // It goes on, and once there is room this one comes behind all that came through.
    let mut last = within(standing.callback.confirm(1)).await;
    while matches!(last, Err(CallError::Busy { .. })) {
        last = within(standing.callback.confirm(1)).await;
    }
    assert_eq!(last, Ok(1));
    let mut received = 0;
    while standing.calls.try_recv().is_ok() {
        received += 1;
    }
    let missed: u64 = standing.gaps.lock().unwrap().iter().map(|gap| gap.count).sum();
    assert!(refused > 0 && received > 1000, "{refused} were refused, {received} came");
    assert_eq!(received + missed + refused, UNREAD);
    assert_eq!(standing.service.statistics().publishes_refused, refused, "it is told");
}

pub(crate) async fn statistic(client: &Client, name: &str) -> u64 {
    let reply = within(client.request("$broker.stats", "")).await.unwrap();
    let answer: Value = serde_json::from_slice(&reply.body.payload).unwrap();
    answer[name].as_u64().unwrap()
}

/// Sleeps in each call, after it has published.
struct Sleeper {
    client: Client,
    heard: Sender<u64>,
}

const SLEEP: Duration = Duration::from_millis(50);

#[client_sdk::callback]
impl Ear for Sleeper {
    fn said(&self, number: u64) {
        self.client.try_publish("awake", number.to_string()).unwrap();
        sleep(SLEEP);
        let _ = self.heard.try_send(number);
    }

    fn typing(&self, _who: u64, _number: u64) {}

    async fn confirm(&self, number: u64) -> u64 {
        number
    }
}

/// Together twice as long as the silence after which a client is missed.
const SLEEPS: u64 = 80;

async fn a_callback_that_sleeps_stalls_neither_pings_nor_others(over: Transport) {
    let setting = over.start_with(watchful()).await.unwrap();
    let owner = connect(&setting.place, "owner").await;
    let service = connect(&setting.place, "service").await;
    let (heard, mut done) = mpsc::channel(HEARD_MAX);
    let sleeper = Sleeper { client: owner.clone(), heard };
    let one = within(owner.offer(sleeper)).await.unwrap();
    let sleeping = hand(one.callback(), &owner, &service).await;
    let (two, _calls) = offer(&owner).await;
    let other = hand(two.callback(), &owner, &service).await;
    let (saw, mut seen) = mpsc::channel(HEARD_MAX);
    let watch = move |message: &Message| _ = saw.try_send(message.seq);
    let _watching = within(service.subscribe("awake", watch)).await.unwrap();
    for number in 0..SLEEPS {
        pace(sleeping.said(number)).await;
    }
    let (mut slept, mut answered, mut published) = (0, 0, 0);
    while slept < SLEEPS {
        assert_eq!(within(other.confirm(1)).await, Ok(2));
        while done.try_recv().is_ok() {
            slept += 1;
        }
        if slept < SLEEPS {
            answered += 1;
            published += std::iter::from_fn(|| seen.try_recv().ok()).count();
        }
    }
    println!("{}: {answered} answers while it slept {SLEEPS} times", over.name());
    assert!(answered > 0, "others wait while it sleeps");
    assert!(published > 0, "what it publishes waits while it sleeps");
    let statistics = owner.statistics();
    assert_eq!((statistics.sessions, statistics.resumed), (1, 0), "its pings were answered");
}

/// With a runtime of several threads, since the callbacks block.
macro_rules! with_threads {
    ($module:ident $transport:ident: $($scenario:ident),+ $(,)?) => {
        mod $module {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 3)]
                async fn $scenario() {
                    super::$scenario(broker_tests::Transport::$transport).await;
                }
            )+
        }
    };
}

with_threads!(ws WebSocket:
    the_newest_of_each_key_comes_with_an_exact_gap,
    a_call_never_waits_for_the_client_and_what_has_no_room_is_counted,
    a_callback_that_sleeps_stalls_neither_pings_nor_others,
);
with_threads!(quic Quic:
    the_newest_of_each_key_comes_with_an_exact_gap,
    a_call_never_waits_for_the_client_and_what_has_no_room_is_counted,
    a_callback_that_sleeps_stalls_neither_pings_nor_others,
);
