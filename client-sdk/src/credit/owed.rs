//! What an event holds of its lane's credit.

use std::sync::Arc;

use super::Credit;

/// One lane's credit.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(super) credit: Arc<Credit>,
    pub(super) lane: u8,
}

/// What an event gives back when it is done with: dropping this says so.
#[derive(Debug)]
pub(crate) struct Owed {
    pub(super) account: Account,
    pub(super) bytes: u64,
}

impl Account {
    /// So much of it is held until what this returns is dropped.
    pub(crate) fn owed(&self, bytes: u64) -> Owed {
        Owed { account: self.clone(), bytes }
    }

    /// So much of it isn't held any more.
    pub(crate) fn give_back(&self, bytes: u64) {
        if bytes > 0 {
            self.credit.finished(self.lane, bytes);
        }
    }

    /// The credit of different lanes is told for each by itself, and so what holds it stands apart.
    pub(crate) fn is_same_lane(&self, other: &Self) -> bool {
        self.lane == other.lane
    }
}

impl Owed {
    pub(crate) fn account(&self) -> &Account {
        &self.account
    }

    /// Leaves it to the caller to give back what this owed.
    pub(crate) fn take(&mut self) -> u64 {
        std::mem::take(&mut self.bytes)
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes the share of one of `count` who got the frame; the last takes what is left.
    pub(crate) fn share(&mut self, count: usize) -> Self {
        let bytes = self.bytes / count.max(1) as u64;
        self.bytes -= bytes;
        self.account.owed(bytes)
    }

    /// Takes over what another event of its lane owed whose place this one took.
    pub(crate) fn join(&mut self, mut other: Self) {
        debug_assert!(self.account.is_same_lane(&other.account), "{self:?} and {other:?}");
        self.bytes += other.take();
    }
}

impl Drop for Owed {
    fn drop(&mut self) {
        self.account.give_back(self.bytes);
    }
}
