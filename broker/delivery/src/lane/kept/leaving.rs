//! What leaves in one packet, noted in the order in which it was written.

use super::super::{Entries, Extent, Frame, Gap, Lane};
use super::Was;

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

/// What leaves in one packet: how many frames so far, and the gaps that were told among them.
pub(in super::super) struct Leaving {
    told: std::vec::IntoIter<(u32, Gap)>,
    frames: u32,
}

impl Leaving {
    pub(in super::super) fn new(told: Vec<(u32, Gap)>) -> Self {
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
    pub(in super::super) fn keep_messages(
        &mut self,
        leaving: &mut Leaving,
        (extent, subscription, bytes): (Extent, Option<u64>, u64),
        log: &mut impl Entries,
    ) {
        self.keep_told(leaving);
        self.frames += u64::from(extent.len());
        leaving.frames += extent.len();
        match (self.keeps, subscription) {
            (false, _) => log.let_go(extent),
            (true, None) => self.keep_recent(extent, bytes),
            (true, Some(_)) => {
                self.settle_recent();
                let kept = self.kept.get_or_insert_default();
                kept.push_messages(extent, subscription, bytes);
                self.note_kept();
            }
        }
    }

    #[inline]
    fn keep_recent(&mut self, extent: Extent, bytes: u64) {
        match u32::try_from(u64::from(self.recent_bytes) + bytes) {
            Ok(together) if self.recent.end == extent.start => {
                (self.recent.end, self.recent_bytes) = (extent.end, together);
            }
            _ => {
                self.settle_recent();
                // What leaves in one packet is smaller.
                (self.recent, self.recent_bytes) = (extent, bytes as u32);
            }
        }
    }

    /// Puts what was sent last to what else is kept.
    pub(super) fn settle_recent(&mut self) {
        let recent = std::mem::take(&mut self.recent);
        let bytes = std::mem::take(&mut self.recent_bytes);
        if !recent.is_empty() {
            let kept = self.kept.get_or_insert_default();
            kept.push_messages(recent, None, u64::from(bytes));
            self.note_kept();
        }
    }

    /// A frame that is no message has left.
    pub(in super::super) fn keep_frame(&mut self, leaving: &mut Leaving, frame: F) {
        self.keep_told(leaving);
        leaving.frames += 1;
        self.keep(Was::Frame(frame));
    }

    /// A gap has left in its place.
    pub(in super::super) fn keep_gap(&mut self, leaving: &mut Leaving, gap: Gap) {
        self.keep_told(leaving);
        leaving.frames += 1;
        self.keep(Was::Gap(Box::new(gap)));
    }

    /// The gaps have left that were told in front of the next frame.
    #[inline]
    pub(in super::super) fn keep_told(&mut self, leaving: &mut Leaving) {
        while let Some(gap) = leaving.next_told() {
            self.keep(Was::Gap(Box::new(gap)));
        }
    }

    fn keep(&mut self, was: Was<F>) {
        self.frames += 1;
        if self.keeps {
            self.settle_recent();
            self.kept.get_or_insert_default().push(was);
            self.note_kept();
        }
    }
}
