//! How much may wait, and what happens to what is more.

use broker_protocol::frame::{Keep, LaneOptions, Overflow};

/// How much may wait for a subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bound {
    pub(crate) messages: usize,
    /// A larger single message still goes into an empty inbox.
    pub(crate) bytes: usize,
}

impl Bound {
    pub(super) fn twice(self) -> Self {
        let messages = self.messages.saturating_mul(2);
        Self { messages, bytes: self.bytes.saturating_mul(2) }
    }
}

/// What happens at the bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AtBound {
    /// The subscription ends, once what waits is delivered.
    End,
    /// The oldest go, and are told in a gap.
    DropOldest,
}

/// What survives of what waits of a key behind a slow subscriber.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// All of it.
    All,
    /// The newest few.
    Newest(usize),
    /// What all of it is folded into.
    Merged,
}

/// What happens to what waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rules {
    pub(crate) kept: Kept,
    pub(crate) at_bound: AtBound,
}

impl Rules {
    /// Keeps all, or ends.
    pub(crate) const ALL: Self = Self { kept: Kept::All, at_bound: AtBound::End };
    /// Keeps all that there is room for.
    pub(crate) const NEWEST_OF_ALL: Self = Self { kept: Kept::All, at_bound: AtBound::DropOldest };

    /// The same, but that at the bound the oldest go.
    pub(crate) fn dropping(self) -> Self {
        Self { at_bound: AtBound::DropOldest, ..self }
    }

    /// Those of a lane hold in its subscribers' inboxes too.
    pub(crate) fn granted(options: &LaneOptions) -> Self {
        let kept = match options.keep {
            Some(Keep::Latest(newest)) => {
                Kept::Newest(usize::try_from(newest).unwrap_or(usize::MAX))
            }
            Some(Keep::Merge) => Kept::Merged,
            Some(Keep::All) | None => Kept::All,
        };
        let at_bound = match (options.overflow, kept) {
            // What is retained is the broker's: here a resync can only tell what is lost.
            (Some(Overflow::DropOldest | Overflow::Resync), _)
            | (None, Kept::Newest(_) | Kept::Merged) => AtBound::DropOldest,
            _ => AtBound::End,
        };
        Self { kept, at_bound }
    }
}
