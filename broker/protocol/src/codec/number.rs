//! Numbers of the bincode codec: one byte where that is enough, else a marker and two, four or eight.

use bytes::{BufMut as _, BytesMut};

use super::error::Fault;

/// The longest number: a marker and eight bytes.
const BYTES_MAX: usize = 9;

/// The largest number that is a byte by itself, and what stands in front of larger ones.
pub(super) const SMALL_MAX: u8 = 250;
const TWO_FOLLOW: u8 = 251;
const FOUR_FOLLOW: u8 = 252;
const EIGHT_FOLLOW: u8 = 253;

/// How many bytes a number takes.
pub(crate) const fn number_bytes(number: u64) -> usize {
    match number {
        0..=250 => 1,
        251..=0xffff => 3,
        0x1_0000..=0xffff_ffff => 5,
        _ => BYTES_MAX,
    }
}

/// Appends a number in its shortest form.
#[inline]
pub(crate) fn write_number(number: u64, out: &mut BytesMut) {
    match u8::try_from(number) {
        Ok(small @ ..=SMALL_MAX) => out.put_u8(small),
        _ => {
            let (bytes, count) = longer(number);
            out.extend_from_slice(&bytes[..count]);
        }
    }
}

/// Writes a number over the bytes at the front, which are as many as it takes.
pub(super) fn overwrite_number(number: u64, front: &mut [u8]) {
    match u8::try_from(number) {
        Ok(small @ ..=SMALL_MAX) => front[0] = small,
        _ => {
            let (bytes, count) = longer(number);
            front[..count].copy_from_slice(&bytes[..count]);
        }
    }
}

/// How many numbers stand in front of a message's parts.
const FRONT_NUMBERS: usize = 4;

/// What stands in front of a message's parts: put together here, and appended in one piece.
#[derive(Debug)]
pub(crate) struct Front {
    bytes: [u8; (FRONT_NUMBERS + 1) * BYTES_MAX],
    length: usize,
}

impl Front {
    pub(crate) fn new() -> Self {
        Self { bytes: [0; (FRONT_NUMBERS + 1) * BYTES_MAX], length: 0 }
    }

    pub(crate) fn byte(&mut self, byte: u8) {
        self.bytes[self.length] = byte;
        self.length += 1;
    }

    /// Appends a number in its shortest form.
    pub(crate) fn number(&mut self, number: u64) {
        match u8::try_from(number) {
            Ok(small @ ..=SMALL_MAX) => self.byte(small),
            _ => {
                let (bytes, count) = longer(number);
                // What is written behind it is written over.
                self.bytes[self.length..self.length + BYTES_MAX].copy_from_slice(&bytes);
                self.length += count;
            }
        }
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

fn longer(number: u64) -> ([u8; BYTES_MAX], usize) {
    let count = number_bytes(number);
    let mut bytes = [0; BYTES_MAX];
    bytes[0] = match count {
        3 => TWO_FOLLOW,
        5 => FOUR_FOLLOW,
        _ => EIGHT_FOLLOW,
    };
    bytes[1..].copy_from_slice(&number.to_le_bytes());
    (bytes, count)
}

/// Reads the number at the front: what it is, and how many bytes it takes. `None` while it is
/// incomplete.
#[inline]
pub(super) fn read_number(bytes: &[u8]) -> Result<Option<(u64, usize)>, Fault> {
    match bytes.split_first() {
        None => Ok(None),
        Some((small @ ..=SMALL_MAX, _)) => Ok(Some((u64::from(*small), 1))),
        Some((marker, rest)) => read_longer(*marker, rest),
    }
}

fn read_longer(marker: u8, rest: &[u8]) -> Result<Option<(u64, usize)>, Fault> {
    Ok(match marker {
        TWO_FOLLOW => rest.first_chunk().map(|two| (u64::from(u16::from_le_bytes(*two)), 3)),
        FOUR_FOLLOW => rest.first_chunk().map(|four| (u64::from(u32::from_le_bytes(*four)), 5)),
        EIGHT_FOLLOW => rest.first_chunk().map(|eight| (u64::from_le_bytes(*eight), BYTES_MAX)),
        _ => return Err(Fault::InvalidNumber),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers on both sides of where the form changes.
    const EDGES: [u64; 9] =
        [0, 250, 251, 0xffff, 0x1_0000, 0xffff_ffff, 0x1_0000_0000, 1 << 53, u64::MAX];

    fn written(number: u64) -> BytesMut {
        let mut out = BytesMut::new();
        write_number(number, &mut out);
        out
    }

    #[test]
    fn numbers_are_written_as_bincode_writes_them() {
        for number in EDGES {
            let theirs = bincode::encode_to_vec(number, bincode::config::standard()).unwrap();
            assert_eq!(&*written(number), theirs, "{number}");
            let mut front = Front::new();
            (0..FRONT_NUMBERS).for_each(|_| front.number(number));
            assert_eq!(front.as_slice(), theirs.repeat(FRONT_NUMBERS), "{number}");
            let mut over = vec![7; number_bytes(number)];
            overwrite_number(number, &mut over);
            assert_eq!(over, theirs, "{number}");
        }
    }

    #[test]
    fn what_is_written_is_read_and_no_beginning_of_it() {
        for number in EDGES {
            let written = written(number);
            assert_eq!(written.len(), number_bytes(number));
            assert_eq!(read_number(&written), Ok(Some((number, written.len()))));
            for end in 0..written.len() {
                assert_eq!(read_number(&written[..end]), Ok(None), "{number}, {end}");
            }
        }
    }

    #[test]
    fn longer_forms_are_read_and_other_markers_refused() {
        assert_eq!(read_number(&[251, 7, 0]), Ok(Some((7, 3))));
        assert_eq!(read_number(&[253, 7, 0, 0, 0, 0, 0, 0, 0]), Ok(Some((7, 9))));
        for marker in [254, 255] {
            assert_eq!(read_number(&[marker; 20]), Err(Fault::InvalidNumber));
        }
    }
}
