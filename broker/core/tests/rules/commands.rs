//! What is refused for what it is, and what a broker that drains still does.

use std::borrow::Cow;
use std::time::Duration;

use broker_core::{Config, Deadline};
use broker_protocol::ErrorCode;
use broker_protocol::frame::{
    BrokerFrame, ClientFrame, Connect, Move, Publish, Reconnect, Rejected, Replay, Serve,
    Subscribe, Unsubscribe,
};

use crate::stage::{Stage, request, send, subscribe};

fn stage() -> Stage {
    Stage::new(Config::default())
}

fn said(stage: &mut Stage, slot: u32, frame: ClientFrame<'_>) -> Option<ErrorCode> {
    stage.say(slot, &frame);
    stage.refused(slot)
}

#[test]
fn the_first_frame_must_be_connect_and_only_the_first() {
    let mut stage = stage();
    let early = stage.attach();
    stage.publish(early, "a", b"");
    assert_eq!(stage.ended(early), Some(ErrorCode::Unexpected));
    let ann = stage.enter("ann");
    let again = Connect { version: 1, ..Connect::default() };
    stage.say(ann, &ClientFrame::Connect(again));
    assert_eq!(stage.ended(ann), Some(ErrorCode::Unexpected));
}

#[test]
fn another_major_version_is_not_spoken() {
    let mut stage = stage();
    let slot = stage.attach();
    stage.say(slot, &ClientFrame::Connect(Connect { version: 2, ..Connect::default() }));
    assert_eq!(stage.ended(slot), Some(ErrorCode::UnsupportedVersion));
}

#[test]
fn a_publish_needs_a_topic_that_is_one_and_is_free() {
    let mut stage = stage();
    let ann = stage.enter("ann");
    let cases = [
        ("a.b", None),
        ("a.*", Some(ErrorCode::InvalidTopic)),
        ("a.>", Some(ErrorCode::InvalidTopic)),
        ("a..b", Some(ErrorCode::InvalidTopic)),
        ("", Some(ErrorCode::InvalidTopic)),
        ("$broker.stats", Some(ErrorCode::ReservedTopic)),
    ];
    for (topic, answer) in cases {
        stage.publish(ann, topic, b"");
        assert_eq!(stage.refused(ann), answer, "{topic:?}");
    }
    let refused = said(&mut stage, ann, request(1, "$broker"));
    assert_eq!(refused, Some(ErrorCode::ReservedTopic));
}

#[test]
fn a_filter_that_is_none_is_refused() {
    let mut stage = stage();
    let ann = stage.enter("ann");
    for filter in ["", "a..b", "a.>.b", "a.b*"] {
        let refused = said(&mut stage, ann, ClientFrame::Subscribe(subscribe(filter)));
        assert_eq!(refused, Some(ErrorCode::InvalidFilter), "{filter:?}");
    }
}

#[test]
fn ids_of_publishes_grow() {
    let mut stage = stage();
    let ann = stage.enter("ann");
    let mut publish = |id| {
        let publish = Publish { id: Some(id), ..Publish::bytes("a", b"") };
        said(&mut stage, ann, ClientFrame::Publish(publish))
    };
    assert_eq!(publish(5), None);
    assert_eq!(publish(5), Some(ErrorCode::InvalidId));
    assert_eq!(publish(6), None);
}

#[test]
fn no_command_has_the_id_0() {
    let mut stage = stage();
    let ann = stage.enter("ann");
    stage.subscribe(ann, "a");
    stage.frames(ann);
    let frames = |id| {
        [
            ClientFrame::Publish(Publish { id: Some(id), ..Publish::bytes("a", b"") }),
            send(id, "ann", b""),
            ClientFrame::Subscribe(Subscribe { id, ..subscribe("b") }),
            ClientFrame::Serve(Serve { id, filter: "svc".to_owned(), lane: None }),
            request(id, "svc"),
            ClientFrame::Unsubscribe(Unsubscribe { id, subscription: 1 }),
        ]
    };
    let nothing = ClientFrame::Move(Move { id: 0, subscription: 1, lane: 0, options: None });
    for frame in frames(0).into_iter().chain([nothing]) {
        stage.say(ann, &frame);
        let [BrokerFrame::Rejected(rejected)] = &stage.frames(ann)[..] else {
            panic!("one refusal and nothing else is expected for {frame:?}");
        };
        let Rejected { id, code, field, .. } = rejected;
        let field = field.as_deref();
        assert_eq!((*id, *code, field), (0, ErrorCode::InvalidId, Some("id")), "{frame:?}");
    }
    for frame in frames(1) {
        assert_eq!(said(&mut stage, ann, frame.clone()), None, "{frame:?}");
    }
}

#[test]
fn what_this_version_does_not_serve_is_refused_as_such() {
    let mut stage = stage();
    let ann = stage.enter("ann");
    let replaying = Subscribe { replay: Replay::Newest(1), ..subscribe("a") };
    let frames = [ClientFrame::Subscribe(replaying)];
    for frame in frames {
        let name = format!("{frame:?}");
        assert_eq!(said(&mut stage, ann, frame), Some(ErrorCode::Unsupported), "{name}");
    }
}

#[test]
fn a_subscription_ends_once() {
    let mut stage = stage();
    let ann = stage.enter("ann");
    stage.subscribe(ann, "a");
    let mut end = |subscription| {
        let unsubscribe = Unsubscribe { id: 2, subscription };
        said(&mut stage, ann, ClientFrame::Unsubscribe(unsubscribe))
    };
    assert_eq!(end(1), None);
    assert_eq!(end(1), Some(ErrorCode::UnknownSubscription));
    assert_eq!(end(77), Some(ErrorCode::UnknownSubscription));
}

#[test]
fn who_is_not_there_is_told_to_the_sender_and_to_the_asker() {
    let mut stage = stage();
    let ann = stage.enter("ann");
    assert_eq!(said(&mut stage, ann, send(1, "bob", b"")), Some(ErrorCode::NoSuchClient));
    assert_eq!(said(&mut stage, ann, request(2, "svc")), Some(ErrorCode::NobodyAnswers));
    let bob = stage.enter("bob");
    assert_eq!(said(&mut stage, ann, send(3, "bob", b"hello")), None);
    assert_eq!(stage.messages(bob)[0].body.payload, Cow::Borrowed(b"hello"));
}

#[test]
fn a_request_that_nobody_answers_in_time_is_given_up_then_and_not_earlier() {
    let mut stage = stage();
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    let serve = Serve { id: 1, filter: "svc".to_owned(), lane: None };
    stage.say(bob, &ClientFrame::Serve(serve));
    stage.say(ann, &request(1, "svc"));
    stage.pass(Duration::from_millis(4999));
    assert_eq!(stage.refused(ann), None);
    stage.pass(Duration::from_millis(1));
    assert_eq!(stage.refused(ann), Some(ErrorCode::TimedOut));
    let cancelled = |frame: &BrokerFrame<'_>| matches!(frame, BrokerFrame::Cancelled(_));
    assert!(stage.frames(bob).iter().any(cancelled), "the provider isn't told");
}

#[test]
fn a_broker_that_drains_takes_nothing_and_sends_what_waits() {
    let mut stage = stage();
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    stage.subscribe(bob, "a");
    stage.set_room(bob, 0);
    stage.publish(ann, "a", b"1");
    stage.shard.drain();
    stage.publish(ann, "a", b"2");
    assert_eq!(stage.shard.end_drained(Deadline::Ahead, Duration::from_secs(8)), 1);
    assert_eq!(stage.ended(ann), Some(ErrorCode::ShuttingDown));
    stage.set_room(bob, usize::MAX);
    stage.turn();
    let payloads: Vec<_> = stage.messages(bob).iter().map(|m| m.body.payload.to_vec()).collect();
    assert_eq!(payloads, [b"1"]);
    assert_eq!(stage.shard.end_drained(Deadline::Ahead, Duration::from_secs(8)), 0);
    assert_eq!(stage.ended(bob), Some(ErrorCode::ShuttingDown));
}

#[test]
fn who_is_still_behind_at_the_deadline_of_a_drain_is_ended_and_returns_are_spread() {
    let mut stage = stage();
    let clients: Vec<u32> = ["ann", "bob", "eve"].map(|name| stage.enter(name)).into();
    stage.subscribe(clients[0], "a");
    stage.set_room(clients[0], 0);
    stage.publish(clients[1], "a", b"1");
    stage.shard.drain();
    let spread = Duration::from_millis(300);
    assert_eq!(stage.shard.end_drained(Deadline::Passed, spread), 0);
    let mut returns = Vec::new();
    for slot in clients {
        stage.frames(slot);
        stage.set_room(slot, usize::MAX);
        stage.turn();
        for frame in stage.frames(slot) {
            if let BrokerFrame::Disconnect(shutdown) = frame {
                let Reconnect::Later(after) = shutdown.reconnect else { panic!("{shutdown:?}") };
                returns.push(after);
            }
        }
    }
    returns.sort_unstable();
    assert!(returns[1] - returns[0] > 50 && returns[2] - returns[1] > 50, "{returns:?}");
    assert!(returns[2] <= 300, "{returns:?}");
}
