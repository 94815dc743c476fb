//! Subscriptions that go on in another lane.

use std::collections::BTreeMap;

use broker_core::{Config, KeepRule, Pattern, Policies};
use broker_protocol::ErrorCode;
use broker_protocol::frame::{
    BrokerFrame, ClientFrame, LaneHeader, LaneOptions, Move, Overflow, Publish, Serve, Subscribe,
    Unsubscribe,
};

use crate::stage::{Stage, in_group, in_lane, subscribe};

fn move_to(subscription: u64, lane: u8) -> ClientFrame<'static> {
    ClientFrame::Move(Move { id: 9, subscription, lane, options: None })
}

/// What came in each lane, in short.
fn lanes(stage: &mut Stage, slot: u32) -> BTreeMap<u8, Vec<String>> {
    let mut lanes: BTreeMap<u8, Vec<String>> = BTreeMap::new();
    let mut header = LaneHeader::default();
    for frame in stage.frames(slot) {
        let said = match frame {
            BrokerFrame::Lane(next) => {
                header = next;
                continue;
            }
            BrokerFrame::Message(message) => format!("{} {}", message.topic, message.seq),
            BrokerFrame::Gap(gap) => format!("gap {:?}..{:?}", gap.first_seq, gap.last_seq),
            BrokerFrame::Moved(moved) => format!("{} moved to {}", moved.subscription, moved.lane),
            BrokerFrame::Accepted(accepted) if accepted.lane.is_some() => {
                let granted = if accepted.granted.is_some() { "granted" } else { "ended" };
                format!("{} {granted}", accepted.subscription.unwrap_or_default())
            }
            BrokerFrame::Rejected(rejected) => panic!("{rejected:?}"),
            _ => continue,
        };
        lanes.entry(header.lane).or_default().push(said);
    }
    lanes
}

fn expect(stage: &mut Stage, slot: u32, expected: &[(u8, &[&str])]) {
    let lanes = lanes(stage, slot);
    let told: Vec<(u8, Vec<&str>)> = lanes
        .iter()
        .map(|(lane, said)| (*lane, said.iter().map(String::as_str).collect()))
        .collect();
    let expected: Vec<_> = expected.iter().map(|(lane, said)| (*lane, said.to_vec())).collect();
    assert_eq!(told, expected);
}

#[test]
fn the_lane_that_is_left_delivers_up_to_the_move_and_the_other_from_it() {
    let mut stage = Stage::new(Config::default());
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    stage.subscribe(bob, "a.*");
    stage.publish(ann, "a.b", b"x");
    stage.say(bob, &move_to(1, 3));
    stage.publish(ann, "a.b", b"x");
    stage.publish(ann, "a.c", b"x");
    stage.set_room(bob, usize::MAX);
    expect(
        &mut stage,
        bob,
        &[(0, &["1 granted", "a.b 1", "1 moved to 3"]), (3, &["1 granted", "a.b 2", "a.c 1"])],
    );
}

#[test]
fn a_move_stands_between_what_its_client_published_before_and_after_it() {
    let mut stage = Stage::new(Config::default());
    let bob = stage.enter("bob");
    stage.subscribe(bob, "a");
    stage.frames(bob);
    // All in one turn: nothing of it was applied when the move is read.
    stage.write(bob, &ClientFrame::Publish(Publish::bytes("a", b"before")));
    stage.write(bob, &move_to(1, 1));
    stage.write(bob, &ClientFrame::Publish(Publish::bytes("a", b"after")));
    stage.turn();
    expect(&mut stage, bob, &[(0, &["a 1", "1 moved to 1"]), (1, &["1 granted", "a 2"])]);
}

#[test]
fn what_waits_in_the_lane_that_is_left_stays_there_and_both_books_balance() {
    let mut stage = Stage::new(Config::default());
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    let dropping = LaneOptions {
        overflow: Some(Overflow::DropOldest),
        bound_messages: Some(3),
        ..LaneOptions::default()
    };
    stage.say(bob, &in_lane("a", 1, dropping.clone()));
    stage.frames(bob);
    stage.set_room(bob, 0);
    for _ in 0..5 {
        stage.publish(ann, "a", b"x");
    }
    let options = Some(LaneOptions { bound_messages: Some(4), ..dropping });
    stage.say(bob, &ClientFrame::Move(Move { id: 9, subscription: 1, lane: 2, options }));
    for _ in 0..6 {
        stage.publish(ann, "a", b"x");
    }
    stage.set_room(bob, usize::MAX);
    stage.turn();
    expect(
        &mut stage,
        bob,
        &[
            (1, &["gap Some(1)..Some(3)", "a 4", "a 5", "1 moved to 2"]),
            (2, &["1 granted", "gap Some(6)..Some(8)", "a 9", "a 10", "a 11"]),
        ],
    );
}

#[test]
fn neither_lane_gets_two_copies_or_loses_those_of_its_other_subscriptions() {
    let mut stage = Stage::new(Config::default());
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    for (filter, lane) in [("a", 1), ("*", 1), (">", 2)] {
        stage.say(bob, &in_lane(filter, lane, LaneOptions::default()));
    }
    stage.frames(bob);
    stage.say(bob, &move_to(1, 2));
    stage.publish(ann, "a", b"x");
    expect(&mut stage, bob, &[(1, &["1 moved to 2", "a 1"]), (2, &["1 granted", "a 1"])]);
}

#[test]
fn a_move_to_where_it_is_changes_nothing_and_moves_one_behind_the_other_are_each_carried_out() {
    let mut stage = Stage::new(Config::default());
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    stage.subscribe(bob, "a");
    stage.frames(bob);
    stage.say(bob, &move_to(1, 0));
    stage.publish(ann, "a", b"x");
    expect(&mut stage, bob, &[(0, &["1 granted", "a 1"])]);
    stage.write(bob, &move_to(1, 1));
    stage.write(bob, &move_to(1, 2));
    stage.write(bob, &ClientFrame::Unsubscribe(Unsubscribe { id: 10, subscription: 1 }));
    stage.turn();
    stage.publish(ann, "a", b"x");
    let (first, last) = (&["1 granted", "1 moved to 2"][..], &["1 granted", "1 ended"][..]);
    expect(&mut stage, bob, &[(0, &["1 moved to 1"]), (1, first), (2, last)]);
}

#[test]
fn what_cannot_be_moved_is_refused_and_stays_where_it_is() {
    let policies = Policies::new(vec![Pattern {
        filter: "orders.>".to_owned(),
        forbidden_keeps: vec![KeepRule::Latest],
        ..Pattern::default()
    }]);
    let mut stage = Stage::new(Config { policies, ..Config::default() });
    let (ann, bob) = (stage.enter("ann"), stage.enter("bob"));
    stage.subscribe(bob, "orders.1");
    stage.say(bob, &ClientFrame::Subscribe(Subscribe { presence: true, ..subscribe("room") }));
    stage.say(bob, &in_group("work", "team"));
    stage.say(bob, &ClientFrame::Serve(Serve { id: 4, filter: "q".into(), lane: None }));
    stage.say(bob, &in_lane("other", 1, LaneOptions::default()));
    stage.frames(bob);
    let latest = LaneOptions {
        keep: Some(broker_protocol::frame::Keep::Latest(1)),
        ..LaneOptions::default()
    };
    for (subscription, lane, options, code, field) in [
        (77, 1, None, ErrorCode::UnknownSubscription, "subscription"),
        (1, 16, None, ErrorCode::UnknownLane, "lane"),
        (1, 1, Some(&latest), ErrorCode::NotAllowed, "options"),
        (1, 2, Some(&latest), ErrorCode::NotAllowed, "options"),
        (2, 1, None, ErrorCode::InvalidField, "subscription"),
        (3, 1, None, ErrorCode::InvalidField, "subscription"),
        (4, 1, None, ErrorCode::InvalidField, "subscription"),
    ] {
        let options = options.cloned();
        stage.say(bob, &ClientFrame::Move(Move { id: 9, subscription, lane, options }));
        let told = stage.frames(bob).into_iter().find_map(|frame| match frame {
            BrokerFrame::Rejected(rejected) => Some((rejected.code, rejected.field)),
            _ => None,
        });
        assert_eq!(told, Some((code, Some(field.to_owned()))), "{subscription} to {lane}");
    }
    stage.publish(ann, "orders.1", b"x");
    expect(&mut stage, bob, &[(0, &["orders.1 1"])]);
}
