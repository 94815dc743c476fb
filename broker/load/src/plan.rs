//! What is to happen in a run.

use std::time::Duration;

use crate::mark::PAYLOAD_BYTES_MIN;
use crate::{LoadError, Server};

/// How fast messages are published.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// So many messages a second, in all, each at its time whether or not the ones before arrived.
    Rate(f64),
    /// As many as the server takes, while so many messages per subscriber haven't arrived yet. The
    /// generator keeps a fifth of its core free, and publishes later for it.
    Window(u32),
}

/// What is to happen in a run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How many connections subscribe, each to one topic.
    pub subscribers: usize,
    /// How many connections publish; a topic is always published to by the same.
    pub publishers: usize,
    /// How many topics; subscribers and messages are dealt to them in turn.
    pub topics: usize,
    /// How fast messages are published.
    pub pace: Pace,
    /// Bytes of each payload, at least [`PAYLOAD_BYTES_MIN`].
    pub payload_bytes: usize,
    /// How long it runs before anything is measured.
    pub warm_up: Duration,
    /// How long is measured.
    pub duration: Duration,
    /// The share of the subscribers that never read, from 0 to 1.
    pub stalled: f64,
    /// The share of those that conflate, from 0 to 1, beside what all do.
    pub stalled_latest: f64,
    /// How many connections are opened at a time.
    pub opening: usize,
    /// The window of connections that take part in credit, in bytes; for the report.
    pub receive_window: Option<u64>,
    /// The process under load, if it runs on this machine.
    pub server: Option<Server>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            subscribers: 1000,
            publishers: 1,
            topics: 1,
            pace: Pace::Window(64),
            payload_bytes: 128,
            warm_up: Duration::from_secs(1),
            duration: Duration::from_secs(5),
            stalled: 0.0,
            stalled_latest: 0.0,
            opening: 32,
            receive_window: None,
            server: None,
        }
    }
}

/// The longest run: what the marks of messages can tell apart.
const DURATION_MAX: Duration = Duration::from_secs(900);

impl Plan {
    /// How many of the subscribers never read.
    pub fn stalled_subscribers(&self) -> usize {
        (self.subscribers as f64 * self.stalled).round() as usize
    }

    /// Whether a subscriber, by its number, conflates because it is stalled.
    pub fn conflates_stalled(&self, number: usize) -> bool {
        number < (self.stalled_subscribers() as f64 * self.stalled_latest).round() as usize
    }

    /// Whether nothing is published: connections are opened and left alone.
    pub fn is_idle(&self) -> bool {
        self.publishers == 0
    }

    /// Checks that the plan can be carried out.
    ///
    /// # Errors
    /// [`LoadError::Plan`], which says what to change.
    pub fn check(&self) -> Result<(), LoadError> {
        let fault = if self.subscribers == 0 {
            "there must be at least one subscriber".to_owned()
        } else if self.topics == 0 || self.topics > self.subscribers {
            format!("there must be from 1 to {} topics: one subscriber each", self.subscribers)
        } else if self.publishers > self.topics {
            format!("{} topics can have at most as many publishers", self.topics)
        } else if self.payload_bytes < PAYLOAD_BYTES_MIN {
            format!("a payload has at least {PAYLOAD_BYTES_MIN} bytes: its mark")
        } else if !(0.0..1.0).contains(&self.stalled) {
            "the stalled share must be at least 0 and less than 1".to_owned()
        } else if !(0.0..=1.0).contains(&self.stalled_latest) {
            "the share of the stalled that conflate must be from 0 to 1".to_owned()
        } else if self.stalled_subscribers() == self.subscribers {
            "somebody must read".to_owned()
        } else if self.warm_up + self.duration > DURATION_MAX {
            format!("a run takes at most {DURATION_MAX:?}")
        } else if self.opening == 0 || !self.pace.is_possible() {
            "the rate or window must be more than 0".to_owned()
        } else {
            return Ok(());
        };
        Err(LoadError::Plan(fault))
    }
}

impl Pace {
    fn is_possible(self) -> bool {
        match self {
            Self::Rate(rate) => rate.is_finite() && rate > 0.0,
            Self::Window(window) => window > 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_stalled_ones_a_share_conflates() {
        let plan = Plan { subscribers: 100, stalled: 0.1, stalled_latest: 0.5, ..Plan::default() };
        assert_eq!((0..100).filter(|number| plan.conflates_stalled(*number)).count(), 5);
        assert!(!Plan::default().conflates_stalled(0));
    }

    #[test]
    fn what_can_not_be_carried_out_is_refused_with_a_reason() {
        let fits = Plan { subscribers: 10, ..Plan::default() };
        fits.check().expect("it can be carried out");
        for wrong in [
            Plan { subscribers: 0, ..fits.clone() },
            Plan { topics: 11, ..fits.clone() },
            Plan { publishers: 2, ..fits.clone() },
            Plan { payload_bytes: 15, ..fits.clone() },
            Plan { stalled: 1.0, ..fits.clone() },
            Plan { stalled: 0.99, ..fits.clone() },
            Plan { stalled_latest: 1.1, ..fits.clone() },
            Plan { pace: Pace::Rate(0.0), ..fits.clone() },
            Plan { pace: Pace::Window(0), ..fits.clone() },
            Plan { duration: DURATION_MAX, ..fits.clone() },
        ] {
            assert!(matches!(wrong.check(), Err(LoadError::Plan(_))), "{wrong:?}");
        }
    }
}
