//! Masking (RFC 6455 §5.3), the same operation in both directions.

/// Masks or unmasks `bytes`, which begin at `offset` (0 to 3) within the mask.
pub(crate) fn apply_mask(bytes: &mut [u8], mut mask: [u8; 4], offset: usize) {
    mask.rotate_left(offset);
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = bytes.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask.into_iter().cycle()) {
        *byte ^= mask;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_applied_in_two_pieces_is_the_mask_applied_at_once() {
        let plain: Vec<u8> = (0..100).collect();
        let mask = [0xA5, 0x01, 0xFE, 0x5A];
        let mut whole = plain.clone();
        apply_mask(&mut whole, mask, 0);
        assert!(whole.iter().zip(&plain).enumerate().all(|(at, (m, p))| m ^ p == mask[at % 4]));
        for cut in 0..plain.len() {
            let mut pieces = plain.clone();
            let (first, second) = pieces.split_at_mut(cut);
            apply_mask(first, mask, 0);
            apply_mask(second, mask, cut % 4);
            assert_eq!(pieces, whole);
        }
    }
}
