//! Who answers requests.

use broker_delivery::Matcher;

use super::groups::{Groups, addressee, take_turn};
use crate::{Addressee, Standing};

/// Who answers requests. Several providers of a topic take turns.
#[derive(Debug, Default)]
pub(super) struct Providers {
    matcher: Matcher<Addressee>,
    turn: usize,
}

impl Providers {
    pub(super) fn begin(&mut self, standing: &Standing) {
        self.matcher.insert(&standing.filter, addressee(standing));
    }

    pub(super) fn end(&mut self, standing: &Standing) {
        self.matcher.remove(&standing.filter, &addressee(standing));
    }

    /// Chooses a provider for a request topic, passing over those that can't be written to.
    pub(super) fn choose(&mut self, topic: &str, groups: &Groups) -> Option<Addressee> {
        let mut providers = Vec::new();
        self.matcher.for_each_match(topic, |provider| providers.push(*provider));
        self.turn = self.turn.wrapping_add(1);
        let ready = |provider: &Addressee| !groups.is_blocked(provider.session);
        let turn = self.turn.checked_rem(providers.len())?;
        take_turn(&providers, turn, ready).map(|chosen| providers[chosen])
    }
}
