//! Messages that expire.

use std::borrow::Cow;
use std::time::Duration;

use broker_core::{Config, SequencerConfig};
use broker_protocol::Codec;
use broker_protocol::frame::{
    BrokerFrame, ClientFrame, Content, GapReason, Keep, LaneOptions, Publish, Replay, Send,
    Subscribe,
};

use crate::stage::{Stage, in_lane, subscribe};

const SOON: Duration = Duration::from_millis(100);
const MOMENT: Duration = Duration::from_millis(1);

fn expiring(topic: &str, expires_in: u64) -> ClientFrame<'_> {
    ClientFrame::Publish(Publish { expires_in: Some(expires_in), ..Publish::bytes(topic, b"x") })
}

/// A publisher, and a subscriber of everything in lane 1.
fn scene(codec: Codec, keep: Keep) -> (Stage, u32, u32) {
    let mut stage = Stage::with(Config::default(), SequencerConfig::default(), codec);
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    let options = LaneOptions { keep: Some(keep), ..LaneOptions::default() };
    stage.say(bob, &in_lane(">", 1, options));
    stage.frames(bob);
    (stage, ann, bob)
}

/// A message by its `seq`, or a gap of what has expired: topic, hull and count.
type Told = Result<u64, (String, u64, u64, u64)>;

fn got(stage: &mut Stage, slot: u32) -> Vec<Told> {
    let told = |frame| match frame {
        BrokerFrame::Message(message) => Some(Ok(message.seq)),
        BrokerFrame::Gap(gap) if gap.reason == GapReason::Expired => {
            Some(Err((gap.topic?, gap.first_seq?, gap.last_seq?, gap.count)))
        }
        _ => None,
    };
    stage.frames(slot).into_iter().filter_map(told).collect()
}

fn gap(topic: &str, first: u64, last: u64, count: u64) -> Told {
    Err((topic.to_owned(), first, last, count))
}

#[test]
fn what_waits_too_long_is_not_delivered_and_told_once_for_each_topic_and_packet() {
    for codec in [Codec::Bincode, Codec::Json] {
        let (mut stage, ann, bob) = scene(codec, Keep::All);
        stage.set_room(bob, 0);
        for (topic, expires_in) in [("a", 100), ("a", 1000), ("a", 100), ("b", 100), ("a", 1000)] {
            stage.say(ann, &expiring(topic, expires_in));
        }
        stage.publish(ann, "a", b"y");
        stage.pass(SOON);
        stage.set_room(bob, usize::MAX);
        stage.turn();
        let expected = [gap("a", 1, 3, 2), gap("b", 1, 1, 1), Ok(2), Ok(4), Ok(5)];
        assert_eq!(got(&mut stage, bob), expected, "{codec}");
    }
}

#[test]
fn a_moment_before_its_time_it_is_delivered() {
    let (mut stage, ann, bob) = scene(Codec::Bincode, Keep::All);
    stage.set_room(bob, 0);
    stage.say(ann, &expiring("a", 100));
    stage.pass(SOON - MOMENT);
    stage.set_room(bob, usize::MAX);
    stage.turn();
    assert_eq!(got(&mut stage, bob), [Ok(1)]);
}

#[test]
fn who_keeps_up_gets_what_expires_at_once() {
    let (mut stage, ann, bob) = scene(Codec::Bincode, Keep::All);
    stage.say(ann, &expiring("a", 0));
    assert_eq!(got(&mut stage, bob), [Ok(1)]);
}

#[test]
fn a_gap_comes_even_if_nothing_follows() {
    let (mut stage, ann, bob) = scene(Codec::Bincode, Keep::Latest(1));
    stage.set_room(bob, 0);
    for _ in 0..3 {
        stage.say(ann, &expiring("a", 100));
    }
    stage.pass(SOON);
    stage.set_room(bob, usize::MAX);
    stage.turn();
    assert_eq!(got(&mut stage, bob), [gap("a", 3, 3, 1)]);
    stage.say(ann, &expiring("a", u64::MAX));
    assert_eq!(got(&mut stage, bob), [Ok(4)]);
}

#[test]
fn what_expires_is_not_folded_into_what_lasts() {
    let (mut stage, ann, bob) = scene(Codec::Bincode, Keep::Merge);
    stage.set_room(bob, 0);
    for (payload, expires_in) in [(&b"{}"[..], None), (b"{}", Some(100)), (b"{}", None)] {
        let mut publish = Publish { expires_in, ..Publish::bytes("a", payload) };
        publish.body.content = Content::Json;
        stage.say(ann, &ClientFrame::Publish(publish));
    }
    stage.pass(SOON);
    stage.set_room(bob, usize::MAX);
    stage.turn();
    assert_eq!(got(&mut stage, bob), [Ok(1), gap("a", 2, 2, 1), Ok(3)]);
}

#[test]
fn what_is_held_for_a_minimum_interval_may_expire_too() {
    let mut stage = Stage::new(Config::default());
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    let (keep, min_interval) = (Some(Keep::Latest(1)), Some(200));
    stage.say(bob, &in_lane(">", 1, LaneOptions { keep, min_interval, ..LaneOptions::default() }));
    stage.publish(ann, "a", b"x");
    stage.say(ann, &expiring("a", 100));
    assert_eq!(got(&mut stage, bob), [Ok(1)]);
    stage.pass(2 * SOON);
    assert_eq!(got(&mut stage, bob), [gap("a", 2, 2, 1)]);
}

#[test]
fn a_retained_value_is_replayed_until_it_expires() {
    for (passes, expected) in [(SOON - MOMENT, vec![Ok(1)]), (SOON, vec![])] {
        let mut stage = Stage::new(Config::default());
        let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
        let publish = Publish { retain: true, ..Publish::bytes("a", b"x") };
        let expiring = Publish { expires_in: Some(100), ..publish };
        stage.say(ann, &ClientFrame::Publish(expiring));
        stage.pass(passes);
        let subscribe = Subscribe { replay: Replay::Last, ..subscribe(">") };
        stage.say(bob, &ClientFrame::Subscribe(subscribe));
        assert_eq!(got(&mut stage, bob), expected);
    }
}

fn sent(to: &str, expires_in: u64) -> ClientFrame<'_> {
    let (to, expires_in) = (Cow::Borrowed(to), Some(expires_in));
    ClientFrame::Send(Send { to, expires_in, ..Send::default() })
}

#[test]
fn what_is_sent_to_one_client_expires_while_that_is_behind() {
    let behind =
        [(SOON - MOMENT, vec![Ok(1), Ok(2), Ok(3)]), (SOON, vec![gap("$to.bob", 1, 3, 2), Ok(2)])];
    for (passes, expected) in behind {
        let mut stage = Stage::new(Config::default());
        let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
        stage.set_room(bob, 0);
        for expires_in in [100, 1000, 100] {
            stage.say(ann, &sent("bob", expires_in));
        }
        stage.pass(passes);
        stage.set_room(bob, usize::MAX);
        stage.turn();
        assert_eq!(got(&mut stage, bob), expected);
    }
}

#[test]
fn what_is_sent_to_who_keeps_up_comes_however_short_its_time() {
    let mut stage = Stage::new(Config::default());
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    stage.say(ann, &sent("bob", 0));
    assert_eq!(got(&mut stage, bob), [Ok(1)]);
}
