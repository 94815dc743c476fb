//! The bytes of one codec: blocks that are shared, and the one that is being written.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

/// The memory that is taken at once, in bytes. Measured: with 64 KiB a run ends at a segment's end
/// too often (20 % slower in flood); above 256 KiB nothing is gained.
const SEGMENT_BYTES: usize = 256 << 10;

/// Where the bytes of an entry lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) block: u64,
    pub(super) offset: u32,
    pub(super) length: u32,
}

impl Place {
    pub(super) fn end(&self) -> usize {
        (self.offset + self.length) as usize
    }
}

/// The bytes of one codec.
///
/// A block is what one turn wrote into one segment. The blocks of a segment share its memory,
/// which is reused once nobody holds any of them.
#[derive(Debug, Default)]
pub(super) struct Rendering {
    first_block: u64,
    blocks: VecDeque<Bytes>,
    open: BytesMut,
    held: usize,
}

impl Rendering {
    /// Appends what `write` writes, of about `bytes` bytes.
    pub(super) fn append(&mut self, bytes: usize, write: impl FnOnce(&mut BytesMut)) -> Place {
        if self.open.capacity() - self.open.len() < bytes {
            self.next_segment(bytes);
        }
        let offset = self.open.len();
        write(&mut self.open);
        let length = self.open.len() - offset;
        self.held += length;
        Place { block: self.open_block(), offset: offset as u32, length: length as u32 }
    }

    fn next_segment(&mut self, bytes: usize) {
        self.seal();
        let bytes = bytes.max(SEGMENT_BYTES);
        if !self.open.try_reclaim(bytes) {
            self.open = BytesMut::with_capacity(bytes);
        }
    }

    fn open_block(&self) -> u64 {
        self.first_block + self.blocks.len() as u64
    }

    pub(super) fn seal(&mut self) {
        if !self.open.is_empty() {
            self.blocks.push_back(self.open.split().freeze());
        }
    }

    /// The block of a place, if it was sealed and is still here.
    pub(super) fn block(&self, place: Place) -> &Bytes {
        &self.blocks[(place.block - self.first_block) as usize]
    }

    /// The bytes of a place, sealed or not.
    pub(super) fn bytes(&self, place: Place) -> &[u8] {
        let block: &[u8] = match self.blocks.get((place.block - self.first_block) as usize) {
            Some(block) => block,
            None => &self.open,
        };
        &block[place.offset as usize..place.end()]
    }

    /// Lets go of every block in front of `block`.
    pub(super) fn retire_before(&mut self, block: u64) {
        while self.first_block < block
            && let Some(retired) = self.blocks.pop_front()
        {
            self.first_block += 1;
            self.held -= retired.len();
        }
    }

    /// Lets go of every block.
    pub(super) fn retire_all(&mut self) {
        self.retire_before(self.open_block());
    }

    /// Bytes in blocks.
    pub(super) fn held(&self) -> usize {
        self.held
    }
}
