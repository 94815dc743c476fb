//! Callbacks by their tokens, and what they can be called by.
//!
//! Invariant: a token holds nothing readable, and nobody can guess it who doesn't know the secret of
//! the session that offered it.

use std::fmt;
use std::hash::Hasher as _;

use crate::{SessionId, ShardId};

/// Set in every token, and in no session's id.
const TOKEN_BIT: u64 = 1 << 63;

/// How long a token is, in hexadecimal digits.
const TOKEN_DIGITS: usize = 32;

/// What can be held: a callback, by its token, or a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallbackId {
    high: u64,
    low: u64,
}

impl CallbackId {
    /// Makes the token of a callback that a session offers. `number` is never the same in a shard.
    pub(crate) fn mint(secret: u128, session: SessionId, number: u64) -> Self {
        let half = |half| keyed(secret, &[half, session.shard.0.into(), number]);
        Self { high: half(0) | TOKEN_BIT, low: half(1) }
    }

    /// What stands for the end of a session.
    pub fn of_session(session: SessionId) -> Self {
        let SessionId { shard, slot, generation } = session;
        Self { high: u64::from(shard.0) << 32 | u64::from(slot), low: generation }
    }

    /// The session, if it isn't a callback.
    pub fn session(self) -> Option<SessionId> {
        let Self { high, low: generation } = self;
        let (shard, slot) = (ShardId((high >> 32) as u16), high as u32);
        (high & TOKEN_BIT == 0).then_some(SessionId { shard, slot, generation })
    }

    /// Reads a token or a session's id, as [`Display`](fmt::Display) writes it.
    pub fn parse(text: &str) -> Option<Self> {
        Self::parse_token(text).or_else(|| SessionId::parse(text).map(Self::of_session))
    }

    /// Reads a token.
    pub fn parse_token(text: &str) -> Option<Self> {
        let digits: &[u8; TOKEN_DIGITS] = text.as_bytes().try_into().ok()?;
        let ([high, low], []) = digits.as_chunks() else { return None };
        let (high, low) = (parse_digits(high)?, parse_digits(low)?);
        (high & TOKEN_BIT != 0).then_some(Self { high, low })
    }
}

impl fmt::Display for CallbackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.session() {
            Some(session) => session.fmt(f),
            None => write!(f, "{:016x}{:016x}", self.high, self.low),
        }
    }
}

/// Set in what no digit is worth, and in nothing that one is.
const NO_DIGIT: u8 = 0xf0;

/// What a byte is worth as a hexadecimal digit, small letters alone.
const fn worth(byte: u8) -> u8 {
    let (digit, letter) = (byte.wrapping_sub(b'0'), byte.wrapping_sub(b'a'));
    match (digit < 10, letter < 6) {
        (true, _) => digit,
        (_, true) => letter + 10,
        _ => NO_DIGIT,
    }
}

/// 16 hexadecimal digits. Every call names its callback by them: they are judged at the end.
fn parse_digits(digits: &[u8; TOKEN_DIGITS / 2]) -> Option<u64> {
    let (worths, mut number) = (digits.map(worth), [0; TOKEN_DIGITS / 4]);
    for (byte, [high, low]) in number.iter_mut().zip(worths.as_chunks().0) {
        *byte = high << 4 | low;
    }
    let seen = worths.iter().fold(0, |seen, worth| seen | worth);
    (seen & NO_DIGIT == 0).then_some(u64::from_be_bytes(number))
}

/// A number that nobody can tell from chance who doesn't know the key: SipHash-2-4.
#[expect(deprecated, reason = "it is that one function, which no other in std is said to be")]
fn keyed(key: u128, words: &[u64]) -> u64 {
    let mut hasher = std::hash::SipHasher::new_with_keys(key as u64, (key >> 64) as u64);
    words.iter().for_each(|word| hasher.write(&word.to_le_bytes()));
    hasher.finish()
}

/// What a callback can be called by: names of methods, each with the number of its lane. Shared by
/// all callbacks of a shard that have the same.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Methods {
    /// By name.
    methods: Box<[(Box<str>, u8)]>,
}

impl Methods {
    /// The most methods of a callback: their places are bytes.
    pub const COUNT_MAX: usize = 256;

    /// These methods. `None` if two have one name, there is none, or there are too many.
    pub(crate) fn new(mut methods: Vec<(Box<str>, u8)>) -> Option<Self> {
        methods.sort_unstable();
        let twice = methods.windows(2).any(|two| two[0].0 == two[1].0);
        let count = (1..=Self::COUNT_MAX).contains(&methods.len());
        (count && !twice).then(|| Self { methods: methods.into() })
    }

    /// The place of a method.
    pub(crate) fn find(&self, name: &[u8]) -> Option<u8> {
        let found = self.methods.binary_search_by(|(method, _)| method.as_bytes().cmp(name));
        found.ok().map(|at| at as u8)
    }

    /// The number of the lane of the method at a place.
    pub(crate) fn lane(&self, method: u8) -> u8 {
        self.methods[usize::from(method)].1
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.methods.len()
    }

    /// Their names, each with the number of its lane.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, u8)> {
        self.methods.iter().map(|(name, lane)| (&**name, *lane))
    }

    /// The numbers of their lanes, each once.
    pub(crate) fn lanes(&self) -> impl Iterator<Item = u8> {
        let set = self.methods.iter().fold(0u16, |set, (_, lane)| set | 1 << lane);
        (0..16).filter(move |lane| set & 1 << lane != 0)
    }

    /// The length of the longest name, in bytes.
    pub(crate) fn longest(&self) -> usize {
        self.methods.iter().map(|(name, _)| name.len()).max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: SessionId = SessionId { shard: ShardId(3), slot: 7, generation: 1 << 40 };

    #[test]
    fn the_keyed_function_is_the_one_of_the_paper() {
        // "SipHash: a fast short-input PRF", appendix A, which hashes 15 bytes; here it is 8.
        let key = u128::from_le_bytes(std::array::from_fn(|place| place as u8));
        assert_eq!(keyed(key, &[0x0706_0504_0302_0100]), 0x93f5_f579_9a93_2462);
    }

    #[test]
    fn a_token_reads_what_it_wrote_and_nothing_else() {
        let token = CallbackId::mint(77, SESSION, 1);
        let text = token.to_string();
        assert_eq!((text.len(), token.session()), (TOKEN_DIGITS, None));
        assert_eq!(CallbackId::parse(&text), Some(token));
        let wrong = [text[1..].to_owned(), text.to_uppercase(), format!("0{}", &text[1..])];
        for wrong in wrong.iter().map(String::as_str).chain(["", "ä", "bob", "1-2"]) {
            assert_eq!(CallbackId::parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn tokens_differ_by_secret_shard_and_number() {
        let other = SessionId { shard: ShardId(4), ..SESSION };
        let tokens = [(1, SESSION, 1), (2, SESSION, 1), (1, other, 1), (1, SESSION, 2)];
        let tokens =
            tokens.map(|(secret, session, number)| CallbackId::mint(secret, session, number));
        let unlike = std::collections::BTreeSet::from(tokens);
        assert_eq!(unlike.len(), tokens.len());
    }

    #[test]
    fn a_session_is_told_from_a_callback() {
        let id = CallbackId::of_session(SESSION);
        assert_eq!(id.session(), Some(SESSION));
        assert_eq!(CallbackId::parse(&SESSION.to_string()), Some(id));
    }

    #[test]
    fn methods_are_found_by_name_and_their_lanes_are_told_once() {
        let of = |names: &[(&str, u8)]| {
            Methods::new(names.iter().map(|(name, lane)| (Box::from(*name), *lane)).collect())
        };
        let methods = of(&[("tick", 2), ("done", 0), ("moved", 2)]).expect("they differ");
        assert_eq!(methods.find(b"tick").map(|at| methods.lane(at)), Some(2));
        assert_eq!((methods.find(b"tock"), methods.longest()), (None, 5));
        assert!(methods.lanes().eq([0, 2]));
        assert!(of(&[("a", 0), ("a", 1)]).is_none() && of(&[]).is_none());
    }
}
