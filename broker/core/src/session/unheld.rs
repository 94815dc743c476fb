//! That nobody holds a callback any more, while it waits in a lane to be told.
//!
//! A callback stands once in a lane. What comes while it waits is told behind: so that those who
//! hold it and let go again and again can't fill the lanes of who is slow.

use bytes::Bytes;

use crate::few::Few;

/// The callbacks of which a lane is to tell that nobody holds them.
#[derive(Debug, Default)]
pub(super) struct Unheld {
    /// By the callbacks' numbers.
    places: Few<u64, Told>,
    /// Those that were told and are to be told again.
    again: Vec<(u64, Bytes)>,
}

/// What is told of one callback, in frames encoded in bincode.
#[derive(Debug)]
struct Told {
    frame: Bytes,
    /// What came since the frame got its place.
    later: Option<Bytes>,
}

impl Unheld {
    /// Notes a frame. Returns whether a place in the lane is needed: none waited.
    pub(super) fn note(&mut self, callback: u64, frame: Bytes) -> bool {
        let Some(told) = self.places.get_mut(&callback) else {
            self.places.insert(callback, Told { frame, later: None });
            return true;
        };
        told.later = Some(frame);
        false
    }

    /// The frame that waits.
    pub(super) fn frame(&self, callback: u64) -> Option<&Bytes> {
        Some(&self.places.get(&callback)?.frame)
    }

    /// The frame was sent.
    pub(super) fn told(&mut self, callback: u64) -> Option<Bytes> {
        let Told { frame, later } = self.places.remove(&callback)?;
        self.again.extend(later.map(|later| (callback, later)));
        Some(frame)
    }

    /// What is to be told again, now that it was told.
    pub(super) fn take_again(&mut self) -> Vec<(u64, Bytes)> {
        std::mem::take(&mut self.again)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.places.is_empty() && self.again.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callback_has_one_place_however_often_it_is_let_go_and_the_last_is_told_behind() {
        let mut unheld = Unheld::default();
        assert!(unheld.note(7, Bytes::from_static(b"first")));
        assert!(!unheld.note(7, Bytes::from_static(b"second")));
        assert!(!unheld.note(7, Bytes::from_static(b"last")));
        assert_eq!(unheld.told(7).as_deref(), Some(&b"first"[..]));
        assert_eq!(unheld.take_again(), [(7, Bytes::from_static(b"last"))]);
        assert!(unheld.note(7, Bytes::from_static(b"last")));
        assert!(unheld.told(7).is_some() && unheld.take_again().is_empty());
        assert!(unheld.is_empty());
    }
}
