//! Every token that occurs in some filter, once, under a number: the trie then compares and hashes
//! numbers, and a token that a million filters share is stored once.

use std::hash::BuildHasher;

use foldhash::quality::RandomState;
use hashbrown::HashTable;

use super::slots::Slots;

#[derive(Debug)]
struct Word {
    text: Box<str>,
    uses: u32,
}

/// The tokens in use. The hash is seeded at random, since clients choose the tokens.
#[derive(Debug)]
pub(super) struct Vocabulary {
    words: Slots<Word>,
    by_text: HashTable<u32>,
    seed: RandomState,
}

impl Vocabulary {
    pub(super) fn new() -> Self {
        let seed = RandomState::default();
        Self { words: Slots::new(), by_text: HashTable::new(), seed }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.words.len()
    }

    /// The number of a token, if a filter contains it.
    pub(super) fn find(&self, text: &str) -> Option<u32> {
        let hash = self.seed.hash_one(text);
        self.by_text.find(hash, |&word| *self.words[word].text == *text).copied()
    }

    /// The number of a token that one more edge carries.
    pub(super) fn acquire(&mut self, text: &str) -> u32 {
        if let Some(word) = self.find(text) {
            self.words[word].uses += 1;
            return word;
        }
        let word = self.words.insert(Word { text: text.into(), uses: 1 });
        let (seed, words) = (&self.seed, &self.words);
        let rehash = |&word: &u32| seed.hash_one(&*words[word].text);
        self.by_text.insert_unique(seed.hash_one(text), word, rehash);
        word
    }

    /// Gives up one use; the last frees the token.
    pub(super) fn release(&mut self, word: u32) {
        self.words[word].uses -= 1;
        if self.words[word].uses > 0 {
            return;
        }
        let hash = self.seed.hash_one(&*self.words[word].text);
        let entry = self.by_text.find_entry(hash, |&other| other == word);
        entry.expect("every word in use is in the table").remove();
        self.words.remove(word);
    }

    /// Gives memory back; tells by the old number what the new one is.
    pub(super) fn compact(&mut self) -> Vec<u32> {
        let moved = self.words.compact();
        let (seed, words) = (&self.seed, &mut self.words);
        let mut by_text = HashTable::with_capacity(words.len());
        for (word, Word { text, .. }) in words.iter_mut() {
            let unneeded = |_: &u32| unreachable!("the capacity was reserved");
            by_text.insert_unique(seed.hash_one(&**text), word, unneeded);
        }
        self.by_text = by_text;
        moved
    }
}
