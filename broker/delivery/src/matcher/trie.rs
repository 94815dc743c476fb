//! The nodes and edges of the matcher's trie.
//!
//! Literal edges of all nodes lie in one hash table, keyed by parent and token, because most nodes
//! are leaves and a table in each would dwarf them; the edges `*` and `>` are fields of the node.
//! Nothing ever iterates over a hash table, so the random seed never shows in an order.

use std::hash::BuildHasher;

use foldhash::quality::RandomState;
use hashbrown::HashTable;

use super::slots::{NOWHERE, Slots};
use super::values::Values;

/// The node at which every filter begins.
pub(super) const ROOT: u32 = 0;

/// Which edge leads from a node to its child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edge {
    /// A token, by its number in the vocabulary.
    Literal(u32),
    /// `*`
    One,
    /// `>`
    Tail,
}

/// A beginning shared by filters; its values belong to the filter that ends here.
#[derive(Debug)]
pub(super) struct Node<V> {
    pub(super) values: Values<V>,
    parent: u32,
    /// The literal edge by which the parent leads here, [`NOWHERE`] for another.
    token: u32,
    one: u32,
    tail: u32,
    literal_children: u32,
}

impl<V> Node<V> {
    fn new(parent: u32, token: u32) -> Self {
        let values = Values::None;
        Self { values, parent, token, one: NOWHERE, tail: NOWHERE, literal_children: 0 }
    }

    fn is_needless(&self) -> bool {
        self.values.is_empty()
            && self.literal_children == 0
            && self.one == NOWHERE
            && self.tail == NOWHERE
    }
}

#[derive(Debug)]
pub(super) struct Trie<V> {
    nodes: Slots<Node<V>>,
    literals: HashTable<u32>,
    seed: RandomState,
}

impl<V> Trie<V> {
    pub(super) fn new() -> Self {
        let mut nodes = Slots::new();
        nodes.insert(Node::new(NOWHERE, NOWHERE));
        Self { nodes, literals: HashTable::new(), seed: RandomState::default() }
    }

    /// The number of nodes, the root included.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The places for nodes that memory is held for.
    #[cfg(test)]
    pub(super) fn places(&self) -> usize {
        self.nodes.places()
    }

    pub(super) fn is_sparse(&self) -> bool {
        self.nodes.is_sparse()
    }

    pub(super) fn values(&self, node: u32) -> &Values<V> {
        &self.nodes[node].values
    }

    pub(super) fn values_mut(&mut self, node: u32) -> &mut Values<V> {
        &mut self.nodes[node].values
    }

    pub(super) fn child(&self, node: u32, edge: Edge) -> Option<u32> {
        let child = match edge {
            Edge::Literal(token) => return self.literal_child(node, token),
            Edge::One => self.nodes[node].one,
            Edge::Tail => self.nodes[node].tail,
        };
        (child != NOWHERE).then_some(child)
    }

    fn literal_child(&self, parent: u32, token: u32) -> Option<u32> {
        if self.nodes[parent].literal_children == 0 {
            return None;
        }
        let hash = hash(&self.seed, parent, token);
        let found = |&child: &u32| {
            let child = &self.nodes[child];
            child.parent == parent && child.token == token
        };
        self.literals.find(hash, found).copied()
    }

    /// Adds the child at an edge that leads nowhere yet.
    pub(super) fn grow(&mut self, parent: u32, edge: Edge) -> u32 {
        let token = if let Edge::Literal(token) = edge { token } else { NOWHERE };
        let child = self.nodes.insert(Node::new(parent, token));
        let node = &mut self.nodes[parent];
        match edge {
            Edge::One => node.one = child,
            Edge::Tail => node.tail = child,
            Edge::Literal(_) => {
                node.literal_children += 1;
                self.link_literal(child);
            }
        }
        child
    }

    fn link_literal(&mut self, child: u32) {
        let (seed, nodes) = (&self.seed, &self.nodes);
        let rehash = |&node: &u32| hash(seed, nodes[node].parent, nodes[node].token);
        self.literals.insert_unique(rehash(&child), child, rehash);
    }

    /// Frees a node that serves no filter; gives its parent and the edge that led to it.
    pub(super) fn prune(&mut self, child: u32) -> Option<(u32, Edge)> {
        if child == ROOT || !self.nodes[child].is_needless() {
            return None;
        }
        let Node { parent, token, .. } = self.nodes[child];
        if token != NOWHERE {
            self.unlink_literal(child, parent, token);
        }
        self.nodes.remove(child);
        let node = &mut self.nodes[parent];
        let edge = if token != NOWHERE {
            node.literal_children -= 1;
            Edge::Literal(token)
        } else if node.one == child {
            node.one = NOWHERE;
            Edge::One
        } else {
            node.tail = NOWHERE;
            Edge::Tail
        };
        Some((parent, edge))
    }

    fn unlink_literal(&mut self, child: u32, parent: u32, token: u32) {
        let hash = hash(&self.seed, parent, token);
        let entry = self.literals.find_entry(hash, |&other| other == child);
        entry.expect("every literal child is in the table").remove();
    }

    /// Gives memory back; `tokens` tells by its old number the new one of each token.
    pub(super) fn compact(&mut self, tokens: &[u32]) {
        let moved = self.nodes.compact();
        let at = |old: u32| moved.get(old as usize).copied().unwrap_or(NOWHERE);
        for (_, node) in self.nodes.iter_mut() {
            node.parent = at(node.parent);
            node.one = at(node.one);
            node.tail = at(node.tail);
            node.token = tokens.get(node.token as usize).copied().unwrap_or(NOWHERE);
        }
        self.relink();
    }

    fn relink(&mut self) {
        let (seed, nodes) = (&self.seed, &mut self.nodes);
        let mut literals = HashTable::with_capacity(nodes.len());
        for (place, node) in nodes.iter_mut().filter(|(_, node)| node.token != NOWHERE) {
            let unneeded = |_: &u32| unreachable!("the capacity was reserved");
            literals.insert_unique(hash(seed, node.parent, node.token), place, unneeded);
        }
        self.literals = literals;
    }
}

fn hash(seed: &RandomState, parent: u32, token: u32) -> u64 {
    seed.hash_one(u64::from(parent) << 32 | u64::from(token))
}
