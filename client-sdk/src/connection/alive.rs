//! Whether the broker still lives, and how long a goodbye may take.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use broker_protocol::frame::Ping;
use tokio::time::{Instant, Sleep, sleep};

use super::End;
use crate::config::Config;

/// Counts the intervals in which nothing was heard, though the broker was asked: a program that was
/// itself frozen for a while asks before it gives up.
pub(super) struct Alive {
    interval: Duration,
    heard: Instant,
    /// When it was asked for a sign of life, or else when it gave the last one.
    asked: Instant,
    pings: u32,
    timer: Pin<Box<Sleep>>,
    close_timeout: Duration,
    closing: Option<Pin<Box<Sleep>>>,
}

impl Alive {
    pub(super) fn new(interval: Duration, close_timeout: Duration) -> Self {
        let now = Instant::now();
        let timer = Box::pin(sleep(interval));
        Self { interval, heard: now, asked: now, pings: 0, timer, close_timeout, closing: None }
    }

    /// Notes a sign of life. The timer is set anew when it goes off, not with each sign.
    pub(super) fn heard(&mut self) {
        self.heard = Instant::now();
        (self.asked, self.pings) = (self.heard, 0);
    }

    /// A ping that is due, or the end of a broker that answers none.
    pub(super) fn poll_ping(&mut self, cx: &mut Context<'_>) -> Option<Result<Ping, End>> {
        let mut due = None;
        while self.timer.as_mut().poll(cx).is_ready() {
            if self.asked.elapsed() >= self.interval {
                if self.pings + 1 >= Config::PING_MISSES {
                    return Some(Err(End::Silent(self.heard.elapsed())));
                }
                (self.asked, self.pings) = (Instant::now(), self.pings + 1);
                due = Some(Ok(Ping::default()));
            }
            self.timer.as_mut().reset(self.asked + self.interval);
        }
        due
    }

    /// Waits until a goodbye has taken too long.
    pub(super) fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let timeout = self.close_timeout;
        self.closing.get_or_insert_with(|| Box::pin(sleep(timeout))).as_mut().poll(cx)
    }
}
