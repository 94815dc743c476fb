//! As many calls as go through, with a window.

use std::time::{Duration, Instant};

use client_sdk::CallbackSet;
use client_sdk::interface::{CallError, Told};

use super::Stage;
use super::hall::Hall;
use super::target::{Ages, Target, now};

/// A text of 32 bytes.
pub(super) const TEXT: &str = "thirty-two bytes of words to say";

/// How many are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Each callback by itself, in turn.
    Each,
    /// All at once, by a `CallbackSet`.
    Set,
}

/// A load.
#[derive(Debug, Clone, Copy)]
pub struct Flood {
    /// How they are called.
    pub way: Way,
    /// For how long.
    pub duration: Duration,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Flooded {
    /// Calls that arrived in each second.
    pub per_second: f64,
    /// How old they were.
    pub ages: Ages,
    /// The share of a core that broker, service and clients needed.
    pub cores: [f64; 3],
}

impl Flood {
    /// Calls all that have joined the stage, who haven't been called before.
    ///
    /// # Errors
    /// If a call is lost.
    pub async fn run(&self, stage: &Stage) -> anyhow::Result<Flooded> {
        let (window, said_each) = (stage.window, stage.hall.said_each());
        let targets = stage.hall.targets();
        let set: CallbackSet<dyn Target> = stage.client.callback_set("desk.all");
        if self.way == Way::Set {
            for target in &targets {
                set.attach(target).await?;
            }
        }
        let (begun, before) = (Instant::now(), stage.cpu()?);
        let mut rounds = 0;
        // What is under way at the end is to be said as well: whole multiples.
        while begun.elapsed() < self.duration || rounds % said_each != 0 {
            if stage.hall.taken() + window <= rounds {
                let enough = |hall: &Hall| hall.taken() + window > rounds;
                stage.hall.until(enough).await?;
            }
            rounds += 1;
            match self.way {
                // As long as the window is open there is nothing to wait for.
                Way::Set => said(set.said(rounds, now(), TEXT.to_owned())).await?,
                Way::Each => {
                    for target in &targets {
                        said(target.said(rounds, now(), TEXT.to_owned())).await?;
                    }
                    tokio::task::yield_now().await;
                }
            }
        }
        stage.hall.until(|hall| hall.taken() >= rounds).await?;
        let (took, after) = (begun.elapsed(), stage.cpu()?);
        let seconds = took.as_secs_f64();
        let cores = [0, 1, 2].map(|who| (after[who] - before[who]).as_secs_f64() / seconds);
        let calls = rounds * targets.len() as u64;
        Ok(Flooded { per_second: calls as f64 / seconds, ages: stage.ages().await?, cores })
    }
}

/// Waits for room, if there is none.
async fn said(told: Told) -> Result<(), CallError> {
    if told.is_queued() { Ok(()) } else { told.await }
}
