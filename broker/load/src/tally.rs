//! What a generator's connection tells that it has consumed, where it takes part in credit.

use broker_protocol::Codec;
use broker_protocol::frame::{BrokerFrame, ClientFrame, Consumed};
use bytes::BytesMut;
use transport_api::Channel;

/// It is told in steps of this part of the window.
const STEPS: u64 = 4;

/// Lanes of a session.
const LANES: usize = 16;

/// What came in each lane, and what of it was told.
pub(crate) struct Tally {
    window: u64,
    /// The lane of what comes where lanes share the link.
    lane: u8,
    lanes: [Lane; LANES],
}

#[derive(Debug, Clone, Copy, Default)]
struct Lane {
    frames: u64,
    came: u64,
    told: u64,
}

impl Tally {
    pub(crate) fn new(window: u64) -> Self {
        Self { window, lane: 0, lanes: [Lane::default(); LANES] }
    }

    /// The broker granted a window.
    pub(crate) fn granted(&mut self, window: u64) {
        self.window = window;
    }

    /// A data frame of so many bytes came.
    pub(crate) fn data(&mut self, channel: Channel, bytes: usize) {
        let number = match channel {
            Channel::Lane(lane) => lane,
            Channel::Control => self.lane,
            Channel::Datagram(_) => return,
        };
        if let Some(lane) = self.lanes.get_mut(usize::from(number)) {
            lane.frames += 1;
            lane.came += bytes as u64;
        }
    }

    /// A frame came that isn't a message.
    pub(crate) fn hear(&mut self, channel: Channel, frame: &BrokerFrame<'_>, bytes: usize) {
        match frame {
            BrokerFrame::Lane(header) => self.lane = header.lane,
            BrokerFrame::Accepted(accepted) if accepted.subscription.is_none() => {}
            BrokerFrame::Connected(connected) => {
                connected.receive_window.into_iter().for_each(|window| self.granted(window));
            }
            BrokerFrame::Accepted(_)
            | BrokerFrame::Message(_)
            | BrokerFrame::Gap(_)
            | BrokerFrame::Presence(_) => self.data(channel, bytes),
            _ => {}
        }
    }

    /// Writes what is to be told. Returns whether there was something.
    pub(crate) fn tell(&mut self, codec: Codec, out: &mut BytesMut) -> bool {
        let mut told = false;
        for (number, lane) in (0..).zip(&mut self.lanes) {
            if lane.came - lane.told >= self.window / STEPS {
                lane.told = lane.came;
                let Lane { frames, came: bytes, .. } = *lane;
                let consumed = Consumed { lane: number, frames, bytes };
                codec.write_client(&ClientFrame::Consumed(consumed), out);
                told = true;
            }
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_said_for_each_quarter_of_the_window() {
        let (mut tally, mut out, mut words) = (Tally::new(4000), BytesMut::new(), 0);
        for _ in 0..100 {
            tally.data(Channel::Lane(3), 100);
            words += usize::from(tally.tell(Codec::Bincode, &mut out));
        }
        assert_eq!(words, 10);
    }
}
