//! What laggards still want of blocks that are gone.

use std::ops::Range;

use bytes::Bytes;
use hashbrown::HashMap;

use super::Entry;

/// Entries whose bytes were copied out of their block, each with the number of lanes that want it.
#[derive(Debug, Default)]
pub(super) struct Survivors {
    table: HashMap<u64, Survivor, foldhash::fast::FixedState>,
    bytes: usize,
}

#[derive(Debug)]
struct Survivor {
    entry: Entry,
    frame: Bytes,
    wanted_by: u32,
}

impl Survivors {
    /// Notes that one more lane wants an entry; copies it when it is the first.
    pub(super) fn want(&mut self, number: u64, entry: &Entry, frame: &[u8]) {
        let bytes = &mut self.bytes;
        let survivor = self.table.entry(number).or_insert_with(|| {
            *bytes += frame.len();
            let frame = Bytes::copy_from_slice(frame);
            Survivor { entry: Entry { json: None, ..entry.clone() }, frame, wanted_by: 0 }
        });
        survivor.wanted_by += 1;
    }

    /// Notes that one lane no longer wants these entries.
    pub(super) fn let_go(&mut self, numbers: Range<u64>) {
        for number in numbers {
            let survivor = self.table.get_mut(&number).expect("what a lane wants survives");
            survivor.wanted_by -= 1;
            if survivor.wanted_by == 0 {
                self.bytes -= survivor.frame.len();
                self.table.remove(&number);
            }
        }
    }

    pub(super) fn entry(&self, number: u64) -> &Entry {
        &self.table.get(&number).expect("what a lane wants survives").entry
    }

    pub(super) fn frame(&self, number: u64) -> &Bytes {
        &self.table.get(&number).expect("what a lane wants survives").frame
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}
