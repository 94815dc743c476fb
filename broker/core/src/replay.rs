//! Replays: what is retained, sent to one subscription page by page.

use std::num::NonZero;
use std::sync::Arc;

use crate::Publication;

/// Where a retained value stands among all of them: by its topic, and within it by when its key came.
///
/// A value that is overwritten keeps its place, so that a replay which begins again and again, each
/// time behind where the last one stood, reaches every key, however often the others change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The topic.
    pub topic: Arc<str>,
    /// The number of the key.
    pub key: u64,
}

/// How far a replay came.
///
/// It is a round: from behind where it began to the last place, and from the first to where it began.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Behind which value it began; `None` is in front of all.
    pub began: Option<Place>,
    /// The last value that was looked at, since the turn of the round if that was.
    pub at: Option<Place>,
    /// Whether it is past the last place.
    pub turned: bool,
}

impl Cursor {
    /// Another round, from where this one stands.
    pub fn again(self) -> Self {
        let began = if self.turned { self.at } else { self.at.or(self.began) };
        Self { began, at: None, turned: false }
    }

    /// Goes on with the places in front of where it began, if there are any left.
    pub fn turn(&mut self) -> bool {
        let turns = !self.turned && self.began.is_some();
        (self.turned, self.at) = (self.turned || turns, self.at.take().filter(|_| !turns));
        turns
    }
}

/// What a subscription is still to be sent of what is retained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outstanding {
    /// The subscription's number in the session.
    pub subscription: u64,
    /// Its filter.
    pub filter: Arc<str>,
    /// The last change of what is retained that counts: values that changed later came or will come
    /// as they were published. `None` is the last change before it is asked for.
    pub until: Option<NonZero<u64>>,
    /// How far it came.
    pub cursor: Cursor,
}

/// A page of a replay.
#[derive(Debug, Clone)]
pub struct Page {
    /// The subscription's number in the session.
    pub subscription: u64,
    /// The values.
    pub values: Vec<Publication>,
    /// Where it goes on; `None` if this was all.
    pub next: Option<Cursor>,
}

impl Page {
    /// What it counts against the bound of an inbox, in bytes.
    pub fn size(&self) -> usize {
        self.values.iter().map(Publication::size).sum::<usize>() + size_of::<Self>()
    }
}
