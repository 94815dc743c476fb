//! The bytes of a range of entries, as few pieces as possible: one.

use std::ops::Range;

use broker_delivery::lane::Extent;
use broker_protocol::{Codec, message};
use bytes::{Bytes, BytesMut};

use super::rendering::Place;
use super::{Entry, Log};

/// Encoded frames in one contiguous piece.
#[derive(Debug, Clone)]
pub enum Run<'a> {
    /// A range of a block that can be shared.
    Shared(&'a Bytes, Range<usize>),
    /// Bytes that are only lent, such as the scratch buffer.
    Lent(&'a [u8]),
}

impl Run<'_> {
    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        match self {
            Self::Shared(block, range) => &block[range.clone()],
            Self::Lent(bytes) => bytes,
        }
    }
}

impl Log {
    /// The longest run from the front of `extent` that lies in one block and stays within
    /// `bytes_max`, or one larger message; and how many messages it has.
    ///
    /// `None` if the first entry's bytes aren't in a block in this codec: [`Log::copy`] is the way
    /// then.
    #[inline]
    pub fn shared(
        &self,
        codec: Codec,
        extent: Extent,
        bytes_max: usize,
    ) -> Option<(&Bytes, Range<usize>, u32)> {
        let offset = extent.start.checked_sub(self.first)? as usize;
        let first = self.entries[offset].place(codec)?;
        let last = self.entries[offset + extent.len() as usize - 1].place(codec);
        let start = first.offset as usize;
        let block = self.rendering(codec).block(first)?;
        if let Some(last) = last
            && self.is_rendered(codec, extent.start)
            && last.block == first.block
            && last.end() - start <= bytes_max
        {
            return Some((block, start..last.end(), extent.len()));
        }
        let (end, count) = self.cut(codec, offset, first, extent.len(), bytes_max);
        Some((block, start..end, count))
    }

    /// Whether this entry and all that follow have bytes in this codec.
    #[inline]
    fn is_rendered(&self, codec: Codec, entry: u64) -> bool {
        codec == Codec::Bincode || entry >= self.unrendered_end
    }

    #[cold]
    fn cut(
        &self,
        codec: Codec,
        offset: usize,
        first: Place,
        count: u32,
        bytes_max: usize,
    ) -> (usize, u32) {
        let fits = |entry: &&Entry| {
            entry.place(codec).is_some_and(|place| {
                place.block == first.block && place.end() - first.offset as usize <= bytes_max
            })
        };
        let others = self.entries.range(offset + 1..offset + count as usize);
        let fitting = others.take_while(fits).count();
        let last = self.entries[offset + fitting].place(codec).unwrap_or(first);
        (last.end(), fitting as u32 + 1)
    }

    /// How many bytes [`Log::copy`] would append.
    pub fn frame_bytes(&self, codec: Codec, entry: u64) -> usize {
        let json = |offset: u64| self.entries[offset as usize].json;
        match (codec, entry.checked_sub(self.first).and_then(json)) {
            (Codec::Bincode, _) => self.bincode_frame(entry).len(),
            (Codec::Json, Some(place)) => place.length as usize,
            (Codec::Json, None) => {
                let mut frame = BytesMut::new();
                self.copy_json(entry, &mut frame);
                frame.len()
            }
        }
    }

    /// Appends one message's frame to `out`, wherever its bytes lie.
    pub fn copy(&self, codec: Codec, entry: u64, out: &mut BytesMut) {
        match codec {
            Codec::Bincode => self.copy_bincode(entry, out),
            Codec::Json => self.copy_json(entry, out),
        }
    }

    pub(super) fn copy_bincode(&self, entry: u64, out: &mut BytesMut) {
        out.extend_from_slice(self.bincode_frame(entry));
    }

    fn copy_json(&self, entry: u64, out: &mut BytesMut) {
        if entry >= self.first
            && let Some(place) = self.entries[(entry - self.first) as usize].json
        {
            out.extend_from_slice(self.json.bytes(place));
            return;
        }
        let frame = self.bincode_frame(entry);
        message::to_json(frame, out).expect("the log holds what this broker encoded");
    }

    pub(super) fn bincode_frame(&self, entry: u64) -> &[u8] {
        match entry.checked_sub(self.first) {
            Some(place) => self.bincode.bytes(self.entries[place as usize].bincode),
            None => self.survivors.frame(entry),
        }
    }

    fn rendering(&self, codec: Codec) -> &super::Rendering {
        match codec {
            Codec::Bincode => &self.bincode,
            Codec::Json => &self.json,
        }
    }
}

impl Entry {
    #[inline]
    fn place(&self, codec: Codec) -> Option<Place> {
        match codec {
            Codec::Bincode => Some(self.bincode),
            Codec::Json => self.json,
        }
    }
}
