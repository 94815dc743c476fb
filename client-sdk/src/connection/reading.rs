//! The memory that links read into: one piece for all connections of a thread, which stays in the
//! processor's caches however many there are.

use std::cell::Cell;

/// How much a link reads at once, in bytes.
pub(super) const RECEIVE_BYTES: usize = 64 * 1024;

thread_local! {
    static BUFFER: Cell<Box<[u8]>> = Cell::default();
}

/// Lends this thread's memory. Nothing of it is kept between two calls; a call within a call gets
/// memory of its own.
pub(super) fn with_buffer<R>(f: impl FnOnce(&mut [u8]) -> R) -> R {
    let mut buffer = BUFFER.take();
    if buffer.is_empty() {
        buffer = vec![0; RECEIVE_BYTES].into_boxed_slice();
    }
    let result = f(&mut buffer);
    BUFFER.set(buffer);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_of_a_thread_share_their_memory() {
        let address = || with_buffer(|buffer| (buffer.as_ptr(), buffer.len()));
        assert_eq!(address(), address());
        assert_eq!(address().1, RECEIVE_BYTES);
    }

    #[test]
    fn a_call_within_a_call_has_memory_of_its_own() {
        with_buffer(|outer| {
            outer[0] = 1;
            with_buffer(|inner| {
                assert_ne!(inner.as_ptr(), outer.as_ptr());
                assert_eq!((inner.len(), inner[0]), (RECEIVE_BYTES, 0));
            });
            assert_eq!(outer[0], 1);
        });
    }
}
