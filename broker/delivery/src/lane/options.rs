//! What a lane does while it is behind, and at its bound.

use std::time::Duration;

/// The highest priority of a lane.
pub const PRIORITY_MAX: u8 = 7;

/// What survives while a lane is behind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Keep {
    /// Everything, up to the bound.
    #[default]
    All,
    /// The newest `n` of each key.
    Latest(u32),
    /// One document per key, merged from those that waited.
    Merge,
}

/// What happens when a lane reaches its bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overflow {
    /// The connection ends; the subscriber is told why and when to come back.
    Disconnect,
    /// The oldest that wait are dropped, and told in a gap.
    DropOldest,
    /// Everything that waits is discarded and told, and the retained state is sent.
    Resync,
}

/// How much may wait in a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// Messages, with the gaps that wait.
    pub messages: u32,
    /// Bytes of messages, frames and gaps.
    pub bytes: u64,
}

/// The options of a lane, as granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneOptions {
    /// What survives while the lane is behind.
    pub keep: Keep,
    /// What happens at the bound.
    pub overflow: Overflow,
    /// How much may wait.
    pub bound: Bound,
    /// At most one delivery per key in this time; conflating lanes only.
    pub min_interval: Duration,
    /// 0 to [`PRIORITY_MAX`]; higher leaves first.
    pub priority: u8,
    /// Datagrams where the link has them.
    pub unreliable: bool,
}

impl Default for Bound {
    fn default() -> Self {
        Self { messages: 4096, bytes: 1 << 20 }
    }
}

impl Default for LaneOptions {
    fn default() -> Self {
        Self {
            keep: Keep::All,
            overflow: Overflow::Disconnect,
            bound: Bound::default(),
            min_interval: Duration::ZERO,
            priority: 0,
            unreliable: false,
        }
    }
}

/// Options that contradict each other or that aren't served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// A bound of nothing.
    #[error("a bound must be at least 1 message and 1 byte")]
    EmptyBound,
    /// No value of a key.
    #[error("`latest` must keep at least 1 message of a key")]
    KeepsNothing,
    /// A priority above the highest.
    #[error("priority {priority} is over {PRIORITY_MAX}")]
    Priority {
        /// What was asked for.
        priority: u8,
    },
    /// A rule that belongs to conflating lanes.
    #[error("`{option}` needs a lane that conflates")]
    NeedsConflation {
        /// The option.
        option: &'static str,
    },
    /// Datagrams for more than the newest.
    #[error("`unreliable` needs `keep: latest`, the newest message of each key alone")]
    NeedsLatest,
}

impl LaneOptions {
    /// Checks that the options fit together.
    ///
    /// # Errors
    /// The first contradiction found.
    pub fn check(&self) -> Result<(), OptionsError> {
        if self.bound.messages == 0 || self.bound.bytes == 0 {
            return Err(OptionsError::EmptyBound);
        }
        if self.priority > PRIORITY_MAX {
            return Err(OptionsError::Priority { priority: self.priority });
        }
        if self.keep == Keep::Latest(0) {
            return Err(OptionsError::KeepsNothing);
        }
        let keeps_all = self.keep == Keep::All;
        if keeps_all && !self.min_interval.is_zero() {
            return Err(OptionsError::NeedsConflation { option: "min_interval" });
        }
        if self.unreliable && self.keep != Keep::Latest(1) {
            return Err(OptionsError::NeedsLatest);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priority_7_is_the_highest() {
        let options = |priority| LaneOptions { priority, ..LaneOptions::default() };
        assert_eq!(options(7).check(), Ok(()));
        assert_eq!(options(8).check(), Err(OptionsError::Priority { priority: 8 }));
    }

    #[test]
    fn datagrams_are_for_the_newest_message_alone() {
        let options = |keep| LaneOptions { keep, unreliable: true, ..LaneOptions::default() };
        assert_eq!(options(Keep::Latest(1)).check(), Ok(()));
        for keep in [Keep::All, Keep::Latest(2), Keep::Merge] {
            assert_eq!(options(keep).check(), Err(OptionsError::NeedsLatest));
        }
    }

    #[test]
    fn a_bound_of_one_message_and_one_byte_is_the_smallest() {
        let options = |messages, bytes| LaneOptions {
            bound: Bound { messages, bytes },
            ..LaneOptions::default()
        };
        assert_eq!(options(1, 1).check(), Ok(()));
        assert_eq!(options(0, 1).check(), Err(OptionsError::EmptyBound));
        assert_eq!(options(1, 0).check(), Err(OptionsError::EmptyBound));
    }
}
