//! A run: connections are opened, messages published at their pace, and what arrives is counted.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::task::LocalSet;

use crate::fleet::{Fleet, topic_name};
use crate::flow::Flow;
use crate::mark::Clock;
use crate::party::{Dialect, LoadError, Party};
use crate::report::{Measured, Report, Used};
use crate::spare::Spare;
use crate::{Pace, Plan};

/// The buffer over which all connections read, in bytes.
const BUFFER_BYTES: usize = 256 << 10;
/// A publisher sends what it has when that is as much as this, in bytes.
const PACKET_BYTES: usize = 32 << 10;
/// The most messages that are published between two looks at the connections.
const PUBLISHED_AT_A_TIME: u64 = 16_384;
/// How long a flood waits for what doesn't come before it gives it up.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long nothing at all may arrive.
const SILENCE_MAX: Duration = Duration::from_secs(5);
/// How often progress is told.
const PROGRESS_EVERY: u64 = 250_000_000;
/// How long connections that nobody uses are watched, so that what was used for them settles.
const IDLE_PAUSE: Duration = Duration::from_millis(500);

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Progress {
    /// Connections are being opened.
    Opening {
        /// So many are.
        opened: usize,
        /// So many will be.
        all: usize,
    },
    /// It runs, not measured yet.
    WarmingUp,
    /// It is measured.
    Measuring {
        /// The part of the time that has passed, from 0 to 1.
        done: f64,
        /// Deliveries so far.
        deliveries: u64,
    },
}

/// Carries out a plan, and returns what was measured. Blocks this thread and keeps it busy.
///
/// # Errors
/// If the plan can't be carried out, or connections fail while they are opened. Connections that end
/// later are counted.
pub fn run(
    plan: &Plan,
    dialect: &dyn Dialect,
    progress: &dyn Fn(Progress),
) -> Result<Report, LoadError> {
    plan.check()?;
    // Sockets are looked at whenever the thread has nothing else to do.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, async {
        let before = Used::now(plan.server);
        let started = Instant::now();
        let fleet = Fleet::open(dialect, plan, progress).await?;
        let opening = started.elapsed();
        let opened = Used::now(plan.server);
        if plan.is_idle() {
            tokio::time::sleep(IDLE_PAUSE).await;
        }
        let settled = Used::now(plan.server);
        let mut report = Report::new(plan, opening, [before, opened, settled]);
        if !plan.is_idle() {
            report.measured = Some(Run::start(plan, fleet).drive(progress).await?);
        }
        Ok(report)
    })
}

/// A run at work.
struct Run<'a> {
    plan: &'a Plan,
    clock: Clock,
    shared: Rc<Shared>,
    publishers: Vec<Publisher>,
    topics: Vec<String>,
    payload: Vec<u8>,
    spare: Spare,
    /// How many messages were published so far.
    published: u64,
    /// When the first message is due.
    begin: u64,
    latest: u64,
}

/// What subscribers and the driver share.
struct Shared {
    flow: RefCell<Flow>,
    buffer: RefCell<Vec<u8>>,
    /// How often any subscriber was at work.
    works: std::cell::Cell<u64>,
}

struct Publisher {
    party: Box<dyn Party>,
    appended: usize,
}

impl<'a> Run<'a> {
    fn start(plan: &'a Plan, fleet: Fleet) -> Self {
        let follows = match plan.pace {
            Pace::Rate(_) => true,
            Pace::Window(window) => window <= 4,
        };
        let clock = Clock::start();
        let shared = Rc::new(Shared {
            flow: RefCell::new(Flow::new(plan.topics, follows)),
            buffer: RefCell::new(vec![0; BUFFER_BYTES]),
            works: std::cell::Cell::new(0),
        });
        let stalled = plan.stalled_subscribers();
        for (number, (topic, party)) in fleet.subscribers.into_iter().enumerate() {
            if number < stalled {
                // Never read again, and never closed.
                tokio::task::spawn_local(async move {
                    let _party = party;
                    std::future::pending::<()>().await;
                });
                continue;
            }
            let reader = shared.flow.borrow_mut().add_reader(topic);
            tokio::task::spawn_local(read(shared.clone(), party, reader, clock));
        }
        let publisher = |party| Publisher { party, appended: 0 };
        let now = clock.now();
        Self {
            plan,
            clock,
            shared,
            publishers: fleet.publishers.into_iter().map(publisher).collect(),
            topics: (0..plan.topics).map(topic_name).collect(),
            payload: vec![b'x'; plan.payload_bytes],
            spare: Spare::new(now),
            published: 0,
            begin: now,
            latest: 0,
        }
    }

    async fn drive(mut self, progress: &dyn Fn(Progress)) -> Result<Measured, LoadError> {
        let warm = self.begin + self.plan.warm_up.as_nanos() as u64;
        let end = warm + self.plan.duration.as_nanos() as u64;
        progress(Progress::WarmingUp);
        self.until(warm, &mut |_| {}).await?;
        self.shared.flow.borrow_mut().restart();
        self.latest = 0;
        let (before, from) = (Used::now(self.plan.server), self.clock.now());
        self.spare.restart(from);
        self.until(end, &mut |run: &Self| {
            let done = (run.clock.now() - from) as f64 / (end - from) as f64;
            let deliveries = run.shared.flow.borrow().counted.deliveries;
            progress(Progress::Measuring { done, deliveries });
        })
        .await?;
        let (after, elapsed) = (Used::now(self.plan.server), self.clock.now() - from);
        let latest = Duration::from_nanos(self.latest);
        let flow = self.shared.flow.borrow();
        let elapsed = Duration::from_nanos(elapsed);
        Ok(Measured::new(&flow, elapsed, [before, after], self.spare.busy(), latest))
    }

    /// Publishes and receives until the clock shows `end`.
    async fn until(&mut self, end: u64, tell: &mut dyn FnMut(&Self)) -> Result<(), LoadError> {
        let mut told = self.clock.now();
        let mut progress = (self.shared.flow.borrow().settled(), told);
        let mut works = self.shared.works.get();
        loop {
            let now = self.clock.now();
            if now >= end {
                return Ok(());
            }
            let published = self.published;
            poll_fn(|cx| Poll::Ready(self.publish(cx, now))).await?;
            let worked = self.published != published || self.shared.works.get() != works;
            works = self.shared.works.get();
            self.spare.look(now, worked);
            self.check_progress(&mut progress, now)?;
            if now - told >= PROGRESS_EVERY {
                told = now;
                tell(self);
            }
            tokio::task::yield_now().await;
        }
    }

    /// Gives up what doesn't come, and fails if nothing comes at all.
    fn check_progress(&self, (settled, since): &mut (u64, u64), now: u64) -> Result<(), LoadError> {
        let mut flow = self.shared.flow.borrow_mut();
        if flow.settled() != *settled || flow.outstanding() == 0 {
            (*settled, *since) = (flow.settled(), now);
            return Ok(());
        }
        let waited = Duration::from_nanos(now - *since);
        if waited > SILENCE_MAX && flow.counted.deliveries == 0 {
            return Err(LoadError::Silence(SILENCE_MAX));
        }
        if waited > PATIENCE && matches!(self.plan.pace, Pace::Window(_)) {
            flow.give_up();
            (*settled, *since) = (flow.settled(), now);
        }
        Ok(())
    }

    /// Publishes what is due.
    fn publish(&mut self, cx: &mut Context<'_>, now: u64) -> Result<(), LoadError> {
        for publisher in &mut self.publishers {
            publisher.poll(cx, &self.shared)?;
        }
        let due = match self.plan.pace {
            Pace::Rate(_) => PUBLISHED_AT_A_TIME,
            Pace::Window(window) => self.room(window).min(PUBLISHED_AT_A_TIME),
        };
        for _ in 0..due {
            let at = match self.plan.pace {
                Pace::Rate(rate) => self.begin + (self.published as f64 * 1e9 / rate) as u64,
                Pace::Window(_) => now,
            };
            if at > now || !self.publish_one(cx, at)? {
                break;
            }
            self.latest = self.latest.max(now - at);
        }
        for publisher in &mut self.publishers {
            publisher.flush(cx)?;
        }
        Ok(())
    }

    /// How many messages the window lets out: half of it at a time, so that they can be gathered.
    fn room(&self, window: u32) -> u64 {
        let flow = self.shared.flow.borrow();
        let readers = flow.readers();
        let free = (u64::from(window) * readers).saturating_sub(flow.outstanding());
        let half = u64::from(window.div_ceil(2)) * readers;
        if free < half || readers == 0 || !self.spare.has_some() {
            return 0;
        }
        (free * self.plan.topics as u64 / readers).max(1)
    }

    /// Publishes one message, unless its publisher is blocked.
    fn publish_one(&mut self, cx: &mut Context<'_>, due: u64) -> Result<bool, LoadError> {
        let topic = (self.published % self.plan.topics as u64) as usize;
        let count = self.publishers.len();
        let publisher = &mut self.publishers[topic % count];
        if publisher.appended >= PACKET_BYTES && !publisher.flush(cx)? {
            return Ok(false);
        }
        self.shared.flow.borrow_mut().publish(topic, due).write(&mut self.payload);
        publisher.party.publish(&self.topics[topic], &self.payload);
        publisher.appended += self.payload.len();
        self.published += 1;
        Ok(true)
    }
}

impl Publisher {
    /// Reads what the server says to a publisher, such as pings.
    fn poll(&mut self, cx: &mut Context<'_>, shared: &Shared) -> Result<(), LoadError> {
        match self.party.poll_receive(cx, &mut shared.buffer.borrow_mut(), &mut |_| {}) {
            Poll::Ready(received) => received,
            Poll::Pending => Ok(()),
        }
    }

    /// Sends what was appended. Returns whether all of it was taken.
    fn flush(&mut self, cx: &mut Context<'_>) -> Result<bool, LoadError> {
        if self.appended == 0 {
            return Ok(true);
        }
        match self.party.poll_flush(cx) {
            Poll::Ready(flushed) => {
                flushed?;
                self.appended = 0;
                Ok(true)
            }
            Poll::Pending => Ok(false),
        }
    }
}

/// Reads what one subscriber receives, until its connection ends.
async fn read(shared: Rc<Shared>, mut party: Box<dyn Party>, reader: usize, clock: Clock) {
    poll_fn(|cx| {
        loop {
            let mut buffer = shared.buffer.borrow_mut();
            let mut heard = false;
            let polled = party.poll_receive(cx, &mut buffer, &mut |piece| {
                heard = true;
                shared.flow.borrow_mut().hear(reader, piece, clock.now());
            });
            shared.works.set(shared.works.get() + u64::from(heard));
            match polled {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
    })
    .await;
    shared.flow.borrow_mut().end_reader(reader);
}
