//! The processor time of the broker's shards, as the kernel accounts it per thread.

use std::fs;
use std::time::Duration;

/// The processor time that the threads of the broker's shards in this process have used.
///
/// `None` where the kernel doesn't tell (`/proc/<pid>/task/*/schedstat`, in nanoseconds).
pub fn of_shards() -> Option<Duration> {
    let mut sum = Duration::ZERO;
    for task in fs::read_dir("/proc/self/task").ok()?.flatten() {
        let name = fs::read_to_string(task.path().join("comm")).ok()?;
        if name.starts_with("broker-shard") {
            let times = fs::read_to_string(task.path().join("schedstat")).ok()?;
            sum += Duration::from_nanos(times.split_whitespace().next()?.parse().ok()?);
        }
    }
    Some(sum)
}
