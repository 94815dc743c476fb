//! What the two ends of a link share.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use transport_api::{CloseReason, LinkError};

use crate::way::{End, Way};
use crate::{Config, Direction};

/// What the two ends of a link share: both directions under one small lock, never held across a
/// call of somebody else's code.
#[derive(Debug, Clone)]
pub(crate) struct Cable {
    shared: Arc<Mutex<Shared>>,
}

/// Both directions, and whether the link broke.
#[derive(Debug)]
pub(crate) struct Shared {
    ways: [Way; 2],
    broken: bool,
    /// How many of the two ends still exist.
    pub(crate) ends: u8,
}

impl Cable {
    pub(crate) fn new(config: &Config) -> Self {
        let datagram_bytes_max = config.datagram_bytes_max.unwrap_or(0);
        let way = |conditions, seed| Way::new(conditions, config.framing, datagram_bytes_max, seed);
        let ways = [
            way(config.to_server.clone(), config.seed),
            way(config.to_client.clone(), config.seed ^ u64::MAX),
        ];
        Self { shared: Arc::new(Mutex::new(Shared { ways, broken: false, ends: 2 })) }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Breaks the link at once: what is under way is lost.
    pub(crate) fn cut(&self) {
        let wakers = {
            let mut shared = self.lock();
            shared.cut();
            shared.all_wakers()
        };
        wake(wakers);
    }

    /// Ends a direction behind what is under way.
    pub(crate) fn finish(&self, direction: Direction, end: End) {
        let wakers = {
            let mut shared = self.lock();
            shared.way(direction).finish(end);
            shared.all_wakers()
        };
        wake(wakers);
    }
}

impl Shared {
    pub(crate) fn way(&mut self, direction: Direction) -> &mut Way {
        &mut self.ways[direction.index()]
    }

    /// Breaks the link.
    pub(crate) fn cut(&mut self) {
        self.broken = true;
        self.ways.iter_mut().for_each(Way::clear);
    }

    /// Everybody who waits for the link, to be woken once the lock is free.
    pub(crate) fn all_wakers(&mut self) -> [Option<Waker>; 4] {
        let [first, second] = &mut self.ways;
        [first.reader.take(), first.writer.take(), second.reader.take(), second.writer.take()]
    }

    /// Whether the link still carries anything.
    pub(crate) fn check(&self) -> Result<(), LinkError> {
        if self.broken { Err(broken(io::ErrorKind::ConnectionReset)) } else { Ok(()) }
    }

    /// Whether the end that sends in `direction` is known to be gone at the other end.
    pub(crate) fn check_peer(&self, direction: Direction) -> Result<(), LinkError> {
        self.check()?;
        match self.ways[direction.index()].arrived_end() {
            None => Ok(()),
            Some(End::Closed(reason)) => Err(LinkError::Closed(CloseReason::clone(reason))),
            Some(End::Vanished) => Err(broken(io::ErrorKind::UnexpectedEof)),
        }
    }
}

fn broken(kind: io::ErrorKind) -> LinkError {
    LinkError::Broken(kind.into())
}

/// Wakes everybody in `wakers`; to be called without the lock.
pub(crate) fn wake(wakers: impl IntoIterator<Item = Option<Waker>>) {
    wakers.into_iter().flatten().for_each(Waker::wake);
}
