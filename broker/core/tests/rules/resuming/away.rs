//! What waits for a client that is away: lanes go on by their rules, and work goes to others.

use std::time::Duration;

use broker_protocol::frame::{
    BrokerFrame, ClientFrame, Connect, Content, GapReason, Keep, LaneOptions, Publish,
};

use super::{Client, come_back, keep, pair, stage};
use crate::stage::{Stage, in_group, send};

#[test]
fn lanes_go_on_conflating_while_their_client_is_away() {
    let mut stage = stage();
    let (mut client, publisher) = pair(&mut stage, keep(Keep::Latest(1)));
    (0..6).for_each(|_| stage.publish(publisher, "a.x", b"x"));
    client.take(&mut stage, 2);
    stage.lose(client.slot);
    (0..100).for_each(|_| stage.publish(publisher, "a.x", b"x"));
    assert!(come_back(&mut client, &mut stage));
    let seqs = client.seqs("a.x");
    assert_eq!((seqs.last(), seqs.len() as u64 + client.told), (Some(&106), 106));
    assert!(client.gaps().iter().all(|gap| gap.reason == GapReason::Conflated));
    assert_eq!(seqs.len(), 3, "what was on its way when the link broke is conflated too");
}

#[test]
fn at_its_bound_a_lane_drops_while_its_client_is_away_and_does_not_end_it_on_its_return() {
    let mut stage = stage();
    let options = LaneOptions { bound_messages: Some(10), ..LaneOptions::default() };
    let (mut client, publisher) = pair(&mut stage, options);
    stage.lose(client.slot);
    (0..25).for_each(|_| stage.publish(publisher, "a.x", &[0; 10_000]));
    let resume = client.resume();
    let mut connect = Connect { version: 1, resume: Some(resume), ..Connect::default() };
    connect.client.name = Some("client".to_owned());
    client.slot = stage.connect_with_room(connect, 1);
    // Its link takes little at first: it is no slow consumer for that.
    (0..25).for_each(|_| stage.publish(publisher, "a.x", &[0; 10_000]));
    assert_eq!(stage.ended(client.slot), None);
    stage.set_room(client.slot, usize::MAX);
    stage.turn();
    client.take(&mut stage, usize::MAX);
    let seqs = client.seqs("a.x");
    assert_eq!(seqs.len() as u64 + client.told, 50, "{:?}", client.answers);
    assert!(client.gaps().iter().all(|gap| gap.reason == GapReason::Dropped));
    assert_eq!(*seqs.last().unwrap(), 50);
}

#[test]
fn patches_that_did_not_arrive_are_merged_with_what_came_meanwhile() {
    let mut stage = stage();
    let (mut client, publisher) = pair(&mut stage, keep(Keep::Merge));
    let patch = |stage: &mut Stage, payload: &[u8]| {
        let mut publish = Publish::bytes("a.x", payload);
        publish.body.content = Content::Json;
        stage.say(publisher, &ClientFrame::Publish(publish));
    };
    patch(&mut stage, br#"{"one":1}"#);
    client.take(&mut stage, usize::MAX);
    patch(&mut stage, br#"{"two":2}"#);
    // It is under way when the link is cut.
    stage.frames(client.slot);
    stage.lose(client.slot);
    patch(&mut stage, br#"{"three":3}"#);
    assert!(come_back(&mut client, &mut stage));
    assert_eq!(client.seqs("a.x"), [1, 3]);
    assert_eq!((client.told, client.gaps()[0].reason), (1, GapReason::Merged));
    let payload = client.answers.iter().rev().find_map(|frame| match frame {
        BrokerFrame::Message(message) => Some(message.body.payload.to_vec()),
        _ => None,
    });
    assert_eq!(payload.as_deref(), Some(&br#"{"two":2,"three":3}"#[..]));
}

#[test]
fn what_was_held_for_an_interval_comes_when_its_client_is_back() {
    let mut stage = stage();
    let options = LaneOptions { min_interval: Some(100), ..keep(Keep::Latest(1)) };
    let (mut client, publisher) = pair(&mut stage, options);
    stage.publish(publisher, "a.x", b"x");
    client.take(&mut stage, usize::MAX);
    stage.publish(publisher, "a.x", b"x");
    stage.lose(client.slot);
    stage.publish(publisher, "a.y", b"x");
    stage.publish(publisher, "a.x", b"x");
    assert!(come_back(&mut client, &mut stage));
    assert_eq!((client.seqs("a.x"), client.seqs("a.y"), client.told), (vec![1, 3], vec![1], 1));
    stage.publish(publisher, "a.x", b"x");
    client.take(&mut stage, usize::MAX);
    assert_eq!(client.seqs("a.x"), [1, 3], "the interval begins anew");
    stage.pass(Duration::from_millis(100));
    client.take(&mut stage, usize::MAX);
    assert_eq!(client.seqs("a.x"), [1, 3, 4]);
}

#[test]
fn what_expired_while_its_client_was_away_is_told() {
    let mut stage = stage();
    let (mut client, publisher) = pair(&mut stage, LaneOptions::default());
    let expiring = Publish { expires_in: Some(100), ..Publish::bytes("a.x", b"x") };
    stage.say(publisher, &ClientFrame::Publish(expiring.clone()));
    // It is under way when the link is cut.
    stage.frames(client.slot);
    stage.lose(client.slot);
    stage.say(publisher, &ClientFrame::Publish(expiring));
    stage.publish(publisher, "a.x", b"x");
    stage.pass(Duration::from_millis(100));
    assert!(come_back(&mut client, &mut stage));
    let told: Vec<_> = client.gaps().iter().map(|gap| (gap.count, gap.reason)).collect();
    assert_eq!((client.seqs("a.x"), told), (vec![3], vec![(2, GapReason::Expired)]));
}

#[test]
fn a_message_to_a_client_that_is_away_waits_for_it() {
    let mut stage = stage();
    let (mut client, publisher) = pair(&mut stage, LaneOptions::default());
    stage.lose(client.slot);
    stage.say(publisher, &send(1, "client", b"x"));
    assert!(come_back(&mut client, &mut stage));
    assert_eq!(client.seqs("$to.client"), [1]);
}

#[test]
fn unwritten_work_of_a_group_goes_to_another_member_and_written_work_to_nobody_else() {
    let mut stage = stage();
    let publisher = stage.enter("publisher");
    let mut away = Client::default();
    away.connect(&mut stage, None);
    stage.say(away.slot, &in_group("work", "team"));
    away.take(&mut stage, usize::MAX);
    stage.publish(publisher, "work", b"1");
    away.take(&mut stage, 0);
    stage.set_room(away.slot, 0);
    stage.publish(publisher, "work", b"2");
    let mut other = Client::default();
    other.connect(&mut stage, None);
    stage.say(other.slot, &in_group("work", "team"));
    stage.lose(away.slot);
    stage.publish(publisher, "work", b"3");
    other.take(&mut stage, usize::MAX);
    assert_eq!(other.seqs("work"), [2, 3]);
    away.slot = u32::MAX;
    assert!(come_back(&mut away, &mut stage));
    assert_eq!(away.seqs("work"), [1]);
}

#[test]
fn work_of_a_group_waits_for_its_only_member() {
    let mut stage = stage();
    let publisher = stage.enter("publisher");
    let mut only = Client::default();
    only.connect(&mut stage, None);
    stage.say(only.slot, &in_group("work", "team"));
    only.take(&mut stage, usize::MAX);
    stage.lose(only.slot);
    (0..3).for_each(|_| stage.publish(publisher, "work", b"x"));
    assert!(come_back(&mut only, &mut stage));
    assert_eq!(only.seqs("work"), [1, 2, 3]);
}
