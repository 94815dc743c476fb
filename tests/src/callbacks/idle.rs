//! How long one call takes where nothing else happens.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::Stage;
use super::flood::TEXT;
use super::target::{Ages, now};

/// How long nothing happens between two calls.
const PAUSE: Duration = Duration::from_millis(1);

/// How long calls took.
#[derive(Debug, Clone)]
pub struct Idle {
    /// From a call without an answer until the method runs.
    pub said: Ages,
    /// From a call until its answer is there.
    pub confirmed: Ages,
}

/// Makes so many calls of each kind, one by one, of the first that has joined.
///
/// # Errors
/// If one is lost.
pub async fn idle(stage: &Stage, calls: u64) -> anyhow::Result<Idle> {
    let target = stage.hall.targets().swap_remove(0);
    for number in 1..=calls {
        target.said(number, now(), TEXT.to_owned()).ok()?;
        sleep(PAUSE).await;
    }
    let mut confirmed = Vec::new();
    for _ in 0..calls {
        let begun = Instant::now();
        target.confirm(TEXT.to_owned()).await?;
        confirmed.push(begun.elapsed().as_nanos() as u64);
        sleep(PAUSE).await;
    }
    Ok(Idle { said: stage.ages().await?, confirmed: Ages::new(confirmed) })
}
