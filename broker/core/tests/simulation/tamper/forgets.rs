//! Shards that say that nothing waits.

use broker_core::{Batch, Channel, Command};

use super::{Fault, Tamper};

impl Tamper {
    /// From some time on shards say of all idle topics that they are asked about that nothing of them
    /// waits. Few of those are used again before what waits has left: so it isn't once alone.
    pub(crate) fn forgets(&mut self, batch: &mut Batch) {
        if self.fault != Some(Fault::ForgetWaiting) {
            return;
        }
        for command in &mut batch.commands {
            let Command::StillWaiting { topics, .. } = command else { continue };
            if topics.is_empty() {
                continue;
            }
            match self.spared.checked_sub(1) {
                Some(spared) => self.spared = spared,
                None => {
                    self.victim = Some((usize::MAX, Channel::Control));
                    topics.clear();
                }
            }
        }
    }
}
