//! Packets whose bytes tell which one they are.

use bytes::Bytes;

/// The packet of a number and length: every packet of at least 8 bytes differs from all others of
/// its length; shorter ones differ from their neighbours.
pub(crate) fn packet(number: usize, length: usize, text: bool) -> Bytes {
    let mut state = (number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ length as u64;
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length {
        // SplitMix64 (Steele, Lea, Flood 2014): every output differs from every other.
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bytes.extend_from_slice(&(mixed ^ (mixed >> 31)).to_le_bytes());
    }
    bytes.truncate(length);
    if let Some(first) = bytes.first_mut() {
        *first = number as u8;
    }
    if text {
        bytes.iter_mut().for_each(|byte| *byte = b'a' + *byte % 26);
    }
    bytes.into()
}

/// The packets of these lengths, numbered in order.
pub(crate) fn packets(lengths: impl IntoIterator<Item = usize>, text: bool) -> Vec<Bytes> {
    let numbered = lengths.into_iter().enumerate();
    numbered.map(|(number, length)| packet(number, length, text)).collect()
}

/// `count` packets of lengths that vary between 1 and `length_max`.
pub(crate) fn varied(count: usize, length_max: usize) -> Vec<Bytes> {
    packets((0..count).map(|number| 1 + number * 7919 % length_max), false)
}
