//! Folding: of several messages about one thing, one that stands for all of them.
//!
//! The rule that every broker knows is JSON Merge Patch (RFC 7396); programs that embed one bring
//! others. Pure: bytes in, bytes out.

mod document;
mod merge_patch;

pub use merge_patch::{MergePatch, apply};

/// How payloads about one thing become one.
///
/// # Laws
/// Whoever holds what came before, and takes the folded payload, ends with what it would have
/// after the earlier and then the later one. Where that can't be had, nothing is folded: both are
/// delivered, in order. The result depends on the payloads alone.
pub trait Fold: Send + Sync {
    /// The payload that stands for an earlier and a later one; `None` where none can.
    fn fold(&self, earlier: &[u8], later: &[u8]) -> Option<Vec<u8>>;

    /// What a later payload makes of a whole document. Unlike an earlier payload, a document isn't
    /// applied to anything any more.
    fn apply(&self, document: &[u8], later: &[u8]) -> Option<Vec<u8>> {
        self.fold(document, later)
    }

    /// Folds as many payloads from the front as become one of at most `bytes_max` bytes; `None`
    /// where the first stays alone. Called with all that waits of a key, so that a rule which
    /// has to read its payloads reads each of them once.
    fn fold_front(&self, payloads: &[&[u8]], bytes_max: usize) -> Option<Folded> {
        let (first, later) = payloads.split_first()?;
        let mut folded: Option<Folded> = None;
        for payload in later {
            let earlier = folded.as_ref().map_or(*first, |folded| &folded.payload);
            let Some(both) = self.fold(earlier, payload).filter(|both| both.len() <= bytes_max)
            else {
                break;
            };
            let count = folded.map_or(1, |folded| folded.count) + 1;
            folded = Some(Folded { payload: both, count });
        }
        folded
    }
}

/// Several payloads as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folded {
    /// What stands for them.
    pub payload: Vec<u8>,
    /// How many they were; at least two.
    pub count: usize,
}

#[cfg(test)]
mod tests;
