//! The names of things inside the broker, and the time.

use std::fmt;
use std::time::Duration;

/// A shard: one thread of the running broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShardId(pub u16);

impl ShardId {
    /// The most shards of a broker: what fits a set of bits.
    pub const COUNT_MAX: u16 = 64;
}

/// A session, while the broker runs: a place in a shard and how often it was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId {
    /// The shard in which it lives.
    pub shard: ShardId,
    /// Its place there.
    pub slot: u32,
    /// How many sessions the shard has seen before: no two are ever equal.
    pub generation: u64,
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.shard.0, self.slot, self.generation)
    }
}

impl SessionId {
    /// Reads what [`Display`](fmt::Display) wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (shard, slot, generation) = (parts.next()?, parts.next()?, parts.next()?);
        let shard = ShardId(shard.parse().ok()?);
        let (slot, generation) = (slot.parse().ok()?, generation.parse().ok()?);
        parts.next().is_none().then_some(Self { shard, slot, generation })
    }
}

/// A topic, until it is forgotten. Never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicId(pub u64);

/// A request on its way: made by the asker's shard, echoed by the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token {
    /// The asker's shard.
    pub shard: ShardId,
    /// How many requests that shard has seen before.
    pub number: u64,
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.shard.0, self.number)
    }
}

impl Token {
    pub(crate) const FIRST: Self = Self { shard: ShardId(0), number: 0 };
    pub(crate) const LAST: Self = Self { shard: ShardId(u16::MAX), number: u64::MAX };

    /// Reads what [`Display`](fmt::Display) wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let (shard, number) = text.split_once('-')?;
        Some(Self { shard: ShardId(shard.parse().ok()?), number: number.parse().ok()? })
    }
}

/// The time, as whoever runs the machines tells it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Now {
    /// Since some fixed moment; never steps back.
    pub monotonic: Duration,
    /// Milliseconds since the Unix epoch, as told to subscribers.
    pub wall: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_what_it_wrote_and_nothing_else() {
        let token = Token { shard: ShardId(3), number: 77 };
        assert_eq!(Token::parse(&token.to_string()), Some(token));
        for wrong in ["", "3", "3-", "-77", "3-77-1", "x-1"] {
            assert_eq!(Token::parse(wrong), None, "{wrong:?}");
        }
    }
}
