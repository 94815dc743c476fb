//! What of a lane was sent, is no longer kept and may not have arrived: known by how much it was. The
//! frames among it that [must arrive](super::Frame::must_arrive) are kept aside.

use std::collections::VecDeque;

use super::Frame;

/// How many stretches are remembered.
const STRETCHES_MAX: usize = 32;

/// What the frames that are kept aside may cost, in bytes: room for hundreds of answers.
const ASIDE_BYTES_MAX: u64 = 64 << 10;

/// Frames that were let go before the client said that they arrived, oldest first.
///
/// Beyond the bounds the oldest is forgotten: a lane can't go on from there any more.
#[derive(Debug)]
pub(super) struct Gone<F> {
    pieces: VecDeque<Piece<F>>,
    stretches: usize,
    /// How many frames they were.
    frames: u64,
    /// What the frames cost that are kept aside.
    aside: u64,
}

/// What lies together of what was let go.
#[derive(Debug)]
pub(super) enum Piece<F> {
    /// Known by how much it was.
    Stretch(Stretch),
    /// Kept aside, since nothing else tells the same.
    Frame(F),
}

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

    pub(super) fn add(&mut self, other: Self) {
        self.frames += other.frames;
        self.messages += other.messages;
        self.told += other.told;
    }
}

impl<F: Frame> Piece<F> {
    pub(super) fn frames(&self) -> u64 {
        match self {
            Self::Stretch(stretch) => stretch.frames,
            Self::Frame(_) => 1,
        }
    }

    fn aside(&self) -> u64 {
        match self {
            Self::Stretch(_) => 0,
            Self::Frame(frame) => frame.held() + size_of::<Self>() as u64,
        }
    }
}

impl<F> Default for Gone<F> {
    fn default() -> Self {
        Self { pieces: VecDeque::new(), stretches: 0, frames: 0, aside: 0 }
    }
}

impl<F: Frame> Gone<F> {
    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// What the frames cost that are kept aside, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.aside
    }

    /// Adds what was let go.
    pub(super) fn note(&mut self, piece: Piece<F>) {
        self.frames += piece.frames();
        self.aside += piece.aside();
        match (self.pieces.back_mut(), &piece) {
            (Some(Piece::Stretch(last)), Piece::Stretch(next)) if last.goes_on_with(next) => {
                last.add(*next);
            }
            _ => {
                self.stretches += usize::from(matches!(piece, Piece::Stretch(_)));
                self.pieces.push_back(piece);
            }
        }
        while self.stretches > STRETCHES_MAX || self.aside > ASIDE_BYTES_MAX {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some(oldest) = self.pieces.pop_front() else { return };
        self.stretches -= usize::from(matches!(oldest, Piece::Stretch(_)));
        self.frames -= oldest.frames();
        self.aside -= oldest.aside();
    }

    /// Forgets what isn't among the last so many frames.
    pub(super) fn forget_all_but(&mut self, frames: u64) {
        while self.pieces.front().is_some_and(|front| self.frames - front.frames() >= frames) {
            self.forget_oldest();
        }
    }

    /// Whether it is known what the last so many frames were.
    pub(super) fn knows(&self, frames: u64) -> bool {
        frames <= self.frames
    }

    /// What the last so many frames were, all that is known at most.
    pub(super) fn into_last(mut self, frames: u64) -> VecDeque<Piece<F>> {
        self.forget_all_but(frames);
        let whole = |front: &Piece<F>| self.frames - front.frames();
        let rest = self.pieces.front().map_or(0, whole);
        if let Some(Piece::Stretch(stretch)) = self.pieces.front_mut() {
            *stretch = stretch.last(frames - rest);
        }
        self.pieces
    }
}
