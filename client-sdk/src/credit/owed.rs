//! What an event holds of its lane's credit.

use std::sync::Arc;

use super::Credit;

/// What an event gives back when it is done with: dropping this says so.
#[derive(Debug)]
pub(crate) struct Owed {
    pub(super) credit: Arc<Credit>,
    pub(super) lane: u8,
    pub(super) bytes: u64,
}

impl Owed {
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes the share of one of `count` who got the frame; the last takes what is left.
    pub(crate) fn share(&mut self, count: usize) -> Self {
        let bytes = self.bytes / count.max(1) as u64;
        self.bytes -= bytes;
        Self { credit: Arc::clone(&self.credit), lane: self.lane, bytes }
    }

    /// Whether both are of one lane. The credit of different lanes is told for each by itself, and so
    /// what holds it stands apart.
    pub(crate) fn is_of_same_lane(&self, other: &Self) -> bool {
        self.lane == other.lane
    }

    /// Takes over what another event of its lane owed whose place this one took.
    pub(crate) fn join(&mut self, mut other: Self) {
        debug_assert!(self.is_of_same_lane(&other), "{self:?} and {other:?}");
        self.bytes += std::mem::take(&mut other.bytes);
    }
}

impl Drop for Owed {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.credit.finished(self.lane, self.bytes);
        }
    }
}
