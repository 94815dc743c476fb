//! Commands whose answers were lost with the link: repeated by the client, carried out once.

use broker_protocol::ErrorCode;
use broker_protocol::frame::{
    Body, BrokerFrame, ClientFrame, LaneOptions, Outcome, Publish, Reply, Serve, Subscribe,
    Unsubscribe,
};

use super::{come_back, pair, stage};
use crate::stage::{Stage, request};

#[test]
fn a_repeated_publish_is_acknowledged_again_and_published_once() {
    let mut stage = stage();
    let (mut client, _) = pair(&mut stage, LaneOptions::default());
    let publish =
        |id| ClientFrame::Publish(Publish { id: Some(id), ..Publish::bytes("a.x", b"x") });
    stage.say(client.slot, &publish(5));
    stage.lose(client.slot);
    client.answers.clear();
    assert!(come_back(&mut client, &mut stage));
    stage.say(client.slot, &publish(5));
    stage.say(client.slot, &publish(6));
    client.take(&mut stage, usize::MAX);
    assert_eq!((client.accepted(5), client.accepted(6)), (1, 1));
    assert_eq!(client.seqs("a.x"), [1, 2]);
    // From then on ids grow as ever.
    stage.say(client.slot, &publish(6));
    client.take(&mut stage, usize::MAX);
    assert!(matches!(client.answers.last(), Some(BrokerFrame::Rejected(_))));
}

#[test]
fn an_answer_that_comes_over_the_new_link_is_not_given_again() {
    let mut stage = stage();
    let (mut client, _) = pair(&mut stage, LaneOptions::default());
    let publish = ClientFrame::Publish(Publish { id: Some(5), ..Publish::bytes("a.x", b"x") });
    // Both are read and not answered when the client comes back.
    stage.write(client.slot, &publish);
    stage.write(client.slot, &request(6, "nobody"));
    assert!(come_back(&mut client, &mut stage));
    stage.say(client.slot, &publish);
    stage.say(client.slot, &request(6, "nobody"));
    client.take(&mut stage, usize::MAX);
    assert_eq!((client.accepted(5), client.seqs("a.x")), (1, vec![1]));
    let refused = |frame: &&BrokerFrame<'_>| matches!(frame, BrokerFrame::Rejected(_));
    assert_eq!(client.answers.iter().filter(refused).count(), 1);
}

#[test]
fn a_repeated_command_is_carried_out_once_and_answered_once() {
    let mut stage = stage();
    let (mut client, publisher) = pair(&mut stage, LaneOptions::default());
    client.answers.clear();
    let subscribe = |id| {
        let filter = "b".to_owned();
        ClientFrame::Subscribe(Subscribe { id, filter, ..Subscribe::default() })
    };
    let unsubscribe = ClientFrame::Unsubscribe(Unsubscribe { id: 8, subscription: 1 });
    let refused = ClientFrame::Unsubscribe(Unsubscribe { id: 9, subscription: 77 });
    for frame in [&subscribe(7), &unsubscribe, &refused] {
        stage.say(client.slot, frame);
    }
    stage.lose(client.slot);
    assert!(come_back(&mut client, &mut stage));
    for frame in [&subscribe(7), &unsubscribe, &refused] {
        stage.say(client.slot, frame);
    }
    client.take(&mut stage, usize::MAX);
    assert_eq!((client.accepted(7), client.accepted(8)), (1, 1));
    let rejected = |frame: &&BrokerFrame<'_>| matches!(frame, BrokerFrame::Rejected(_));
    assert_eq!(client.answers.iter().filter(rejected).count(), 1);
    stage.publish(publisher, "b", b"x");
    client.take(&mut stage, usize::MAX);
    assert_eq!(client.seqs("b"), [1]);
}

#[test]
fn a_reply_that_was_lost_with_the_link_is_given_again() {
    let mut stage = stage();
    let (mut client, _) = pair(&mut stage, LaneOptions::default());
    stage.say(client.slot, &request(3, "nobody.serves"));
    stage.lose(client.slot);
    assert!(come_back(&mut client, &mut stage));
    stage.say(client.slot, &request(3, "nobody.serves"));
    client.take(&mut stage, usize::MAX);
    let answers = client.answers.iter();
    let codes = answers.filter_map(|frame| match frame {
        BrokerFrame::Rejected(rejected) => Some((rejected.id, rejected.code)),
        _ => None,
    });
    assert_eq!(codes.collect::<Vec<_>>(), [(3, ErrorCode::NobodyAnswers)]);
}

#[test]
fn a_request_that_is_answered_before_it_is_repeated_is_asked_once() {
    let mut stage = stage();
    let (mut client, _) = pair(&mut stage, LaneOptions::default());
    let provider = stage.enter("provider");
    let serve = Serve { id: 1, filter: "svc".to_owned(), lane: None };
    stage.say(provider, &ClientFrame::Serve(serve));
    stage.say(client.slot, &request(3, "svc"));
    let asked = |stage: &mut Stage| {
        let frames = stage.frames(provider).into_iter();
        let tokens = frames.filter_map(|frame| match frame {
            BrokerFrame::Request(request) => Some(request.token),
            _ => None,
        });
        tokens.collect::<Vec<_>>()
    };
    let tokens = asked(&mut stage);
    stage.lose(client.slot);
    assert!(come_back(&mut client, &mut stage));
    // The client has said already what it repeats, and the answer is faster.
    let outcome = Outcome::Answer(Body::default());
    stage.say(provider, &ClientFrame::Reply(Reply { to: tokens[0].clone(), outcome }));
    stage.say(client.slot, &request(3, "svc"));
    client.take(&mut stage, usize::MAX);
    assert_eq!((tokens.len(), asked(&mut stage)), (1, vec![]));
    let replies = client.answers.iter().filter(|frame| matches!(frame, BrokerFrame::Reply(_)));
    assert_eq!(replies.count(), 1);
}
