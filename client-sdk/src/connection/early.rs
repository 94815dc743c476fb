//! What comes in channels of its own before the session is open: it may overtake that word.

use transport_api::Channel;

/// The most that is kept, in bytes. A broker sends no more of a lane than its client takes.
const BYTES_MAX: usize = 16 << 20;

/// What of lanes came before the session was open, in its order.
#[derive(Debug, Default)]
pub(super) struct Early {
    pieces: Vec<(Channel, Vec<u8>)>,
    bytes: usize,
}

/// More came than is kept.
#[derive(Debug)]
pub(super) struct TooMuch;

impl Early {
    /// Keeps what came in a lane. What came as a datagram may be lost at any time, and is here.
    pub(super) fn keep(&mut self, channel: Channel, bytes: &[u8]) -> Result<(), TooMuch> {
        if let Channel::Datagram(_) = channel {
            return Ok(());
        }
        self.bytes += bytes.len();
        if self.bytes > BYTES_MAX {
            return Err(TooMuch);
        }
        self.pieces.push((channel, bytes.to_vec()));
        Ok(())
    }

    /// Takes what was kept.
    pub(super) fn take(&mut self) -> Vec<(Channel, Vec<u8>)> {
        std::mem::take(self).pieces
    }
}
