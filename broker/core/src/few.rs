//! An ordered map for what nearly always is few and may be very many.
//!
//! A tree gives its first entry a node with room for eleven. Where there is a map for each of very
//! many sessions or filters, and one entry in most of them, that is most of their memory.

use std::borrow::Borrow;
use std::collections::BTreeMap;

/// The most entries of a list; more are a tree.
const LIST_MAX: usize = 16;

/// A tree with as many entries becomes a list again.
const TREE_MIN: usize = LIST_MAX / 2;

/// An ordered map: while it has few entries a sorted list without free places, else a tree.
#[derive(Debug, Clone)]
pub(crate) enum Few<K, V> {
    List(Vec<(K, V)>),
    Tree(BTreeMap<K, V>),
}

impl<K: Ord, V> Few<K, V> {
    pub(crate) const fn new() -> Self {
        Self::List(Vec::new())
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::List(list) => list.len(),
            Self::Tree(tree) => tree.len(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        match self {
            Self::List(list) => Some(&list[place(list, key).ok()?].1),
            Self::Tree(tree) => tree.get(key),
        }
    }

    pub(crate) fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        match self {
            Self::List(list) => place(list, key).ok().map(|at| &mut list[at].1),
            Self::Tree(tree) => tree.get_mut(key),
        }
    }

    pub(crate) fn contains_key(&self, key: &K) -> bool {
        self.get(key).is_some()
    }

    /// Adds an entry, or replaces the one of its key. Returns what that was.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        if self.is_full_list() {
            self.turn_into_tree();
        }
        match self {
            Self::List(list) => match place(list, &key) {
                Ok(at) => Some(std::mem::replace(&mut list[at].1, value)),
                Err(at) => {
                    list.reserve_exact(1);
                    list.insert(at, (key, value));
                    None
                }
            },
            Self::Tree(tree) => tree.insert(key, value),
        }
    }

    pub(crate) fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let removed = match self {
            Self::List(list) => place(list, key).ok().map(|at| list.remove(at).1),
            Self::Tree(tree) => tree.remove(key),
        };
        self.shrink();
        removed
    }

    /// Keeps only the entries of which `wanted` is true.
    pub(crate) fn retain(&mut self, mut wanted: impl FnMut(&K, &mut V) -> bool) {
        match self {
            Self::List(list) => list.retain_mut(|(key, value)| wanted(key, value)),
            Self::Tree(tree) => tree.retain(wanted),
        }
        self.shrink();
    }

    /// The entries, by their keys.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let (list, tree) = match self {
            Self::List(list) => (&list[..], None),
            Self::Tree(tree) => (&[][..], Some(tree)),
        };
        list.iter().map(|(key, value)| (key, value)).chain(tree.into_iter().flatten())
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    fn is_full_list(&self) -> bool {
        matches!(self, Self::List(list) if list.len() == LIST_MAX)
    }

    fn turn_into_tree(&mut self) {
        if let Self::List(list) = self {
            *self = Self::Tree(std::mem::take(list).into_iter().collect());
        }
    }

    /// Gives back what the entries that are gone took.
    fn shrink(&mut self) {
        match self {
            Self::List(list) if list.is_empty() => *list = Vec::new(),
            Self::Tree(tree) if tree.len() <= TREE_MIN => {
                *self = Self::List(std::mem::take(tree).into_iter().collect());
            }
            _ => {}
        }
    }
}

impl<K: Ord, V: Default> Few<K, V> {
    /// The value of a key, which is the default if there was none.
    pub(crate) fn get_or_default(&mut self, key: K) -> &mut V
    where
        K: Clone,
    {
        if self.get(&key).is_none() {
            self.insert(key.clone(), V::default());
        }
        self.get_mut(&key).expect("it is there or was inserted just now")
    }
}

impl<K: Ord, V> Default for Few<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

/// Where a key stands in a sorted list, or would.
fn place<K: Borrow<Q>, V, Q: Ord + ?Sized>(list: &[(K, V)], key: &Q) -> Result<usize, usize> {
    list.binary_search_by(|(held, _)| held.borrow().cmp(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(keys: std::ops::Range<usize>) -> Few<usize, usize> {
        let mut few = Few::new();
        for key in keys.rev() {
            assert_eq!(few.insert(key, key * 2), None);
        }
        few
    }

    #[test]
    fn few_and_many_are_the_same_map() {
        for count in [0, 1, 2, LIST_MAX, LIST_MAX + 1, 1000] {
            let mut few = of(0..count);
            assert_eq!(few.len(), count);
            assert!(few.keys().copied().eq(0..count), "{count}");
            assert_eq!(few.get(&count), None);
            for key in (0..count).step_by(2) {
                assert_eq!((few.insert(key, 7), few.remove(&key)), (Some(key * 2), Some(7)));
                assert_eq!((few.contains_key(&key), few.remove(&key)), (false, None));
            }
            let left = (1..count).step_by(2);
            assert!(
                few.iter().map(|(key, value)| (*key, *value)).eq(left.map(|key| (key, key * 2)))
            );
            few.retain(|key, _| *key == 1);
            assert_eq!(few.values().copied().sum::<usize>(), if count > 1 { 2 } else { 0 });
        }
    }

    #[test]
    fn one_entry_more_than_a_list_holds_makes_a_tree_and_half_of_it_a_list_again() {
        assert!(matches!(of(0..LIST_MAX), Few::List(list) if list.capacity() == LIST_MAX));
        let mut few = of(0..LIST_MAX + 1);
        for key in TREE_MIN..LIST_MAX + 1 {
            assert!(matches!(few, Few::Tree(_)));
            few.remove(&key);
        }
        assert!(matches!(few, Few::List(_)));
    }

    #[test]
    fn what_is_empty_owns_nothing() {
        let mut few = of(0..3);
        few.retain(|_, _| false);
        assert!(matches!(few, Few::List(list) if list.capacity() == 0));
    }
}
