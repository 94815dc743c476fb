//! Every limit: the last value that works, and the first that doesn't, with its code.

use std::borrow::Cow;
use std::time::Duration;

use broker_core::{Config, Framing, Limits, Now, SequencerConfig};
use broker_protocol::frame::{
    ClientFrame, Connect, LaneOptions, Outcome, Publish, Reply, RequestError, Serve, Subscribe,
    Unsubscribe,
};
use broker_protocol::{Codec, ErrorCode};

use crate::stage::{Stage, in_group, in_lane, request, send, subscribe};

fn limited(limits: Limits) -> Stage {
    Stage::new(Config { limits, ..Config::default() })
}

fn publish(payload: usize) -> Publish<'static> {
    let mut publish = Publish { topic: Cow::Borrowed("a"), ..Publish::default() };
    publish.body.payload = Cow::Owned(vec![b'x'; payload]);
    publish
}

fn said(stage: &mut Stage, slot: u32, frame: ClientFrame<'_>) -> Option<ErrorCode> {
    stage.say(slot, &frame);
    stage.refused(slot)
}

#[test]
fn a_payload_of_the_limit_is_taken_and_one_byte_more_is_refused() {
    let mut stage = limited(Limits { payload_bytes_max: 10, ..Limits::default() });
    let ann = stage.enter("ann");
    assert_eq!(said(&mut stage, ann, ClientFrame::Publish(publish(10))), None);
    let refused = said(&mut stage, ann, ClientFrame::Publish(publish(11)));
    assert_eq!(refused, Some(ErrorCode::PayloadTooLarge));
}

#[test]
fn a_key_of_the_limit_is_taken_and_one_byte_more_is_refused() {
    let mut stage = limited(Limits { key_bytes_max: 3, ..Limits::default() });
    let ann = stage.enter("ann");
    for (key, answer) in [("abc", None), ("abcd", Some(ErrorCode::InvalidField))] {
        let mut publish = publish(1);
        publish.body.key = Some(Cow::Borrowed(key));
        assert_eq!(said(&mut stage, ann, ClientFrame::Publish(publish)), answer, "{key}");
    }
}

#[test]
fn headers_of_the_limit_are_taken_and_one_or_one_byte_more_is_refused() {
    let limits = Limits { headers_max: 2, headers_bytes_max: 8, ..Limits::default() };
    let mut stage = limited(limits);
    let ann = stage.enter("ann");
    let refused = Some(ErrorCode::InvalidField);
    let cases = [
        (vec![("ab", "cd"), ("ef", "gh")], None),
        (vec![("ab", "cd"), ("ef", "ghi")], refused),
        (vec![("a", "b"), ("c", "d"), ("e", "f")], refused),
    ];
    for (headers, answer) in cases {
        let mut publish = publish(1);
        let borrowed = headers.iter().map(|(name, value)| (Cow::from(*name), Cow::from(*value)));
        publish.body.headers = borrowed.collect();
        assert_eq!(said(&mut stage, ann, ClientFrame::Publish(publish)), answer, "{headers:?}");
    }
}

#[test]
fn a_name_of_the_limit_connects_and_one_byte_more_does_not() {
    let mut stage = limited(Limits { name_bytes_max: 4, ..Limits::default() });
    for (name, answer) in [("anna", None), ("annas", Some(ErrorCode::InvalidField))] {
        let slot = stage.attach();
        let mut connect = Connect { version: 1, ..Connect::default() };
        connect.client.name = Some(name.to_owned());
        stage.say(slot, &ClientFrame::Connect(connect));
        assert_eq!(stage.ended(slot), answer, "{name}");
    }
    let ann = stage.enter("ann");
    let refused = said(&mut stage, ann, send(1, "annas", b""));
    assert_eq!(refused, Some(ErrorCode::InvalidField));
}

#[test]
fn the_last_subscription_is_accepted_and_the_next_is_refused() {
    let mut stage = limited(Limits { subscriptions_max: 2, ..Limits::default() });
    let ann = stage.enter("ann");
    let mut stand = |frame| said(&mut stage, ann, frame);
    assert_eq!(stand(ClientFrame::Subscribe(subscribe("a"))), None);
    let serve = |id| Serve { id, filter: "svc".to_owned(), lane: None };
    assert_eq!(stand(ClientFrame::Serve(serve(2))), None);
    let refused = Some(ErrorCode::TooManySubscriptions);
    assert_eq!(stand(ClientFrame::Subscribe(subscribe("a"))), refused);
    assert_eq!(stand(ClientFrame::Serve(serve(3))), refused);
}

#[test]
fn the_last_watch_and_the_last_membership_are_accepted_and_the_next_are_refused_until_one_ends() {
    let mut stage = limited(Limits { watches_max: 2, memberships_max: 2, ..Limits::default() });
    let ann = stage.enter("ann");
    let refused = Some(ErrorCode::TooManySubscriptions);
    let watch = ClientFrame::Subscribe(Subscribe { presence: true, ..subscribe("a") });
    // Their subscriptions are numbered 1 and 2, and after one of them 3; then 4 and 5.
    for (frame, first) in [(watch, 1), (in_group("a", "crew"), 4)] {
        assert_eq!(said(&mut stage, ann, frame.clone()), None);
        assert_eq!(said(&mut stage, ann, frame.clone()), None);
        assert_eq!(said(&mut stage, ann, frame.clone()), refused);
        let leave = ClientFrame::Unsubscribe(Unsubscribe { id: 9, subscription: first });
        assert_eq!(said(&mut stage, ann, leave), None);
        assert_eq!(said(&mut stage, ann, frame), None);
    }
    assert_eq!(said(&mut stage, ann, ClientFrame::Subscribe(subscribe("a"))), None);
}

#[test]
fn the_last_lane_is_opened_and_the_next_is_refused() {
    let mut stage = limited(Limits { lanes_max: 2, ..Limits::default() });
    let ann = stage.enter("ann");
    let mut open = |lane| said(&mut stage, ann, in_lane("a", lane, LaneOptions::default()));
    assert_eq!(open(1), None);
    assert_eq!(open(1), None);
    assert_eq!(open(2), Some(ErrorCode::LaneOptions));
}

#[test]
fn lane_15_is_the_last_number() {
    let mut stage = limited(Limits::default());
    let ann = stage.enter("ann");
    let mut open = |lane| said(&mut stage, ann, in_lane("a", lane, LaneOptions::default()));
    assert_eq!(open(15), None);
    assert_eq!(open(16), Some(ErrorCode::UnknownLane));
}

#[test]
fn the_last_open_request_waits_and_the_next_is_refused() {
    let mut stage = limited(Limits { commands_open_max: 2, ..Limits::default() });
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    let serve = Serve { id: 1, filter: "svc".to_owned(), lane: None };
    stage.say(bob, &ClientFrame::Serve(serve));
    assert_eq!(said(&mut stage, ann, request(1, "svc")), None);
    assert_eq!(said(&mut stage, ann, request(1, "svc")), Some(ErrorCode::InvalidId));
    assert_eq!(said(&mut stage, ann, request(2, "svc")), None);
    assert_eq!(said(&mut stage, ann, request(3, "svc")), Some(ErrorCode::TooManyCommands));
}

#[test]
fn a_frame_of_the_limit_is_read_and_one_byte_more_ends_the_connection() {
    for (payload, answer) in [(85, None), (86, Some(ErrorCode::FrameTooLarge))] {
        let mut bytes = bytes::BytesMut::new();
        Codec::Bincode.write_client(&ClientFrame::Publish(publish(payload)), &mut bytes);
        let limit = Codec::Bincode.cut(&bytes, usize::MAX).unwrap().unwrap().frame.len();
        let frame_bytes_max = limit + 85 - payload;
        let mut stage = limited(Limits { frame_bytes_max, ..Limits::default() });
        let ann = stage.enter("ann");
        stage.say(ann, &ClientFrame::Publish(publish(payload)));
        assert_eq!(stage.ended(ann), answer);
    }
}

#[test]
fn a_packet_of_as_many_frames_as_may_be_is_read_and_one_more_ends_the_connection() {
    for (frames, answer) in [(3, None), (4, Some(ErrorCode::TooManyFrames))] {
        let mut stage = limited(Limits { frames_per_packet_max: 3, ..Limits::default() });
        let ann = stage.enter("ann");
        let mut packet = bytes::BytesMut::new();
        for _ in 0..frames {
            Codec::Bincode.write_client(&ClientFrame::Publish(publish(1)), &mut packet);
        }
        stage.shard.receive(Now::default(), ann, &packet, Framing::Packets);
        assert_eq!(stage.ended(ann), answer);
    }
}

#[test]
fn the_last_topic_is_made_and_the_next_is_refused_until_one_is_forgotten() {
    let forget_after = Duration::from_secs(10);
    let topics = SequencerConfig { topics_max: 2, forget_after, ..SequencerConfig::default() };
    let mut stage = Stage::with(Config::default(), topics, Codec::Bincode);
    let ann = stage.enter("ann");
    let publish = |stage: &mut Stage, topic| {
        stage.publish(ann, topic, b"x");
        stage.refused(ann)
    };
    assert_eq!(publish(&mut stage, "a"), None);
    assert_eq!(publish(&mut stage, "b"), None);
    assert_eq!(publish(&mut stage, "c"), Some(ErrorCode::TooManyTopics));
    stage.pass(Duration::from_secs(10));
    assert_eq!(publish(&mut stage, "b"), None, "known, and not idle any more");
    assert_eq!(publish(&mut stage, "c"), None, "`a` was forgotten");
}

#[test]
fn control_of_the_limit_waits_and_more_ends_the_connection() {
    let mut stage = limited(Limits { control_bytes_max: 100, ..Limits::default() });
    let ann = stage.enter("ann");
    stage.set_room(ann, 0);
    let mut id = 0;
    while stage.ended(ann).is_none() {
        id += 1;
        let publish = Publish { id: Some(id), ..publish(1) };
        stage.say(ann, &ClientFrame::Publish(publish));
        assert!(id < 100, "it never ends");
    }
    // An `accepted` is 8 bytes long: a length, a type, the id, five fields that are absent.
    assert!(id > 100 / 16, "it ended after {id} answers");
}

#[test]
fn an_answer_above_the_limit_is_refused_to_its_asker() {
    let mut stage = limited(Limits { payload_bytes_max: 4, ..Limits::default() });
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    let serve = Serve { id: 1, filter: "svc".to_owned(), lane: None };
    stage.say(bob, &ClientFrame::Serve(serve));
    for (id, payload, answer) in [(1, 4, None), (2, 5, Some(ErrorCode::PayloadTooLarge))] {
        stage.say(ann, &request(id, "svc"));
        let to = stage.frames(bob).into_iter().find_map(|frame| match frame {
            broker_protocol::frame::BrokerFrame::Request(request) => Some(request.token),
            _ => None,
        });
        let outcome = Outcome::Answer(publish(payload).body);
        stage.say(bob, &ClientFrame::Reply(Reply { to: to.unwrap(), outcome }));
        assert_eq!(stage.refused(ann), answer);
    }
    let nobody = Reply {
        to: Cow::Borrowed("0-77"),
        outcome: Outcome::Failure(RequestError { code: String::new(), message: String::new() }),
    };
    assert_eq!(said(&mut stage, bob, ClientFrame::Reply(nobody)), None);
}
