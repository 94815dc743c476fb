//! A broker in this process, whose threads are told from those of its clients.

use std::rc::Rc;
use std::time::Duration;

use broker::{Broker, Builder, Liveness, ShardConfig};
use broker_load::Server;
use broker_tests::{Place, Setting, Transport};
use tokio::runtime::LocalRuntime;

/// Longer than any bench.
const HOUR: Duration = Duration::from_secs(3600);

/// How long a broker may take to end: whoever still has messages waiting doesn't get them.
const SHUTDOWN: Duration = Duration::from_millis(50);

/// A broker that expects no sign of life, since bare clients answer no pings, and that ends at once.
pub fn patient() -> Builder {
    let liveness = Liveness { ping_interval: HOUR, ping_misses: 10, ..Liveness::default() };
    let config = ShardConfig { liveness, ..ShardConfig::default() };
    Broker::builder().config(config).shutdown(SHUTDOWN, Duration::ZERO)
}

/// The threads of the shards in this process, for their processor time.
pub fn shard_threads() -> Server {
    Server::threads_here("broker-shard")
}

/// A runtime of one thread: this one.
///
/// # Errors
/// If the system gives none.
pub fn runtime() -> anyhow::Result<LocalRuntime> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    Ok(builder.enable_all().build_local(tokio::runtime::LocalOptions::default())?)
}

/// A running broker. Lives as long as its shards' threads, so that the next one finds none of them.
pub struct Started {
    runtime: LocalRuntime,
    running: broker::Running,
    /// Where it is.
    pub place: Rc<Place>,
}

impl Started {
    /// Starts a broker.
    ///
    /// # Errors
    /// Whatever stands in the way.
    pub fn start(transport: Transport, shards: u16) -> anyhow::Result<Self> {
        let runtime = runtime()?;
        let builder = patient().shards(shards);
        let Setting { running, place } = runtime.block_on(transport.start_with(builder))?;
        Ok(Self { runtime, running, place: Rc::new(place) })
    }

    /// Does something with it in the runtime in which it was started.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Stops it, and waits until its threads are gone.
    pub fn stop(self) {
        self.runtime.block_on(self.running.shutdown());
    }
}
