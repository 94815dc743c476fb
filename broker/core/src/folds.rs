//! Which rule folds the messages of which topics.

use std::fmt;
use std::sync::Arc;

use broker_delivery::filter_matches;
use broker_delivery::fold::Fold;

/// Which rule folds the messages of which topics: JSON Merge Patch (RFC 7396), where a program that
/// embeds the broker doesn't say otherwise.
#[derive(Clone, Default)]
pub struct Folds {
    /// A filter, and the rule for the topics that match it.
    rules: Vec<(Arc<str>, Arc<dyn Fold>)>,
}

impl Folds {
    /// Folds the messages of topics that match the filter by this rule, unless an earlier filter
    /// matches them too.
    pub fn add(&mut self, filter: &str, rule: Arc<dyn Fold>) {
        self.rules.push((Arc::from(filter), rule));
    }

    /// Adds all rules of another, behind its own.
    pub fn append(&mut self, other: Self) {
        self.rules.extend(other.rules);
    }

    /// The rule that was added for a topic; where there is none, it is [`MergePatch`](broker_delivery::fold::MergePatch).
    pub fn added(&self, topic: &str) -> Option<&dyn Fold> {
        let found = self.rules.iter().find(|(filter, _)| filter_matches(filter, topic));
        found.map(|(_, rule)| &**rule)
    }
}

impl PartialEq for Folds {
    /// The same rules for the same filters, in the same order.
    fn eq(&self, other: &Self) -> bool {
        let (one, two) = (&self.rules, &other.rules);
        one.len() == two.len()
            && one.iter().zip(two).all(|(one, two)| one.0 == two.0 && Arc::ptr_eq(&one.1, &two.1))
    }
}

impl fmt::Debug for Folds {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.rules.iter().map(|(filter, _)| filter)).finish()
    }
}
