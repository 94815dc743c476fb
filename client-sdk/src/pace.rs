//! That tasks which run user code give way to others.

use std::time::{Duration, Instant};

use tokio::task::coop::consume_budget;
use tokio::task::yield_now;

/// A call that takes longer than this gives way at once: what it woke may wait for its thread.
const LONG: Duration = Duration::from_millis(1);

/// Lets others run behind a call that began then: after a long one now, else in their turn.
pub(crate) async fn give_way(began: Instant) {
    match began.elapsed() >= LONG {
        true => yield_now().await,
        false => consume_budget().await,
    }
}
