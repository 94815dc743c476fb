//! What the broker keeps of a topic.

use broker_delivery::filter_matches;

use super::{Pattern, Policies};

/// What the broker keeps of a message that is to be retained.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Retention {
    /// Nothing: it is refused.
    Nothing,
    /// The last message of each key.
    #[default]
    Last,
    /// The document of each key: what its messages make of it, each applied to those before.
    Merged,
}

/// What holds for a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Retains {
    pub(crate) how: Retention,
    /// The most keys.
    pub(crate) keys_max: usize,
}

impl Default for Retains {
    fn default() -> Self {
        Self { how: Retention::default(), keys_max: usize::MAX }
    }
}

impl Policies {
    /// What the broker keeps of a topic: as the first pattern that matches it and says so has it, of
    /// as many keys as every pattern that matches it allows.
    pub(crate) fn retains(&self, topic: &str) -> Retains {
        let default = Retains::default();
        let how = self.matching(topic).find_map(|pattern| pattern.retain).unwrap_or(default.how);
        let most = self.matching(topic).filter_map(|pattern| pattern.keys_max).min();
        Retains { how, keys_max: most.unwrap_or(default.keys_max) }
    }

    /// The filter of the pattern that has nothing kept of a topic.
    pub(crate) fn keeps_nothing(&self, topic: &str) -> Option<&str> {
        let first = self.matching(topic).find(|pattern| pattern.retain.is_some())?;
        (first.retain == Some(Retention::Nothing)).then_some(&*first.filter)
    }

    /// The filter of a pattern that allows of a topic no more keys than any other.
    pub(crate) fn fewest_keys(&self, topic: &str) -> Option<&str> {
        let allowing = self.matching(topic).filter_map(|one| Some((one.keys_max?, &*one.filter)));
        allowing.min_by_key(|(most, _)| *most).map(|(_, filter)| filter)
    }

    fn matching(&self, topic: &str) -> impl Iterator<Item = &Pattern> {
        self.0.iter().filter(move |pattern| filter_matches(&pattern.filter, topic))
    }
}
