//! What was handed to the link and may not have arrived: kept until the client says that it did.
//!
//! A lane counts its frames from its start, over all connections. Whoever comes back says how many
//! it has, and what is behind them is put back in front of what waits: there it is conflated and
//! dropped by the lane's own rules, as if it had never left.
//!
//! What is kept is entries and gaps, not bytes. What was sent last is one extent in the lane itself, as
//! long as messages follow each other: for a lane that keeps up nothing else is touched.

use std::collections::VecDeque;

use super::{Entries, Extent, Frame, Gap, Item, Lane, Ledger};

/// What a gap costs while it is kept, in bytes.
const GAP_BYTES: u64 = 64;

/// How many stretches of frames that are no longer kept are remembered by what they were.
const STRETCHES_MAX: usize = 32;

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
    gone: VecDeque<Stretch>,
}

#[derive(Debug)]
enum Was<F> {
    Messages { extent: Extent, subscription: Option<u64> },
    Frame(F),
    Gap(Box<Gap>),
}

/// Frames that are no longer kept: how many of them were messages, and of how many others told.
#[derive(Debug, Clone, Copy, Default)]
struct Stretch {
    frames: u64,
    messages: u64,
    told: u64,
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

impl<F> Default for Kept<F> {
    fn default() -> Self {
        let (items, gone) = (VecDeque::new(), VecDeque::new());
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
            Some(Was::Messages { extent: last, subscription: to })
                if last.end == extent.start && *to == subscription =>
            {
                last.end = extent.end;
            }
            _ => {
                self.ordered &= self.end <= extent.start;
                self.append(Was::Messages { extent, subscription });
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

    /// Lets go of at most so many frames at the front: of messages that lie together, or one other.
    /// Returns what they were.
    fn let_go(&mut self, most: u64, log: &mut impl Entries) -> Stretch {
        let Some(front) = self.items.front_mut() else { return Stretch::default() };
        let (stretch, bytes) = match front {
            Was::Messages { extent, .. } => {
                let end = extent.end.min(extent.start + most);
                let gone = Extent { start: extent.start, end };
                extent.start = end;
                let bytes = log.bytes(gone);
                log.let_go(gone);
                let frames = u64::from(gone.len());
                (Stretch { frames, messages: frames, told: 0 }, bytes)
            }
            Was::Frame(frame) => (Stretch { frames: 1, messages: 0, told: 0 }, frame.held()),
            Was::Gap(gap) => (Stretch { frames: 1, messages: 0, told: gap.count }, GAP_BYTES),
        };
        if !matches!(front, Was::Messages { extent, .. } if !extent.is_empty()) {
            self.items.pop_front();
        }
        self.frames -= stretch.frames;
        self.bytes -= bytes;
        stretch
    }

    /// Notes what was let go though it may not have arrived.
    fn note_gone(&mut self, stretch: Stretch) {
        match self.gone.back_mut() {
            Some(last) if last.goes_on_with(&stretch) => last.add(stretch),
            _ => self.gone.push_back(stretch),
        }
        if self.gone.len() > STRETCHES_MAX {
            self.gone.pop_front();
        }
    }

    /// What the last so many frames of those that are gone were. `None` if that isn't known any more.
    fn last_gone(&self, frames: u64) -> Option<Stretch> {
        let mut found = Stretch::default();
        for stretch in self.gone.iter().rev() {
            let left = frames - found.frames;
            if left == 0 {
                break;
            }
            found.add(stretch.last(left));
        }
        (found.frames == frames).then_some(found)
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
            Self::Messages { .. } => 0,
            Self::Frame(frame) => frame.held(),
            Self::Gap(_) => GAP_BYTES,
        }
    }
}

/// What becomes of the frames of a lane when they are handed to the link.
pub trait Departure<F> {
    /// One has left wholly, or what was left of it: says as what it can be sent again.
    fn whole(&mut self, frame: F, again: &mut dyn FnMut(F));
    /// So many parts of one have left.
    fn part(&mut self, frame: &F, parts: u32, again: &mut dyn FnMut(F));
}

/// Frames that leave as a whole and can be sent again as they are.
#[derive(Debug, Clone, Copy, Default)]
pub struct AsTheyAre;

impl<F> Departure<F> for AsTheyAre {
    fn whole(&mut self, frame: F, again: &mut dyn FnMut(F)) {
        again(frame);
    }

    fn part(&mut self, _: &F, _: u32, _: &mut dyn FnMut(F)) {}
}

/// A position behind what is known of a lane: behind its end, or too far back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the lane can't go on from there")]
pub struct NoWayBack;

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
    pub fn kept_bytes(&self, log: &impl Entries) -> u64 {
        self.kept.as_ref().map_or(0, |kept| kept.bytes) + log.bytes(self.recent)
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

    /// The client has the first `frames` frames of the lane, and needs none of them again.
    ///
    /// # Errors
    /// If there weren't so many.
    pub fn consumed(&mut self, frames: u64, log: &mut impl Entries) -> Result<(), NoWayBack> {
        if frames > self.frames {
            return Err(NoWayBack);
        }
        self.settle_recent(log);
        let Some(kept) = &mut self.kept else { return Ok(()) };
        let begins = self.frames - kept.frames;
        if frames >= begins {
            kept.gone.clear();
        }
        let mut left = frames.saturating_sub(begins);
        while left > 0 {
            left -= kept.let_go(left, log).frames;
        }
        // Subscriptions are answered in a lane, and many lanes are quiet from then on.
        if kept.is_empty() && self.books.received == 0 {
            self.kept = None;
        }
        Ok(())
    }

    /// Lets go of the oldest of what is kept, beyond so many bytes.
    pub fn keep_at_most(&mut self, bytes: u64, log: &mut impl Entries) {
        if self.kept_bytes(log) > bytes {
            self.settle_recent(log);
        }
        if let Some(kept) = &mut self.kept
            && kept.bytes > bytes
        {
            kept.keep_at_most(bytes, log);
        }
    }

    /// Whether the lane can [go on](Lane::rewind) behind its first `frames` frames.
    pub fn can_rewind(&self, frames: u64) -> bool {
        let kept = self.kept.as_ref().map_or(0, |kept| kept.frames);
        let kept = kept + u64::from(self.recent.len());
        let lost = (self.frames - kept).saturating_sub(frames);
        let known = |kept: &Kept<F>| kept.last_gone(lost).is_some();
        frames <= self.frames && (lost == 0 || self.kept.as_deref().is_some_and(known))
    }

    /// Puts back what was handed to the link behind the first `frames` frames: it didn't arrive.
    /// Returns after how many frames the lane goes on: more, if some of it is no longer kept, which
    /// a gap in front of everything tells then.
    ///
    /// # Errors
    /// If there weren't so many frames, or it isn't known any more what was behind them.
    pub fn rewind(&mut self, frames: u64, log: &mut impl Entries) -> Result<u64, NoWayBack> {
        if !self.can_rewind(frames) {
            return Err(NoWayBack);
        }
        self.settle_recent(log);
        self.put_held_back();
        let mut kept = self.kept.take().unwrap_or_default();
        let begins = self.frames - kept.frames;
        let lost = kept.last_gone(begins.saturating_sub(frames)).unwrap_or_default();
        let mut had = frames.saturating_sub(begins);
        while had > 0 {
            had -= kept.let_go(had, log).frames;
        }
        let mut items = VecDeque::new();
        self.tell_lost(lost, &mut items);
        for was in kept.items.drain(..) {
            self.put_back(was, &mut items, log);
        }
        items.extend(self.passed.take().into_iter().flat_map(|passed| *passed));
        items.append(&mut self.items);
        self.items = if lost.frames > 0 { self.what_holds(items) } else { items };
        self.frames = begins.max(frames);
        self.waiting = self.discarding || !self.is_empty();
        self.lenient = self.waiting;
        self.walk_again(log);
        Ok(self.frames)
    }

    /// Tells what was handed to the link, isn't kept and didn't arrive.
    fn tell_lost(&mut self, lost: Stretch, items: &mut VecDeque<Item<F>>) {
        let count = lost.messages + lost.told;
        if lost.frames == 0 {
            return;
        }
        let mut ledger = Box::<Ledger>::default();
        ledger.put(Gap::of_the_lane(count));
        self.gap_bytes += ledger.bytes();
        self.books.dropped += lost.messages;
        self.books.received -= lost.messages;
        items.push_back(Item::Gaps(ledger));
    }

    fn put_back(&mut self, was: Was<F>, items: &mut VecDeque<Item<F>>, log: &mut impl Entries) {
        match was {
            Was::Messages { extent, subscription } => {
                self.messages += extent.len();
                self.bytes += log.bytes(extent);
                self.books.received -= u64::from(extent.len());
                items.push_back(match subscription {
                    None => Item::Run(extent),
                    Some(subscription) => Item::Addressed { extent, subscription },
                });
            }
            Was::Frame(frame) => {
                self.bytes += frame.size();
                items.push_back(Item::Frame(frame));
            }
            Was::Gap(gap) => {
                if !matches!(items.back(), Some(Item::Gaps(_))) {
                    items.push_back(Item::Gaps(Box::default()));
                }
                let Some(Item::Gaps(ledger)) = items.back_mut() else { return };
                let before = ledger.bytes();
                ledger.put(*gap);
                self.gap_bytes += ledger.bytes() - before;
                self.books.gaps -= 1;
            }
        }
    }
}

impl<F: Frame> Kept<F> {
    fn keep_at_most(&mut self, bytes: u64, log: &mut impl Entries) {
        while self.bytes > bytes {
            let most = match self.items.front() {
                Some(Was::Messages { extent, .. }) => messages_of(*extent, self.bytes - bytes, log),
                Some(_) => 1,
                None => return,
            };
            let stretch = self.let_go(most, log);
            self.note_gone(stretch);
        }
    }
}

/// How many messages from the front are so many bytes or more, all of them at most.
fn messages_of(extent: Extent, bytes: u64, log: &impl Entries) -> u64 {
    let (mut least, mut most) = (1, u64::from(extent.len()));
    while least < most {
        let middle = least.midpoint(most);
        let front = Extent { start: extent.start, end: extent.start + middle };
        if log.bytes(front) >= bytes {
            most = middle;
        } else {
            least = middle + 1;
        }
    }
    most
}

/// What leaves in one packet: how many frames so far, and the gaps that were told among them.
pub(super) struct Leaving {
    told: std::vec::IntoIter<(u32, Gap)>,
    frames: u32,
}

impl Leaving {
    pub(super) fn new(told: Vec<(u32, Gap)>) -> Self {
        Self { told: told.into_iter(), frames: 0 }
    }

    /// The next gap that was told in front of the next frame.
    fn next_told(&mut self) -> Option<Gap> {
        let (place, _) = self.told.as_slice().first()?;
        if *place > self.frames {
            return None;
        }
        self.told.next().map(|(_, gap)| gap)
    }
}

impl<F: Frame> Lane<F> {
    /// Messages have left, of so many bytes.
    #[inline]
    pub(super) fn keep_messages(
        &mut self,
        leaving: &mut Leaving,
        (extent, subscription, bytes): (Extent, Option<u64>, u64),
        log: &mut impl Entries,
    ) {
        self.keep_told(leaving, log);
        self.frames += u64::from(extent.len());
        leaving.frames += extent.len();
        match (self.keeps, subscription) {
            (false, _) => log.let_go(extent),
            (true, None) if self.recent.end == extent.start => self.recent.end = extent.end,
            (true, None) => {
                self.settle_recent(log);
                self.recent = extent;
            }
            (true, Some(_)) => {
                self.settle_recent(log);
                let kept = self.kept.get_or_insert_default();
                kept.push_messages(extent, subscription, bytes);
            }
        }
    }

    /// Puts what was sent last to what else is kept.
    fn settle_recent(&mut self, log: &impl Entries) {
        let recent = std::mem::take(&mut self.recent);
        if !recent.is_empty() {
            let kept = self.kept.get_or_insert_default();
            kept.push_messages(recent, None, log.bytes(recent));
        }
    }

    /// A frame that is no message has left.
    pub(super) fn keep_frame(&mut self, leaving: &mut Leaving, frame: F, log: &impl Entries) {
        self.keep_told(leaving, log);
        leaving.frames += 1;
        self.keep(Was::Frame(frame), log);
    }

    /// A gap has left in its place.
    pub(super) fn keep_gap(&mut self, leaving: &mut Leaving, gap: Gap, log: &impl Entries) {
        self.keep_told(leaving, log);
        leaving.frames += 1;
        self.keep(Was::Gap(Box::new(gap)), log);
    }

    /// The gaps have left that were told in front of the next frame.
    #[inline]
    pub(super) fn keep_told(&mut self, leaving: &mut Leaving, log: &impl Entries) {
        while let Some(gap) = leaving.next_told() {
            self.keep(Was::Gap(Box::new(gap)), log);
        }
    }

    fn keep(&mut self, was: Was<F>, log: &impl Entries) {
        self.frames += 1;
        if self.keeps {
            self.settle_recent(log);
            self.kept.get_or_insert_default().push(was);
        }
    }
}

#[cfg(test)]
mod tests;
