//! What was under way when a link was cut comes again, once, or is told.

use std::time::Duration;

use broker_core::Absence;
use broker_protocol::ErrorCode;
use broker_protocol::frame::{
    BrokerFrame, ClientFrame, Consumed, GapReason, Keep, LaneOptions, LanePosition, Move, Ping,
};

use super::{come_back, keep, pair, stage, stage_with};

#[test]
fn what_did_not_arrive_is_sent_again_and_what_did_is_not() {
    let mut stage = stage();
    let (mut client, publisher) = pair(&mut stage, LaneOptions::default());
    (0..10).for_each(|_| stage.publish(publisher, "a.x", b"x"));
    client.take(&mut stage, 4);
    stage.lose(client.slot);
    (0..5).for_each(|_| stage.publish(publisher, "a.x", b"x"));
    assert!(come_back(&mut client, &mut stage));
    assert_eq!(client.seqs("a.x"), (1..=15).collect::<Vec<_>>());
    assert_eq!(client.told, 0);
}

#[test]
fn a_move_whose_answer_was_lost_is_repeated_and_carried_out_once() {
    let mut stage = stage();
    let (mut client, publisher) = pair(&mut stage, LaneOptions::default());
    stage.publish(publisher, "a.x", b"x");
    client.take(&mut stage, usize::MAX);
    let moving = Move { id: 50, subscription: 1, lane: 2, options: None };
    stage.say(client.slot, &ClientFrame::Move(moving.clone()));
    stage.publish(publisher, "a.x", b"x");
    client.take(&mut stage, 0);
    stage.lose(client.slot);
    stage.publish(publisher, "a.x", b"x");
    assert!(come_back(&mut client, &mut stage));
    stage.say(client.slot, &ClientFrame::Move(moving));
    stage.publish(publisher, "a.x", b"x");
    client.take(&mut stage, usize::MAX);
    assert_eq!(client.seqs("a.x"), [1, 2, 3, 4]);
    assert_eq!(client.accepted(50), 1);
    let moved = |frame: &&BrokerFrame<'_>| matches!(frame, BrokerFrame::Moved(_));
    assert_eq!(client.answers.iter().filter(moved).count(), 1);
}

#[test]
fn datagrams_are_no_frames_of_their_lane_and_are_not_sent_again() {
    let mut stage = stage();
    stage.separate_lanes = true;
    stage.datagram_bytes_max = std::num::NonZeroU16::new(1000);
    let options = LaneOptions { unreliable: Some(true), ..keep(Keep::Latest(1)) };
    let (mut client, publisher) = pair(&mut stage, options);
    client.lane = 1;
    for bytes in [10, 2000, 10] {
        stage.publish(publisher, "a.x", &vec![7; bytes]);
    }
    assert_eq!(stage.datagrams(client.slot).len(), 2);
    client.take(&mut stage, 0);
    stage.lose(client.slot);
    // Lane 1 has sent its answer and the one that was too large: the latter got lost.
    let mut resume = client.resume();
    resume.lanes = vec![LanePosition { lane: 1, frames: 1 }];
    assert!(client.connect(&mut stage, Some(resume)));
    assert_eq!(client.frames[&1], 1, "it goes on behind the answer");
    assert_eq!(client.seqs("a.x"), [2]);
    assert!(stage.datagrams(client.slot).is_empty());
}

#[test]
fn what_is_no_longer_kept_is_told_exactly() {
    let mut stage = stage_with(Absence { resume_window: 1_000, ..Absence::default() });
    let (mut client, publisher) = pair(&mut stage, LaneOptions::default());
    (0..100).for_each(|_| stage.publish(publisher, "a.x", &[0; 100]));
    client.take(&mut stage, 30);
    stage.lose(client.slot);
    assert!(come_back(&mut client, &mut stage));
    let [gap] = client.gaps()[..] else { panic!("one gap") };
    assert_eq!((gap.topic.as_deref(), gap.reason), (None, GapReason::Dropped));
    let seqs = client.seqs("a.x");
    assert_eq!(seqs.len() as u64 + client.told, 100);
    assert_eq!(seqs.last(), Some(&100));
    let statistics = stage.shard.statistics();
    assert_eq!(statistics.sessions_resumed, 1);
}

#[test]
fn a_large_message_that_is_no_longer_kept_takes_none_along_that_are() {
    let mut stage = stage_with(Absence { resume_window: 1_000, ..Absence::default() });
    let (mut client, publisher) = pair(&mut stage, LaneOptions::default());
    // Nothing else is kept: the messages lie together.
    client.take(&mut stage, usize::MAX);
    let consumed = Consumed { lane: 1, frames: client.frames[&1], bytes: 0 };
    stage.say(client.slot, &ClientFrame::Consumed(consumed));
    stage.publish(publisher, "a.x", &[0; 3_000]);
    (0..5).for_each(|_| stage.publish(publisher, "a.x", &[0; 50]));
    client.take(&mut stage, 0);
    stage.lose(client.slot);
    assert!(come_back(&mut client, &mut stage));
    assert_eq!((client.seqs("a.x"), client.told), ((2..=6).collect(), 1));
}

#[test]
fn what_a_client_consumed_is_let_go_and_a_claim_of_more_ends_it() {
    let mut stage = stage();
    let (mut client, publisher) = pair(&mut stage, LaneOptions::default());
    (0..100).for_each(|_| stage.publish(publisher, "a.x", &[0; 100]));
    client.take(&mut stage, usize::MAX);
    let consumed = |frames| ClientFrame::Consumed(Consumed { lane: 1, frames, bytes: 0 });
    stage.say(client.slot, &consumed(client.frames[&1]));
    (0..2).for_each(|_| stage.pass(Duration::from_secs(1)));
    assert_eq!(stage.shard.log_bytes(), 0);
    stage.say(client.slot, &consumed(client.frames[&1] + 1));
    assert_eq!(stage.ended(client.slot), Some(ErrorCode::InvalidField));
}

#[test]
fn who_consumed_of_a_lane_that_is_not_open_is_ended() {
    let mut stage = stage();
    let (client, _) = pair(&mut stage, LaneOptions::default());
    // Who tells of nothing is passed over, and who takes no part in credit tells nothing by bytes.
    for (lane, bytes) in [(9, 0), (16, 0), (16, 1)] {
        let nothing = Consumed { lane, frames: 0, bytes };
        stage.say(client.slot, &ClientFrame::Consumed(nothing));
        assert_eq!(stage.ended(client.slot), None);
    }
    let consumed = Consumed { lane: 9, frames: 1, bytes: 0 };
    stage.say(client.slot, &ClientFrame::Consumed(consumed));
    assert_eq!(stage.ended(client.slot), Some(ErrorCode::InvalidField));
}

#[test]
fn the_answer_to_a_ping_says_that_what_was_sent_in_front_of_it_arrived() {
    let mut stage = stage();
    let (mut client, publisher) = pair(&mut stage, LaneOptions::default());
    stage.publish(publisher, "a.x", &[0; 100]);
    client.take(&mut stage, usize::MAX);
    stage.pass(Duration::from_secs(16));
    assert!(stage.shard.log_bytes() > 0);
    let pinged = |frame: &BrokerFrame<'_>| *frame == BrokerFrame::Ping(Ping { mark: None });
    assert!(stage.frames(client.slot).iter().any(pinged));
    stage.say(client.slot, &ClientFrame::Pong(Default::default()));
    (0..2).for_each(|_| stage.pass(Duration::from_secs(1)));
    assert_eq!(stage.shard.log_bytes(), 0);
    // So who names fewer when it comes back asks for what isn't kept, nor known to be lost.
    stage.lose(client.slot);
    let proved = client.frames[&1];
    client.frames.insert(1, proved - 1);
    assert!(!come_back(&mut client, &mut stage));
}
