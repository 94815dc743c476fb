//! Requests and their answers, good and bad: none of them ends the connection of who asked.

use std::borrow::Cow;

use broker_core::{Config, Item, Now, SequencerConfig, ShardId};
use broker_protocol::frame::{
    Body, BrokerFrame, ClientFrame, Outcome, Reply, RequestError, RoutedReply, Serve,
};
use broker_protocol::{Codec, ErrorCode};
use bytes::Bytes;

use crate::stage::{Stage, request};

/// A broker with one who asks and one who answers.
fn setting(codec: Codec) -> (Stage, u32, u32) {
    let mut stage = Stage::with(Config::default(), SequencerConfig::default(), codec);
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    let serve = Serve { id: 1, filter: "svc".to_owned(), lane: None };
    stage.say(bob, &ClientFrame::Serve(serve));
    (stage, ann, bob)
}

/// Answers every request that has arrived.
fn answer_all(stage: &mut Stage, provider: u32, outcome: &Outcome<'static>) {
    for frame in stage.frames(provider) {
        if let BrokerFrame::Request(request) = frame {
            let reply = Reply { to: request.token, outcome: outcome.clone() };
            stage.say(provider, &ClientFrame::Reply(reply));
        }
    }
}

fn replies(frames: &[BrokerFrame<'static>]) -> Vec<RoutedReply<'static>> {
    let replies = frames.iter().filter_map(|frame| match frame {
        BrokerFrame::Reply(reply) => Some(reply.clone()),
        _ => None,
    });
    replies.collect()
}

#[test]
fn answers_for_which_there_is_no_room_are_refused_as_busy_and_the_asker_stays() {
    for codec in [Codec::Bincode, Codec::Json] {
        let (mut stage, ann, bob) = setting(codec);
        stage.set_room(ann, 0);
        (1..=9).for_each(|id| stage.say(ann, &request(id, "svc")));
        let payload = Cow::Owned(vec![b'x'; 512 << 10]);
        answer_all(&mut stage, bob, &Outcome::Answer(Body { payload, ..Body::default() }));
        assert_eq!(stage.ended(ann), None, "{codec}");
        stage.set_room(ann, usize::MAX);
        stage.turn();
        let frames = stage.frames(ann);
        let busy = frames.iter().filter(|frame| {
            matches!(frame, BrokerFrame::Rejected(rejected) if rejected.code == ErrorCode::Busy)
        });
        let (busy, answered) = (busy.count(), replies(&frames).len());
        assert!(busy > 0 && answered > 0, "{codec}: {answered} answers, {busy} refused");
        assert_eq!(busy + answered, 9, "{codec}");
    }
}

#[test]
fn a_failure_is_cut_to_what_either_codec_has_room_for() {
    for codec in [Codec::Bincode, Codec::Json] {
        let (mut stage, ann, bob) = setting(codec);
        for (code, message, sizes) in [(64, 4096, [64, 4096]), (65, 100_000, [64, 4096])] {
            stage.say(ann, &request(1, "svc"));
            let (code, message) = ("c".repeat(code), "\u{1}".repeat(message));
            answer_all(&mut stage, bob, &Outcome::Failure(RequestError { code, message }));
            let [RoutedReply { outcome: Outcome::Failure(error), .. }] =
                &replies(&stage.frames(ann))[..]
            else {
                panic!("a failure comes as one");
            };
            assert_eq!([error.code.len(), error.message.len()], sizes, "{codec}");
        }
    }
}

#[test]
fn a_request_that_waits_for_its_provider_holds_nothing_of_the_batch_it_came_with() {
    let (mut stage, ann, bob) = setting(Codec::Bincode);
    stage.set_room(bob, 0);
    stage.write(ann, &request(1, "svc"));
    let batch = stage.shard.take_batch().expect("a request was written");
    let mut items: Vec<Item> = Vec::new();
    let mut inbox = |_: ShardId, item| items.push(item);
    stage.sequencer.handle(Now::default(), &batch, &mut inbox);
    let [Item::Request { frame, .. }] = &mut items[..] else { panic!("{items:?}") };
    *frame = Bytes::copy_from_slice(frame);
    let of_the_batch = frame.clone();
    stage.shard.apply(items);
    assert!(of_the_batch.is_unique());
}
