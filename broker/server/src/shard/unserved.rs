//! How much is read before a turn, and when connections that publish wait for the broker.

use broker_core::Unserved;

use super::Shard;

/// How many bytes the connections of a shard bring in before its turn comes.
pub(super) const BATCH_BYTES_MAX: usize = 1 << 20;

/// How much of that may be for one lane while sessions are left that wait for their turn, in bytes,
/// if the lanes go on to get the shares of it that they had.
const BEHIND_BATCH_BYTES_MAX: u64 = 64 << 10;

/// For how many lanes' worth as much may come for sessions that wait for their turn as for one.
const LANES: u64 = 16;

impl Shard {
    /// Notes what has come for sessions that have something to write.
    pub(super) fn note_unserved(&self, unserved: Unserved) {
        self.batch_bytes_max.set(batch_bytes_max(unserved));
        self.exchange.note_unserved(self.id, unserved.lane_bytes.max(unserved.bytes / LANES));
    }
}

/// How many bytes of commands are read before the next turn.
fn batch_bytes_max(Unserved { bytes, lane_bytes }: Unserved) -> usize {
    match lane_bytes {
        0 => BATCH_BYTES_MAX,
        _ => {
            let times = (bytes / lane_bytes).max(1);
            (BEHIND_BATCH_BYTES_MAX * times).min(BATCH_BYTES_MAX as u64) as usize
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_less_of_what_comes_is_for_one_lane_the_more_is_read_at_once() {
        let of = |bytes, lane_bytes| batch_bytes_max(Unserved { bytes, lane_bytes });
        assert_eq!(of(0, 0), BATCH_BYTES_MAX);
        assert_eq!(of(1_000, 1_000), 64 << 10, "all of it is for one");
        assert_eq!(of(1_000, 250), 256 << 10);
        assert_eq!(of(1_000, 10), BATCH_BYTES_MAX);
        assert_eq!(of(0, 1_000), 64 << 10, "frames that aren't messages");
    }
}
