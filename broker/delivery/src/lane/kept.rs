//! What was handed to the link and may not have arrived: kept until the client says that it did.
//!
//! A lane counts its frames from its start, over all connections. Whoever comes back says how many
//! it has, and what is behind them is put back in front of what waits: there it is conflated and
//! dropped by the lane's own rules, as if it had never left.
//!
//! What is kept is entries and gaps, not bytes. What was sent last is one extent in the lane itself, as
//! long as messages follow each other: for a lane that keeps up nothing else is touched. What lies in
//! memory of its own isn't even read with a packet: what has to be known of it is noted in the lane
//! whenever it changes.

mod gone;
mod leaving;
mod rewind;

use std::collections::VecDeque;

use super::{Entries, Extent, Frame, Gap, Lane};
use gone::{Gone, Piece, Stretch};
pub(super) use leaving::Leaving;
pub use leaving::{AsTheyAre, Departure};
pub use rewind::NoWayBack;

/// How many times as much as may be kept is kept at most until the log looks at what is wanted of it.
const FAR_MORE: u64 = 4;

/// In how many pieces it may lie before it takes no more memory for them than it needs.
const PIECES: usize = 16;

/// What part of what may be kept messages that lie together are at most, to be cut as if they were of one
/// size: so little more or less is kept then.
const OF_ONE_SIZE_PART: u64 = 4;

/// What a gap costs while it is kept, in bytes.
const GAP_BYTES: u64 = 64;

/// What was handed to the link and may not have arrived, oldest first.
#[derive(Debug)]
pub(super) struct Kept<F> {
    items: VecDeque<Was<F>>,
    /// How many frames they are, and what they cost in bytes.
    frames: u64,
    bytes: u64,
    /// Whether its messages are in the order of the log, and the entry behind the newest.
    ordered: bool,
    end: u64,
    /// What was let go before the client said that it arrived, oldest first.
    gone: Gone<F>,
}

/// How it is known what is taken off the front of an extent, in bytes.
#[derive(Debug, Clone, Copy)]
enum Cut {
    /// The log says it.
    Exact,
    /// As if its messages were of one size: nothing is looked up.
    OfOneSize,
}

#[derive(Debug)]
enum Was<F> {
    Messages { extent: Extent, subscription: Option<u64>, bytes: u64 },
    Frame(F),
    Gap(Box<Gap>),
}

impl<F> Default for Kept<F> {
    fn default() -> Self {
        let (items, gone) = (VecDeque::new(), Gone::default());
        Self { items, frames: 0, bytes: 0, ordered: true, end: 0, gone }
    }
}

impl<F: Frame> Kept<F> {
    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty() && self.gone.is_empty()
    }

    #[inline]
    fn push_messages(&mut self, extent: Extent, subscription: Option<u64>, bytes: u64) {
        self.frames += u64::from(extent.len());
        self.bytes += bytes;
        match self.items.back_mut() {
            Some(Was::Messages { extent: last, subscription: to, bytes: together })
                if last.end == extent.start && *to == subscription =>
            {
                last.end = extent.end;
                *together += bytes;
            }
            _ => {
                self.ordered &= self.end <= extent.start;
                self.append(Was::Messages { extent, subscription, bytes });
            }
        }
        self.end = self.end.max(extent.end);
    }

    fn push(&mut self, was: Was<F>) {
        self.frames += 1;
        self.bytes += was.cost();
        self.append(was);
    }

    /// The first is given no room for others: one is all that a lane has which keeps up.
    fn append(&mut self, was: Was<F>) {
        if self.items.capacity() == 0 {
            self.items.reserve_exact(1);
        }
        self.items.push_back(was);
    }

    /// Whether one more would take more memory, and there are many.
    fn is_full(&self) -> bool {
        self.items.len() >= self.items.capacity().max(PIECES)
    }

    /// Whether the oldest isn't in the log.
    fn holds_back_frames(&self) -> bool {
        matches!(self.items.front(), Some(Was::Frame(_) | Was::Gap(_)))
    }

    /// Lets go of at most so many frames at the front: of messages that lie together, or one other.
    /// Returns what they were.
    fn let_go(&mut self, most: u64, cut: Cut, log: &mut impl Entries) -> Option<Piece<F>> {
        let was = match self.items.front_mut()? {
            Was::Messages { extent, bytes: together, .. } if u64::from(extent.len()) > most => {
                let messages = u64::from(extent.len());
                let extent = extent.split_off_front(most);
                let bytes = match cut {
                    Cut::Exact => log.bytes(extent).min(*together),
                    Cut::OfOneSize => *together * most / messages,
                };
                *together -= bytes;
                Was::Messages { extent, subscription: None, bytes }
            }
            _ => self.items.pop_front()?,
        };
        self.ordered |= self.items.is_empty();
        self.bytes -= was.cost();
        let piece = match was {
            Was::Messages { extent, .. } => {
                log.let_go(extent);
                let frames = u64::from(extent.len());
                Piece::Stretch(Stretch { frames, messages: frames, told: 0 })
            }
            Was::Frame(frame) if frame.must_arrive() => Piece::Frame(frame),
            Was::Frame(_) => Piece::Stretch(Stretch { frames: 1, messages: 0, told: 0 }),
            Was::Gap(gap) => Piece::Stretch(Stretch { frames: 1, messages: 0, told: gap.count }),
        };
        self.frames -= piece.frames();
        Some(piece)
    }
}

impl<F> Was<F> {
    fn extent(&self) -> Option<Extent> {
        match self {
            Self::Messages { extent, .. } => Some(*extent),
            Self::Frame(_) | Self::Gap(_) => None,
        }
    }
}

impl<F: Frame> Was<F> {
    fn cost(&self) -> u64 {
        match self {
            Self::Messages { bytes, .. } => *bytes,
            Self::Frame(frame) => frame.held(),
            Self::Gap(_) => GAP_BYTES,
        }
    }
}

impl<F: Frame> Lane<F> {
    /// Has what is sent kept until it is [consumed](Lane::consumed).
    pub fn keep_what_is_sent(&mut self) {
        self.keeps = true;
    }

    /// Frames handed to the link since the lane's start, over all connections.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Bytes of what was handed to the link and is kept.
    pub fn kept_bytes(&self) -> u64 {
        self.bytes_in_order() + self.kept.as_ref().map_or(0, |kept| kept.gone.bytes())
    }

    /// The same without what is kept aside.
    #[inline]
    fn bytes_in_order(&self) -> u64 {
        self.kept_bytes + u64::from(self.recent_bytes)
    }

    /// Notes what of `kept` is asked with each packet, when that has changed.
    pub(super) fn note_kept(&mut self) {
        (self.kept_bytes, self.kept_at_once) = self.known_of_kept();
    }

    fn known_of_kept(&self) -> (u64, bool) {
        let at_once = |kept: &Kept<F>| kept.is_full() || kept.holds_back_frames();
        self.kept.as_deref().map_or((0, false), |kept| (kept.bytes, at_once(kept)))
    }

    /// Whether so much beyond so many bytes is kept that it is to be [let go](Lane::keep_at_most), and not
    /// only when the log looks at what is wanted of it. Costs no look at the log.
    #[inline]
    pub fn keeps_far_more_than(&self, bytes: u64) -> bool {
        let kept = self.bytes_in_order();
        debug_assert_eq!((self.kept_bytes, self.kept_at_once), self.known_of_kept());
        kept > bytes && (kept > FAR_MORE * bytes || self.kept_at_once)
    }

    /// Whether nothing is kept of the log.
    #[inline]
    pub fn keeps_nothing(&self) -> bool {
        self.recent.is_empty() && self.kept.as_ref().is_none_or(|kept| kept.items.is_empty())
    }

    /// The oldest entry of the log that is kept. Costs a visit to all that is kept, where it was sent
    /// out of the order of the log.
    #[inline]
    pub fn kept_since(&self) -> Option<u64> {
        let mut starts = self.kept_extents().map(|extent| extent.start);
        match self.kept.as_ref().is_none_or(|kept| kept.ordered) && self.follows() {
            true => starts.next(),
            false => starts.min(),
        }
    }

    /// Whether what was sent last is newer than what else is kept.
    fn follows(&self) -> bool {
        let end = self.kept.as_ref().map_or(0, |kept| kept.end);
        self.recent.is_empty() || end <= self.recent.start
    }

    /// What is kept of the log, in no order.
    pub fn kept_extents(&self) -> impl Iterator<Item = Extent> + '_ {
        let items = self.kept.as_ref().map(|kept| kept.items.iter());
        let recent = Some(self.recent).filter(|recent| !recent.is_empty());
        items.into_iter().flatten().filter_map(Was::extent).chain(recent)
    }

    /// The frames that are kept, in no order.
    pub fn kept_frames(&self) -> impl Iterator<Item = &F> {
        let items = self.kept.as_ref().map(|kept| kept.items.iter());
        items.into_iter().flatten().filter_map(|was| match was {
            Was::Frame(frame) => Some(frame),
            Was::Messages { .. } | Was::Gap(_) => None,
        })
    }

    /// The client has the first `frames` frames of the lane, and needs none of them again.
    ///
    /// # Errors
    /// If there weren't so many.
    pub fn consumed(&mut self, frames: u64, log: &mut impl Entries) -> Result<(), NoWayBack> {
        if frames > self.frames {
            return Err(NoWayBack);
        }
        self.settle_recent();
        let Some(kept) = &mut self.kept else { return Ok(()) };
        let begins = self.frames - kept.frames;
        kept.gone.forget_all_but(begins.saturating_sub(frames));
        kept.let_go_front(frames.saturating_sub(begins), log);
        // Subscriptions are answered in a lane, and many lanes are quiet from then on.
        if kept.is_empty() && self.books.received == 0 {
            self.kept = None;
        }
        self.note_kept();
        Ok(())
    }

    /// Lets go of the oldest of what is kept, beyond so many bytes. Frames that
    /// [must arrive](Frame::must_arrive) are kept aside.
    pub fn keep_at_most(&mut self, bytes: u64, log: &mut impl Entries) {
        if self.bytes_in_order() > bytes {
            self.settle_recent();
        }
        if let Some(kept) = &mut self.kept
            && kept.bytes > bytes
        {
            kept.keep_at_most(bytes, log);
            self.note_kept();
        }
    }
}

impl<F: Frame> Kept<F> {
    /// Lets go of so many frames at the front, of which there are no fewer.
    fn let_go_front(&mut self, mut frames: u64, log: &mut impl Entries) {
        while frames > 0
            && let Some(piece) = self.let_go(frames, Cut::Exact, log)
        {
            frames -= piece.frames();
        }
    }

    fn keep_at_most(&mut self, bytes: u64, log: &mut impl Entries) {
        while self.bytes > bytes {
            let excess = self.bytes - bytes;
            let (most, cut) = match self.items.front() {
                Some(Was::Messages { extent, bytes: together, .. }) => {
                    match *together <= excess.max(bytes / OF_ONE_SIZE_PART) {
                        true => (messages_of(*extent, *together, excess), Cut::OfOneSize),
                        false => (messages_by_log(*extent, *together, excess, log), Cut::Exact),
                    }
                }
                Some(_) => (1, Cut::Exact),
                None => return,
            };
            let piece = self.let_go(most, cut, log);
            piece.into_iter().for_each(|piece| self.gone.note(piece));
        }
    }
}

/// How many messages from the front of an extent are so many of its bytes or more, all at most; as if they
/// were of one size. How large each is only the log knows, in a part of it that is in no cache any more.
fn messages_of(extent: Extent, together: u64, bytes: u64) -> u64 {
    let messages = u64::from(extent.len());
    (bytes * messages).div_ceil(together.max(1)).clamp(1, messages)
}

/// The same, as the log knows it: a large one in front of small ones doesn't take them along.
fn messages_by_log(extent: Extent, together: u64, bytes: u64, log: &impl Entries) -> u64 {
    let front = |messages| Extent { end: extent.start + messages, ..extent };
    let guess = messages_of(extent, together, bytes);
    least(u64::from(extent.len()), guess, |messages| log.bytes(front(messages)) >= bytes)
}

/// The least number from 1 that is enough, as `most` is. It is looked for where it is guessed, and from there in
/// steps that double: mostly it is beside that.
fn least(mut most: u64, guess: u64, mut is_enough: impl FnMut(u64) -> bool) -> u64 {
    let (mut least, mut tried, mut step) = (1, guess.min(most - 1), 1);
    while least < most {
        match is_enough(tried) {
            true => {
                most = tried;
                tried = most.saturating_sub(step).max(least.midpoint(most));
            }
            false => {
                least = tried + 1;
                tried = (least + step - 1).min(least.midpoint(most));
            }
        }
        step *= 2;
    }
    most
}

#[cfg(test)]
mod tests;
