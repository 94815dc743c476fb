//! What an end has received, and how it compares with what was sent.

use bytes::Bytes;
use transport_api::{Channel, Framing, Received};

use crate::verdict::Seen;

/// What an end has received, by channel.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// Pieces of each channel, in order of its first use.
    channels: Vec<(Channel, Vec<Bytes>)>,
    bytes: usize,
    pub(crate) pongs: Vec<u64>,
}

impl Heard {
    pub(crate) fn take(&mut self, received: &Received<'_>) {
        match received {
            Received::Data(channel, bytes) => self.take_data(*channel, bytes),
            Received::Pong(mark) => self.pongs.push(*mark),
            _ => {}
        }
    }

    fn take_data(&mut self, channel: Channel, bytes: &[u8]) {
        self.bytes += bytes.len();
        let piece = Bytes::copy_from_slice(bytes);
        match self.channels.iter_mut().find(|(other, _)| *other == channel) {
            Some((_, pieces)) => pieces.push(piece),
            None => self.channels.push((channel, vec![piece])),
        }
    }

    /// Bytes of all channels.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn channels(&self) -> impl Iterator<Item = Channel> {
        self.channels.iter().map(|(channel, _)| *channel)
    }

    /// What came in `channel`.
    pub(crate) fn pieces(&self, channel: Channel) -> &[Bytes] {
        let found = self.channels.iter().find(|(other, _)| *other == channel);
        found.map_or(&[], |(_, pieces)| pieces)
    }

    /// Says where what came in `channel` differs from `sent`.
    pub(crate) fn compare(&self, framing: Framing, channel: Channel, sent: &[Bytes]) -> Seen<()> {
        let heard = self.pieces(channel);
        let differs = match framing {
            Framing::Packets => packets_differ(heard, sent),
            Framing::Stream => bytes_differ(&heard.concat(), &sent.concat()),
        };
        differs.map_or(Ok(()), |how| Err(format!("in channel {channel:?} {how}")))
    }
}

fn packets_differ(heard: &[Bytes], sent: &[Bytes]) -> Option<String> {
    let at = (0..heard.len().max(sent.len())).find(|at| heard.get(*at) != sent.get(*at))?;
    let place = format!("at packet {at} of {}", sent.len());
    let Some(got) = heard.get(at) else {
        return Some(format!("only {} of {} packets arrived", heard.len(), sent.len()));
    };
    Some(match sent.iter().position(|one| one == got) {
        Some(other) if other < at => format!("{place} came packet {other} once more"),
        Some(other) => format!("{place} came packet {other}, too early"),
        None => format!("{place} came {} bytes that nobody sent", got.len()),
    })
}

fn bytes_differ(heard: &[u8], sent: &[u8]) -> Option<String> {
    if heard == sent {
        return None;
    }
    let at = heard.iter().zip(sent).position(|(heard, sent)| heard != sent);
    Some(match at {
        Some(at) => format!("byte {at} of {} differs from what was sent", sent.len()),
        None => format!("{} bytes arrived of {} that were sent", heard.len(), sent.len()),
    })
}
