//! What of a lane was sent, is no longer kept and may not have arrived: known by how much it was.

use std::collections::VecDeque;

/// How many stretches are remembered.
const STRETCHES_MAX: usize = 32;

/// Frames that were let go before the client said that they arrived, oldest first.
#[derive(Debug, Default)]
pub(super) struct Gone(VecDeque<Stretch>);

/// Frames that are no longer kept: how many of them were messages, and of how many others told.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Stretch {
    pub(super) frames: u64,
    pub(super) messages: u64,
    pub(super) told: u64,
}

impl Stretch {
    fn is_messages(&self) -> bool {
        self.frames == self.messages
    }

    /// Whether no messages are missing with it.
    fn is_other(&self) -> bool {
        self.messages == 0 && self.told == 0
    }

    fn goes_on_with(&self, next: &Self) -> bool {
        self.is_messages() && next.is_messages() || self.is_other() && next.is_other()
    }

    /// Its last so many frames, which are all or of one kind.
    fn last(&self, frames: u64) -> Self {
        let messages = if self.is_other() { 0 } else { frames };
        if frames < self.frames { Self { frames, messages, told: 0 } } else { *self }
    }

    fn add(&mut self, other: Self) {
        self.frames += other.frames;
        self.messages += other.messages;
        self.told += other.told;
    }
}

impl Gone {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Adds what was let go.
    pub(super) fn note(&mut self, stretch: Stretch) {
        match self.0.back_mut() {
            Some(last) if last.goes_on_with(&stretch) => last.add(stretch),
            _ => self.0.push_back(stretch),
        }
        if self.0.len() > STRETCHES_MAX {
            self.0.pop_front();
        }
    }

    /// What the last so many frames were. `None` if that isn't known any more.
    pub(super) fn last(&self, frames: u64) -> Option<Stretch> {
        let mut found = Stretch::default();
        for stretch in self.0.iter().rev() {
            let left = frames - found.frames;
            if left == 0 {
                break;
            }
            found.add(stretch.last(left));
        }
        (found.frames == frames).then_some(found)
    }
}
