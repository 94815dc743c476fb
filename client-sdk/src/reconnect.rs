//! When to try again.

use std::time::Duration;

/// How often and after what pauses a lost connection is made again.
///
/// Before attempt `n` the client waits for a random time between nothing and `min × 2ⁿ⁻¹`, at most
/// `max` (full jitter): many clients that lose one broker don't return in step. Where the broker
/// says when to return, that time comes first.
///
/// ```
/// use std::time::Duration;
/// use client_sdk::Reconnect;
///
/// let policy = Reconnect { attempts_max: Some(10), ..Reconnect::default() };
/// assert_eq!(policy.ceiling(1), Duration::from_millis(100));
/// assert_eq!(policy.ceiling(3), Duration::from_millis(400));
/// assert_eq!(policy.ceiling(1000), Duration::from_secs(30));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reconnect {
    /// The longest pause before the first attempt. 100 ms.
    pub min: Duration,
    /// The longest pause of all. 30 s.
    pub max: Duration,
    /// How many attempts are made until the client gives up and closes; `None` means no end, and 0
    /// that a lost connection closes the client. `None`.
    pub attempts_max: Option<u32>,
}

impl Reconnect {
    /// A connection that lived for this long makes the count of attempts begin anew.
    pub(crate) const STABLE_AFTER: Duration = Duration::from_secs(5);

    /// A lost connection closes the client.
    pub const OFF: Self = Self { min: Duration::ZERO, max: Duration::ZERO, attempts_max: Some(0) };

    /// The longest pause before an attempt, counted from 1.
    pub fn ceiling(&self, attempt: u32) -> Duration {
        let doublings = attempt.saturating_sub(1).min(31);
        self.min.saturating_mul(1 << doublings).min(self.max)
    }

    /// A random pause before an attempt.
    pub(crate) fn pause(&self, attempt: u32) -> Duration {
        rand::random_range(Duration::ZERO..=self.ceiling(attempt))
    }

    /// Whether this attempt is still to be made.
    pub(crate) fn allows(&self, attempt: u32) -> bool {
        self.attempts_max.is_none_or(|most| attempt <= most)
    }
}

impl Default for Reconnect {
    fn default() -> Self {
        Self { min: Duration::from_millis(100), max: Duration::from_secs(30), attempts_max: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_lies_between_nothing_and_its_ceiling() {
        let policy = Reconnect::default();
        for attempt in 1..200 {
            assert!(policy.pause(attempt) <= policy.ceiling(attempt));
            assert!(policy.ceiling(attempt) <= policy.max);
        }
    }

    #[test]
    fn pauses_differ_from_each_other() {
        let policy = Reconnect::default();
        let pauses: std::collections::HashSet<_> = (0..20).map(|_| policy.pause(9)).collect();
        assert!(pauses.len() > 10);
    }

    #[test]
    fn the_last_attempt_is_made_and_none_after_it() {
        let policy = Reconnect { attempts_max: Some(3), ..Reconnect::default() };
        assert!(policy.allows(3));
        assert!(!policy.allows(4));
        assert!(!Reconnect::OFF.allows(1));
    }
}
