//! A broker under a flood, with subscribers that take everything and cost nothing: what its shards
//! do by themselves, without sockets and without a thread that receives.

mod link;
mod listener;
mod stage;

use std::sync::Arc;
use std::time::{Duration, Instant};

use broker::Running;
use broker_protocol::Codec;
use broker_protocol::frame::{ClientFrame, Connect, Publish, Subscribe};
use bytes::BytesMut;
use transport_api::Listener;

use self::link::{Role, SinkLink};
use self::listener::SinkListener;
use self::stage::{Stage, Sum, Tally};
use crate::{is_short, patient, runtime, shard_threads};

/// How many publish to each broker. More would be gathered in one shard, and hardly in two: not the
/// same work.
const PUBLISHERS: usize = 1;
/// The topic of all.
const TOPIC: &str = "bench.sinks";

/// What is to be measured. The publisher is a link in a shard too, subscribed to what it publishes: it
/// hands in a packet when it has got the one before.
#[derive(Debug, Clone, Copy)]
pub struct Flood {
    /// How many brokers there are, which know nothing of each other.
    pub brokers: u16,
    /// How many shards each has.
    pub shards: u16,
    /// How many subscribers, spread evenly over the brokers and their shards.
    pub subscribers: usize,
    /// How many messages a publisher's packet has.
    pub at_a_time: usize,
    /// Bytes of each payload.
    pub payload_bytes: usize,
}

/// What was measured.
#[derive(Debug, Clone, Copy)]
pub struct Flooded {
    /// Messages that sinks took.
    pub deliveries: u64,
    /// Packets in which they were.
    pub packets: u64,
    /// How long it took.
    pub elapsed: Duration,
    /// What all shards together used of their processors.
    pub cpu: Option<Duration>,
}

impl Flood {
    /// Measures it, with a broker of its own.
    ///
    /// # Errors
    /// If the broker doesn't start.
    pub fn measure(&self) -> anyhow::Result<Flooded> {
        runtime()?.block_on(self.run())
    }

    async fn run(&self) -> anyhow::Result<Flooded> {
        let mut started = Vec::new();
        for _ in 0..self.brokers {
            started.push(self.start().await?);
        }
        started.iter().for_each(|one| one.stage.begin());
        let (warm_up, duration) = if is_short() { (20, 80) } else { (200, 700) };
        tokio::time::sleep(Duration::from_millis(warm_up)).await;
        let before = Taken::now(&started);
        tokio::time::sleep(Duration::from_millis(duration)).await;
        let flooded = Taken::now(&started).since(&before);
        for one in started {
            one.stage.end();
            one.running.shutdown().await;
        }
        Ok(flooded)
    }

    /// Starts one of the brokers, and waits until everybody is subscribed.
    async fn start(&self) -> anyhow::Result<Stocked> {
        let subscribers = self.subscribers / usize::from(self.brokers);
        // Everybody is answered twice: connected, and subscribed.
        let stage = Arc::new(Stage::new(2 * (subscribers + PUBLISHERS)));
        let tallies: Vec<_> = (0..subscribers).map(|_| Arc::new(Tally::default())).collect();
        let listener = SinkListener::new(self.links(&stage, &tallies));
        let builder = patient().shards(self.shards);
        let bind = move || Ok(Box::new(listener) as Box<dyn Listener>);
        let running = builder.listen(bind).start().await?;
        stage.all_there().await;
        Ok(Stocked { running, stage, tallies })
    }

    fn links(&self, stage: &Arc<Stage>, tallies: &[Arc<Tally>]) -> Vec<SinkLink> {
        let subscribe = Subscribe { id: 1, filter: TOPIC.to_owned(), ..Subscribe::default() };
        let connect = ClientFrame::Connect(Connect { version: 1, ..Connect::default() });
        let hello = packet(&[connect, ClientFrame::Subscribe(subscribe)]);
        let payload = vec![b'x'; self.payload_bytes];
        let publish = ClientFrame::Publish(Publish::bytes(TOPIC, &payload));
        let publishes = packet(&vec![publish; self.at_a_time]);
        let subscribers = tallies.iter().map(|tally| Role::Subscriber(tally.clone()));
        let publishers = (0..PUBLISHERS).map(|_| Role::publisher(publishes.clone()));
        let roles = subscribers.chain(publishers);
        roles.map(|role| SinkLink::new(hello.clone(), role, stage.clone())).collect()
    }
}

/// A broker with all its links.
struct Stocked {
    running: Running,
    stage: Arc<Stage>,
    tallies: Vec<Arc<Tally>>,
}

/// What sinks have taken so far, and what that cost.
struct Taken {
    at: Instant,
    cpu: Option<Duration>,
    sum: Sum,
}

impl Taken {
    fn now(started: &[Stocked]) -> Self {
        let tallies = started.iter().flat_map(|one| &one.tallies);
        Self { at: Instant::now(), cpu: shard_threads().cpu(), sum: Tally::sum(tallies) }
    }

    fn since(&self, before: &Self) -> Flooded {
        Flooded {
            deliveries: self.sum.messages - before.sum.messages,
            packets: self.sum.packets - before.sum.packets,
            elapsed: self.at - before.at,
            cpu: self.cpu.zip(before.cpu).map(|(after, before)| after.saturating_sub(before)),
        }
    }
}

fn packet(frames: &[ClientFrame<'_>]) -> BytesMut {
    let mut packet = BytesMut::new();
    for frame in frames {
        Codec::Bincode.write_client(frame, &mut packet);
    }
    packet
}
