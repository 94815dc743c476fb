//! Whole brokers in virtual time: the real shards, log and flush, over links that delay, cut packets
//! into pieces, take them in part, and stand still for a while. A seed is a run: it repeats itself.

#![allow(clippy::unwrap_used, reason = "tests, helpers included")]

use std::collections::BTreeMap;
use std::time::Duration;

use broker::{Broker, Liveness, Running, SUBPROTOCOLS, ShardConfig};
use broker_protocol::Codec;
use broker_protocol::frame::{
    BrokerFrame, ClientFrame, Connect, Gap, GapReason, Keep, LaneOptions, Overflow, Subscribe,
};
use broker_tests::bare::Bare;
use broker_tests::client::{Client, subprotocol};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::time::Instant;
use transport_api::{Framing, PingSupport};
use transport_memory::{Conditions, Config, Network};

const SEEDS: u64 = 12;
const TOPICS: [&str; 3] = ["s.a", "s.b", "s.c"];
const SUBSCRIBERS: usize = 4;
const PUBLISHERS: usize = 2;
const MESSAGES: usize = 300;

/// How many messages were accepted, by topic.
type Counts = BTreeMap<String, u64>;

/// What one subscriber heard of one topic: messages and gaps, as hulls of `seq`.
type Story = Vec<(String, u64, u64, Option<GapReason>)>;

#[test]
fn the_books_balance_over_bad_links_and_a_seed_repeats_itself() {
    let mut gaps = Vec::new();
    for seed in 0..SEEDS {
        let stories = run(seed);
        assert_eq!(run(seed), stories, "seed {seed} doesn't repeat itself");
        gaps.extend(stories.iter().flatten().filter_map(|(.., gap)| *gap));
    }
    for reason in [GapReason::Dropped, GapReason::Conflated] {
        assert!(gaps.contains(&reason), "never {reason:?}: the links are too good");
    }
}

#[test]
fn a_client_that_reads_slowly_is_not_given_up_however_full_its_link_is() {
    in_virtual_time(async {
        let network = Network::new(1);
        let slow = Conditions {
            delay: Duration::from_millis(100),
            capacity_bytes: 2000,
            ..Conditions::default()
        };
        let native = PingSupport::Native;
        network.set_config(Config { to_client: slow, ping: native, ..Config::default() });
        let second = Duration::from_secs(1);
        let liveness = Liveness { ping_interval: second, ..Liveness::default() };
        let running = start(&network, ShardConfig { liveness, ..ShardConfig::default() }).await;

        let mut reader = subscriber(&network, 0).await;
        let flood = tokio::task::spawn_local({
            let network = network.clone();
            async move {
                let mut client = connect(&network, Codec::Bincode).await;
                loop {
                    client.publish("s.a", [0; 500]).await;
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            }
        });
        let (end, mut gaps) = (Instant::now() + 10 * second, 0);
        while Instant::now() < end {
            gaps += u32::from(reader.message_or_gap().await.is_err());
        }
        assert!(gaps > 0, "the reader was never behind");
        flood.abort();
        drop(running);
    });
}

fn run(seed: u64) -> Vec<Story> {
    in_virtual_time(world(seed))
}

fn in_virtual_time<T>(world: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build_local(tokio::runtime::LocalOptions::default())
        .unwrap();
    runtime.block_on(world)
}

async fn start(network: &Network, config: ShardConfig) -> Running {
    let listener = network.listen("broker", &SUBPROTOCOLS).unwrap();
    let builder = Broker::builder().shards(2).config(config).simulated_time(1_000_000);
    builder.listen(move || Ok(Box::new(listener))).start_local().await.unwrap()
}

async fn world(seed: u64) -> Vec<Story> {
    let mut chance = StdRng::seed_from_u64(seed);
    let network = Network::new(seed);
    network.set_config(bad_links(&mut chance));
    let patient = Liveness { ping_interval: Duration::from_secs(600), ..Liveness::default() };
    let config = ShardConfig { liveness: patient, log_bytes_max: 4096, ..ShardConfig::default() };
    let running = start(&network, config).await;

    let mut subscribers = Vec::new();
    for place in 0..SUBSCRIBERS {
        subscribers.push(Listening::of(subscriber(&network, place).await, keep(place)));
    }
    let weather = tokio::task::spawn_local(weather(network.clone(), chance.random()));
    let publishers: Vec<_> = (0..PUBLISHERS)
        .map(|_| tokio::task::spawn_local(publish(network.clone(), chance.random())))
        .collect();
    let mut published = Counts::new();
    for publisher in publishers {
        for (topic, count) in publisher.await.unwrap() {
            *published.entry(topic).or_default() += count;
        }
    }
    weather.abort();
    network.links().iter().for_each(transport_memory::Faults::thaw);
    let mut stories = Vec::new();
    for one in subscribers {
        stories.push(one.until(&published).await);
    }
    running.shutdown().await;
    stories
}

fn bad_links(chance: &mut StdRng) -> Config {
    let conditions = Conditions {
        delay: Duration::from_millis(chance.random_range(0..5)),
        capacity_bytes: chance.random_range(400..4000),
        partial: 0.3,
        chop_bytes_max: Some(chance.random_range(1..100)),
        ..Conditions::default()
    };
    Config { framing: Framing::Stream, ..Config::default() }.with_conditions(conditions)
}

async fn connect(network: &Network, codec: Codec) -> Client {
    let bare = Bare::open(&network.connector(), "memory://broker", subprotocol(codec)).await;
    let mut client = Client::over(bare.unwrap());
    client.send(&ClientFrame::Connect(Connect { version: 1, ..Connect::default() })).await;
    let connected = |frame: &BrokerFrame<'_>| matches!(frame, BrokerFrame::Connected(_));
    client.wait_for("connected", |heard| connected(&heard.frame).then_some(())).await;
    client
}

/// Half of the subscribers keep all, and the others the newest, or the newest two.
fn keep(place: usize) -> Option<Keep> {
    (place >= SUBSCRIBERS / 2).then(|| Keep::Latest(1 + place as u32 % 2))
}

async fn subscriber(network: &Network, place: usize) -> Client {
    let codec = if place.is_multiple_of(2) { Codec::Bincode } else { Codec::Json };
    let mut client = connect(network, codec).await;
    let options = LaneOptions {
        overflow: Some(Overflow::DropOldest),
        // An eighth of it has room for the gaps of all topics: none is folded away.
        bound_messages: Some(24),
        keep: keep(place),
        ..LaneOptions::default()
    };
    let id = client.next_id();
    let filter = "s.>".to_owned();
    let subscribe = Subscribe { id, filter, options: Some(options), ..Subscribe::default() };
    client.subscribe_as(subscribe).await.unwrap();
    client
}

/// Publishes, and counts what was accepted.
async fn publish(network: Network, seed: u64) -> Counts {
    let mut chance = StdRng::seed_from_u64(seed);
    let mut client = connect(&network, Codec::Bincode).await;
    let mut counts = Counts::new();
    for number in 0..MESSAGES {
        let topic = TOPICS[chance.random_range(0..TOPICS.len())];
        client.publish_acked(topic, number.to_string()).await.unwrap();
        *counts.entry(topic.to_owned()).or_default() += 1;
        tokio::time::sleep(Duration::from_millis(chance.random_range(0..3))).await;
    }
    counts
}

/// Lets a subscriber's link stand still now and then.
async fn weather(network: Network, seed: u64) {
    let mut chance = StdRng::seed_from_u64(seed);
    loop {
        let link = network.links()[chance.random_range(0..SUBSCRIBERS)].clone();
        link.freeze();
        tokio::time::sleep(Duration::from_millis(chance.random_range(1..400))).await;
        link.thaw();
        tokio::time::sleep(Duration::from_millis(chance.random_range(0..50))).await;
    }
}

/// A subscriber that keeps its books.
struct Listening {
    client: Client,
    conflates: bool,
    /// How many of each topic were accounted for.
    accounted: Counts,
    /// The newest message of each topic.
    newest: Counts,
    story: Story,
}

impl Listening {
    fn of(client: Client, keep: Option<Keep>) -> Self {
        let (accounted, newest) = (Counts::new(), Counts::new());
        Self { client, conflates: keep.is_some(), accounted, newest, story: Story::new() }
    }

    /// Listens until everything is accounted for.
    async fn until(mut self, published: &Counts) -> Story {
        while self.accounted != *published {
            match self.client.message_or_gap().await {
                Ok(message) => self.message(message.topic.into_owned(), message.seq),
                Err(gap) => self.gap(gap),
            }
        }
        assert!(!self.conflates || self.newest == *published, "the last came: {:?}", self.story);
        self.story
    }

    /// No key was given: each topic is one, and steps forward in every lane.
    fn message(&mut self, topic: String, seq: u64) {
        let newest = self.newest.insert(topic.clone(), seq);
        assert!(newest < Some(seq), "{topic} steps back to {seq}: {:?}", self.story);
        self.tell(topic, seq, seq, 1, None);
    }

    fn gap(&mut self, gap: Gap) {
        let (first, last) = gap.first_seq.zip(gap.last_seq).unwrap();
        match gap.reason {
            GapReason::Conflated => assert!(self.conflates && gap.count <= last - first + 1),
            _ => assert_eq!(gap.count, last - first + 1, "{gap:?}"),
        }
        self.tell(gap.topic.unwrap(), first, last, gap.count, Some(gap.reason));
    }

    fn tell(&mut self, topic: String, first: u64, last: u64, count: u64, gap: Option<GapReason>) {
        let accounted = self.accounted.entry(topic.clone()).or_default();
        assert!(self.conflates || first == *accounted + 1, "{topic}: {:?}", self.story);
        *accounted += count;
        self.story.push((topic, first, last, gap));
    }
}
