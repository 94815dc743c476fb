//! Who answers requests.

use std::sync::Arc;

use broker_delivery::Matcher;
use hashbrown::HashMap;

use super::groups::{Groups, addressee};
use super::turns::Turns;
use crate::{Addressee, Standing};

/// Who answers requests. Several providers of a topic take turns.
#[derive(Debug, Default)]
pub(super) struct Providers {
    turns: Turns,
    /// The roster of each filter that is served.
    by_filter: HashMap<Arc<str>, usize>,
    matcher: Matcher<usize>,
}

impl Providers {
    pub(super) fn begin(&mut self, standing: &Standing) {
        let roster = *self.by_filter.entry(standing.filter.clone()).or_insert_with(|| {
            let roster = self.turns.open();
            self.matcher.insert(&standing.filter, roster);
            roster
        });
        self.turns.join(roster, addressee(standing));
    }

    pub(super) fn end(&mut self, standing: &Standing) {
        let Some(roster) = self.by_filter.get(&standing.filter).copied() else { return };
        if self.turns.leave(roster, addressee(standing)) {
            self.by_filter.remove(&standing.filter);
            self.matcher.remove(&standing.filter, &roster);
        }
    }

    /// Chooses a provider for a request topic, passing over those that can't be written to.
    pub(super) fn choose(&mut self, topic: &str, groups: &Groups) -> Option<Addressee> {
        let mut rosters = Vec::new();
        self.matcher.for_each_match(topic, |roster| rosters.push(*roster));
        self.turns.choose(&rosters, |provider| !groups.is_blocked(provider.session))
    }
}
