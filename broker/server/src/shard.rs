//! One shard at work: one thread, its connections, and the rules in the middle.
//!
//! Few tasks, all in one thread: one per listener and handshake ([`accept`]), one that polls all
//! connections ([`ready`], [`connection`]), and the turn ([`turn`]). Connections read and feed the
//! rules; the turn runs behind those that were ready, so that what they brought in is one batch,
//! and writes.

mod accept;
mod closing;
mod connection;
mod moving;
mod ready;
mod turn;
mod unserved;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use broker_core::{Config, Item, Now, Shard as Rules, ShardId, Statistics};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::JoinSet;
use transport_api::{Address, Incoming, Link};

use crate::broker::Bind;
use crate::clock::Clock;
use crate::exchange::Exchange;
use crate::seating::Welcome;
use connection::Connection;
use ready::Ready;

/// The buffer over which all connections of a shard read, in bytes.
const READ_BUFFER_BYTES: usize = 64 << 10;

/// What is on its way to the shard where it will live, and counts already.
pub(crate) enum Seat {
    /// A peer that has yet to shake hands.
    Peer { incoming: Box<dyn Incoming>, welcome: Welcome },
    /// The link of a client that goes on with a session of that shard, and what it brought so far.
    Link { link: Box<dyn Link>, early: Vec<u8>, welcome: Welcome },
}

/// Where a shard listens, or why it can't.
pub(crate) type Placed = std::io::Result<Vec<(&'static str, Address)>>;

/// How a broker stops.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stop {
    /// How long what waits may still be sent.
    pub(crate) deadline: Duration,
    /// Over what time clients are asked to return.
    pub(crate) spread: Duration,
}

/// What a shard is started with.
pub(crate) struct Environment {
    pub(crate) id: ShardId,
    pub(crate) config: Arc<Config>,
    pub(crate) exchange: Arc<Exchange>,
    pub(crate) clock: Clock,
    /// The way to every shard, this one included.
    pub(crate) seats: Vec<mpsc::Sender<Seat>>,
    pub(crate) waiting: mpsc::Receiver<Seat>,
    pub(crate) stopping: watch::Receiver<Option<Stop>>,
    pub(crate) tell: mpsc::Sender<Statistics>,
}

/// One shard at work. Everything in it belongs to one thread.
pub(crate) struct Shard {
    id: ShardId,
    config: Arc<Config>,
    exchange: Arc<Exchange>,
    clock: Clock,
    rules: RefCell<Rules>,
    /// By the session's slot.
    connections: RefCell<Vec<Option<Rc<Connection>>>>,
    /// Those of them that are to be polled.
    ready: Arc<Ready>,
    /// The way to every shard.
    seats: RefCell<Vec<mpsc::Sender<Seat>>>,
    buffer: RefCell<Vec<u8>>,
    /// There is something to do for the turn.
    work: Notify,
    /// How many bytes connections bring in before the next turn.
    batch_bytes_max: Cell<usize>,
    /// Connections that wait for the next turn, since this one's batch is full.
    paused: RefCell<Vec<Rc<Connection>>>,
    /// Connections that wait until the broker has caught up.
    held_back: RefCell<Vec<Rc<Connection>>>,
    /// Reused from turn to turn.
    items: Cell<Vec<Item>>,
    /// Connections whose handshake isn't done.
    handshakes: Cell<usize>,
    /// Handshakes, and what polls the connections: none outlives the turn, without which they'd
    /// wait forever.
    tasks: RefCell<JoinSet<()>>,
}

/// Runs a shard until the broker is stopped.
pub(crate) async fn run(
    environment: Environment,
    binds: Vec<Bind>,
    bound: oneshot::Sender<Placed>,
) {
    let Environment { id, config, exchange, clock, seats, waiting, stopping, tell } = environment;
    let shard = Rc::new(Shard {
        id,
        rules: RefCell::new(Rules::new(id, Config::clone(&config), clock.now())),
        config,
        exchange,
        clock,
        connections: RefCell::new(Vec::new()),
        ready: Arc::default(),
        seats: RefCell::new(seats),
        buffer: RefCell::new(vec![0; READ_BUFFER_BYTES]),
        work: Notify::new(),
        batch_bytes_max: Cell::new(unserved::BATCH_BYTES_MAX),
        paused: RefCell::new(Vec::new()),
        held_back: RefCell::new(Vec::new()),
        items: Cell::new(Vec::new()),
        handshakes: Cell::new(0),
        tasks: RefCell::new(JoinSet::new()),
    });
    let listeners = match accept::open(binds) {
        Ok(listeners) => listeners,
        Err(error) => return drop(bound.send(Err(error))),
    };
    let addresses = listeners.iter().map(|one| (one.transport(), one.local_address())).collect();
    // Whoever starts the broker may have given up by now; the stop signal tells then.
    let _ = bound.send(Ok(addresses));
    let accepting: Vec<_> = listeners
        .into_iter()
        .map(|listener| {
            let seats = shard.seats.borrow().clone();
            let waiting_on = accept::wait_on(shard.clone(), listener, seats);
            tokio::task::spawn_local(waiting_on)
        })
        .collect();
    let seating = tokio::task::spawn_local(accept::seat_all(shard.clone(), waiting));
    shard.spawn(ready::poll_all(shard.clone()));
    let stop = turn::run(&shard, stopping).await;
    accepting.iter().for_each(tokio::task::JoinHandle::abort);
    seating.abort();
    if let Some(stop) = stop {
        turn::drain(&shard, stop).await;
    }
    shard.let_go();
    let statistics = shard.rules.borrow().statistics();
    // Nobody listens if the broker was dropped without a shutdown.
    let _ = tell.send(statistics).await;
}

impl Shard {
    fn now(&self) -> Now {
        self.clock.now()
    }

    /// Runs a task that ends with the shard at the latest.
    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        // Also where no turn follows: who says nothing after the handshake brings none.
        self.reap();
        self.tasks.borrow_mut().spawn_local(task);
    }

    /// Ends what still runs. Connections know the shard and the shard knows them: unless it forgets
    /// them here, their links would stay open.
    fn let_go(&self) {
        self.tasks.borrow_mut().abort_all();
        drop((self.connections.take(), self.paused.take(), self.held_back.take()));
        drop(self.seats.take());
        // Nobody is to wait for it.
        self.exchange.note_unserved(self.id, 0);
    }

    /// Forgets the tasks that have ended.
    fn reap(&self) {
        while self.tasks.borrow_mut().try_join_next().is_some() {}
    }

    fn connection(&self, slot: u32) -> Option<Rc<Connection>> {
        self.connections.borrow().get(slot as usize)?.clone()
    }
}
