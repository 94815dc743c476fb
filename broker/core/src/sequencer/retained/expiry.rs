//! Values that expire: they go when they do, and count against no limit then.
//!
//! Nobody waits for it: in each turn some go, more where a publish meets a limit, and whatever a
//! replay comes across.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::Retained;

/// The values that expire, by when they do.
#[derive(Debug, Default)]
pub(super) struct Expiring(BTreeSet<(Duration, usize)>);

impl Expiring {
    pub(super) fn add(&mut self, value: usize, expires: Option<Duration>) {
        self.0.extend(expires.map(|expires| (expires, value)));
    }

    /// Learns that a value isn't there any more, or doesn't expire then.
    pub(super) fn remove(&mut self, value: usize, expires: Option<Duration>) {
        if let Some(expires) = expires {
            self.0.remove(&(expires, value));
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Retained {
    /// Forgets a value that has expired, if there is one. Returns its topic.
    pub(in crate::sequencer) fn forget_expired(&mut self, now: Duration) -> Option<Arc<str>> {
        if let Some(topic) = self.left.pop() {
            return Some(topic);
        }
        let (expires, value) = *self.expiring.0.first()?;
        (expires <= now).then(|| self.remove(value).publication.topic)
    }
}
