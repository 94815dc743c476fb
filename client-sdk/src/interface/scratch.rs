//! Memory in which calls without an answer are written: each thread has some, so that a call takes none.

use std::cell::Cell;

use bytes::BytesMut;

/// What is kept of it between two calls at most, in bytes each.
const KEPT_BYTES_MAX: usize = 64 * 1024;

/// Where a call is written.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub(super) topic: String,
    pub(super) payload: Vec<u8>,
    pub(super) frame: BytesMut,
}

thread_local! {
    static KEPT: Cell<Option<Box<Scratch>>> = const { Cell::new(None) };
}

impl Scratch {
    /// Takes what this thread has. A call that is made while another one is written, by an argument
    /// that writes itself so, gets memory of its own.
    pub(super) fn take() -> Box<Self> {
        KEPT.take().unwrap_or_default()
    }

    /// Leaves it for the next call.
    pub(super) fn give_back(mut self: Box<Self>) {
        self.topic.clear();
        self.payload.clear();
        self.frame.clear();
        if self.payload.capacity().max(self.frame.capacity()) <= KEPT_BYTES_MAX {
            KEPT.set(Some(self));
        }
    }
}
