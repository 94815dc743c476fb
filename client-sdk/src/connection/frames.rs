//! Frames out of what a link brings: whole packets, or bytes cut anywhere.

use broker_protocol::frame::LaneHeader;
use broker_protocol::{Codec, DecodeError, Names, frames_in_packet};
use transport_api::{Channel, Framing};

use super::reading::RECEIVE_BYTES;
use crate::config::Config;

/// One channel's state: what of a frame has come, and to whom the next data are addressed.
#[derive(Debug, Default)]
pub(super) struct ChannelState {
    partial: Vec<u8>,
    header: LaneHeader,
}

/// What takes a frame: to whom it is addressed, the names that those before it had, and its bytes. It returns
/// whether there is a use in further ones.
pub(super) trait Take:
    for<'a> FnMut(&mut LaneHeader, &mut Names<'a>, &'a [u8]) -> Result<bool, DecodeError>
{
}

impl<F> Take for F where
    F: for<'a> FnMut(&mut LaneHeader, &mut Names<'a>, &'a [u8]) -> Result<bool, DecodeError>
{
}

/// The channels of a link.
#[derive(Debug)]
pub(super) struct Channels {
    reader: FrameReader,
    /// By channel. There are few: a lane has one at most.
    channels: Vec<(Channel, ChannelState)>,
}

impl Channels {
    pub(super) fn new(codec: Codec, framing: Framing) -> Self {
        Self { reader: FrameReader { codec, framing }, channels: Vec::new() }
    }

    /// Calls `f` with every frame that `bytes` make whole, and the names that those before it had, until it
    /// returns `false`.
    pub(super) fn read(
        &mut self,
        channel: Channel,
        bytes: &[u8],
        f: impl Take,
    ) -> Result<(), DecodeError> {
        if let Channel::Datagram(_) = channel {
            // Each stands for itself, whatever the link's framing: others may be lost.
            let mut header = ChannelState::new(channel).header;
            return self.reader.read_packet(bytes, &mut header, f);
        }
        let place = self.channels.iter().position(|(one, _)| *one == channel);
        let place = place.unwrap_or_else(|| {
            self.channels.push((channel, ChannelState::new(channel)));
            self.channels.len() - 1
        });
        self.reader.read(&mut self.channels[place].1, bytes, f)
    }
}

impl ChannelState {
    fn new(channel: Channel) -> Self {
        let lane = match channel {
            Channel::Control => 0,
            Channel::Lane(lane) | Channel::Datagram(lane) => lane,
        };
        Self { partial: Vec::new(), header: LaneHeader { lane, subscription: None } }
    }
}

/// How frames are cut.
#[derive(Debug, Clone, Copy)]
struct FrameReader {
    codec: Codec,
    framing: Framing,
}

impl FrameReader {
    fn read(self, state: &mut ChannelState, bytes: &[u8], f: impl Take) -> Result<(), DecodeError> {
        let ChannelState { partial, header } = state;
        if self.framing == Framing::Packets {
            return self.read_packet(bytes, header, f);
        }
        if partial.is_empty() {
            let taken = self.read_stream(bytes, header, f)?;
            partial.extend_from_slice(&bytes[taken..]);
            return Ok(());
        }
        partial.extend_from_slice(bytes);
        let taken = self.read_stream(partial, header, f)?;
        partial.drain(..taken);
        if partial.is_empty() {
            partial.shrink_to(RECEIVE_BYTES);
        }
        Ok(())
    }

    fn read_packet(
        self,
        packet: &[u8],
        header: &mut LaneHeader,
        mut f: impl Take,
    ) -> Result<(), DecodeError> {
        let mut names = Names::default();
        for frame in frames_in_packet(self.codec, packet, Config::FRAME_BYTES_MAX) {
            if !f(header, &mut names, frame?)? {
                break;
            }
        }
        Ok(())
    }

    /// Returns how many bytes the whole frames were.
    fn read_stream(
        self,
        bytes: &[u8],
        header: &mut LaneHeader,
        mut f: impl Take,
    ) -> Result<usize, DecodeError> {
        let (mut taken, mut names) = (0, Names::default());
        while let Some(cut) = self.codec.cut(&bytes[taken..], Config::FRAME_BYTES_MAX)? {
            taken += cut.taken;
            if !f(header, &mut names, cut.frame)? {
                return Ok(bytes.len());
            }
        }
        Ok(taken)
    }
}
