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

    /// What later payloads make of a whole document, one after the other. One that can't be applied
    /// takes its place. Whitespace around a payload may go.
    fn apply_all(&self, document: &[u8], later: &[&[u8]]) -> Vec<u8> {
        let apply = |document: Vec<u8>, later: &&[u8]| {
            self.apply(&document, later).unwrap_or_else(|| later.to_vec())
        };
        later.iter().fold(document.to_vec(), apply)
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

/// What of several payloads is left once they were folded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// For how many it stands.
    pub count: usize,
    /// What stands for them, where they are more than one.
    pub payload: Option<Vec<u8>>,
}

/// Folds payloads about one thing, oldest first, each time as many as become one of at most
/// `bytes_max` bytes.
pub fn fold_all(rule: &dyn Fold, payloads: &[&[u8]], bytes_max: usize) -> Vec<Part> {
    let (mut rest, mut parts) = (payloads, Vec::new());
    while !rest.is_empty() {
        let folded = if rest.len() > 1 { rule.fold_front(rest, bytes_max) } else { None };
        // A rule of somebody else's may say what it likes.
        let fits = |folded: &Folded| {
            (2..=rest.len()).contains(&folded.count) && folded.payload.len() <= bytes_max
        };
        let part = match folded.filter(fits) {
            Some(Folded { payload, count }) => Part { count, payload: Some(payload) },
            None => Part { count: 1, payload: None },
        };
        rest = &rest[part.count..];
        parts.push(part);
    }
    parts
}

#[cfg(test)]
mod tests;
