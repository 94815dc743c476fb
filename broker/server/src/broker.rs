//! Building, starting and stopping a broker.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use broker_core::{Config as ShardConfig, SequencerConfig, ShardId, Statistics};
use broker_delivery::check_filter;
use broker_delivery::fold::Fold;
use tokio::sync::{mpsc, oneshot, watch};
use transport_api::{Address, Listener};

use crate::clock::Clock;
use crate::exchange::{Bounds, Exchange};
use crate::shard::{Environment, Placed, Seat, Stop};

/// Opens a listener, in the runtime of the shard that will wait on it.
pub type Bind = Box<dyn FnOnce() -> io::Result<Box<dyn Listener>> + Send>;

/// How many peers may wait for a shard to take them in, per shard: a burst of connections.
const SEATS_WAITING: usize = 1024;

/// A publish/subscribe broker. Begins with [`Broker::builder`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Broker;

impl Broker {
    /// Begins to describe a broker.
    pub fn builder() -> Builder {
        Builder::default()
    }
}

/// Describes a broker, to be [started](Builder::start).
pub struct Builder {
    shards: u16,
    config: ShardConfig,
    sequencer: SequencerConfig,
    bounds: Bounds,
    stop: Stop,
    binds: Vec<Bind>,
    simulated: Option<u64>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            shards: 1,
            config: ShardConfig::default(),
            sequencer: SequencerConfig::default(),
            bounds: Bounds { inbox_bytes_max: 64 << 20, connections_max: 100_000 },
            stop: Stop { deadline: Duration::from_secs(10), spread: Duration::from_secs(5) },
            binds: Vec::new(),
            simulated: None,
        }
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("shards", &self.shards)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Builder {
    /// How many shards share the work: threads, one per core at best. 1 to 64; the default is 1.
    pub fn shards(mut self, shards: u16) -> Self {
        self.shards = shards.clamp(1, ShardId::COUNT_MAX);
        self
    }

    /// What shards allow and grant.
    pub fn config(mut self, config: ShardConfig) -> Self {
        let before = std::mem::replace(&mut self.config, config);
        self.config.folds.append(before.folds);
        self
    }

    /// Folds messages of topics that match the filter by this rule, in lanes that merge, and documents
    /// that are retained; by JSON Merge Patch (RFC 7396) where no filter matches. Of several filters that match, the first counts.
    ///
    /// # Panics
    /// If it isn't a filter.
    pub fn fold(mut self, filter: &str, rule: impl Fold + 'static) -> Self {
        check_filter(filter).expect("messages are folded by a filter");
        self.config.folds.add(filter, Arc::new(rule));
        self
    }

    /// How many topics are known, for how long, and how much of them is retained. Patterns, folds and
    /// the size of a payload are taken from [`config`](Self::config) and [`fold`](Self::fold).
    pub fn topics(mut self, config: SequencerConfig) -> Self {
        self.sequencer = config;
        self
    }

    /// The most connections, handshakes included. The default is 100,000; beyond it a connection is
    /// told `too-many-connections` and closed.
    pub fn connections_max(mut self, connections: usize) -> Self {
        self.bounds.connections_max = connections;
        self
    }

    /// How many bytes may wait between sequencer and a shard before connections that publish are
    /// read more slowly. The default is 64 MiB.
    pub fn inbox_bytes_max(mut self, bytes: usize) -> Self {
        self.bounds.inbox_bytes_max = bytes;
        self
    }

    /// How long a shutdown may take to send what waits, and over what time clients are asked to
    /// return. The defaults are 10 s and 5 s.
    pub fn shutdown(mut self, deadline: Duration, reconnect_spread: Duration) -> Self {
        self.stop = Stop { deadline, spread: reconnect_spread };
        self
    }

    /// Listens where `bind` says. May be called any number of times.
    pub fn listen(
        mut self,
        bind: impl FnOnce() -> io::Result<Box<dyn Listener>> + Send + 'static,
    ) -> Self {
        self.binds.push(Box::new(bind));
        self
    }

    /// Starts the wall clock at `wall` milliseconds since the Unix epoch and lets it go on with the
    /// runtime's time: with [`Builder::start_local`] in a paused runtime a run repeats itself.
    pub fn simulated_time(mut self, wall: u64) -> Self {
        self.simulated = Some(wall);
        self
    }

    /// Starts the broker, each shard in a thread of its own.
    ///
    /// # Errors
    /// If a listener couldn't be opened. Nothing runs then.
    pub async fn start(self) -> Result<Running, StartError> {
        let (plan, running) = self.plan();
        let mut threads = Vec::new();
        for (environment, binds) in plan.shards {
            let (bound, binding) = oneshot::channel();
            let name = format!("broker-shard-{}", environment.id.0);
            let run = move || run_thread(environment, binds, bound);
            threads.push((thread::Builder::new().name(name).spawn(run), binding));
        }
        let mut running = running;
        for (thread, binding) in threads {
            let thread = thread.map_err(StartError::Thread)?;
            running.bound(binding.await.unwrap_or_else(|_| Err(died())))?;
            running.threads.push(thread);
        }
        Ok(running)
    }

    /// Starts the broker inside the caller's thread: each shard is a task of the current
    /// [`LocalSet`](tokio::task::LocalSet) or [`LocalRuntime`](tokio::runtime::LocalRuntime).
    ///
    /// # Errors
    /// If a listener couldn't be opened. Nothing runs then.
    ///
    /// # Panics
    /// Outside of those two.
    pub async fn start_local(self) -> Result<Running, StartError> {
        let (plan, mut running) = self.plan();
        for (environment, binds) in plan.shards {
            let (bound, binding) = oneshot::channel();
            tokio::task::spawn_local(crate::shard::run(environment, binds, bound));
            running.bound(binding.await.unwrap_or_else(|_| Err(died())))?;
        }
        Ok(running)
    }

    fn plan(self) -> (Plan, Running) {
        let clock = self.simulated.map_or_else(Clock::system, Clock::simulated);
        let sequencer = SequencerConfig {
            policies: self.config.policies.clone(),
            folds: self.config.folds.clone(),
            payload_bytes_max: self.config.limits.payload_bytes_max,
            ..self.sequencer
        };
        let exchange = Exchange::new(sequencer, self.shards, self.bounds, clock.now());
        let exchange = Arc::new(exchange);
        let (stop, stopping) = watch::channel(None);
        let (tell, told) = mpsc::channel(usize::from(self.shards));
        let (seats, waiting): (Vec<_>, Vec<_>) =
            (0..self.shards).map(|_| mpsc::channel::<Seat>(SEATS_WAITING)).unzip();
        let config = Arc::new(ShardConfig { shards: self.shards, ..self.config });
        let mut binds: Vec<Vec<Bind>> = (0..self.shards).map(|_| Vec::new()).collect();
        for (place, bind) in self.binds.into_iter().enumerate() {
            binds[place % usize::from(self.shards)].push(bind);
        }
        let environment = |(id, waiting)| Environment {
            id: ShardId(id),
            config: config.clone(),
            exchange: exchange.clone(),
            clock,
            seats: seats.clone(),
            waiting,
            stopping: stopping.clone(),
            tell: tell.clone(),
        };
        let shards = (0..self.shards).zip(waiting).map(environment).zip(binds).collect();
        let running = Running {
            exchange,
            listening: Vec::new(),
            stop,
            with: self.stop,
            told,
            threads: Vec::new(),
        };
        (Plan { shards }, running)
    }
}

/// What every shard is started with.
struct Plan {
    shards: Vec<(Environment, Vec<Bind>)>,
}

/// The runtime of one shard: one thread, nothing in it is shared.
fn run_thread(environment: Environment, binds: Vec<Bind>, bound: oneshot::Sender<Placed>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default());
    match runtime {
        Ok(runtime) => runtime.block_on(crate::shard::run(environment, binds, bound)),
        Err(error) => drop(bound.send(Err(error))),
    }
}

fn died() -> io::Error {
    io::Error::other("a shard died while it started")
}

/// A broker that couldn't be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A listener couldn't be opened: the address is taken or not this machine's, or the right is
    /// missing.
    #[error("can't listen: {0}")]
    Listen(#[source] io::Error),
    /// The system gave no thread.
    #[error("can't start a shard's thread: {0}")]
    Thread(#[source] io::Error),
}

/// A running broker. Dropping it stops it at once, without draining.
#[derive(Debug)]
pub struct Running {
    exchange: Arc<Exchange>,
    listening: Vec<(&'static str, Address)>,
    stop: watch::Sender<Option<Stop>>,
    with: Stop,
    told: mpsc::Receiver<Statistics>,
    threads: Vec<thread::JoinHandle<()>>,
}

/// What a broker did in its life.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Messages accepted.
    pub published: u64,
    /// Topics that were known at the end.
    pub topics: usize,
    /// How often a connection that publishes had to wait for the broker.
    pub publishers_paused: u64,
    /// What the shards did, added up.
    pub shards: Statistics,
}

impl Running {
    /// The transports and addresses it listens on, with the ports that the system chose, in the
    /// order of the [`Builder::listen`] calls of each shard.
    pub fn listening(&self) -> &[(&'static str, Address)] {
        &self.listening
    }

    /// How many connections each shard has, handshakes included. A new one is placed where the
    /// fewest are.
    pub fn connections(&self) -> Vec<usize> {
        self.exchange.seating.counts()
    }

    /// Stops in good order: accepts no more, sends what waits up to the deadline, asks clients to
    /// return spread over time, and closes.
    pub async fn shutdown(mut self) -> Summary {
        self.stop.send_replace(Some(self.with));
        let mut shards = Statistics::default();
        while let Some(told) = self.told.recv().await {
            shards.add(&told);
        }
        let (sequencer, topics) = self.exchange.statistics();
        for thread in self.threads {
            let joined = tokio::task::spawn_blocking(move || thread.join()).await;
            if !matches!(joined, Ok(Ok(()))) {
                tracing::error!("a shard's thread ended by a panic");
            }
        }
        Summary {
            published: sequencer.published,
            topics,
            publishers_paused: self.exchange.publishers_paused.load(Ordering::Relaxed),
            shards,
        }
    }

    fn bound(&mut self, placed: Placed) -> Result<(), StartError> {
        self.listening.extend(placed.map_err(StartError::Listen)?);
        Ok(())
    }
}
