//! Credit: how much of a lane may be sent and not yet consumed, as a client tells that takes part.

/// One larger message may go while at most this part of the window is out: a client that tells in
/// steps of this much needn't tell of less.
const LARGER_ALLOWED: u64 = 4;

/// How much of one lane was sent over this connection, and how much of that was consumed.
#[derive(Debug)]
pub(crate) struct Credit {
    window: u64,
    /// Bytes of data frames handed to the link, and those of them that the client has consumed.
    sent: u64,
    consumed: u64,
    /// What is next in the lane is larger than what is free: nothing goes until more was consumed.
    refused: bool,
}

/// A client tells that it consumed more than it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Excess {
    /// What it was sent, in bytes.
    pub(crate) sent: u64,
}

impl Credit {
    pub(crate) fn new(window: u64) -> Self {
        Self { window, sent: 0, consumed: 0, refused: false }
    }

    /// The most that may be out, in bytes.
    pub(crate) fn window(&self) -> u64 {
        self.window
    }

    /// Bytes sent and consumed since the connection began.
    pub(crate) fn totals(&self) -> (u64, u64) {
        (self.sent, self.consumed)
    }

    /// How many bytes may be sent now.
    pub(crate) fn room(&self) -> u64 {
        if self.refused { 0 } else { self.window.saturating_sub(self.sent - self.consumed) }
    }

    /// Whether one message may go that is larger than the room.
    pub(crate) fn allows_larger(&self) -> bool {
        self.sent - self.consumed <= self.window / LARGER_ALLOWED
    }

    /// What is next in the lane doesn't fit into the room.
    pub(crate) fn refuse(&mut self) {
        self.refused = true;
    }

    /// So many bytes were handed to the link.
    pub(crate) fn sent(&mut self, bytes: usize) {
        self.sent += bytes as u64;
    }

    /// The client has consumed so many bytes since the connection began. What it told before stands:
    /// fewer are passed over.
    pub(crate) fn consumed(&mut self, bytes: u64) -> Result<(), Excess> {
        if bytes > self.sent {
            return Err(Excess { sent: self.sent });
        }
        if bytes > self.consumed {
            (self.consumed, self.refused) = (bytes, false);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_out_stays_within_the_window_until_it_is_consumed() {
        let mut credit = Credit::new(1000);
        credit.sent(600);
        assert_eq!((credit.room(), credit.allows_larger()), (400, false));
        credit.sent(400);
        assert_eq!(credit.room(), 0);
        assert_eq!(credit.consumed(750), Ok(()));
        assert_eq!((credit.room(), credit.allows_larger()), (750, true));
    }

    #[test]
    fn no_more_is_consumed_than_was_sent_and_never_less_than_before() {
        let mut credit = Credit::new(1000);
        credit.sent(600);
        assert_eq!(credit.consumed(601), Err(Excess { sent: 600 }));
        assert_eq!(credit.consumed(600), Ok(()));
        assert_eq!(credit.consumed(0), Ok(()));
        assert_eq!(credit.room(), 1000);
    }

    #[test]
    fn what_was_refused_waits_for_more_credit() {
        let mut credit = Credit::new(1000);
        credit.sent(600);
        credit.refuse();
        assert_eq!(credit.consumed(0), Ok(()));
        assert_eq!(credit.room(), 0);
        assert_eq!(credit.consumed(1), Ok(()));
        assert_eq!(credit.room(), 401);
    }
}
