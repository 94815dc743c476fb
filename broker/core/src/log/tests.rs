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
    Publication { topic, topic_id, seq: number, epoch: 1, time: 7, parts: parts.freeze() }
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
    let mut log = Log::default();
    let size = append(&mut log, 0..4, 100, Render::Bincode) as usize;
    log.seal();
    let cut = |bytes_max| run(&log, Codec::Bincode, all(&log), bytes_max);
    assert_eq!(cut(3 * size - 1), (vec![0, 1], 2));
    assert_eq!(cut(3 * size), (vec![0, 1, 2], 3));
    assert_eq!(cut(4 * size), (vec![0, 1, 2, 3], 4));
}

#[test]
fn one_message_that_is_larger_than_a_packet_is_a_run_of_its_own() {
    let mut log = Log::default();
    append(&mut log, 0..2, 100, Render::Bincode);
    log.seal();
    assert_eq!(run(&log, Codec::Bincode, all(&log), 10), (vec![0], 1));
}

#[test]
fn a_run_ends_with_its_block_and_goes_on_in_the_next() {
    let mut log = Log::default();
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
    let mut log = Log::default();
    append(&mut log, 0..3, 100_000, Render::Bincode);
    log.seal();
    assert_eq!(run(&log, Codec::Bincode, all(&log), 1 << 20), (vec![0, 1], 2));
}

#[test]
fn json_is_made_when_it_is_needed_after_all() {
    let mut log = Log::default();
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
    let mut log = Log::default();
    append(&mut log, 0..1, 100, Render::Both);
    append(&mut log, 1..2, 100, Render::Bincode);
    append(&mut log, 2..3, 100, Render::Both);
    log.seal();
    assert_eq!(run(&log, Codec::Json, all(&log), 10_000), (vec![0], 1));
    assert_eq!(run(&log, Codec::Bincode, all(&log), 10_000), (vec![0, 1, 2], 3));
}

#[test]
fn what_a_laggard_wants_survives_its_block_and_goes_with_the_last_who_wants_it() {
    let mut log = Log::default();
    append(&mut log, 0..10, 100, Render::Both);
    log.seal();
    append(&mut log, 10..12, 100, Render::Both);
    log.seal();
    let wanted = [Extent { start: 3, end: 6 }, Extent { start: 5, end: 12 }];
    wanted.iter().for_each(|extent| log.rescue(*extent, 10));
    log.retire_before(10);
    assert_eq!(log.survivors(), 7);
    for codec in [Codec::Bincode, Codec::Json] {
        let mut out = BytesMut::new();
        (3..12).for_each(|entry| log.copy(codec, entry, &mut out));
        assert_eq!(numbers(codec, &out), (3..12).collect::<Vec<u8>>());
    }
    assert!(log.shared(Codec::Bincode, wanted[0], 10_000).is_none());
    assert_eq!((log.seq(5), log.topic(5).1), (5, 1));
    log.let_go(wanted[0]);
    assert_eq!(log.survivors(), 5);
    log.let_go(wanted[1]);
    assert_eq!(log.survivors(), 0);
    log.retire_all();
    assert_eq!(log.bytes_held(), 0);
}

#[test]
fn as_many_entries_move_out_as_leave_a_quarter_of_the_budget_free() {
    let mut log = Log::default();
    let size = append(&mut log, 0..12, 100, Render::Bincode) as usize;
    log.seal();
    assert_eq!(log.over_budget(12 * size), None);
    assert_eq!(log.over_budget(12 * size - 1), Some(3), "nine stay");
    assert_eq!(log.over_budget(8 * size), Some(6));
    assert_eq!(log.over_budget(8 * size - 4), Some(7));
    assert_eq!(log.over_budget(0), Some(12));
}

#[test]
fn a_log_at_its_budget_moves_entries_out_only_once_for_a_quarter_of_it() {
    let mut log = Log::default();
    let (budget, mut moved, mut written) = (8 << 20, 0, 0);
    for number in 0..1_000 {
        written += append(&mut log, number..number + 1, 100_000, Render::Bincode) as usize;
        log.seal();
        if let Some(cut) = log.over_budget(budget) {
            moved += 1;
            log.retire_before(cut);
        }
        assert!(log.bytes_held() <= budget);
    }
    assert!(moved <= written / (budget / 4), "{moved} times for {written} bytes");
}

/// Where each retirement looks for json in all of the log, this takes many minutes.
#[test]
fn a_long_log_without_json_is_retired_from_bit_by_bit() {
    const ENTRIES: u64 = 200_000;
    let mut log = Log::default();
    let message = publication(1, 1);
    for _ in 0..ENTRIES {
        log.append(&message, Render::Bincode);
    }
    log.seal();
    (0..ENTRIES).for_each(|oldest| log.retire_before(oldest));
    assert_eq!(log.end() - log.first, 1);
}

#[test]
fn json_is_let_go_with_the_last_entry_of_its_block() {
    let mut log = Log::default();
    for (numbers, render) in [(0..2, Render::Both), (2..4, Render::Bincode), (4..6, Render::Both)] {
        append(&mut log, numbers, 100, render);
        log.seal();
    }
    let all = log.json.held();
    let mut held = |oldest| {
        log.retire_before(oldest);
        log.json.held()
    };
    assert_eq!(held(1), all);
    assert_eq!([held(2), held(4), held(5)], [all / 2; 3]);
    assert_eq!(held(6), 0);
}

#[test]
fn a_message_is_handed_back_as_it_was_accepted() {
    let mut log = Log::default();
    let accepted = publication(9, 50);
    let (entry, size) = log.append(&accepted, Render::Both);
    assert_eq!(log.publication(entry), accepted, "before the block is sealed");
    assert_eq!(accepted.frame_bytes(), size as usize);
    log.seal();
    log.rescue(Extent::one(entry), entry + 1);
    log.retire_before(entry + 1);
    assert_eq!(log.publication(entry), accepted, "and from the survivors");
}
