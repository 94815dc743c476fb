//! How much may wait, and what happens to what is more.

use broker_protocol::frame::{Keep, LaneOptions, Overflow};

/// How much may wait for a subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bound {
    pub(crate) messages: usize,
    /// A larger single message still goes into an empty inbox.
    pub(crate) bytes: usize,
}

/// What happens at the bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AtBound {
    /// The subscription ends, once what waits is delivered.
    End,
    /// The oldest go, and are told in a gap.
    DropOldest,
}

/// What happens to what waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rules {
    /// How many of a key may wait behind a slow subscriber; any number where `None`.
    pub(crate) newest: Option<usize>,
    pub(crate) at_bound: AtBound,
}

impl Rules {
    /// Keeps all, or ends.
    pub(crate) const ALL: Self = Self { newest: None, at_bound: AtBound::End };
    /// Keeps all that there is room for.
    pub(crate) const NEWEST_OF_ALL: Self = Self { newest: None, at_bound: AtBound::DropOldest };

    /// Those of a lane hold in its subscribers' inboxes too.
    pub(crate) fn granted(options: &LaneOptions) -> Self {
        let newest = match options.keep {
            Some(Keep::Latest(newest)) => Some(usize::try_from(newest).unwrap_or(usize::MAX)),
            _ => None,
        };
        let at_bound = match (options.overflow, newest) {
            // What is retained is the broker's: here a resync can only tell what is lost.
            (Some(Overflow::DropOldest | Overflow::Resync), _) | (None, Some(_)) => {
                AtBound::DropOldest
            }
            _ => AtBound::End,
        };
        Self { newest, at_bound }
    }
}
