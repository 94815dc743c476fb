//! What the generator writes into its payloads, so that it knows a message when it comes back.
//!
//! Sixteen characters that are text in any encoding: when the message was due, and its number in
//! its topic, each as eight digits of five bits. Characters from `0` to `O`: none of them has to be
//! escaped in JSON.

use std::time::Instant;

/// The smallest payload: a mark, in bytes.
pub const PAYLOAD_BYTES_MIN: usize = 16;

/// How many digits a number has.
const DIGITS: usize = 8;
/// How many bits a digit has.
const DIGIT_BITS: usize = 5;
/// The digit 0; the others follow.
const ZERO: u8 = b'0';
/// The largest number that fits.
const NUMBER_MAX: u64 = (1 << (DIGITS * DIGIT_BITS)) - 1;

/// What the generator writes into a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    /// When the message was due, in nanoseconds of the [`Clock`].
    pub(crate) due: u64,
    /// Its number in its topic, from 1.
    pub(crate) number: u64,
}

impl Mark {
    /// Writes the mark over the beginning of a payload.
    ///
    /// # Panics
    /// If the payload is smaller than [`PAYLOAD_BYTES_MIN`].
    pub(crate) fn write(self, payload: &mut [u8]) {
        write_number(self.due, &mut payload[..DIGITS]);
        write_number(self.number, &mut payload[DIGITS..2 * DIGITS]);
    }

    /// Reads the mark of a payload, if it has one.
    pub(crate) fn read(payload: &[u8]) -> Option<Self> {
        let (due, rest) = payload.split_at_checked(DIGITS)?;
        let number = rest.get(..DIGITS)?;
        Some(Self { due: read_number(due)?, number: read_number(number)? })
    }
}

fn write_number(number: u64, digits: &mut [u8]) {
    let mut rest = number.min(NUMBER_MAX);
    for digit in digits.iter_mut().rev() {
        *digit = ZERO + (rest & ((1 << DIGIT_BITS) - 1)) as u8;
        rest >>= DIGIT_BITS;
    }
}

fn read_number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |number, digit| {
        let value = digit.checked_sub(ZERO).filter(|value| *value < 1 << DIGIT_BITS)?;
        Some(number << DIGIT_BITS | u64::from(value))
    })
}

/// The time of a run, in nanoseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now(self) -> u64 {
        self.0.elapsed().as_nanos() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written() {
        for mark in [
            Mark { due: 0, number: 1 },
            Mark { due: NUMBER_MAX, number: NUMBER_MAX },
            Mark { due: 123_456_789_012, number: 77 },
        ] {
            let mut payload = [b'x'; 20];
            mark.write(&mut payload);
            assert_eq!(Mark::read(&payload), Some(mark));
            assert!(payload.iter().all(|byte| byte.is_ascii_graphic() && !b"\"\\".contains(byte)));
        }
    }

    #[test]
    fn what_is_no_mark_is_not_read() {
        assert_eq!(Mark::read(b"000000000000000"), None);
        assert_eq!(Mark::read(b"000000000000000x"), None);
    }
}
