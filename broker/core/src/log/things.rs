//! What entries are about, as numbers.
//!
//! A key is read out of a message once for all lanes that conflate it, however many these are: they
//! know things by their numbers. Nothing is done for messages that nobody asks about.
//!
//! Invariant: a thing has its number as long as there is an entry that was asked for, and no number
//! is given twice.

use std::hash::BuildHasher;
use std::num::NonZeroU64;

use broker_delivery::lane::Key;
use hashbrown::{DefaultHashBuilder, HashMap, HashTable};

/// The things that entries are about, as far as lanes have asked.
#[derive(Debug, Default)]
pub(super) struct Things {
    table: HashMap<NonZeroU64, Thing, foldhash::fast::FixedState>,
    /// Their numbers, by what they are.
    numbers: HashTable<NonZeroU64>,
    /// Clients choose the keys.
    hasher: DefaultHashBuilder,
    /// How many there ever were.
    count: u64,
}

#[derive(Debug)]
struct Thing {
    topic: u64,
    key: Option<Box<str>>,
    hash: u64,
    /// How many entries have its number.
    entries: u64,
}

impl Thing {
    fn key(&self) -> Key<'_> {
        Key { topic: self.topic, key: self.key.as_deref() }
    }
}

impl Things {
    /// The number of what one more entry is about.
    pub(super) fn note(&mut self, key: Key<'_>) -> NonZeroU64 {
        let Self { table, numbers, hasher, count } = self;
        let hash = hasher.hash_one(key);
        if let Some(number) = numbers.find(hash, |number| table[number].key() == key) {
            let thing = table.get_mut(number).expect("a number that was found is there");
            thing.entries += 1;
            return *number;
        }
        *count += 1;
        let number = NonZeroU64::new(*count).expect("it counts from 1");
        numbers.insert_unique(hash, number, |number| table[number].hash);
        let key_text = key.key.map(Box::from);
        table.insert(number, Thing { topic: key.topic, key: key_text, hash, entries: 1 });
        number
    }

    /// Learns that an entry is gone which had this number.
    pub(super) fn leave(&mut self, number: NonZeroU64) {
        let thing = self.table.get_mut(&number).expect("an entry's number is there");
        thing.entries -= 1;
        if thing.entries == 0 {
            let hash = thing.hash;
            self.table.remove(&number);
            if let Ok(found) = self.numbers.find_entry(hash, |one| *one == number) {
                found.remove();
            }
        }
        if self.table.is_empty() {
            (self.table, self.numbers) = (HashMap::default(), HashTable::new());
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.table.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(topic: u64, key: Option<&str>) -> Key<'_> {
        Key { topic, key }
    }

    #[test]
    fn a_thing_keeps_its_number_as_long_as_an_entry_is_about_it() {
        let mut things = Things::default();
        let first = things.note(key(1, Some("a")));
        assert_eq!(things.note(key(1, Some("a"))), first);
        things.leave(first);
        assert_eq!(things.note(key(1, Some("a"))), first);
        things.leave(first);
        things.leave(first);
        assert!(things.is_empty());
        assert_ne!(things.note(key(1, Some("a"))), first, "no number is given twice");
    }

    #[test]
    fn things_are_told_apart_by_topic_and_key() {
        let mut things = Things::default();
        let all = [key(1, None), key(1, Some("a")), key(2, Some("a")), key(2, None)];
        let numbers = all.map(|key| things.note(key));
        for (place, number) in numbers.iter().enumerate() {
            assert!(!numbers[..place].contains(number));
            assert_eq!(things.note(all[place]), *number);
        }
    }
}
