use super::super::tests::{Log, Note, push};
use super::super::{AsTheyAre, Bound, Keep, LaneOptions, Overflow, Sent};
use super::*;

/// A lane that conflates and has a client that may come back.
fn latest() -> Lane<Note> {
    let bound = Bound { messages: 10, bytes: 1 << 20 };
    let (keep, overflow) = (Keep::Latest(1), Overflow::DropOldest);
    let mut lane = Lane::new(LaneOptions { keep, overflow, bound, ..LaneOptions::default() });
    lane.keep_what_is_sent();
    lane
}

#[test]
fn the_oldest_that_is_kept_is_known_though_a_gap_was_sent_behind_newer_ones() {
    let (mut lane, mut log) = (latest(), Log::of(2));
    push(&mut lane, &mut log, 0);
    lane.block(&mut log);
    for entry in [1, 2, 3, 4] {
        push(&mut lane, &mut log, entry);
    }
    lane.conflate(&mut log);
    // Topic 0 has its turn first, with its newest message; topic 1 follows with an older one.
    for told in [vec![], vec![(0, Gap::of_the_lane(1))]] {
        let sent = Sent { items: 1, told, ..Sent::default() };
        lane.sent(sent, &mut log, &mut AsTheyAre);
    }
    assert_eq!(lane.kept_since(), Some(3), "{:?}", lane.kept_extents().collect::<Vec<_>>());
    // So it is once that is no longer what was sent last.
    lane.sent(
        Sent { told: vec![(0, Gap::of_the_lane(1))], ..Sent::default() },
        &mut log,
        &mut AsTheyAre,
    );
    assert_eq!(lane.kept_since(), Some(3));
}
