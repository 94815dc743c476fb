//! What a pattern forbids.

use broker_delivery::lane::{LaneOptions, Overflow};

use super::{KeepRule, Pattern, PatternSet, Policies};

/// An option that a pattern forbids.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("pattern {pattern:?} forbids `{option}: {value}`")]
pub(crate) struct Offence {
    pattern: String,
    option: &'static str,
    value: &'static str,
}

impl Policies {
    /// What the first of these patterns which forbids any of it forbids.
    pub(crate) fn offence(&self, touched: PatternSet, options: &LaneOptions) -> Option<Offence> {
        self.among(touched).find_map(|pattern| pattern.offence(options))
    }
}

impl Pattern {
    fn offence(&self, options: &LaneOptions) -> Option<Offence> {
        let keep = KeepRule::from(options.keep);
        let (option, value) = if self.forbidden_keeps.contains(&keep) {
            ("keep", keep.name())
        } else if self.forbidden_overflows.contains(&options.overflow) {
            ("overflow", name_of(options.overflow))
        } else if options.unreliable && self.forbids_unreliable {
            ("unreliable", "true")
        } else {
            return None;
        };
        Some(Offence { pattern: self.filter.clone(), option, value })
    }
}

impl KeepRule {
    fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Latest => "latest",
            Self::Merge => "merge",
        }
    }
}

fn name_of(overflow: Overflow) -> &'static str {
    match overflow {
        Overflow::Disconnect => "disconnect",
        Overflow::DropOldest => "drop-oldest",
        Overflow::Resync => "resync",
    }
}
