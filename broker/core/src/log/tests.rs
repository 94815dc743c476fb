use broker_protocol::frame::{Body, BrokerFrame};
use broker_protocol::{Codec, frames_in_packet};

use super::*;

/// Messages of 100 bytes and a little, each with its number as the payload's first byte.
fn publication(number: u64, bytes: usize) -> Publication {
    let mut payload = vec![b'x'; bytes];
    payload[0] = number as u8;
    let body = Body { payload: payload.into(), ..Body::default() };
    let mut parts = BytesMut::new();
    message::write_parts("a", None, &body, &mut parts);
    let (topic, topic_id) = (Arc::from("a"), TopicId(0));
    let (parts, expires) = (parts.freeze(), None);
    Publication { topic, topic_id, seq: number, epoch: 1, time: 7, expires, parts }
}

fn log() -> Log {
    Log::new(64 << 20)
}

/// Looks at what lanes want, each of the extents being one lane's.
fn look(log: &mut Log, wanted: &[Extent]) {
    let mut counted = log.wanted();
    wanted.iter().for_each(|extent| counted.add(std::iter::once(*extent)));
    log.retire(&counted, log.end());
}

fn append(log: &mut Log, numbers: std::ops::Range<u64>, bytes: usize, render: Render) -> u32 {
    let mut size = 0;
    for number in numbers {
        size = log.append(&publication(number, bytes), render).1;
    }
    size
}

fn all(log: &Log) -> Extent {
    Extent { start: log.first, end: log.end() }
}

/// The numbers of the messages in a run.
fn numbers(codec: Codec, run: &[u8]) -> Vec<u8> {
    frames_in_packet(codec, run, usize::MAX)
        .map(|frame| match codec.read_broker(frame.unwrap()).unwrap() {
            Some(BrokerFrame::Message(message)) => message.body.payload[0],
            other => panic!("{other:?}"),
        })
        .collect()
}

fn run(log: &Log, codec: Codec, extent: Extent, bytes_max: usize) -> (Vec<u8>, u32) {
    let (block, range, count) = log.shared(codec, extent, bytes_max).unwrap();
    (numbers(codec, &block[range]), count)
}

#[test]
fn a_run_ends_before_the_message_that_would_make_it_too_large() {
    let mut log = log();
    let size = append(&mut log, 0..4, 100, Render::Bincode) as usize;
    log.seal();
    let cut = |bytes_max| run(&log, Codec::Bincode, all(&log), bytes_max);
    assert_eq!(cut(3 * size - 1), (vec![0, 1], 2));
    assert_eq!(cut(3 * size), (vec![0, 1, 2], 3));
    assert_eq!(cut(4 * size), (vec![0, 1, 2, 3], 4));
}

#[test]
fn one_message_that_is_larger_than_a_packet_is_a_run_of_its_own() {
    let mut log = log();
    append(&mut log, 0..2, 100, Render::Bincode);
    log.seal();
    assert_eq!(run(&log, Codec::Bincode, all(&log), 10), (vec![0], 1));
}

#[test]
fn a_run_ends_with_its_block_and_goes_on_in_the_next() {
    let mut log = log();
    append(&mut log, 0..2, 100, Render::Both);
    log.seal();
    append(&mut log, 2..5, 100, Render::Both);
    log.seal();
    for codec in [Codec::Bincode, Codec::Json] {
        assert_eq!(run(&log, codec, all(&log), 10_000), (vec![0, 1], 2), "{codec}");
        let rest = Extent { start: 2, end: 5 };
        assert_eq!(run(&log, codec, rest, 10_000), (vec![2, 3, 4], 3), "{codec}");
    }
}

#[test]
fn a_segment_that_is_full_ends_a_run_too() {
    let mut log = log();
    append(&mut log, 0..3, 100_000, Render::Bincode);
    log.seal();
    assert_eq!(run(&log, Codec::Bincode, all(&log), 1 << 20), (vec![0, 1], 2));
}

#[test]
fn json_is_made_when_it_is_needed_after_all() {
    let mut log = log();
    append(&mut log, 0..1, 100, Render::Bincode);
    append(&mut log, 1..2, 100, Render::Both);
    log.seal();
    assert!(log.shared(Codec::Json, all(&log), 10_000).is_none());
    let mut out = BytesMut::new();
    log.copy(Codec::Json, 0, &mut out);
    log.copy(Codec::Json, 1, &mut out);
    assert_eq!(numbers(Codec::Json, &out), [0, 1]);
}

#[test]
fn a_run_of_json_ends_before_a_message_without() {
    let mut log = log();
    append(&mut log, 0..1, 100, Render::Both);
    append(&mut log, 1..2, 100, Render::Bincode);
    append(&mut log, 2..3, 100, Render::Both);
    log.seal();
    assert_eq!(run(&log, Codec::Json, all(&log), 10_000), (vec![0], 1));
    assert_eq!(run(&log, Codec::Bincode, all(&log), 10_000), (vec![0, 1, 2], 3));
}

/// A log of `segments` segments and a begun one, each with ten messages of 25,600 bytes or less.
fn segments(segments: u64) -> Log {
    let mut log = log();
    for number in 0..10 * segments + 1 {
        append(&mut log, number..number + 1, 25_500, Render::Bincode);
        log.seal();
    }
    assert_eq!(log.bincode.full_segments().count() as u64, segments);
    log
}

#[test]
fn what_a_laggard_wants_survives_its_block_and_goes_with_the_last_who_wants_it() {
    let mut log = segments(2);
    let wanted = [Extent { start: 3, end: 6 }, Extent { start: 5, end: 7 }];
    look(&mut log, &wanted);
    assert_eq!((log.survivors(), log.first), (4, 20));
    for codec in [Codec::Bincode, Codec::Json] {
        let mut out = BytesMut::new();
        (3..7).for_each(|entry| log.copy(codec, entry, &mut out));
        assert_eq!(numbers(codec, &out), (3..7).collect::<Vec<u8>>());
    }
    assert!(log.shared(Codec::Bincode, wanted[0], 10_000).is_none());
    assert_eq!((log.seq(5), log.topic(5).1), (5, 1));
    log.let_go(wanted[0]);
    assert_eq!(log.survivors(), 2, "the other lane wants two of them");
    log.let_go(wanted[1]);
    assert_eq!(log.survivors(), 0);
    log.retire_all();
    assert_eq!(log.bytes_held(), 0);
}

#[test]
fn survivors_are_searched_only_where_some_are_of_the_topic() {
    let mut log = segments(2);
    let wanted = Extent { start: 3, end: 6 };
    look(&mut log, &[wanted]);
    let search = |log: &mut Log, topic| {
        log.search_for(&Arc::from([TopicId(topic)]));
        let mut steps = 100;
        assert!(log.search_some(&mut steps));
        (100 - steps, log.found().iter().map(|(entry, _)| *entry).collect::<Vec<_>>())
    };
    // A step for the topic, and one for the message in the last segment.
    assert_eq!(search(&mut log, 1), (2, vec![]));
    assert_eq!(search(&mut log, 0), (2 + 3, vec![3, 4, 5, 20]));
    log.let_go(wanted);
    assert_eq!(search(&mut log, 0), (2, vec![20]));
}

#[test]
fn one_message_does_not_pin_the_segments_around_it() {
    let mut log = segments(8);
    assert!(log.bytes_held() > 8 * SEGMENT_BYTES);
    look(&mut log, &[Extent::one(15)]);
    assert_eq!(log.survivors(), 1);
    let constant = 2 * SEGMENT_BYTES;
    assert!(log.bytes_held() < constant, "{} bytes", log.bytes_held());
    assert_eq!(log.statistics().copied_out, 1);
}

#[test]
fn a_segment_stays_while_more_than_half_of_it_is_wanted_and_goes_when_half_is() {
    for (wanted, survivors) in [(6, 0), (5, 5)] {
        let mut log = segments(1);
        look(&mut log, &[Extent { start: 0, end: wanted }]);
        assert_eq!(log.survivors(), survivors, "{wanted} of 10 are wanted");
    }
}

#[test]
fn what_many_lanes_want_counts_once() {
    let mut log = segments(4);
    look(&mut log, &[Extent { start: 0, end: 4 }; 100]);
    assert_eq!((log.survivors(), log.first), (4, 40));
    for _ in 0..100 {
        assert_eq!(log.survivors(), 4);
        log.let_go(Extent { start: 0, end: 4 });
    }
    assert_eq!(log.survivors(), 0);
}

#[test]
fn a_crowded_front_waits_for_the_rest_to_be_worth_moving() {
    let mut log = segments(3);
    let all_of_the_first = Extent { start: 0, end: 10 };
    look(&mut log, &[all_of_the_first]);
    assert_eq!(log.survivors(), 10, "three segments are pinned for one");
    let mut log = segments(1);
    look(&mut log, &[all_of_the_first]);
    assert_eq!(log.survivors(), 0, "one is pinned for one");
}

#[test]
fn past_its_budget_a_log_pins_only_what_is_worth_it() {
    let wanted = Extent { start: 0, end: 8 };
    for (bytes_max, survivors) in [(SEGMENT_BYTES / 2, 8), (64 << 20, 0)] {
        let mut log = segments(1);
        log.bytes_max = bytes_max;
        look(&mut log, &[wanted]);
        assert_eq!(log.survivors(), survivors);
    }
}

#[test]
fn a_segment_counts_whole_as_long_as_one_of_its_blocks_is_wanted() {
    let mut log = segments(2);
    look(&mut log, &[Extent { start: 4, end: 21 }]);
    assert_eq!(log.first, 4, "more than half of them are wanted");
    let last = log.bincode.held() - 2 * SEGMENT_BYTES;
    assert!((25_500..26_000).contains(&last), "the begun one has one message: {last}");
}

#[test]
fn json_and_entries_count_like_the_bytes_they_are() {
    let (mut small, mut with_json) = (log(), log());
    append(&mut small, 0..100, 100, Render::Bincode);
    append(&mut with_json, 0..100, 100, Render::Both);
    let entries = 100 * ENTRY_BYTES;
    assert_eq!(small.bytes_held(), small.bincode.held() + entries);
    assert!(with_json.json.held() > 100 * 100);
    assert_eq!(with_json.bytes_held(), small.bytes_held() + with_json.json.held());
}

#[test]
fn the_memory_of_one_large_message_is_not_written_to_again() {
    let mut log = log();
    append(&mut log, 0..1, 4 << 20, Render::Bincode);
    log.seal();
    log.retire_all();
    append(&mut log, 1..4, 100_000, Render::Bincode);
    log.seal();
    assert_eq!(log.bincode.full_segments().map(|(_, bytes)| bytes).sum::<usize>(), SEGMENT_BYTES);
}

/// Writes `turns` turns of 32 KiB while a lane wants one message in `one_in`. Returns the most that
/// was held, and what was wanted in the end.
fn write_for_a_laggard(log: &mut Log, turns: u64, one_in: u64) -> (usize, usize) {
    let (mut wanted, mut most) = (Vec::new(), 0);
    for number in 0..turns {
        append(log, number..number + 1, 32 << 10, Render::Bincode);
        log.seal();
        if number % one_in == 0 {
            wanted.push(Extent::one(number));
        }
        if log.wants_look() {
            let mut counted = log.wanted();
            counted.add(wanted.iter().copied());
            log.retire(&counted, log.end());
        }
        most = most.max(log.bytes_held());
    }
    (most, wanted.len() * (33 << 10))
}

#[test]
fn laggards_pin_no_more_than_thrice_what_they_want_and_a_constant() {
    for one_in in [1, 2, 3, 10, 100, 1000] {
        let mut log = log();
        let (most, wanted) = write_for_a_laggard(&mut log, 1000, one_in);
        let allowed = 3 * wanted + 3 * SEGMENT_BYTES;
        assert!(most <= allowed, "one in {one_in}: {most} held for {wanted}");
    }
}

#[test]
fn the_laggards_are_looked_at_seldom_however_long_the_log_grows() {
    let mut log = log();
    // All of it is wanted, and half of the budget is used in the end.
    write_for_a_laggard(&mut log, 1000, 1);
    let looks = log.statistics().looks;
    assert!((5..=25).contains(&looks), "{looks} looks for 32 MiB");
    let mut beyond = Log::new(1 << 20);
    write_for_a_laggard(&mut beyond, 1000, 1);
    let looks = beyond.statistics().looks;
    assert!((10..=60).contains(&looks), "{looks} looks for 32 MiB, far past the budget");
}

#[test]
fn what_laggards_leave_is_noticed_though_nothing_more_is_written() {
    let mut log = segments(8);
    look(&mut log, &[Extent { start: 0, end: 1 }, Extent { start: 0, end: 81 }]);
    assert!(log.bytes_held() > 8 * SEGMENT_BYTES, "all of it is wanted");
    log.let_go(Extent { start: 0, end: 40 });
    assert!(!log.wants_look(), "half of it still is");
    log.let_go(Extent { start: 40, end: 81 });
    assert!(log.wants_look());
    look(&mut log, &[Extent { start: 0, end: 1 }]);
    assert!(log.bytes_held() < 2 * SEGMENT_BYTES);
}

#[test]
fn who_keeps_up_never_makes_the_log_look() {
    let mut log = log();
    for number in 0..100 {
        append(&mut log, number..number + 1, 10_000, Render::Bincode);
        log.seal();
        log.let_go(Extent::one(number));
        assert!(!log.wants_look());
        log.retire_all();
    }
    assert_eq!((log.statistics().looks, log.bytes_held()), (0, 0));
}

/// Where each retirement looks for json in all of the log, this takes many minutes.
#[test]
fn a_long_log_without_json_is_retired_from_bit_by_bit() {
    const ENTRIES: u64 = 200_000;
    let mut log = log();
    let message = publication(1, 1);
    for _ in 0..ENTRIES {
        log.append(&message, Render::Bincode);
    }
    log.seal();
    for oldest in (0..ENTRIES).step_by(1000) {
        look(&mut log, &[Extent { start: oldest, end: ENTRIES }]);
    }
    assert_eq!(log.end() - log.first, 1000);
}

#[test]
fn json_is_let_go_with_the_last_entry_of_its_block() {
    let mut log = log();
    for (numbers, render) in [(0..2, Render::Both), (2..4, Render::Bincode), (4..6, Render::Both)] {
        append(&mut log, numbers, 100, render);
        log.seal();
    }
    let all = log.json.held();
    let mut held = |oldest| {
        look(&mut log, &[Extent { start: oldest, end: 6 }]);
        log.json.held()
    };
    assert_eq!(held(1), all);
    assert_eq!([held(2), held(4), held(5)], [all / 2; 3]);
    log.retire_all();
    assert_eq!(log.json.held(), 0);
}

#[test]
fn a_message_is_handed_back_as_it_was_accepted() {
    let mut log = log();
    let accepted = publication(9, 50);
    let (entry, size) = log.append(&accepted, Render::Both);
    assert_eq!(log.publication(entry), accepted, "before the block is sealed");
    assert_eq!(accepted.frame_bytes(), size as usize);
    log.seal();
    append(&mut log, 10..60, 25_500, Render::Bincode);
    log.seal();
    look(&mut log, &[Extent::one(entry)]);
    assert_eq!(log.survivors(), 1);
    assert_eq!(log.publication(entry), accepted, "and from the survivors");
}
