//! Lanes that keep the newest of each key.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::time::Duration;

use broker_core::{Config, SequencerConfig};
use broker_protocol::frame::{
    BrokerFrame, ClientFrame, GapReason, Keep, LaneOptions, Overflow, Pong, Publish, Subscribe,
    Update,
};
use broker_protocol::{Codec, ErrorCode};

use crate::stage::{Stage, in_lane};

fn latest(newest: u32) -> LaneOptions {
    LaneOptions { keep: Some(Keep::Latest(newest)), ..LaneOptions::default() }
}

/// A publisher, and a subscriber of everything whose lane keeps the newest few of each key.
fn scene(codec: Codec, newest: u32) -> (Stage, u32, u32) {
    let mut stage = Stage::with(Config::default(), SequencerConfig::default(), codec);
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    stage.say(bob, &in_lane(">", 1, latest(newest)));
    answer_marks(&mut stage, bob);
    (stage, ann, bob)
}

/// Answers the marks that a client got, and looks at nothing else.
fn answer_marks(stage: &mut Stage, slot: u32) {
    let (marks, _) = marks_and_bytes(stage, slot);
    for mark in marks {
        stage.say(slot, &ClientFrame::Pong(Pong { mark: Some(mark), lag: Vec::new() }));
    }
}

fn keyed<'a>(topic: &'a str, key: &'a str, payload: &'a [u8]) -> ClientFrame<'a> {
    let mut publish = Publish::bytes(topic, payload);
    publish.body.key = Some(Cow::Borrowed(key));
    ClientFrame::Publish(publish)
}

/// A message by its topic and `seq`, or a gap by its topic, count and hull.
type Told = (String, u64, Option<(u64, u64)>);

/// What a client was told.
fn told(stage: &mut Stage, slot: u32) -> Vec<Told> {
    let frames = stage.frames(slot).into_iter();
    frames
        .filter_map(|frame| match frame {
            BrokerFrame::Message(message) => Some((message.topic.into_owned(), message.seq, None)),
            BrokerFrame::Gap(gap) => {
                assert_eq!(gap.reason, GapReason::Conflated);
                Some((gap.topic?, gap.count, gap.first_seq.zip(gap.last_seq)))
            }
            _ => None,
        })
        .collect()
}

fn message(topic: &str, seq: u64) -> Told {
    (topic.to_owned(), seq, None)
}

fn gap(topic: &str, count: u64, hull: (u64, u64)) -> Told {
    (topic.to_owned(), count, Some(hull))
}

#[test]
fn a_client_that_was_behind_gets_the_newest_of_each_topic_and_what_it_skipped() {
    for codec in [Codec::Bincode, Codec::Json] {
        let (mut stage, ann, bob) = scene(codec, 1);
        stage.set_room(bob, 0);
        for topic in ["a", "b", "a", "a"] {
            stage.publish(ann, topic, b"x");
        }
        stage.set_room(bob, usize::MAX);
        stage.turn();
        let expected = [gap("a", 2, (1, 2)), message("a", 3), message("b", 1)];
        assert_eq!(told(&mut stage, bob), expected, "{codec:?}");
    }
}

#[test]
fn a_client_that_keeps_up_gets_everything() {
    let (mut stage, ann, bob) = scene(Codec::Bincode, 1);
    for _ in 0..3 {
        stage.write(ann, &ClientFrame::Publish(Publish::bytes("a", b"x")));
    }
    stage.turn();
    assert_eq!(told(&mut stage, bob), [message("a", 1), message("a", 2), message("a", 3)]);
}

#[test]
fn a_packet_has_one_gap_for_each_topic_however_many_keys_were_conflated() {
    let (mut stage, ann, bob) = scene(Codec::Bincode, 1);
    stage.set_room(bob, 0);
    for key in ["k1", "k2", "k3", "k1", "k2", "k3"] {
        stage.say(ann, &keyed("a", key, b"x"));
    }
    stage.set_room(bob, usize::MAX);
    stage.turn();
    let expected = [gap("a", 3, (1, 3)), message("a", 4), message("a", 5), message("a", 6)];
    assert_eq!(told(&mut stage, bob), expected);
}

#[test]
fn the_key_that_is_the_topic_need_not_be_given() {
    let (mut stage, ann, bob) = scene(Codec::Bincode, 1);
    stage.set_room(bob, 0);
    stage.publish(ann, "a", b"x");
    stage.say(ann, &keyed("a", "a", b"x"));
    stage.set_room(bob, usize::MAX);
    stage.turn();
    assert_eq!(told(&mut stage, bob), [gap("a", 1, (1, 1)), message("a", 2)]);
}

#[test]
fn the_newest_two_come_together_where_the_key_stood() {
    let (mut stage, ann, bob) = scene(Codec::Bincode, 2);
    stage.set_room(bob, 0);
    for topic in ["a", "b", "a", "a"] {
        stage.publish(ann, topic, b"x");
    }
    stage.set_room(bob, usize::MAX);
    stage.turn();
    let expected = [gap("a", 1, (1, 1)), message("a", 2), message("a", 3), message("b", 1)];
    assert_eq!(told(&mut stage, bob), expected);
}

#[test]
fn a_conflating_lane_drops_the_oldest_unless_told_otherwise() {
    let mut stage = Stage::new(Config::default());
    let bob = stage.enter("bob");
    let disconnecting = LaneOptions { overflow: Some(Overflow::Disconnect), ..latest(1) };
    for (lane, options, granted) in
        [(1, latest(3), Overflow::DropOldest), (2, disconnecting, Overflow::Disconnect)]
    {
        stage.say(bob, &in_lane("a", lane, options.clone()));
        let told = stage.frames(bob).into_iter().find_map(|frame| match frame {
            BrokerFrame::Accepted(accepted) => accepted.granted,
            _ => None,
        });
        let told = told.expect("it is accepted");
        assert_eq!((told.keep, told.overflow), (options.keep, Some(granted)));
    }
    stage.say(bob, &in_lane("a", 3, latest(0)));
    assert_eq!(stage.refused(bob), Some(ErrorCode::InvalidField));
}

/// The marks that a client got, and how many bytes of messages.
fn marks_and_bytes(stage: &mut Stage, slot: u32) -> (Vec<u64>, usize) {
    let (mut marks, mut bytes) = (Vec::new(), 0);
    for frame in stage.frames(slot) {
        match frame {
            BrokerFrame::Ping(ping) => marks.extend(ping.mark),
            BrokerFrame::Message(message) => bytes += message.body.payload.len(),
            _ => {}
        }
    }
    (marks, bytes)
}

#[test]
fn what_is_on_its_way_to_a_client_that_consumes_nothing_is_bounded_and_the_rest_stays_fresh() {
    for separate_lanes in [false, true] {
        let mut stage = Stage::new(Config::default());
        stage.separate_lanes = separate_lanes;
        let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
        stage.say(bob, &in_lane(">", 1, latest(1)));
        answer_marks(&mut stage, bob);
        let payload = [0; 1000];
        for _ in 0..200 {
            stage.publish(ann, "a", &payload);
        }
        let (marks, bytes) = marks_and_bytes(&mut stage, bob);
        assert!((60_000..70_000).contains(&bytes), "{bytes} bytes are on their way");
        for mark in marks {
            stage.say(bob, &ClientFrame::Pong(Pong { mark: Some(mark), lag: Vec::new() }));
        }
        let told = told(&mut stage, bob);
        let newest = told.last().expect("it goes on once something was consumed");
        assert_eq!(*newest, message("a", 200));
        assert!(told.len() == 2, "one value, and the gap in front of it: {told:?}");
    }
}

#[test]
fn a_slow_client_has_no_more_on_its_way_than_it_consumes_in_a_quarter_of_a_second() {
    let (mut stage, ann, bob) = scene(Codec::Bincode, 1);
    let payload = [0; 1000];
    // What is on its way: marks, and messages by their bytes.
    let mut way: VecDeque<Result<u64, usize>> = VecDeque::new();
    let (mut consumed, mut most) = (0, 0);
    for step in 0..600 {
        for topic in 0..20 {
            let topic = format!("t{topic}");
            stage.write(ann, &ClientFrame::Publish(Publish::bytes(&topic, &payload)));
        }
        stage.pass(Duration::from_millis(100));
        for frame in stage.frames(bob) {
            match frame {
                BrokerFrame::Ping(ping) => way.extend(ping.mark.map(Ok)),
                BrokerFrame::Message(message) => way.push_back(Err(message.body.payload.len())),
                _ => {}
            }
        }
        if step > 500 {
            most = most.max(way.iter().filter_map(|sent| sent.as_ref().err()).sum::<usize>());
        }
        // It consumes 2,000 bytes in a tenth of a second.
        while let Some(sent) = way.front().copied().filter(|_| consumed < 2_000 * (step + 1)) {
            way.pop_front();
            match sent {
                Err(bytes) => consumed += bytes,
                Ok(mark) => {
                    let pong = Pong { mark: Some(mark), lag: Vec::new() };
                    stage.say(bob, &ClientFrame::Pong(pong));
                }
            }
        }
    }
    assert!(consumed > 1_000_000, "{consumed}: it is never left without anything");
    assert!(most <= 10_000, "{most} bytes are on their way");
}

fn update(lane: u8, options: LaneOptions) -> ClientFrame<'static> {
    ClientFrame::Update(Update { id: 9, lane, options })
}

#[test]
fn a_lane_that_waits_conflates_from_the_update_on_and_keeps_all_again_after_another() {
    let mut stage = Stage::new(Config::default());
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    stage.say(bob, &in_lane(">", 1, LaneOptions::default()));
    stage.frames(bob);
    stage.set_room(bob, 0);
    stage.publish(ann, "a", b"x");
    stage.publish(ann, "a", b"x");
    stage.say(bob, &update(1, latest(1)));
    stage.publish(ann, "a", b"x");
    stage.set_room(bob, usize::MAX);
    stage.turn();
    assert_eq!(told(&mut stage, bob), [gap("a", 2, (1, 2)), message("a", 3)]);
    stage.say(bob, &update(1, LaneOptions { keep: Some(Keep::All), ..LaneOptions::default() }));
    stage.frames(bob);
    stage.set_room(bob, 0);
    stage.publish(ann, "a", b"x");
    stage.publish(ann, "a", b"x");
    stage.set_room(bob, usize::MAX);
    stage.turn();
    assert_eq!(told(&mut stage, bob), [message("a", 4), message("a", 5)]);
}

#[test]
fn an_update_changes_what_it_names_and_tells_all_that_holds() {
    let (mut stage, _, bob) = scene(Codec::Bincode, 2);
    let wished = LaneOptions { priority: Some(3), bound_messages: Some(7), ..<_>::default() };
    stage.say(bob, &update(1, wished));
    let told = stage.frames(bob).into_iter().find_map(|frame| match frame {
        BrokerFrame::Accepted(accepted) => accepted.granted,
        _ => None,
    });
    let told = told.expect("it is accepted");
    assert_eq!((told.keep, told.priority), (Some(Keep::Latest(2)), Some(3)));
    assert_eq!((told.bound_messages, told.overflow), (Some(7), Some(Overflow::DropOldest)));
}

#[test]
fn a_smaller_bound_is_met_at_once_by_what_waits() {
    let (mut stage, ann, bob) = scene(Codec::Bincode, 1);
    stage.set_room(bob, 0);
    for topic in 0..10 {
        stage.publish(ann, &format!("t{topic}"), b"x");
    }
    let bound = LaneOptions { bound_messages: Some(4), ..LaneOptions::default() };
    stage.say(bob, &update(1, bound));
    stage.set_room(bob, usize::MAX);
    stage.turn();
    assert!(stage.messages(bob).len() <= 4);
}

#[test]
fn an_update_that_can_not_be_granted_is_refused() {
    let (mut stage, _, bob) = scene(Codec::Bincode, 1);
    for (frame, code) in [
        (update(2, LaneOptions::default()), ErrorCode::UnknownLane),
        (update(0, latest(1)), ErrorCode::LaneOptions),
        (update(1, latest(0)), ErrorCode::InvalidField),
    ] {
        stage.say(bob, &frame);
        assert_eq!(stage.refused(bob), Some(code), "{frame:?}");
    }
}

#[test]
fn a_queue_group_needs_a_lane_that_keeps_everything() {
    let (mut stage, _, bob) = scene(Codec::Bincode, 1);
    let in_group = |lane, options| {
        let group = Some("team".to_owned());
        let filter = "jobs".to_owned();
        ClientFrame::Subscribe(Subscribe { id: 2, filter, lane, options, group, ..<_>::default() })
    };
    for frame in [in_group(Some(1), None), in_group(None, Some(latest(1)))] {
        stage.say(bob, &frame);
        assert_eq!(stage.refused(bob), Some(ErrorCode::LaneOptions), "{frame:?}");
    }
    stage.say(bob, &in_group(Some(2), Some(LaneOptions::default())));
    assert_eq!(stage.refused(bob), None);
    stage.say(bob, &update(2, latest(1)));
    assert_eq!(stage.refused(bob), Some(ErrorCode::LaneOptions));
}

#[test]
fn what_is_replaced_behind_an_accepted_is_told_behind_it() {
    for codec in [Codec::Bincode, Codec::Json] {
        let (mut stage, ann, bob) = scene(codec, 1);
        stage.set_room(bob, 0);
        (0..2).for_each(|_| stage.publish(ann, "a", b"x"));
        stage.say(bob, &in_lane("b", 1, latest(1)));
        (0..2).for_each(|_| stage.publish(ann, "a", b"x"));
        stage.set_room(bob, usize::MAX);
        stage.turn();
        let expected = [gap("a", 1, (1, 1)), message("a", 2), gap("a", 1, (3, 3)), message("a", 4)];
        assert_eq!(told(&mut stage, bob), expected, "{codec:?}");
    }
}

#[test]
fn what_dropped_keys_had_replaced_is_told_with_what_the_others_replaced() {
    let mut stage = Stage::with(Config::default(), SequencerConfig::default(), Codec::Bincode);
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    let options = LaneOptions { bound_messages: Some(16), ..latest(1) };
    stage.say(bob, &in_lane(">", 1, options));
    answer_marks(&mut stage, bob);
    stage.set_room(bob, 0);
    let keys: Vec<String> = (0..16).map(|key| format!("k{key}")).collect();
    let twice = keys.iter().flat_map(|key| [key.as_str(); 2]);
    for key in twice.chain(["last"; 32]) {
        stage.say(ann, &keyed("a", key, b"x"));
    }
    stage.set_room(bob, usize::MAX);
    stage.turn();
    let gaps = stage.frames(bob).into_iter().filter_map(|frame| match frame {
        BrokerFrame::Gap(gap) => Some((gap.reason, gap.count)),
        _ => None,
    });
    // The gaps need two places of the bound.
    let expected = [(GapReason::Conflated, 16 + 31), (GapReason::Dropped, 3)];
    assert_eq!(gaps.collect::<Vec<_>>(), expected);
}
