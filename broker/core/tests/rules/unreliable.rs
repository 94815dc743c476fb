//! Unreliable lanes: what goes as a datagram, and what never does.

use std::num::NonZeroU16;

use broker_core::{Config, SequencerConfig};
use broker_protocol::frame::{
    BrokerFrame, ClientFrame, GapReason, Keep, LaneOptions, Publish, Replay, Subscribe, Update,
};
use broker_protocol::{Codec, ErrorCode};

use crate::stage::{Stage, in_lane, subscribe};

fn unreliable() -> LaneOptions {
    LaneOptions { keep: Some(Keep::Latest(1)), unreliable: Some(true), ..LaneOptions::default() }
}

/// A stage whose links have lanes of their own and datagrams.
fn stage(codec: Codec) -> Stage {
    let mut stage = Stage::with(Config::default(), SequencerConfig::default(), codec);
    stage.separate_lanes = true;
    stage.datagram_bytes_max = NonZeroU16::new(1000);
    stage
}

fn publish(stage: &mut Stage, slot: u32, key: &str, bytes: usize) {
    let mut publish = Publish::bytes("t", &[]);
    publish.body.key = Some(key.into());
    let payload = vec![b'x'; bytes];
    publish.body.payload = payload.into();
    stage.say(slot, &ClientFrame::Publish(publish));
}

/// The `seq`s of the messages in a client's datagrams, all of lane 1.
fn seqs(stage: &mut Stage, slot: u32) -> Vec<Vec<u64>> {
    let datagrams = stage.datagrams(slot);
    let mut seqs = Vec::new();
    for (lane, datagram) in datagrams {
        assert!(lane == 1 && datagram.len() <= 1000, "{} bytes in lane {lane}", datagram.len());
        let frames = stage.frames_in(vec![datagram]).into_iter();
        let seq = |frame| match frame {
            BrokerFrame::Message(message) => message.seq,
            other => panic!("{other:?} in a datagram"),
        };
        seqs.push(frames.map(seq).collect());
    }
    seqs
}

fn granted(stage: &mut Stage, slot: u32) -> Option<bool> {
    stage.frames(slot).into_iter().find_map(|frame| match frame {
        BrokerFrame::Accepted(accepted) => accepted.granted.and_then(|one| one.unreliable),
        _ => None,
    })
}

#[test]
fn messages_go_as_datagrams_and_the_answer_by_the_stream() {
    for codec in [Codec::Bincode, Codec::Json] {
        let mut stage = stage(codec);
        let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
        stage.say(bob, &in_lane("t", 1, unreliable()));
        assert_eq!(granted(&mut stage, bob), Some(true));
        assert!(seqs(&mut stage, bob).is_empty());
        publish(&mut stage, ann, "a", 10);
        publish(&mut stage, ann, "b", 10);
        assert_eq!(seqs(&mut stage, bob), [[1], [2]]);
        assert!(stage.messages(bob).is_empty(), "they come once");
    }
}

#[test]
fn as_many_messages_as_fit_go_in_one_datagram() {
    let mut stage = stage(Codec::Bincode);
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    stage.say(bob, &in_lane("t", 1, unreliable()));
    for _ in 0..5 {
        let payload = [7; 400];
        stage.write(ann, &ClientFrame::Publish(Publish::bytes("t", &payload)));
    }
    stage.turn();
    assert_eq!(seqs(&mut stage, bob), [vec![1, 2], vec![3, 4], vec![5]]);
}

#[test]
fn a_message_too_large_for_a_datagram_goes_by_the_stream() {
    for codec in [Codec::Bincode, Codec::Json] {
        let mut stage = stage(codec);
        let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
        stage.say(bob, &in_lane("t", 1, unreliable()));
        for bytes in [10, 2000, 10] {
            let mut publish = Publish::bytes("t", &[]);
            publish.body.payload = vec![b'x'; bytes].into();
            stage.write(ann, &ClientFrame::Publish(publish));
        }
        stage.turn();
        assert_eq!(seqs(&mut stage, bob), [[1], [3]]);
        let by_stream: Vec<_> = stage.messages(bob).iter().map(|message| message.seq).collect();
        assert_eq!(by_stream, [2]);
    }
}

#[test]
fn while_there_is_no_room_the_lane_conflates_and_what_was_skipped_is_told_by_the_stream() {
    for codec in [Codec::Bincode, Codec::Json] {
        let mut stage = stage(codec);
        let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
        stage.say(bob, &in_lane("t", 1, unreliable()));
        stage.frames(bob);
        stage.holds_datagrams = true;
        for key in ["a", "b", "a", "a", "b"] {
            publish(&mut stage, ann, key, 10);
        }
        assert!(seqs(&mut stage, bob).is_empty());
        stage.holds_datagrams = false;
        stage.shard.writable(bob);
        stage.turn();
        assert_eq!(seqs(&mut stage, bob), [[4, 5]]);
        let gaps: Vec<_> = stage
            .frames(bob)
            .into_iter()
            .filter_map(|frame| match frame {
                BrokerFrame::Gap(gap) => Some((gap.first_seq, gap.last_seq, gap.count, gap.reason)),
                _ => None,
            })
            .collect();
        assert_eq!(gaps, [(Some(1), Some(3), 3, GapReason::Conflated)]);
    }
}

#[test]
fn what_was_told_to_be_skipped_is_not_told_again_when_the_datagram_finds_no_room() {
    let mut stage = stage(Codec::Bincode);
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    stage.say(bob, &in_lane("t", 1, unreliable()));
    stage.holds_datagrams = true;
    for _ in 0..3 {
        publish(&mut stage, ann, "a", 10);
    }
    for _ in 0..3 {
        stage.shard.writable(bob);
        stage.turn();
    }
    publish(&mut stage, ann, "a", 10);
    stage.holds_datagrams = false;
    stage.shard.writable(bob);
    stage.turn();
    assert_eq!(seqs(&mut stage, bob), [[4]]);
    let gap = |frame| match frame {
        BrokerFrame::Gap(gap) => Some(gap.count),
        _ => None,
    };
    let told: u64 = stage.frames(bob).into_iter().filter_map(gap).sum();
    assert_eq!(told, 3);
}

#[test]
fn a_lane_is_as_if_reliable_where_the_link_has_no_datagrams_and_says_so() {
    for separate_lanes in [false, true] {
        let mut stage = stage(Codec::Bincode);
        stage.separate_lanes = separate_lanes;
        if separate_lanes {
            stage.datagram_bytes_max = None;
        }
        let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
        stage.say(bob, &in_lane("t", 1, unreliable()));
        assert_eq!(granted(&mut stage, bob), Some(false));
        publish(&mut stage, ann, "a", 10);
        assert_eq!(stage.messages(bob).len(), 1);
        assert!(stage.datagrams(bob).is_empty());
    }
}

#[test]
fn datagrams_are_for_lanes_alone_that_keep_the_latest_message() {
    for datagrams in [None, NonZeroU16::new(1000)] {
        let mut stage = stage(Codec::Bincode);
        stage.datagram_bytes_max = datagrams;
        let ann = stage.enter("ann");
        for keep in [None, Some(Keep::All), Some(Keep::Latest(2))] {
            let options = Some(LaneOptions { keep, ..unreliable() });
            let frame = ClientFrame::Subscribe(Subscribe { options, ..subscribe("t") });
            stage.say(ann, &frame);
            assert_eq!(stage.refused(ann), Some(ErrorCode::InvalidField), "{keep:?}");
        }
    }
}

#[test]
fn a_lane_becomes_unreliable_and_reliable_again_by_an_update() {
    let mut stage = stage(Codec::Bincode);
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    let latest = LaneOptions { unreliable: None, ..unreliable() };
    stage.say(bob, &in_lane("t", 1, latest));
    let update = |unreliable| {
        let options = LaneOptions { unreliable: Some(unreliable), ..LaneOptions::default() };
        ClientFrame::Update(Update { id: 9, lane: 1, options })
    };
    stage.frames(bob);
    stage.say(bob, &update(true));
    assert_eq!(granted(&mut stage, bob), Some(true));
    publish(&mut stage, ann, "a", 10);
    assert_eq!(seqs(&mut stage, bob), [[1]]);
    stage.say(bob, &update(false));
    assert_eq!(granted(&mut stage, bob), Some(false));
    publish(&mut stage, ann, "a", 10);
    assert!(seqs(&mut stage, bob).is_empty());
    assert_eq!(stage.messages(bob).len(), 1);
}

#[test]
fn what_was_skipped_is_told_to_all_of_the_lane_also_behind_what_was_for_one_alone() {
    for codec in [Codec::Bincode, Codec::Json] {
        let mut stage = stage(codec);
        let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
        let kept = Publish { retain: true, ..Publish::bytes("t", b"x") };
        stage.say(ann, &ClientFrame::Publish(kept));
        stage.say(bob, &in_lane("t", 1, unreliable()));
        let subscribe = Subscribe { id: 2, lane: Some(1), replay: Replay::Last, ..subscribe("*") };
        stage.say(bob, &ClientFrame::Subscribe(subscribe));
        stage.holds_datagrams = true;
        (0..3).for_each(|_| publish(&mut stage, ann, "a", 10));
        stage.holds_datagrams = false;
        stage.shard.writable(bob);
        stage.turn();
        let (mut addressee, mut told) = (None, Vec::new());
        for frame in stage.frames(bob) {
            match frame {
                BrokerFrame::Lane(header) => addressee = header.subscription,
                BrokerFrame::Gap(gap) => told.push((addressee, gap.count)),
                _ => {}
            }
        }
        assert_eq!(told, [(None, 2)]);
    }
}
