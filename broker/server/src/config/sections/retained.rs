//! `[retained]`: last values that are kept for who subscribes later.

use crate::config::declare::section;
use crate::config::kind::{GIB, MIB, bytes, count};

section! {
    /// Last values, which publishers ask to be kept, for who subscribes later. They live in memory. At each
    /// bound what is new is refused with `too-many-keys`, and nothing that is kept is lost.
    pub struct Retained {
        /// Keys of one topic whose last value is kept. With 0 nothing is.
        keys_max: usize = 10_000, count(0..=100_000_000);
        /// Last values of all topics.
        values_max: usize = 1_000_000, count(0..=100_000_000);
        /// All of them together, about 200 bytes for each beside its message included.
        bytes_max: usize = 256 * MIB, bytes(0..=64 * GIB);
    }
}
