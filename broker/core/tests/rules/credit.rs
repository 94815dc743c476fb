//! What clients that take part in credit are sent, and when.

use std::time::Duration;

use broker_core::{Config, SequencerConfig};
use broker_protocol::frame::{
    BrokerFrame, ClientFrame, Consumed, Keep, LaneOptions, Overflow, Publish,
};
use broker_protocol::{Codec, ErrorCode};
use bytes::BytesMut;

use crate::stage::{Stage, in_group, in_lane};

const KIB: u64 = 1 << 10;
const WINDOW: u64 = 16 * KIB;

pub(crate) fn consumed(lane: u8, bytes: u64) -> ClientFrame<'static> {
    ClientFrame::Consumed(Consumed { lane, frames: 0, bytes })
}

fn drop_oldest() -> LaneOptions {
    LaneOptions { overflow: Some(Overflow::DropOldest), ..LaneOptions::default() }
}

fn latest() -> LaneOptions {
    LaneOptions { keep: Some(Keep::Latest(1)), ..LaneOptions::default() }
}

/// What a client counts of what it gets: the bytes of data in each lane since its connection began.
pub(crate) struct Counting {
    codec: Codec,
    lane: u8,
    pub(crate) bytes: [u64; 16],
}

impl Counting {
    pub(crate) fn new(codec: Codec) -> Self {
        Self { codec, lane: 0, bytes: [0; 16] }
    }

    /// Whose the next frames are, where each lane has a channel of its own.
    pub(crate) fn in_lane(&mut self, lane: u8) {
        self.lane = lane;
    }

    /// Counts these frames. Returns all that came in the lane so far.
    pub(crate) fn count(&mut self, lane: u8, frames: &[BrokerFrame<'_>]) -> u64 {
        for frame in frames {
            match frame {
                BrokerFrame::Lane(header) => self.lane = header.lane,
                BrokerFrame::Accepted(accepted) if accepted.subscription.is_none() => {}
                BrokerFrame::Accepted(_)
                | BrokerFrame::Message(_)
                | BrokerFrame::Gap(_)
                | BrokerFrame::Presence(_)
                | BrokerFrame::Request(_) => {
                    let mut out = BytesMut::new();
                    self.codec.write_broker(frame, &mut out);
                    self.bytes[usize::from(self.lane)] += out.len() as u64;
                }
                _ => {}
            }
        }
        self.bytes[usize::from(lane)]
    }
}

fn messages(frames: &[BrokerFrame<'_>]) -> u64 {
    frames.iter().filter(|frame| matches!(frame, BrokerFrame::Message(_))).count() as u64
}

fn told(frames: &[BrokerFrame<'_>]) -> u64 {
    let gaps = frames.iter().filter_map(|frame| match frame {
        BrokerFrame::Gap(gap) => Some(gap.count),
        _ => None,
    });
    gaps.sum()
}

#[test]
fn what_is_asked_for_is_granted_within_the_broker_s_range_and_told() {
    let mut stage = Stage::new(Config::default());
    for (asked, granted) in [(1, 8 * KIB), (20_000, 20_000), (u64::MAX, 16 << 20)] {
        let slot = stage.attach();
        let receive_window = Some(asked);
        let connect = broker_protocol::frame::Connect {
            version: 1,
            receive_window,
            ..broker_protocol::frame::Connect::default()
        };
        stage.say(slot, &ClientFrame::Connect(connect));
        let frames = stage.frames(slot);
        let [BrokerFrame::Connected(connected)] = &frames[..] else { panic!("{frames:?}") };
        assert_eq!(connected.receive_window, Some(granted));
    }
}

#[test]
fn who_never_consumes_gets_its_window_and_is_then_behind_in_that_lane_alone() {
    for codec in [Codec::Bincode, Codec::Json] {
        let mut stage = Stage::with(Config::default(), SequencerConfig::default(), codec);
        let (ann, bob) = (stage.enter("ann"), stage.enter_with_credit("bob", WINDOW));
        stage.say(bob, &in_lane("held", 1, drop_oldest()));
        stage.say(bob, &in_lane("free", 2, drop_oldest()));
        for _ in 0..100 {
            stage.publish(ann, "held", &[7; 1000]);
        }
        stage.publish(ann, "free", b"x");
        let mut counting = Counting::new(codec);
        let frames = stage.frames(bob);
        let bytes = counting.count(1, &frames);
        assert!(bytes <= WINDOW && bytes > WINDOW - 1500, "{bytes}");
        let free =
            |frame: &BrokerFrame<'_>| matches!(frame, BrokerFrame::Message(m) if m.topic == "free");
        assert!(frames.iter().any(free), "the other lane goes on");
        assert_eq!(stage.refusals(bob), 0, "its link would take everything");
        stage.say(bob, &consumed(1, bytes));
        let again = counting.count(1, &stage.frames(bob)) - bytes;
        assert!(again <= WINDOW && again > WINDOW - 1500, "{again}");
    }
}

#[test]
fn both_ends_count_the_same_bytes_over_any_mix_of_lanes() {
    for (codec, separate) in [(Codec::Bincode, false), (Codec::Json, false), (Codec::Bincode, true)]
    {
        let mut stage = Stage::with(Config::default(), SequencerConfig::default(), codec);
        stage.separate_lanes = separate;
        let (ann, bob) = (stage.enter("ann"), stage.enter_with_credit("bob", WINDOW));
        for lane in 0..3 {
            stage.say(bob, &in_lane(&format!("t{lane}"), lane, LaneOptions::default()));
        }
        for round in 0..30 {
            for topic in ["t0", "t1", "t2"] {
                stage.write(ann, &ClientFrame::Publish(Publish::bytes(topic, &[round; 100])));
            }
            stage.turn();
        }
        if separate {
            continue;
        }
        let mut counting = Counting::new(codec);
        counting.count(0, &stage.frames(bob));
        for (lane, bytes) in (0..3).zip(counting.bytes) {
            stage.say(bob, &consumed(lane, bytes));
            assert_eq!(stage.ended(bob), None, "all of lane {lane} was sent");
        }
        stage.say(bob, &consumed(2, counting.bytes[2] + 1));
        assert_eq!(stage.ended(bob), Some(ErrorCode::InvalidField), "one more was not");
    }
}

#[test]
fn who_tells_of_more_than_it_was_sent_is_ended_and_who_takes_no_part_is_not() {
    let mut stage = Stage::new(Config::default());
    let (with, without) = (stage.enter_with_credit("with", WINDOW), stage.enter("without"));
    stage.say(without, &consumed(0, 1));
    stage.say(without, &consumed(9, 1));
    assert_eq!(stage.ended(without), None);
    stage.say(with, &consumed(0, 0));
    stage.say(with, &consumed(9, 0));
    assert_eq!(stage.ended(with), None);
    stage.say(with, &consumed(9, 1));
    assert_eq!(stage.ended(with), Some(ErrorCode::InvalidField));
}

#[test]
fn a_message_larger_than_the_window_goes_once_most_of_it_is_free() {
    let mut stage = Stage::new(Config::default());
    let (ann, bob) = (stage.enter("ann"), stage.enter_with_credit("bob", WINDOW));
    stage.say(bob, &in_lane("t", 1, LaneOptions::default()));
    let mut counting = Counting::new(Codec::Bincode);
    counting.count(1, &stage.frames(bob));
    stage.publish(ann, "t", &[0; WINDOW as usize / 2]);
    stage.publish(ann, "t", &[0; 2 * WINDOW as usize]);
    let first = stage.frames(bob);
    assert_eq!(messages(&first), 1);
    let sent = counting.count(1, &first);
    stage.say(bob, &consumed(1, sent - WINDOW / 4 - 1));
    assert_eq!(messages(&stage.frames(bob)), 0, "more than a quarter is out");
    stage.say(bob, &consumed(1, sent - WINDOW / 4));
    assert_eq!(messages(&stage.frames(bob)), 1);
}

#[test]
fn a_lane_without_credit_waits_its_bound_applies_and_the_books_balance() {
    let mut stage = Stage::new(Config::default());
    let (ann, bob) = (stage.enter("ann"), stage.enter_with_credit("bob", WINDOW));
    let options = LaneOptions { bound_messages: Some(10), ..drop_oldest() };
    stage.say(bob, &in_lane("t", 1, options));
    for _ in 0..500 {
        stage.publish(ann, "t", &[0; 1000]);
    }
    let (mut frames, mut counting) = (stage.frames(bob), Counting::new(Codec::Bincode));
    let (mut received, mut dropped) = (0, 0);
    while !frames.is_empty() {
        let bytes = counting.count(1, &frames);
        (received, dropped) = (received + messages(&frames), dropped + told(&frames));
        stage.say(bob, &consumed(1, bytes));
        frames = stage.frames(bob);
    }
    assert_eq!(received + dropped, 500);
    assert!(dropped > 400, "{dropped} dropped");
}

#[test]
fn who_keeps_all_and_consumes_nothing_is_a_slow_consumer() {
    let mut stage = Stage::new(Config::default());
    let (ann, bob) = (stage.enter("ann"), stage.enter_with_credit("bob", WINDOW));
    let options = LaneOptions { bound_messages: Some(10), ..LaneOptions::default() };
    stage.say(bob, &in_lane("t", 1, options));
    for _ in 0..50 {
        stage.publish(ann, "t", &[0; 1000]);
    }
    assert_eq!(stage.ended(bob), Some(ErrorCode::SlowConsumer));
}

#[test]
fn a_conflating_lane_without_credit_conflates_and_is_sent_one_mark_alone() {
    let mut stage = Stage::new(Config::default());
    let (ann, bob) = (stage.enter("ann"), stage.enter_with_credit("bob", WINDOW));
    stage.say(bob, &in_lane(">", 1, latest()));
    for round in 0..100 {
        for topic in ["a", "b"] {
            stage.publish(ann, topic, &[round; 1000]);
        }
    }
    let first = stage.frames(bob);
    let bytes = Counting::new(Codec::Bincode).count(1, &first);
    assert!(bytes <= WINDOW, "{bytes}");
    stage.say(bob, &consumed(1, bytes));
    let rest = stage.frames(bob);
    assert_eq!(messages(&rest), 2, "the newest of each key");
    assert_eq!(messages(&first) + messages(&rest) + told(&rest), 200);
    assert!(told(&rest) > 100, "it was conflated");
    let is_ping = |frame: &BrokerFrame<'_>| matches!(frame, BrokerFrame::Ping(_));
    assert_eq!(first.iter().chain(&rest).filter(|frame| is_ping(frame)).count(), 1);
}

#[test]
fn a_conflating_lane_has_on_its_way_what_was_consumed_in_a_quarter_of_a_second() {
    let mut stage = Stage::new(Config::default());
    let (ann, bob) = (stage.enter("ann"), stage.enter_with_credit("bob", 1 << 20));
    stage.say(bob, &in_lane(">", 1, latest()));
    let mut counting = Counting::new(Codec::Bincode);
    let (mut done, mut most) = (0, 0);
    for step in 0..2000_u64 {
        for _ in 0..10 {
            stage.write(
                ann,
                &ClientFrame::Publish(Publish::bytes(&format!("t{}", step % 97), &[0; 500])),
            );
        }
        stage.pass(Duration::from_millis(10));
        let sent = counting.count(1, &stage.frames(bob));
        // 40 KB/s, told in steps of 2 KiB.
        let could = done + (step * 400).saturating_sub(done);
        if could.min(sent) >= done + 2048 {
            done = could.min(sent);
            stage.write(bob, &consumed(1, done));
        }
        if step > 1000 {
            most = most.max(sent - done);
        }
    }
    assert!(done > 19 * 40_000 / 2, "it is kept busy: {done}");
    assert!(most <= 16_000, "{most} bytes on the way");
}

#[test]
fn a_member_of_a_group_without_credit_is_passed_over() {
    let mut stage = Stage::new(Config::default());
    let (ann, cat) = (stage.enter("ann"), stage.enter("cat"));
    let bob = stage.enter_with_credit("bob", WINDOW);
    for member in [bob, cat] {
        stage.say(member, &in_group("jobs", "team"));
    }
    for _ in 0..200 {
        stage.publish(ann, "jobs", &[0; 1000]);
    }
    let (slow, fast) = (messages(&stage.frames(bob)), messages(&stage.frames(cat)));
    assert!(slow < 20 && slow + fast >= 199, "{slow} and {fast}");
}

#[test]
fn what_waits_for_credit_is_sent_while_the_broker_stops() {
    let mut stage = Stage::new(Config::default());
    let (ann, bob) = (stage.enter("ann"), stage.enter_with_credit("bob", WINDOW));
    stage.say(bob, &in_lane("t", 1, LaneOptions::default()));
    for _ in 0..50 {
        stage.publish(ann, "t", &[0; 1000]);
    }
    let mut frames = stage.frames(bob);
    stage.shard.drain();
    let (mut counting, mut received) = (Counting::new(Codec::Bincode), 0);
    while messages(&frames) > 0 {
        let bytes = counting.count(1, &frames);
        received += messages(&frames);
        stage.say(bob, &consumed(1, bytes));
        frames = stage.frames(bob);
    }
    assert_eq!(received, 50);
}
