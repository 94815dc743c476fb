//! The bytes of one codec: blocks that are shared, and the one that is being written.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

/// The memory that is taken at once, in bytes. Measured: with 64 KiB a run ends at a segment's end
/// too often (20 % slower in flood); above 256 KiB nothing is gained.
pub(super) const SEGMENT_BYTES: usize = 256 << 10;

/// How many times larger than usual a segment may be to be written to again: what one large message
/// needed isn't kept.
const REUSED_TIMES_MAX: usize = 4;

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
/// which is reused once nobody holds any of them: one that is wanted holds all of it.
#[derive(Debug)]
pub(super) struct Rendering {
    segment_bytes: usize,
    first_block: u64,
    blocks: VecDeque<Bytes>,
    /// Full segments of which some block is still here: the block behind their last, and the
    /// memory that they hold.
    full: VecDeque<(u64, usize)>,
    full_bytes: usize,
    open: BytesMut,
    /// The first block of the segment that is being written.
    open_start: u64,
    /// The memory of the segment that is being written.
    open_memory: usize,
    /// What of it is still here.
    open_bytes: usize,
}

impl Rendering {
    pub(super) fn new(segment_bytes: usize) -> Self {
        Self {
            segment_bytes,
            first_block: 0,
            blocks: VecDeque::new(),
            full: VecDeque::new(),
            full_bytes: 0,
            open: BytesMut::new(),
            open_start: 0,
            open_memory: 0,
            open_bytes: 0,
        }
    }

    /// Appends what `write` writes, of about `bytes` bytes.
    pub(super) fn append(&mut self, bytes: usize, write: impl FnOnce(&mut BytesMut)) -> Place {
        if self.open.capacity() - self.open.len() < bytes {
            self.next_segment(bytes);
        }
        let (offset, room) = (self.open.len(), self.open.capacity());
        write(&mut self.open);
        if self.open.capacity() > room {
            // It took more than expected and moved on to memory of its own.
            self.open_memory += self.open.capacity();
        }
        let length = self.open.len() - offset;
        self.open_bytes += length;
        Place { block: self.open_block(), offset: offset as u32, length: length as u32 }
    }

    fn next_segment(&mut self, bytes: usize) {
        self.seal();
        if self.open_bytes > 0 {
            self.full.push_back((self.open_block(), self.open_memory));
            self.full_bytes += self.open_memory;
        }
        let bytes = bytes.max(self.segment_bytes);
        if !self.open.try_reclaim(bytes) || self.open.capacity() > REUSED_TIMES_MAX * bytes {
            self.open = BytesMut::with_capacity(bytes);
        }
        self.open_start = self.open_block();
        (self.open_memory, self.open_bytes) = (self.open.capacity(), 0);
    }

    fn open_block(&self) -> u64 {
        self.first_block + self.blocks.len() as u64
    }

    pub(super) fn seal(&mut self) {
        if !self.open.is_empty() {
            self.blocks.push_back(self.open.split().freeze());
        }
    }

    /// The block of a place, if it was sealed.
    #[inline]
    pub(super) fn block(&self, place: Place) -> Option<&Bytes> {
        self.blocks.get((place.block - self.first_block) as usize)
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
            if self.first_block >= self.open_start {
                self.open_bytes -= retired.len();
            }
            self.first_block += 1;
        }
        while let Some((_, bytes)) = self.full.pop_front_if(|(end, _)| *end <= self.first_block) {
            self.full_bytes -= bytes;
        }
    }

    /// Lets go of every block.
    pub(super) fn retire_all(&mut self) {
        self.retire_before(self.open_block());
    }

    /// Full segments, oldest first: the block behind their last, and the memory that they hold.
    pub(super) fn full_segments(&self) -> impl Iterator<Item = (u64, usize)> + '_ {
        self.full.iter().copied()
    }

    /// Bytes held: the memory of full segments, and what is filled of the one that is written to.
    pub(super) fn held(&self) -> usize {
        self.full_bytes + self.open_bytes
    }
}
