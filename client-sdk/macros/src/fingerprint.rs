//! Short numbers by which both ends see that they mean the same method.

/// FNV-1a of 32 bits over a text (Fowler, Noll, Vo; RFC 9923).
pub(crate) fn fingerprint(text: &str) -> u32 {
    let step = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    text.bytes().fold(0x811c_9dc5, step)
}

/// A text of tokens without the blanks that only set them apart.
pub(crate) fn compact(tokens: &str) -> String {
    let is_word = |one: char| one.is_alphanumeric() || one == '_';
    let mut compact = String::with_capacity(tokens.len());
    for word in tokens.split_whitespace() {
        let joins = compact.chars().last().is_some_and(is_word) && word.starts_with(is_word);
        if joins {
            compact.push(' ');
        }
        compact.push_str(word);
    }
    compact
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_that_of_the_published_test_vectors() {
        assert_eq!(fingerprint(""), 0x811c_9dc5);
        assert_eq!(fingerprint("a"), 0xe40c_292c);
        assert_eq!(fingerprint("foobar"), 0xbf9c_f968);
    }

    #[test]
    fn blanks_make_no_difference_but_between_words() {
        assert_eq!(compact("Callback < dyn  Chat >"), "Callback<dyn Chat>");
        assert_eq!(compact("(u8 , & 'static str)"), "(u8,&'static str)");
    }
}
