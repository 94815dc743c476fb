//! Bytes that were read and aren't wanted yet.

/// Bytes that were read and aren't wanted yet, oldest first. Owns nothing when empty, as it nearly
/// always is.
#[derive(Debug, Default)]
pub(crate) struct Held(Option<Box<Rest>>);

/// What is left behind `start`: at least a byte.
#[derive(Debug)]
struct Rest {
    bytes: Vec<u8>,
    start: usize,
}

impl Held {
    /// Keeps a copy of what is there.
    pub(crate) fn new(bytes: &[u8]) -> Self {
        let rest = || Box::new(Rest { bytes: bytes.to_vec(), start: 0 });
        Self((!bytes.is_empty()).then(rest))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [u8] {
        match &mut self.0 {
            Some(rest) => &mut rest.bytes[rest.start..],
            None => &mut [],
        }
    }

    /// What is left when the first `read` bytes are gone. Nothing is moved for it.
    pub(crate) fn after(self, read: usize) -> Self {
        let rest = self.0.map(|mut rest| {
            rest.start += read;
            rest
        });
        Self(rest.filter(|rest| rest.start < rest.bytes.len()))
    }

    pub(crate) fn take_all(&mut self) -> Vec<u8> {
        self.0.take().map_or_else(Vec::new, |mut rest| rest.bytes.split_off(rest.start))
    }
}
