//! What was answered to commands, in case an answer was lost with its link.

use std::collections::VecDeque;

use bytes::Bytes;

/// What the answers that are kept may have in all, in bytes. Of older ones, and of larger ones, it is
/// known that they were given.
const BYTES_MAX: usize = 64 << 10;

/// The last answers of a session that travelled as control, by the ids of the commands.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    given: VecDeque<(u64, Given)>,
    bytes: usize,
    /// How many were ever given.
    total: u64,
}

/// How a command was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Given {
    /// With this frame, in bincode.
    Told(Bytes),
    /// With a frame that isn't kept.
    NotKept,
}

impl Answers {
    /// Notes an answer, and forgets the oldest beyond `most`.
    pub(crate) fn note(&mut self, id: u64, given: Given, most: usize) {
        let given = if given.bytes() > BYTES_MAX { Given::NotKept } else { given };
        self.total += 1;
        self.bytes += given.bytes();
        self.given.push_back((id, given));
        while self.given.len() > most {
            self.forget_oldest();
        }
        let mut oldest = self.given.iter_mut();
        while self.bytes > BYTES_MAX
            && let Some((_, given)) = oldest.next()
        {
            self.bytes -= given.bytes();
            *given = Given::NotKept;
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, oldest)) = self.given.pop_front() {
            self.bytes -= oldest.bytes();
        }
    }

    /// How many were ever given.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// Forgets the first that were ever given, and gives back their memory.
    pub(crate) fn forget_first(&mut self, count: u64) {
        while !self.given.is_empty() && self.total - (self.given.len() as u64) < count {
            self.forget_oldest();
        }
        self.given.shrink_to(self.given.len());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.given.is_empty()
    }

    /// How a command was answered, as far as is known.
    pub(crate) fn find(&self, id: u64) -> Option<&Given> {
        self.given.iter().rev().find(|(of, _)| *of == id).map(|(_, given)| given)
    }

    /// What they cost, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        (self.bytes + self.given.len() * size_of::<(u64, Given)>()) as u64
    }

    /// Adds what was answered later.
    pub(crate) fn extend(&mut self, later: Self, most: usize) {
        later.given.into_iter().for_each(|(id, given)| self.note(id, given, most));
    }
}

impl Given {
    fn bytes(&self) -> usize {
        match self {
            Self::Told(frame) => frame.len(),
            Self::NotKept => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_answers_are_kept_and_no_more_than_may_be() {
        let mut answers = Answers::default();
        (1..=5).for_each(|id| answers.note(id, Given::NotKept, 3));
        assert_eq!((answers.find(2), answers.find(3)), (None, Some(&Given::NotKept)));
    }

    #[test]
    fn of_answers_beyond_the_bytes_it_is_known_that_they_were_given() {
        let mut answers = Answers::default();
        let frame = Bytes::from(vec![0; BYTES_MAX / 2]);
        (1..=3).for_each(|id| answers.note(id, Given::Told(frame.clone()), 10));
        assert_eq!(answers.find(1), Some(&Given::NotKept));
        assert_eq!(answers.find(3), Some(&Given::Told(frame)));
        assert_eq!(answers.bytes, BYTES_MAX);
    }

    #[test]
    fn the_first_answers_are_forgotten_with_their_memory_however_many_were_forgotten_before() {
        let mut answers = Answers::default();
        (1..=100).for_each(|id| answers.note(id, Given::Told(Bytes::from_static(b"x")), 50));
        answers.forget_first(40);
        assert!(answers.find(51).is_some(), "40 were forgotten long ago");
        answers.forget_first(98);
        assert_eq!((answers.find(98), answers.find(99).is_some()), (None, true));
        assert!(answers.given.capacity() < 10);
        answers.forget_first(100);
        assert!(answers.is_empty());
        assert_eq!((answers.bytes(), answers.given.capacity()), (0, 0));
    }
}
