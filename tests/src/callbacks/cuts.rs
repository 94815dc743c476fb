//! Connections that are lost in mid-stream, and what is missed by it.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use super::flood::TEXT;
use super::target::now;
use super::{Stage, WINDOW};
use crate::Transport;
use crate::narrow::Narrow;

/// How much the way carries that is cut, in bytes a second: more than is called.
const BYTES_PER_SECOND: u32 = 200 << 20;

/// How often each callback is called.
const EACH: Duration = Duration::from_millis(1);

/// How long a connection stays cut.
const CUT_FOR: Duration = Duration::from_millis(200);

/// What came of it.
#[derive(Debug, Clone, Copy)]
pub struct Cut {
    /// How many clients there were.
    pub clients: usize,
    /// How often all their connections were cut.
    pub cuts: u64,
    /// Calls made, to all of them together.
    pub made: u64,
    /// Calls that came.
    pub came: u64,
    /// Calls of which clients were told that they won't come.
    pub told_missing: u64,
    /// Calls that came twice, or out of order.
    pub misplaced: u64,
}

impl Cut {
    /// Calls of which nobody knows anything.
    pub fn lost(&self) -> u64 {
        self.made.saturating_sub(self.came + self.told_missing)
    }
}

/// Calls so many clients each millisecond, whose connections are all cut once a second for a fifth of it.
///
/// # Errors
/// Whatever stands in the way.
pub async fn cut(clients: usize, cuts: u64) -> anyhow::Result<Cut> {
    let over = Transport::WebSocket;
    let mut stage = Stage::open("ws", WINDOW, &[]).await?;
    let place = over.place_at(stage.broker.url.clone(), None);
    let way = Narrow::open(over, &place, BYTES_PER_SECOND).await?;
    stage.orders.url.clone_from(&way.place.url);
    stage.enter(clients, None).await?;
    let targets = stage.hall.targets();
    let mut ticks = interval(EACH);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let (begun, mut rounds) = (Instant::now(), 0);
    let until = Duration::from_secs(cuts + 1);
    while begun.elapsed() < until || rounds % stage.hall.said_each() != 0 {
        ticks.tick().await;
        rounds += 1;
        for target in &targets {
            target.said(rounds, now(), TEXT.to_owned()).await?;
        }
        let within = Duration::from_nanos(begun.elapsed().subsec_nanos().into());
        match begun.elapsed() >= Duration::from_secs(1) && within < CUT_FOR {
            true => way.close(),
            false => way.reopen(),
        }
    }
    let mut cut = Cut { clients, cuts, made: 0, came: 0, told_missing: 0, misplaced: 0 };
    way.reopen();
    // An answer comes behind the calls before it.
    for report in stage.reports().await? {
        cut.came += report.calls;
        cut.told_missing += report.told_missing;
        cut.misplaced += report.misplaced;
    }
    cut.made = rounds * targets.len() as u64;
    Ok(cut)
}
