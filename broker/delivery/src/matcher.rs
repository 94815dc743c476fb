//! Which of very many filters match a topic, at a cost that grows with the matches and the tokens
//! and not with the filters.
//!
//! A trie over tokens. What is stored and what matches is defined by
//! [`filter_matches`](crate::filter_matches); the tests hold the two against each other. The order
//! of results depends on the calls made and on nothing else.

mod slots;
#[cfg(test)]
mod tests;
mod trie;
mod values;
mod vocabulary;

use smallvec::SmallVec;

use crate::name::{WILDCARD_ONE, WILDCARD_TAIL, tokens};
use crate::topic::is_reserved;
use trie::{Edge, ROOT, Trie};
use vocabulary::Vocabulary;

/// Tokens of a topic, and nodes still to visit, that are kept without an allocation.
const TOKENS_INLINE: usize = 16;

/// Filters with values, found by the topics that they match.
///
/// A filter may hold any number of values, also equal ones. Filters and topics are taken as valid
/// ([`check_filter`](crate::check_filter), [`check_topic`](crate::check_topic)); others do no harm,
/// and what they match is not specified.
#[derive(Debug)]
pub struct Matcher<V> {
    trie: Trie<V>,
    vocabulary: Vocabulary,
    len: usize,
    generation: u64,
}

impl<V> Matcher<V> {
    /// Creates a matcher without filters.
    pub fn new() -> Self {
        Self { trie: Trie::new(), vocabulary: Vocabulary::new(), len: 0, generation: 0 }
    }

    /// The number of values in all filters together.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Tells whether no filter holds a value.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// A number that grows with every change, so that results can be kept while it stands still.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Adds a value to a filter, behind those that it holds.
    pub fn insert(&mut self, filter: &str, value: V) {
        let mut node = ROOT;
        for token in tokens(filter) {
            node = self.child_or_grow(node, token);
        }
        self.trie.values_mut(node).push(value);
        self.len += 1;
        self.generation += 1;
    }

    /// The values of a filter, in the order of their insertion. A change to them doesn't count as
    /// one of the [`generation`](Matcher::generation).
    pub fn values_mut(&mut self, filter: &str) -> &mut [V] {
        match self.node_of(filter) {
            Some(node) => self.trie.values_mut(node).as_mut_slice(),
            None => &mut [],
        }
    }

    /// Calls `f` with every value of every filter that matches the topic.
    ///
    /// A value comes once per filter that holds it. Along the topic, filters that go on with a
    /// literal token come before those with `*`, and these before those with `>`; the values of
    /// one filter come in the order of their insertion. Allocates only for topics of more than 16
    /// tokens or as many open branches.
    pub fn for_each_match(&self, topic: &str, mut f: impl FnMut(&V)) {
        let words: SmallVec<[Option<u32>; TOKENS_INLINE]> =
            tokens(topic).map(|token| self.vocabulary.find(token)).collect();
        let mut open: SmallVec<[(u32, usize); TOKENS_INLINE]> = SmallVec::new();
        open.push((ROOT, 0));
        while let Some((node, depth)) = open.pop() {
            let Some(&word) = words.get(depth) else {
                self.trie.values(node).as_slice().iter().for_each(&mut f);
                continue;
            };
            let mut follow = |edge, depth| {
                open.extend(self.trie.child(node, edge).map(|child| (child, depth)));
            };
            // The last one opened is visited first.
            if depth > 0 || !is_reserved(topic) {
                follow(Edge::Tail, words.len());
                follow(Edge::One, depth + 1);
            }
            if let Some(word) = word {
                follow(Edge::Literal(word), depth + 1);
            }
        }
    }

    fn child_or_grow(&mut self, node: u32, token: &str) -> u32 {
        if let Some(child) = self.edge(token).and_then(|edge| self.trie.child(node, edge)) {
            return child;
        }
        let edge = match token {
            WILDCARD_ONE => Edge::One,
            WILDCARD_TAIL => Edge::Tail,
            literal => Edge::Literal(self.vocabulary.acquire(literal)),
        };
        self.trie.grow(node, edge)
    }

    /// The edge for a token of a filter, if some filter contains it.
    fn edge(&self, token: &str) -> Option<Edge> {
        match token {
            WILDCARD_ONE => Some(Edge::One),
            WILDCARD_TAIL => Some(Edge::Tail),
            literal => self.vocabulary.find(literal).map(Edge::Literal),
        }
    }

    fn node_of(&self, filter: &str) -> Option<u32> {
        tokens(filter).try_fold(ROOT, |node, token| self.trie.child(node, self.edge(token)?))
    }
}

impl<V: PartialEq> Matcher<V> {
    /// Removes the oldest value of a filter that is equal; tells whether there was one.
    ///
    /// Takes time in proportion to the values of that filter. Memory is returned: parts of the
    /// trie that no filter needs are freed at once, and what was freed goes back to the allocator
    /// when less than a quarter is in use, in one pass over what is left.
    pub fn remove(&mut self, filter: &str, value: &V) -> bool {
        let Some(mut node) = self.node_of(filter) else { return false };
        if !self.trie.values_mut(node).remove(value) {
            return false;
        }
        self.len -= 1;
        self.generation += 1;
        while let Some((parent, edge)) = self.trie.prune(node) {
            if let Edge::Literal(word) = edge {
                self.vocabulary.release(word);
            }
            node = parent;
        }
        if self.trie.is_sparse() {
            self.trie.compact(&self.vocabulary.compact());
        }
        true
    }
}

impl<V> Default for Matcher<V> {
    fn default() -> Self {
        Self::new()
    }
}
