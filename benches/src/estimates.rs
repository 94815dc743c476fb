//! What criterion estimated, read back from its files.

use std::fs;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::results::target_directory;

/// How long something takes, as criterion estimated it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Estimated {
    /// What was measured.
    pub function: String,
    /// With how many, or how large ones.
    pub parameter: usize,
    /// The mean time, in nanoseconds.
    pub nanoseconds: f64,
}

impl Estimated {
    /// The line of a table.
    pub fn cells(&self) -> [String; 3] {
        let Self { function, parameter, nanoseconds } = self;
        [function.clone(), parameter.to_string(), format!("{nanoseconds:.0}")]
    }
}

/// The part of criterion's `estimates.json` that is used.
#[derive(Deserialize)]
struct Estimates {
    mean: Estimate,
}

#[derive(Deserialize)]
struct Estimate {
    point_estimate: f64,
}

/// The mean time of `group/function/parameter`, if it was measured since then; a bench that has only
/// a parameter has an empty function.
pub fn nanoseconds(
    group: &str,
    function: &str,
    parameter: usize,
    since: SystemTime,
) -> Option<f64> {
    let group = group.replace('/', "_");
    let directory = target_directory().join("criterion").join(group).join(function);
    let path = directory.join(parameter.to_string()).join("new/estimates.json");
    let written = fs::metadata(&path).ok()?.modified().ok()?;
    let estimates: Estimates = serde_json::from_slice(&fs::read(&path).ok()?).ok()?;
    (written >= since).then_some(estimates.mean.point_estimate)
}
