//! Bytes that were read and aren't wanted yet.

/// Bytes that were read and aren't wanted yet, oldest first. Owns nothing when empty.
#[derive(Debug, Default)]
pub(crate) struct Held {
    bytes: Vec<u8>,
    start: usize,
}

impl Held {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, start: 0 }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.bytes.len()
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..]
    }

    /// What is left when the first `read` bytes are gone. Nothing is moved for it.
    pub(crate) fn after(mut self, read: usize) -> Self {
        self.start += read;
        if self.is_empty() { Self::default() } else { self }
    }

    pub(crate) fn take_all(&mut self) -> Vec<u8> {
        let start = std::mem::take(&mut self.start);
        std::mem::take(&mut self.bytes).split_off(start)
    }
}
